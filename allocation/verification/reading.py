"""The problem read anew from its folder.

Small tables are read by Python's own CSV reader. Large ones go through Arrow's, column by column; where that one does
not come through, the small reader is asked again and names the fault.
"""

import csv
import io
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from allocation.limits import QUANTITY_END
from allocation.verification.findings import Unreadable
from allocation.verification.given import (
    ADJUSTMENT_TEXTS,
    NONE,
    Adjustments,
    Codes,
    Given,
    Ints,
    Retailers,
    Skus,
    no_adjustments,
)

ARROW_FROM_BYTES: Final = 1 << 20
"""Below this size, a table is read before Arrow is imported."""

_NUMBER: Final = re.compile(r"-?[0-9]+")
_TEXTS: Final = frozenset({"retailer", "sku", "exclusive", "basket", "group", "value", *ADJUSTMENT_TEXTS})


@dataclass(frozen=True)
class _Names:
    """A column of texts: each row's position in a list of texts."""

    codes: Codes
    texts: Sequence[str]

    def all(self) -> list[str]:
        """Return the text of every row."""
        return [self.texts[code] for code in self.codes.tolist()]


@dataclass(frozen=True)
class _Table:
    """Columns by name; numbers hold :data:`NONE` where a cell is empty, carry holds 0."""

    names: dict[str, _Names]
    numbers: dict[str, Ints]
    rows: int

    def texts(self, name: str) -> _Names:
        """Return a column of texts; KeyError where there is none."""
        return self.names[name]

    def column(self, name: str, absent: int | None = None) -> Ints:
        """Return a column of numbers; `absent` stands for empty cells, None: they may not be empty."""
        if name not in self.numbers:
            if absent is None:
                raise KeyError(name)
            return np.broadcast_to(np.int64(absent), self.rows)
        column = self.numbers[name]
        empty = column == NONE if name != "carry" else np.zeros(0, dtype=np.bool_)
        if empty.any():
            if absent is None:
                raise ValueError(f"an empty cell in {name}")
            return column if absent == NONE else np.where(empty, absent, column)
        return column


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
    retailers, quotas, adjustments = (_table(folder, name) for name in ("retailers", "quotas", "adjustments"))
    try:
        return _given(requests, supply, retailers, quotas, adjustments)
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
    requests: _Table, supply: _Table, retailers: _Table | None, quotas: _Table | None, adjustments: _Table | None
) -> Given:
    skus = _skus(supply)
    table = _retailers(retailers) if retailers is not None else _unlisted(requests.texts("retailer"))
    retailer = _positions(requests.texts("retailer"), table.names)
    sku = _positions(requests.texts("sku"), skus.names)
    order = _sorted_lines(retailer, sku)

    def numbers(name: str, absent: int | None = None) -> Ints:
        column = requests.column(name, absent)
        return column if order is None or name not in requests.numbers else column[order]

    exclusive, labels = _bundles(requests)
    given = Given(
        retailer if order is None else retailer[order],
        sku if order is None else sku[order],
        numbers("requested"),
        numbers("floor", 0),
        numbers("cap", NONE),
        numbers("weight", NONE),
        numbers("carry", 0),
        numbers("minimum", NONE),
        numbers("all_or_nothing", 0),
        exclusive if order is None else exclusive[order],
        labels,
        skus,
        table,
        {} if quotas is None else _quotas(quotas),
        no_adjustments(),
    )
    if adjustments is None:
        return given
    return Given(**{**vars(given), "adjustments": _adjustments(adjustments, given)})


def _bundles(requests: _Table) -> tuple[Codes, Sequence[str]]:
    """Return for each row the position of its label among those that are used, :data:`NONE` where it has none."""
    if "exclusive" not in requests.names:
        return np.broadcast_to(np.int32(NONE), requests.rows), ()
    column = requests.texts("exclusive")
    used = sorted({column.texts[code] for code in set(column.codes.tolist())} - {""})
    position = {"": NONE} | {label: i for i, label in enumerate(used)}
    codes = np.array([position.get(text, NONE) for text in column.texts], dtype=np.int32)
    return codes[column.codes], used


def _sorted_lines(retailer: Codes, sku: Codes) -> Ints | None:
    """Return the order of the lines by retailer and SKU, None where they stand in it; ValueError where one is twice."""
    ahead, behind = retailer[1:], retailer[:-1]
    if ((ahead > behind) | ((ahead == behind) & (sku[1:] > sku[:-1]))).all():
        return None
    order = np.lexsort((sku, retailer))
    retailer, sku = retailer[order], sku[order]
    if ((retailer[1:] == retailer[:-1]) & (sku[1:] == sku[:-1])).any():
        raise ValueError("a line stands twice")
    return order


def _skus(table: _Table) -> Skus:
    names = table.texts("sku").all()
    order = _order_of(names)
    pack = table.column("pack", 1)
    if (pack < 1).any():
        raise ValueError("a pack of no units")
    basket = table.texts("basket").all() if "basket" in table.names else [""] * len(names)
    return Skus(
        [names[i] for i in order],
        table.column("supply")[order],
        pack[order],
        table.column("price_minor", NONE)[order],
        table.column("reserve", 0)[order],
        table.column("minimum", 0)[order],
        [basket[i] for i in order],
    )


