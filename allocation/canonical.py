"""The bytes that are hashed: one form of the input, whatever the files looked like.

The canonical input is UTF-8, compact JSON: an array of four arrays (requests, supply, retailers, quotas), each sorted
by its names in byte order, rows as arrays in the order of the documented columns, defaults filled in, null where a
limit is absent::

    [retailer, sku, requested, floor, cap, weight, carry]        requests; the weight that holds for the line
    [sku, supply, pack, price_minor, reserve]                    supply
    [retailer, weight, credit_minor, max_units, [[group, value], …]]   retailers, none where no table was given
    [group, value, sku, max_units]                               quotas

Manual decisions are a fifth array, where there are any::

    [retailer, sku, granted, reason, author, approver]           adjustments

A line with a minimum has it as an eighth entry ("all" for all or nothing), a SKU with one as a sixth, so that
problems without minimums keep the form above.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from allocation.hashing import sha256_of_rows
from allocation.limits import NO_LIMIT
from allocation.problem import Problem
from allocation.tables import ABSENT


def input_sha256(problem: Problem) -> str:
    """Return the SHA-256 of the canonical input, in hexadecimal digits."""
    tables: list[Iterable[Any]] = [_requests(problem), _supply(problem), _retailers(problem), _quotas(problem)]
    if len(problem.adjustments):
        tables.append(problem.adjustments.rows(problem.requests, problem.retailers, problem.supply))
    return sha256_of_rows(*tables)


def _requests(problem: Problem) -> Iterable[Sequence[Any]]:
    requests, retailers, supply = problem.requests, problem.retailers, problem.supply
    rows = zip(
        np.array(retailers.retailer, dtype=object)[requests.retailer].tolist(),
        np.array(supply.sku, dtype=object)[requests.sku].tolist(),
        requests.requested.tolist(),
        requests.floor.tolist(),
        map(_or_null, requests.cap.tolist()),
        problem.lines.weight.tolist(),
        requests.carry.tolist(),
        strict=True,
    )
    minimum = np.where(requests.minimum == ABSENT, supply.minimum[requests.sku], requests.minimum)
    if not (minimum.any() or requests.all_or_nothing.any()):
        return rows
    least = np.where(requests.all_or_nothing, "all", minimum.astype(object)).tolist()
    return ((*row, some) if some else row for row, some in zip(rows, least, strict=True))


def _supply(problem: Problem) -> Iterator[list[Any]]:
    supply = problem.supply
    columns = (supply.supply, supply.pack, supply.price_minor, supply.reserve, supply.minimum)
    for sku, quantity, pack, price, reserve, minimum in zip(
        supply.sku, *(column.tolist() for column in columns), strict=True
    ):
        row = [sku, quantity, pack, _or_null(price), reserve]
        yield [*row, minimum] if minimum else row


def _retailers(problem: Problem) -> Iterator[list[Any]]:
    retailers = problem.retailers
    if retailers.listed:
        columns = (retailers.weight, retailers.credit_minor, retailers.max_units)
        for i, (name, weight, credit, units) in enumerate(
            zip(retailers.retailer, *(column.tolist() for column in columns), strict=True)
        ):
            groups = [[group, labels[i]] for group, labels in retailers.groups.items() if labels[i]]
            yield [name, weight, _or_null(credit), _or_null(units), groups]


def _quotas(problem: Problem) -> Iterator[tuple[Any, ...]]:
    quotas = problem.quotas
    return zip(quotas.group, quotas.value, quotas.sku, quotas.max_units.tolist(), strict=True)


def _or_null(number: int) -> int | None:
    return None if number == NO_LIMIT else number
