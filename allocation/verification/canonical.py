"""The hash of the input, in the checker's own writing; ``docs/allocation.md`` defines the bytes."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import numpy as np

from allocation.compiled import worth_it
from allocation.verification.entitlement import chunks
from allocation.verification.given import NONE, Given, Ints
from allocation.verification.spelling import as_json

_ALL: Final = -1
_MORE_BYTES: Final = 12
"""What a request takes besides names and numbers: brackets and commas."""


def input_sha256(given: Given) -> str:
    """Return the hash of the canonical input."""
    digest = hashlib.sha256(b"[[")
    for text in _requests(given):
        digest.update(text)
    tables = [_supply(given), _retailers(given), _quotas(given)]
    if len(given.adjustments.line):
        tables.append(_adjustments(given))
    for rows in tables:
        digest.update(b"],[" + _compact(list(rows))[1:-1])
    digest.update(b"]]")
    return digest.hexdigest()


def _requests(given: Given) -> Iterator[bytes | memoryview]:
    """Yield the text of the requests, some rows at a time, each to be used before the next."""
    if worth_it(len(given)):
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
        yield (b"," if part.start else b"") + _compact(rows)[1:-1]


def _compiled_requests(given: Given) -> Iterator[bytes | memoryview]:
    from allocation.verification.printing import NUMBER_BYTES, print_requests  # noqa: PLC0415  # imports numba

    retailers, skus = as_json(given.retailers.names), as_json(given.skus.names)
    room, end = np.empty(0, dtype=np.uint8), 0
    for part in chunks(len(given)):
        if end:
            yield b","
        retailer, sku = (np.ascontiguousarray(codes[part], dtype=np.int32) for codes in (given.retailer, given.sku))
        needed = retailers.length(retailer) + skus.length(sku) + len(sku) * (6 * NUMBER_BYTES + _MORE_BYTES)
        room = room if len(room) >= needed else np.empty(needed, dtype=np.uint8)
        columns = (given.requested[part], given.floor[part], given.cap[part], given.weights(part), given.carry[part])
        numbers = [np.ascontiguousarray(column) for column in (*columns, _minimums(given, part))]
        names = (retailer, retailers.texts, retailers.ends, sku, skus.texts, skus.ends)
        arrays: tuple[Any, ...] = (room, *names, *numbers)
        end = print_requests(*arrays)
        yield memoryview(room[: end - 1])  # type: ignore[arg-type]  # an array is a buffer


def _minimums(given: Given, part: slice) -> Ints:
    """Return what stands as the eighth entry of each row: 0 for nothing, :data:`_ALL` for all or nothing."""
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


def _retailers(given: Given) -> Iterator[list[Any]]:
    table = given.retailers
    if table.listed:
        limits = (table.weight, table.credit_minor, table.max_units)
        groups = sorted(table.groups.items())
        for i, (name, weight, credit, units) in enumerate(
            zip(table.names, *(column.tolist() for column in limits), strict=True)
        ):
            labels = [[group, column[i]] for group, column in groups if column[i]]
            yield [name, weight, _null(credit), _null(units), labels]


def _quotas(given: Given) -> Iterator[list[Any]]:
    return ([*key, units] for key, units in sorted(given.quotas.items()))


def _adjustments(given: Given) -> Iterator[list[Any]]:
    decisions = given.adjustments
    for line, granted, texts in zip(decisions.line.tolist(), decisions.granted.tolist(), decisions.texts, strict=True):
        yield [*given.names(line), granted, *texts]


def _null(number: int) -> int | None:
    return None if number == NONE else number


def _compact(rows: list[Any]) -> bytes:
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":")).encode()
