"""The problem as the checker sees it: plain columns, read for itself from the folder or taken from a problem."""

import csv
import io
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from allocation.hashing import sha256_of_rows
from allocation.limits import NO_LIMIT
from allocation.problem import Problem
from allocation.verification.findings import Unreadable

Ints = npt.NDArray[np.int64]
NONE: Final = -1
"""Stands for an absent number."""


@dataclass(frozen=True, eq=False)
class Sku:
    """A row of the supply."""

    supply: int
    pack: int
    price_minor: int
    reserve: int
    minimum: int


@dataclass(frozen=True, eq=False)
class Retailer:
    """A row of the retailers; :data:`NONE` where there is no limit."""

    weight: int
    credit_minor: int
    max_units: int
    groups: dict[str, str]


@dataclass(frozen=True, eq=False)
class Given:
    """The problem, lines sorted by retailer and SKU; :data:`NONE` stands for absent numbers."""

    retailer: list[str]
    sku: list[str]
    requested: Ints
    floor: Ints
    cap: Ints
    weight: Ints
    carry: Ints
    minimum: Ints
    all_or_nothing: Ints
    skus: dict[str, Sku]
    retailers: dict[str, Retailer] | None
    quotas: dict[tuple[str, str, str], int]

    def weights(self) -> Ints:
        """Return the weight that holds for each line: its own, else its retailer's, else 1."""
        if self.retailers is None:
            return np.where(self.weight == NONE, 1, self.weight)
        listed = {name: row.weight for name, row in self.retailers.items()}
        return np.where(
            self.weight == NONE, np.array([listed[name] for name in self.retailer], dtype=np.int64), self.weight
        )

    def sha256(self) -> str:
        """Return the hash of the canonical input."""
        return sha256_of_rows(
            self._request_rows(),
            (
                [name, s.supply, s.pack, _null(s.price_minor), s.reserve] + ([s.minimum] if s.minimum else [])
                for name, s in sorted(self.skus.items())
            ),
            (
                [name, r.weight, _null(r.credit_minor), _null(r.max_units), sorted(map(list, r.groups.items()))]
                for name, r in sorted((self.retailers or {}).items())
            ),
            ([*key, units] for key, units in sorted(self.quotas.items())),
        )

    def _request_rows(self) -> Iterable[Sequence[Any]]:
        numbers = (self.floor, self.cap, self.weights(), self.carry)
        floor, cap, weight, carry = (column.tolist() for column in numbers)
        limits = map(_null, cap)
        rows = zip(self.retailer, self.sku, self.requested.tolist(), floor, limits, weight, carry, strict=True)
        if not (any(s.minimum for s in self.skus.values()) or (self.minimum > 0).any() or self.all_or_nothing.any()):
            return rows
        return map(self._with_minimum, rows, self.minimum.tolist(), self.all_or_nothing.tolist())

    def _with_minimum(self, row: Sequence[Any], minimum: int, all_or_nothing: int) -> Sequence[Any]:
        least = self.skus[row[1]].minimum if minimum == NONE else minimum
        return (*row, "all") if all_or_nothing else (*row, least) if least else row


def given_by(problem: Problem) -> Given:
    """Take the columns of a problem."""
    requests, supply, retailers, quotas = problem.requests, problem.supply, problem.retailers, problem.quotas
    if len(problem.adjustments):
        raise Unreadable("adjustments: this checker does not know manual decisions")
    return Given(
        np.array(retailers.retailer, dtype=object)[requests.retailer].tolist(),
        np.array(supply.sku, dtype=object)[requests.sku].tolist(),
        requests.requested,
        requests.floor,
        np.where(requests.cap == NO_LIMIT, NONE, requests.cap),
        np.where(requests.weight == 0, NONE, requests.weight),
        requests.carry,
        requests.minimum,
        requests.all_or_nothing.astype(np.int64),
        {
            name: Sku(*row)
            for name, *row in zip(
                supply.sku,
                supply.supply.tolist(),
                supply.pack.tolist(),
                np.where(supply.price_minor == NO_LIMIT, NONE, supply.price_minor).tolist(),
                supply.reserve.tolist(),
                supply.minimum.tolist(),
                strict=True,
            )
        },
        {
            name: Retailer(
                int(retailers.weight[i]),
                NONE if retailers.credit_minor[i] == NO_LIMIT else int(retailers.credit_minor[i]),
                NONE if retailers.max_units[i] == NO_LIMIT else int(retailers.max_units[i]),
                {group: labels[i] for group, labels in retailers.groups.items() if labels[i]},
            )
            for i, name in enumerate(retailers.retailer)
        }
        if retailers.listed
        else None,
        dict(zip(zip(quotas.group, quotas.value, quotas.sku, strict=True), quotas.max_units.tolist(), strict=True)),
    )


