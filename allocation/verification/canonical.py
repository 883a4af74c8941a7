"""The hash of the input, in the checker's own writing; ``docs/allocation.md`` defines the bytes."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import numpy as np

from allocation.verification.given import NONE, Given

_CHUNK: Final = 1 << 16


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


def _requests(given: Given) -> Iterator[bytes]:
    """Yield the text of the requests, some rows at a time."""
    least = _minimums(given)
    for start in range(0, len(given), _CHUNK):
        part = slice(start, start + _CHUNK)
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
        if least is not None:
            rows = ((*row, some) if some else row for row, some in zip(rows, least[part].tolist(), strict=True))
        yield (b"," if start else b"") + _compact(list(rows))[1:-1]


def _minimums(given: Given) -> np.ndarray[Any, Any] | None:
    """Return what stands as the eighth entry of each row, 0 for nothing; None where no line has one."""
    if not (given.skus.minimum.any() or (given.minimum > 0).any() or given.all_or_nothing.any()):
        return None
    units = np.where(given.minimum == NONE, given.skus.minimum[given.sku], given.minimum).astype(object)
    units[given.all_or_nothing == 1] = "all"
    return units


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
