"""The four tables of a problem, checked one by one: what each column may hold and what an absent cell means."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Final

import numpy as np
import numpy.typing as npt

from allocation.limits import CARRY_MAX_THOUSANDTHS, NO_LIMIT, WEIGHT_MAX
from allocation.names import name_fault, thousandths
from allocation.tables.columns import IntArray, Positions, RawTable, constant, is_constant, taken
from allocation.tables.texts import Coded

GROUP_PREFIX: Final = "group:"
EVERY_SKU: Final = "*"
ABSENT: Final = -1
"""Stands for an absent minimum: the SKU's holds."""

_REQUESTS: Final = ("retailer", "sku", "requested", "floor", "cap", "weight", "carry", "minimum", "all_or_nothing")
_EXCLUSIVE: Final = "exclusive"
_SUPPLY: Final = ("sku", "supply", "pack", "price_minor", "reserve", "minimum", "basket")
_RETAILERS: Final = ("retailer", "weight", "credit_minor", "max_units")
_QUOTAS: Final = ("group", "value", "sku", "max_units")


@dataclass(frozen=True, eq=False)
class Supply:
    """What there is, one entry a SKU, in byte order of the names; quantities in units.

    SKUs with the same label in `basket` are shared as one basket; "" where there is none.
    """

    sku: tuple[str, ...]
    supply: IntArray
    pack: IntArray
    price_minor: IntArray
    reserve: IntArray
    minimum: IntArray
    basket: tuple[str, ...]

    @property
    def packs_on_offer(self) -> IntArray:
        """What there is to share out: the supply less the reserve, cut to whole packs."""
        return (self.supply - self.reserve) // self.pack


@dataclass(frozen=True, eq=False)
class Retailers:
    """Who asks, one entry a retailer, in byte order of the names; `listed` where a table of them was given.

    `row` is where each stood in that table, for messages.
    """

    retailer: tuple[str, ...]
    weight: IntArray
    credit_minor: IntArray
    max_units: IntArray
    groups: dict[str, tuple[str, ...]]
    row: IntArray
    listed: bool


@dataclass(frozen=True, eq=False)
class Quotas:
    """What a group may take at most, in units, sorted by group, value and SKU (``*``: all SKUs together)."""

    group: tuple[str, ...]
    value: tuple[str, ...]
    sku: tuple[str, ...]
    max_units: IntArray


@dataclass(frozen=True, eq=False)
class Requests:
    """What is asked for, one entry a line, sorted by retailer and SKU (positions in their tables).

    A column that is absent from the table takes no memory: it is one number that stands for all.

    `weight` is 0 where the retailer's holds, `minimum` :data:`ABSENT` where the SKU's holds. Of a retailer's lines with
    the same `exclusive`, a position in `labels`, at most one is granted anything; :data:`ABSENT` where there is none.
    """

    retailer: Positions
    sku: Positions
    requested: IntArray
    floor: IntArray
    cap: IntArray
    weight: IntArray
    carry: IntArray
    minimum: IntArray
    all_or_nothing: npt.NDArray[np.bool_]
    exclusive: Positions
    labels: tuple[str, ...]


def read_supply(raw: RawTable) -> Supply:
    """Check ``supply.csv``: sku, supply and, where present, pack, price_minor, reserve, minimum, basket."""
    raw.require(("sku", "supply"), _SUPPLY.__contains__)
    names = raw.names("sku").tolist()
    supply = raw.numbers("supply")
    pack = raw.numbers("pack", absent=1, low=1, outside="a pack holds at least 1 unit")
    price_minor = raw.numbers("price_minor", absent=NO_LIMIT)
    reserve = raw.numbers("reserve", absent=0)
    minimum = raw.numbers("minimum", absent=0)
    basket = raw.texts("basket").tolist() if "basket" in raw.columns else [""] * len(names)
    if (wrong := reserve > supply).any():
        index = int(wrong.argmax())
        raw.refuse(index, "reserve", f"the reserve is above the supply of {supply[index]}; lower it")
    order = _sorted_once(raw, "sku", names)
    return Supply(
        tuple(names[i] for i in order),
        supply=supply[order],
        pack=pack[order],
        price_minor=price_minor[order],
        reserve=reserve[order],
        minimum=minimum[order],
        basket=tuple(basket[i] for i in order),
    )