def read_given(folder: Path) -> Given:
    """Read a problem folder.

    Raises
    ------
    Unreadable
        Where a file is missing or cannot be what its name says.
    """
    requests, supply = _table(folder, "requests"), _table(folder, "supply")
    if requests is None or supply is None:
        raise Unreadable(f"{folder}: requests and supply are needed, as .csv or .parquet")
    retailers, quotas = _table(folder, "retailers"), _table(folder, "quotas")
    if _table(folder, "adjustments") is not None:
        raise Unreadable("adjustments: this checker does not know manual decisions")
    try:
        return _given(requests, supply, retailers, quotas)
    except (KeyError, ValueError, OverflowError, TypeError) as error:
        raise Unreadable(f"{folder}: not a problem that could have been allocated ({error!r})") from error


def read_policy(folder: Path) -> dict[str, str]:
    """Read ``policy.toml``; no keys where it is absent."""
    path = folder / "policy.toml"
    try:
        return dict(tomllib.loads(path.read_bytes().decode("utf-8-sig"))) if path.is_file() else {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Unreadable(f"policy.toml: {error}") from error


def _given(
    requests: dict[str, list[Any]],
    supply: dict[str, list[Any]],
    retailers: dict[str, list[Any]] | None,
    quotas: dict[str, list[Any]] | None,
) -> Given:
    pairs = list(zip(_texts(requests, "retailer"), _texts(requests, "sku"), strict=True))
    if len(set(pairs)) < len(pairs):
        raise ValueError("a line stands twice")
    order = sorted(range(len(pairs)), key=pairs.__getitem__)

    def numbers(name: str, absent: int | None = None) -> Ints:
        column = _numbers(requests, name, absent)
        return np.array([column[i] for i in order], dtype=np.int64)

    skus = {
        name: Sku(*row)
        for name, *row in zip(
            _texts(supply, "sku"),
            _numbers(supply, "supply"),
            _numbers(supply, "pack", 1),
            _numbers(supply, "price_minor", NONE),
            _numbers(supply, "reserve", 0),
            _numbers(supply, "minimum", 0),
            strict=True,
        )
    }
    given = Given(
        [pairs[i][0] for i in order],
        [pairs[i][1] for i in order],
        numbers("requested"),
        numbers("floor", 0),
        numbers("cap", NONE),
        numbers("weight", NONE),
        numbers("carry", 0),
        numbers("minimum", NONE),
        numbers("all_or_nothing", 0),
        skus,
        None if retailers is None else _retailers(retailers),
        {} if quotas is None else _quotas(quotas),
    )
    for name in set(given.sku) - skus.keys():
        raise KeyError(name)
    known = set(given.retailer) if given.retailers is None else given.retailers.keys()
    for name in set(given.retailer) - known:
        raise KeyError(name)
    return given


def _retailers(table: dict[str, list[Any]]) -> dict[str, Retailer]:
    groups = {name.removeprefix("group:"): _texts(table, name) for name in table if name.startswith("group:")}
    limits = zip(_numbers(table, "weight", 1), _numbers(table, "credit_minor", NONE), strict=True)
    units = _numbers(table, "max_units", NONE)
    return {
        name: Retailer(*limit, units[i], {group: labels[i] for group, labels in groups.items() if labels[i]})
        for i, (name, limit) in enumerate(zip(_texts(table, "retailer"), limits, strict=True))
    }


def _quotas(table: dict[str, list[Any]]) -> dict[tuple[str, str, str], int]:
    keys = zip(*(_texts(table, name) for name in ("group", "value", "sku")), strict=True)
    return dict(zip(keys, _numbers(table, "max_units"), strict=True))


def _table(folder: Path, name: str) -> dict[str, list[Any]] | None:
    for suffix, read in ((".csv", _csv), (".parquet", _parquet)):
        path = folder / f"{name}{suffix}"
        if path.is_file():
            return read(path)
    return None


def _csv(path: Path) -> dict[str, list[Any]]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
        header, *rows = (row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row)
        return {name: [row[i] for row in rows] for i, name in enumerate(header)}
    except (OSError, UnicodeDecodeError, csv.Error, ValueError, IndexError) as error:
        raise Unreadable(f"{path.name}: {error}") from error


def _parquet(path: Path) -> dict[str, list[Any]]:
    import pyarrow as pa  # noqa: PLC0415  # only where a folder needs it
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        return dict(pq.read_table(path).to_pydict())
    except (OSError, pa.ArrowException) as error:
        raise Unreadable(f"{path.name}: {error}") from error


def _texts(table: dict[str, list[Any]], name: str) -> list[str]:
    return ["" if cell is None else cell for cell in table[name]]


def _numbers(table: dict[str, list[Any]], name: str, absent: int | None = None) -> list[int]:
    if name not in table and absent is not None:
        return [absent] * len(next(iter(table.values())))
    return [absent if absent is not None and cell in ("", None) else _whole(cell) for cell in table[name]]


def _whole(cell: Any) -> int:
    if isinstance(cell, str) and not (cell.isascii() and cell.removeprefix("-").isdigit()):
        raise ValueError(f"{cell!r} is not a number")
    return int(cell)


def _null(number: int) -> int | None:
    return None if number == NONE else number
