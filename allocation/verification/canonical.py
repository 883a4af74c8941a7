"""The hash of the input, in the checker's own writing; ``docs/allocation.md`` defines the bytes."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import numpy as np

from allocation.compiled import worth_it
from allocation.verification.entitlement import chunks
from allocation.verification.given import NONE, Codes, Given, Ints, Retailers
from allocation.verification.side_by_side import side_by_side
from allocation.verification.spelling import as_json, spelled

_ALL: Final = -1
_MINIMUM_AT: Final = 8
"""The place of a line's minimum among its entries, counted from 1."""
_MORE_BYTES: Final = 12
"""What a request takes besides names and numbers: brackets and commas."""


def input_sha256(given: Given) -> str:
    """Return the hash of the canonical input."""
    digest = hashlib.sha256(b"[[")
    for text in _requests(given):
        digest.update(text)
    digest.update(b"],[" + _compact(list(_supply(given)))[1:-1] + b"],[")
    for text in _retailers(given):
        digest.update(text)
    for rows in (_quotas(given), _adjustments(given)) if len(given.adjustments.line) else (_quotas(given),):
        digest.update(b"],[" + _compact(list(rows))[1:-1])
    digest.update(b"]]")
    return digest.hexdigest()


def weights_sha256(given: Given) -> str:
    """Return the hash of the weights of the lines: each pair of retailer and weight once, in byte order."""
    pairs: set[tuple[str, int]] = set()
    for part in chunks(len(given)):
        both = np.unique(np.stack([given.retailer[part].astype(np.int64), given.weights(part)]), axis=1)
        pairs.update((given.retailers.names[who], weight) for who, weight in both.T.tolist())
    return hashlib.sha256(_compact(sorted(pairs))).hexdigest()


def _requests(given: Given) -> Iterator[bytes | memoryview]:
    """Yield the text of the requests, some rows at a time."""
    if worth_it(len(given)) and not given.labels:
        yield from _compiled_requests(given)
        return
    for part in chunks(len(given)):
        rows: Iterable[Sequence[Any]] = zip(
            map(given.retailers.names.__getitem__, given.retailer[part].tolist()),
            map(given.skus.names.__getitem__, given.sku[part].tolist()),
            given.requested[part].tolist(),
            given.floor[part].tolist(),
            map(_null, given.cap[part].tolist()),
            given.weights(part).tolist(),
            given.carry[part].tolist(),
            strict=True,
        )
        least = ("all" if some == _ALL else some for some in _minimums(given, part).tolist())
        rows = [(*row, some) if some else row for row, some in zip(rows, least, strict=True)]
        if given.labels:
            rows = list(_labelled(given, part, rows))
        yield (b"," if part.start else b"") + _compact(rows)[1:-1]


def _labelled(given: Given, part: slice, rows: Iterable[Sequence[Any]]) -> Iterator[Sequence[Any]]:
    """Add the labels of bundles, as ninth entries after the minimums."""
    for row, label in zip(rows, given.exclusive[part].tolist(), strict=True):
        yield row if label == NONE else (*row, *[0] * (_MINIMUM_AT - len(row)), given.labels[label])


def _compiled_requests(given: Given) -> Iterator[bytes | memoryview]:
    from allocation.verification.printing import NUMBER_BYTES, print_requests  # noqa: PLC0415  # imports numba

    retailers, skus = as_json(given.retailers.names), as_json(given.skus.names)

    def printed(part: slice) -> memoryview:
        retailer, sku = (np.ascontiguousarray(codes[part], dtype=np.int32) for codes in (given.retailer, given.sku))
        needed = retailers.length(retailer) + skus.length(sku) + len(sku) * (6 * NUMBER_BYTES + _MORE_BYTES)
        room = np.empty(needed, dtype=np.uint8)
        columns = (given.requested[part], given.floor[part], given.cap[part], given.weights(part), given.carry[part])
        numbers = [np.ascontiguousarray(column) for column in (*columns, _minimums(given, part))]
        names = (retailer, retailers.texts, retailers.ends, sku, skus.texts, skus.ends)
        arrays: tuple[Any, ...] = (room, *names, *numbers)
        end = print_requests(*arrays)
        return memoryview(room[: end - 1])  # type: ignore[arg-type]  # an array is a buffer

    for number, text in enumerate(side_by_side(printed, chunks(len(given)))):
        if number:
            yield b","
        yield text