def read_retailers(raw: RawTable) -> Retailers:
    """Check ``retailers.csv``: retailer and, where present, weight, credit_minor, max_units, group:NAME columns."""
    raw.require(("retailer",), lambda column: column in _RETAILERS or _is_group(column))
    names = raw.names("retailer").tolist()
    order = _sorted_once(raw, "retailer", names)
    groups = sorted(column for column in raw.columns if _is_group(column))
    return Retailers(
        tuple(names[i] for i in order),
        weight=_weights(raw, absent=1)[order],
        credit_minor=raw.numbers("credit_minor", absent=NO_LIMIT)[order],
        max_units=raw.numbers("max_units", absent=NO_LIMIT)[order],
        groups={g.removeprefix(GROUP_PREFIX): _labels(raw.texts(g), order) for g in groups},
        row=order + 2 if raw.rows is None else raw.rows[order],
        listed=True,
    )


def unlisted_retailers(raw_requests: RawTable) -> Retailers:
    """Return the retailers of the requests, where no table of retailers was given: weight 1, no limit, no group."""
    raw_requests.require(("retailer",), lambda _: True)
    names = tuple(sorted(raw_requests.names("retailer").texts))
    free, one, none = (constant(number, len(names)) for number in (NO_LIMIT, 1, 0))
    return Retailers(names, one, free, free, {}, none, listed=False)


def read_quotas(raw: RawTable, retailers: Retailers, supply: Supply) -> Quotas:
    """Check ``quotas.csv``: group, value, sku, max_units; the group and SKU must be known."""
    raw.require(_QUOTAS, _QUOTAS.__contains__)
    group, value, sku = (raw.texts(column).tolist() for column in ("group", "value", "sku"))
    max_units = raw.numbers("max_units")
    known_skus, seen = set(supply.sku), set()
    for index, key in enumerate(zip(group, value, sku, strict=True)):
        if key[0] not in retailers.groups:
            known = ", ".join(retailers.groups) or "none"
            raw.refuse(index, "group", f"unknown group; retailers.csv has a column group:NAME for: {known}")
        if not key[1]:
            raw.refuse(index, "value", "a value of the group is needed here; the cell is empty")
        if key[2] != EVERY_SKU and key[2] not in known_skus:
            raw.refuse(index, "sku", "unknown SKU; give one of supply.csv or * for all")
        if key in seen:
            raw.refuse(index, "group", f"a second quota for {key[0]}={key[1]}, {key[2]}; keep one")
        seen.add(key)
    order = sorted(range(len(group)), key=lambda i: (group[i], value[i], sku[i]))
    return Quotas(
        tuple(group[i] for i in order),
        tuple(value[i] for i in order),
        tuple(sku[i] for i in order),
        max_units[np.array(order, dtype=np.int64)],
    )


def no_quotas() -> Quotas:
    """Return the table where none was given."""
    return Quotas((), (), (), np.empty(0, dtype=np.int64))


def read_requests(raw: RawTable, retailers: Retailers, supply: Supply) -> tuple[Requests, IntArray | None]:
    """Check ``requests.csv`` against the other tables.

    Returns
    -------
    tuple
        The requests, sorted by retailer and SKU, and for each the position that it had in `raw`; None for the same.
    """
    raw.require(("retailer", "sku", "requested"), lambda column: column in _REQUESTS or column == _EXCLUSIVE)
    retailer = _positions(raw, "retailer", retailers.retailer, "retailers.csv")
    sku = _positions(raw, "sku", supply.sku, "supply.csv")
    requested = raw.numbers("requested")
    floor = raw.numbers("floor", absent=0)
    cap = raw.numbers("cap", absent=NO_LIMIT)
    weight = _weights(raw, absent=0)
    carry = raw.numbers(
        "carry",
        absent=0,
        low=-CARRY_MAX_THOUSANDTHS,
        high=CARRY_MAX_THOUSANDTHS,
        outside=f"carry lies between -{CARRY_MAX_THOUSANDTHS} and {CARRY_MAX_THOUSANDTHS} thousandths of a pack",
        read=thousandths,
    )
    minimum = raw.numbers("minimum", absent=ABSENT)
    all_or_nothing = raw.numbers("all_or_nothing", absent=0, high=1, outside="give 1 for all or nothing, else 0")
    exclusive, labels = _bundles(raw)
    order = _order(raw, retailer, sku, len(supply.sku))
    checked = Requests(
        taken(retailer, order),
        taken(sku, order),
        requested=taken(requested, order),
        floor=taken(floor, order),
        cap=taken(cap, order),
        weight=taken(weight, order),
        carry=taken(carry, order),
        minimum=taken(minimum, order),
        all_or_nothing=taken(_true(all_or_nothing), order),
        exclusive=taken(exclusive, order),
        labels=labels,
    )
    return checked, order