def _retailers(table: _Table) -> Retailers:
    names = table.texts("retailer").all()
    order = _order_of(names)
    groups = {name.removeprefix("group:"): column.all() for name, column in table.names.items() if _is_group(name)}
    return Retailers(
        names=[names[i] for i in order],
        listed=True,
        weight=table.column("weight", 1)[order],
        credit_minor=table.column("credit_minor", NONE)[order],
        max_units=table.column("max_units", NONE)[order],
        groups={group: [labels[i] for i in order] for group, labels in groups.items()},
    )


def _unlisted(column: _Names) -> Retailers:
    names = sorted(set(column.texts))
    free = np.broadcast_to(np.int64(NONE), len(names))
    return Retailers(names, listed=False, weight=-free, credit_minor=free, max_units=free, groups={})


def _quotas(table: _Table) -> dict[tuple[str, str, str], int]:
    keys = zip(*(table.texts(name).all() for name in ("group", "value", "sku")), strict=True)
    return dict(zip(keys, table.column("max_units").tolist(), strict=True))


def _adjustments(table: _Table, given: Given) -> Adjustments:
    """Find the lines of the decisions; a decision without a line cannot have been allocated."""
    retailer = _positions(table.texts("retailer"), given.retailers.names).astype(np.int64)
    sku = _positions(table.texts("sku"), given.skus.names)
    skus = len(given.skus.names)
    wanted, key = retailer * skus + sku, given.retailer.astype(np.int64) * skus + given.sku
    line = np.searchsorted(key, wanted)
    if (line == len(key)).any() or (key[line] != wanted).any():
        raise ValueError("an adjustment of a line that was never requested")
    order = np.argsort(line, kind="stable")
    if (np.diff(line[order]) == 0).any():
        raise ValueError("two adjustments of one line")
    texts = list(zip(*(table.texts(name).all() for name in ADJUSTMENT_TEXTS), strict=True))
    return Adjustments(line[order], table.column("granted")[order], [texts[i] for i in order.tolist()])


def _order_of(names: Sequence[str]) -> Ints:
    if len(set(names)) < len(names):
        raise ValueError("a name stands twice")
    return np.array(sorted(range(len(names)), key=names.__getitem__), dtype=np.int64)


def _positions(column: _Names, known: Sequence[str]) -> Codes:
    """Return the position of each row's name among the known ones; KeyError where one is unknown."""
    position = {name: i for i, name in enumerate(known)}
    used = np.array([position[name] for name in column.texts], dtype=np.int32)
    return used[column.codes] if len(used) else np.empty(0, dtype=np.int32)


def _is_group(name: str) -> bool:
    return name.startswith("group:")


def _table(folder: Path, name: str) -> _Table | None:
    for suffix, read in ((".csv", _csv), (".parquet", _parquet)):
        path = folder / f"{name}{suffix}"
        if path.is_file():
            try:
                return read(path)
            except (OSError, UnicodeDecodeError, csv.Error, ValueError, IndexError) as error:
                raise Unreadable(f"{path.name}: {error}") from error
    return None


def _csv(path: Path) -> _Table:
    if path.stat().st_size >= ARROW_FROM_BYTES:
        from allocation.verification.arrow_tables import read_csv  # noqa: PLC0415  # 0.2 s, for large tables

        if (columns := read_csv(path, _is_text)) is not None:
            return _of_arrays(*columns)
    text = path.read_bytes().decode("utf-8-sig")
    header, *rows = (row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if row)
    return _of_cells({name: [row[i] for row in rows] for i, name in enumerate(header)})


def _parquet(path: Path) -> _Table:
    from allocation.verification.arrow_tables import read_parquet  # noqa: PLC0415  # 0.2 s, only where it is needed

    return _of_arrays(*read_parquet(path, _is_text))


def _is_text(name: str) -> bool:
    return name in _TEXTS or _is_group(name)


def _of_arrays(names: dict[str, tuple[Codes, list[str]]], numbers: dict[str, Ints], rows: int) -> _Table:
    for name, column in numbers.items():
        _check_range(name, column)
    return _Table({name: _Names(*column) for name, column in names.items()}, numbers, rows)


def _of_cells(columns: dict[str, list[str]]) -> _Table:
    names, numbers = {}, {}
    for name, cells in columns.items():
        if _is_text(name):
            position = {text: i for i, text in enumerate(dict.fromkeys(cells))}
            codes = np.array([position[cell] for cell in cells], dtype=np.int32)
            names[name] = _Names(codes, list(position))
        else:
            empty = 0 if name == "carry" else NONE
            numbers[name] = np.array([_whole(name, cell) if cell else empty for cell in cells], dtype=np.int64)
            _check_range(name, numbers[name])
    return _Table(names, numbers, len(next(iter(columns.values()), ())))


def _whole(name: str, cell: str) -> int:
    """Return a cell's number; what stands for an empty one is none, but for a carry, which may be below nothing."""
    if not _NUMBER.fullmatch(cell) or (name != "carry" and int(cell) == NONE):
        raise ValueError(f"{cell!r} is not a number")
    return int(cell)


def _check_range(name: str, column: Ints) -> None:
    low = -1000 if name == "carry" else NONE
    if ((column < low) | (column >= QUANTITY_END)).any():
        raise ValueError(f"a number out of range in {name}")