def _minimums(given: Given, part: slice) -> Ints:
    """Return what stands as the eighth entry of each row: 0 for nothing, :data:`_ALL` for all or nothing."""
    if given.without_minimums:
        return np.broadcast_to(np.int64(0), part.stop - part.start)
    units = np.where(given.minimum[part] == NONE, given.skus.minimum[given.sku[part]], given.minimum[part])
    return np.where(given.all_or_nothing[part] == 1, _ALL, units)


def _supply(given: Given) -> Iterator[list[Any]]:
    skus = given.skus
    columns = (skus.supply, skus.pack, skus.price_minor, skus.reserve, skus.minimum)
    for name, basket, supply, pack, price, reserve, minimum in zip(
        skus.names, skus.basket, *(column.tolist() for column in columns), strict=True
    ):
        further = [minimum, basket] if basket else [minimum] if minimum else []
        yield [name, supply, pack, _null(price), reserve, *further]


def _retailers(given: Given) -> Iterator[bytes | memoryview]:
    """Yield the text of the retailers, some rows at a time, each to be used before the next."""
    table = given.retailers
    if not table.listed:
        return
    labels, texts = _labels(table)
    if worth_it(len(given)):
        yield from _compiled_retailers(table, labels, texts)
        return
    limits = (table.weight.tolist(), table.credit_minor.tolist(), table.max_units.tolist(), labels.tolist())
    rows = (
        f"[{_spelled(name)},{weight},{_or_null(credit)},{_or_null(units)},{texts[label]}]"
        for name, weight, credit, units, label in zip(table.names, *limits, strict=True)
    )
    yield ",".join(rows).encode()


def _compiled_retailers(table: Retailers, labels: Codes, texts: Sequence[str]) -> Iterator[bytes | memoryview]:
    from allocation.verification.printing import NUMBER_BYTES, print_retailers  # noqa: PLC0415  # imports numba

    names, label_texts, end = as_json(table.names), spelled(texts), 0
    for part in chunks(len(table.names)):
        if end:
            yield b","
        codes = np.ascontiguousarray(labels[part], dtype=np.int32)
        needed = int(names.ends[part.stop] - names.ends[part.start]) + label_texts.length(codes)
        room = np.empty(needed + len(codes) * (3 * NUMBER_BYTES + _MORE_BYTES), dtype=np.uint8)
        columns = (table.weight, table.credit_minor, table.max_units)
        numbers = [np.ascontiguousarray(column[part]) for column in columns]
        written = (codes, label_texts.texts, label_texts.ends)
        arguments: tuple[Any, ...] = (room, names.texts, names.ends, *numbers, *written, part.start)
        end = print_retailers(*arguments)
        yield memoryview(room[: end - 1])  # type: ignore[arg-type]  # an array is a buffer


def _labels(table: Retailers) -> tuple[Codes, Sequence[str]]:
    """Return for each retailer the position of what is written of its groups, and the different texts of that."""
    code = np.zeros(len(table.names), dtype=np.int64)
    written = [""]
    for group, labels in sorted(table.groups.items()):
        position: dict[str, int] = {}
        number = np.array([position.setdefault(label, len(position)) for label in labels], dtype=np.int64)
        pairs = [f",[{_spelled(group)},{_spelled(label)}]" if label else "" for label in position]
        kinds, code = np.unique(code * len(position) + number, return_inverse=True)
        written = [written[kind // len(position)] + pairs[kind % len(position)] for kind in kinds.tolist()]
    return code, [f"[{text[1:]}]" for text in written]


def _quotas(given: Given) -> Iterator[list[Any]]:
    return ([*key, units] for key, units in sorted(given.quotas.items()))


def _adjustments(given: Given) -> Iterator[list[Any]]:
    decisions = given.adjustments
    for line, granted, texts in zip(decisions.line.tolist(), decisions.granted.tolist(), decisions.texts, strict=True):
        yield [*given.names(line), granted, *texts]


def _spelled(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _or_null(number: int) -> str:
    return "null" if number == NONE else str(number)


def _null(number: int) -> int | None:
    return None if number == NONE else number


def _compact(rows: list[Any]) -> bytes:
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":")).encode()