def _bundles(raw: RawTable) -> tuple[Positions, tuple[str, ...]]:
    """Return for each row the position of its label among those in use; a label is written like a name."""
    nothing: Positions = np.broadcast_to(np.int32(ABSENT), len(raw))
    if _EXCLUSIVE not in raw.columns:
        return nothing, ()
    cells = raw.texts(_EXCLUSIVE)
    faults = [name_fault(text) if text else None for text in cells.texts]
    faulty = np.array([fault is not None for fault in faults], dtype=np.bool_)[cells.codes]
    if faulty.any():
        index = int(faulty.argmax())
        raw.refuse(index, _EXCLUSIVE, str(faults[cells.codes[index]]).replace("name", "label"))
    labels = tuple(sorted({text for text in map(cells.texts.__getitem__, np.unique(cells.codes).tolist()) if text}))
    if not labels:
        return nothing, ()
    position = {label: i for i, label in enumerate(labels)}
    of_text = np.array([position.get(text, ABSENT) for text in cells.texts], dtype=np.int32)
    exclusive: Positions = of_text[cells.codes]
    return exclusive, labels


def _order(raw: RawTable, retailer: Positions, sku: Positions, skus: int) -> IntArray | None:
    """Return the order by retailer, then SKU, None where the rows stand in it; a second row for a line is refused."""
    key = retailer.astype(np.int64) * max(skus, 1)
    key += sku
    if bool((key[1:] > key[:-1]).all()):
        return None
    order = np.argsort(key, kind="stable")
    key = key[order]
    doubled = np.flatnonzero(key[1:] == key[:-1]) + 1
    if doubled.size:
        again = int(order[doubled].min())
        raw.refuse(again, "sku", "the same retailer and SKU a second time; keep one row for both")
    return order


def _true(flags: IntArray) -> npt.NDArray[np.bool_]:
    return flags == 1 if not is_constant(flags) else np.broadcast_to(np.bool_(flags[:1].any()), len(flags))


def _labels(column: Coded[str], order: IntArray) -> tuple[str, ...]:
    return tuple(map(column.texts.__getitem__, column.codes[order].tolist()))


def _weights(raw: RawTable, absent: int) -> IntArray:
    return raw.numbers("weight", absent=absent, low=1, high=WEIGHT_MAX, outside=f"a weight is 1 to {WEIGHT_MAX}")


def _is_group(column: str) -> bool:
    return column.startswith(GROUP_PREFIX) and len(column) > len(GROUP_PREFIX)


def _sorted_once(raw: RawTable, column: str, names: Sequence[str]) -> IntArray:
    """Return the order of the names by bytes (for UTF-8 the order of code points); a second entry is refused."""
    if len(set(names)) < len(names):
        seen: set[str] = set()
        for index, name in enumerate(names):
            if name in seen:
                raw.refuse(index, column, f"the same {column} a second time; keep one row")
            seen.add(name)
    return np.array(sorted(range(len(names)), key=names.__getitem__), dtype=np.int64)


def _positions(raw: RawTable, column: str, known: Sequence[str], where: str) -> Positions:
    names = raw.names(column)
    position = dict(zip(known, range(len(known)), strict=True))
    found = np.fromiter(map(position.get, names.texts, repeat(-1)), dtype=np.int32, count=len(names.texts))
    if (found < 0).any():
        index = int((found[names.codes] < 0).argmax())
        raw.refuse(index, column, f"unknown {column}: not in {where}; correct it or add it there")
    positions: Positions = found[names.codes]
    return positions
