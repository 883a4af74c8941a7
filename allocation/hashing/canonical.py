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
problems without minimums keep the form above. A line of an exclusive bundle has its minimum (0 where there is none)
and the bundle's label as eighth and ninth. A SKU with a basket has its minimum (0 where there is none) and the
basket's label as sixth and seventh.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import numpy as np

from allocation import compiled
from allocation.hashing.digests import pieces_of_written, sha256_of, written
from allocation.hashing.line_bytes import canonical_requests, json_rows, named_rows, stretches
from allocation.limits import NO_LIMIT
from allocation.problem import Problem
from allocation.problem_tables import ABSENT, Retailers
from allocation.tables.columns import IntArray, constant, is_all
from allocation.tables.texts import Coded

_ALL: Final = -1
"""Stands for a line of all or nothing."""
_KEPT: Final = 10_000
_ALIKE: Final = 4
"""So many retailers must on average share what follows their names for it to be written once for each kind."""


def input_sha256(problem: Problem) -> str:
    """Return the SHA-256 of the canonical input, in hexadecimal digits."""
    return sha256_of(input_pieces(problem))


def input_pieces(problem: Problem) -> Iterator[bytes]:
    """Yield the bytes of the canonical input piece by piece."""
    tables: list[Iterable[bytes]] = [
        _requests(problem),
        written(_supply(problem)),
        _retailers(problem),
        written(_quotas(problem)),
    ]
    if len(problem.adjustments):
        tables.append(written(problem.adjustments.rows(problem.requests, problem.retailers, problem.supply)))
    return pieces_of_written(*tables)


def _requests(problem: Problem) -> Iterator[bytes]:
    requests, supply = problem.requests, problem.supply
    names = (Coded(requests.retailer, problem.retailers.retailer), Coded(requests.sku, supply.sku))
    numbers = (
        *(requests.requested, requests.floor, requests.cap, problem.lines.weight, requests.carry),
        _least(problem),
    )
    if compiled.worth_it(len(problem)) and not requests.labels:
        return canonical_requests(names, numbers)
    bundles = Coded(requests.exclusive, (*requests.labels, ""))
    return (json_rows(_rows(names, numbers, bundles, lines)) for lines in stretches(len(problem)))


def _least(problem: Problem) -> IntArray:
    """Return the minimum that holds for each line, in units: 0 for none, −1 for all or nothing."""
    requests, minimum = problem.requests, problem.supply.minimum
    if is_all(ABSENT, requests.minimum) and is_all(0, requests.all_or_nothing) and not minimum.any():
        return constant(0, len(problem))
    least = np.where(requests.minimum == ABSENT, minimum[requests.sku], requests.minimum)
    return np.where(requests.all_or_nothing, _ALL, least)


def _rows(
    names: Sequence[Coded[str]], numbers: Sequence[IntArray], bundles: Coded[str], lines: slice
) -> Iterator[Sequence[Any]]:
    requested, floor, cap, weight, carry, least = (column[lines].tolist() for column in numbers)
    texts = (column[lines].tolist() for column in names)
    columns = (requested, floor, map(_or_null, cap), weight, carry, bundles[lines].tolist(), least)
    for *row, label, some in zip(*texts, *columns, strict=True):
        minimum = "all" if some == _ALL else some
        yield [*row, minimum, label] if label else [*row, minimum] if some else row


def _supply(problem: Problem) -> Iterator[list[Any]]:
    supply = problem.supply
    columns = (supply.supply, supply.pack, supply.price_minor, supply.reserve, supply.minimum)
    for sku, basket, quantity, pack, price, reserve, minimum in zip(
        supply.sku, supply.basket, *(column.tolist() for column in columns), strict=True
    ):
        row = [sku, quantity, pack, _or_null(price), reserve]
        yield [*row, minimum, basket] if basket else [*row, minimum] if minimum else row


def _retailers(problem: Problem) -> Iterator[bytes]:
    """Yield the rows of the retailers, parted by commas; what follows the name is written once for all who share it."""
    retailers = problem.retailers
    if retailers.listed and compiled.worth_it(len(problem)):
        kinds = _kinds(retailers)
        if kinds is not None:
            return named_rows(retailers.retailer, kinds)
    return _plain_retailers(retailers) if retailers.listed else iter(())


def _plain_retailers(retailers: Retailers) -> Iterator[bytes]:
    written_after: dict[tuple[Any, ...], str] = {}
    for here in stretches(len(retailers.retailer)):
        names = json.dumps(retailers.retailer[here], ensure_ascii=False, separators=("\n", ":"))[1:-1].split("\n")
        numbers = (column[here].tolist() for column in (retailers.weight, retailers.credit_minor, retailers.max_units))
        rows = []
        for name, *key in zip(names, *numbers, *(labels[here] for labels in retailers.groups.values()), strict=True):
            if (rest := written_after.get(tuple(key))) is None:
                rest = _after_the_name(retailers, key)
                if len(written_after) < _KEPT:
                    written_after[tuple(key)] = rest
            rows.append(f"[{name}{rest}")
        yield ",".join(rows).encode()


def _kinds(retailers: Retailers) -> Coded[str] | None:
    """Return what follows each retailer's name; None where most have something of their own."""
    code = np.zeros(len(retailers.retailer), dtype=np.int64)
    columns = [retailers.weight, retailers.credit_minor, retailers.max_units]
    for column in (*columns, *(Coded.of(labels).codes for labels in retailers.groups.values())):
        if len(column) and (column != column[0]).any():
            values, number = np.unique(column, return_inverse=True)
            _, code = np.unique(code * len(values) + number, return_inverse=True)
    _, example = np.unique(code, return_index=True)
    if len(example) * _ALIKE > len(code):
        return None
    keys = (
        [*(int(column[one]) for column in columns), *(labels[one] for labels in retailers.groups.values())]
        for one in example.tolist()
    )
    return Coded(code, [_after_the_name(retailers, key) for key in keys])


def _after_the_name(retailers: Retailers, key: Sequence[Any]) -> str:
    weight, credit, units, *labels = key
    groups = [[group, label] for group, label in zip(retailers.groups, labels, strict=True) if label]
    return f",{json_rows([weight, _or_null(credit), _or_null(units), groups]).decode()}]"


def _quotas(problem: Problem) -> Iterator[tuple[Any, ...]]:
    quotas = problem.quotas
    return zip(quotas.group, quotas.value, quotas.sku, quotas.max_units.tolist(), strict=True)


def _or_null(number: int) -> int | None:
    return None if number == NO_LIMIT else number
