"""What each line may get at least and at most, and what it uses: worked out from the given columns alone."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt

from allocation.verification.given import NONE, Codes, Given, Ints, is_all

Mask = npt.NDArray[np.bool_]

SIZE_END: Final = 2**62
"""A pack that takes as much as this of a constraint never has room in it: limits are below."""
CHUNK_LINES: Final = 1 << 18
"""Lines that are worked on at a time, so that what is made on the way stays small."""


@dataclass(frozen=True)
class Use:
    """One constraint of a line: its name as in ``bound_by``, what one pack takes of it, the reason that it gives.

    `number` is its number among all constraints, `limit` its limit in units or minor money.
    """

    name: str
    size: int
    reason: str
    number: int
    limit: int


@dataclass(frozen=True, eq=False)
class Kind:
    """One kind of constraint, such as all credits.

    Parameters
    ----------
    reason
        What a line is told that it stops.
    first
        The number of its first constraint among all constraints.
    limits
        Of its constraints, in units or minor money.
    row, column
        By retailer and by SKU, the place in `grid`.
    grid
        The constraint of a retailer and a SKU, counted from 0 within this kind; :data:`NONE` where there is none.
    size
        By SKU, what one pack takes, never more than :data:`SIZE_END`.
    name
        Of a constraint, counted from 0 within this kind.
    even
        Whether all packs in a constraint take the same.
    """

    reason: str
    first: int
    limits: Ints
    row: Codes
    column: Codes
    grid: Codes
    size: Ints
    name: Callable[[int], str]
    even: bool

    def of(self, retailer: Codes, sku: Codes) -> Codes:
        """Return for each line its constraint within this kind, or :data:`NONE`."""
        found: Codes
        if self.grid.shape[0] == 1:
            found = self._by_sku[sku]
        elif self.grid.shape[1] == 1:
            found = self._by_retailer[retailer]
        else:
            found = self.grid[self.row[retailer], self.column[sku]]
        return found

    @cached_property
    def _by_sku(self) -> Codes:
        by_sku: Codes = self.grid[0, self.column]
        return by_sku

    @cached_property
    def _by_retailer(self) -> Codes:
        by_retailer: Codes = self.grid[self.row, 0]
        return by_retailer


@dataclass(frozen=True, eq=False)
class Claims:
    """Per line, in packs unless said otherwise; `supply` is by SKU.

    A line with a manual decision has `fixed` packs, and is `adjusted`; for all others `fixed` is :data:`NONE`. `kinds`
    stand in the order in which a full constraint is named, the supplies first; of the others, only constraints that
    could become full are among them.
    """

    given: Given
    pack: Ints
    eligible: Ints
    floor: Ints
    minimum: Ints
    weight: Ints
    tier: Ints
    capped: Mask
    adjusted: Mask
    fixed: Ints
    supply: Ints
    kinds: Sequence[Kind]

    @property
    def sku(self) -> Codes:
        """The SKU of each line."""
        return self.given.sku

    @property
    def carry(self) -> Ints:
        """The carry of each line, in thousandths of a pack."""
        return self.given.carry

    @property
    def sku_names(self) -> Sequence[str]:
        """The names of the SKUs."""
        return self.given.skus.names

    @cached_property
    def base(self) -> Ints:
        """What a line gets before any turn: its floor, or what was decided."""
        return np.where(self.adjusted, self.fixed, self.floor) if self.adjusted.any() else self.floor

    @cached_property
    def top(self) -> Ints:
        """The most that a line may get."""
        return np.where(self.adjusted, self.fixed, self.eligible) if self.adjusted.any() else self.eligible

    def uses(self, line: int) -> list[Use]:
        """Return the constraints of a line in the order in which a full one is named."""
        retailer, sku = self.given.retailer[line : line + 1], self.given.sku[line : line + 1]
        uses = []
        for kind in self.kinds:
            number = int(kind.of(retailer, sku)[0])
            if number != NONE:
                size, limit = int(kind.size[sku[0]]), int(kind.limits[number])
                uses.append(Use(kind.name(number), size, kind.reason, kind.first + number, limit))
        return uses

    @cached_property
    def limits(self) -> Ints:
        """The limits of all constraints by number, in units or minor money."""
        return np.concatenate([kind.limits for kind in self.kinds])

    def kind_of(self, constraint: int) -> Kind:
        """Return the kind of a constraint given by its number."""
        return next(kind for kind in self.kinds if kind.first <= constraint < kind.first + len(kind.limits))

    def constraint_name(self, constraint: int) -> str:
        """Return the name of a constraint given by its number."""
        kind = self.kind_of(constraint)
        return kind.name(constraint - kind.first)

    @cached_property
    def coupled(self) -> Mask:
        """By SKU, whether a line of it is in a constraint besides the supply that could become full."""
        coupled = np.zeros(len(self.sku_names), dtype=np.bool_)
        for part in chunks(len(self.sku)) if len(self.kinds) > 1 else ():
            retailer, sku = self.given.retailer[part], self.given.sku[part]
            for kind in self.kinds[1:]:
                coupled[sku[kind.of(retailer, sku) != NONE]] = True
        return coupled

    def amounts(self, packs: Ints) -> Ints | npt.NDArray[np.object_]:
        """Return what these packs take of each constraint: exactly, in Python's integers where 64 bits might not do."""
        wide, totals = False, np.zeros(len(self.limits), dtype=np.float64)
        sums = np.zeros(len(self.limits), dtype=np.int64)
        for part in chunks(len(packs)):
            retailer, sku, some = self.given.retailer[part], self.given.sku[part], packs[part]
            for kind in self.kinds:
                number = kind.of(retailer, sku)
                inside = number >= 0
                if not inside.all():
                    number, number_sku, number_packs = number[inside], sku[inside], some[inside]
                else:
                    number_sku, number_packs = sku, some
                size = kind.size[number_sku]
                here = totals[kind.first : kind.first + len(kind.limits)]
                here += np.bincount(number, size.astype(np.float64) * number_packs, len(kind.limits))
                np.add.at(sums[kind.first : kind.first + len(kind.limits)], number, size * number_packs)
        wide = bool((totals > SIZE_END / 2).any())
        return self._wide_amounts(packs) if wide else sums

    def _wide_amounts(self, packs: Ints) -> npt.NDArray[np.object_]:
        sums = np.zeros(len(self.limits), dtype=object)
        for kind in self.kinds:
            number = kind.of(self.given.retailer, self.given.sku)
            inside = (number != NONE) & (packs > 0)
            amount = kind.size[self.sku[inside]].astype(object) * packs[inside].astype(object)
            np.add.at(sums, number[inside].astype(np.int64) + kind.first, amount)
        return sums


def chunks(lines: int) -> Iterator[slice]:
    """Yield parts of the lines that stay within the processor's cache."""
    for start in range(0, lines, CHUNK_LINES):
        yield slice(start, min(start + CHUNK_LINES, lines))


def claims_of(given: Given, *, tiered: bool) -> Claims:
    """Work out the claims; raises KeyError or ValueError where tiers are asked for and missing."""
    skus = given.skus
    pack = skus.pack[given.sku] if (skus.pack != 1).any() else np.broadcast_to(np.int64(1), len(given))
    allowed = (
        given.requested
        if _all(given.cap, NONE)
        else np.where(given.cap == NONE, given.requested, np.minimum(given.requested, given.cap))
    )
    allowed_packs = allowed if is_all(1, pack) else allowed // pack
    if allowed is given.requested:
        capped: Mask = np.broadcast_to(np.False_, len(given))
    else:
        capped = allowed_packs < given.requested // pack
    nothing = np.broadcast_to(np.int64(0), len(given))
    eligible, floor, minimum = allowed_packs, nothing, nothing
    if not (
        _all(given.floor, 0) and _all(skus.minimum, 0) and (given.minimum <= 0).all() and _all(given.all_or_nothing, 0)
    ):
        least_units = np.where(given.minimum == NONE, skus.minimum[given.sku], given.minimum)
        least = np.where(given.all_or_nothing == 1, allowed_packs, _packs_to_cover(least_units, pack))
        eligible = allowed_packs * (least <= allowed_packs)
        promised = np.minimum(_packs_to_cover(given.floor, pack), eligible)
        floor = np.where(promised > 0, np.minimum(np.maximum(promised, least), eligible), 0)
        minimum = np.where((eligible > 0) & (least > np.maximum(floor, 1)), least, 0)
    adjusted, fixed = np.broadcast_to(np.False_, len(given)), np.broadcast_to(np.int64(NONE), len(given))
    if len(given.adjustments.line):
        at = given.adjustments.line
        adjusted, fixed = np.zeros(len(given), dtype=np.bool_), np.full(len(given), NONE, dtype=np.int64)
        adjusted[at], fixed[at] = True, given.adjustments.granted // pack[at]
        floor, minimum = np.where(adjusted, 0, floor), np.where(adjusted, 0, minimum)
    top = np.where(adjusted, fixed, eligible)
    offered = skus.supply - skus.reserve
    return Claims(
        given,
        pack,
        eligible,
        floor,
        minimum,
        given.weights(),
        _tiers(given) if tiered else nothing,
        capped,
        adjusted,
        fixed,
        offered // skus.pack,
        _kinds(given, top, offered // skus.pack * skus.pack),
    )


def _all(column: Ints | Mask, value: int) -> bool:
    return bool((column == value).all())


def _packs_to_cover(units: Ints, pack: Ints) -> Ints:
    return units // pack + (units % pack > 0)


def _tiers(given: Given) -> Ints:
    labels = given.retailers.groups["tier"]
    tiers = np.zeros(len(labels), dtype=np.int64)
    for retailer in np.unique(given.retailer).tolist():
        tiers[retailer] = int(labels[retailer])
    return tiers[given.retailer]


def _kinds(given: Given, top: Ints, offered: Ints) -> list[Kind]:
    """Collect the constraints, all supplies and of the others those that could become full.

    A constraint that has room for the most that all its lines may get cannot stop anybody.
    """
    kinds = [_supplies(given, offered)]
    for kind in _further(given, kinds[0].first + len(offered)):
        demand = np.zeros(len(kind.limits))
        for part in chunks(len(given)):
            retailer, sku = given.retailer[part], given.sku[part]
            number = kind.of(retailer, sku)
            inside = number >= 0
            amount = kind.size[sku[inside]].astype(np.float64) * top[part][inside]
            demand += np.bincount(number[inside], amount, len(kind.limits))
        tight = demand * (1 + 1e-6) > kind.limits  # floating sums: rather one too many than one too few
        if tight.any():
            first = kinds[-1].first + len(kinds[-1].limits)
            grid = np.where((kind.grid >= 0) & tight[kind.grid], kind.grid, NONE)
            kinds.append(
                Kind(kind.reason, first, kind.limits, kind.row, kind.column, grid, kind.size, kind.name, kind.even)
            )
    return kinds


def _supplies(given: Given, offered: Ints) -> Kind:
    names = given.skus.names
    every = np.zeros(len(given.retailers.names), dtype=np.int32)
    column = np.arange(len(names), dtype=np.int32)
    return Kind(
        "supply", 0, offered, every, column, column[None, :], given.skus.pack, lambda i: f"supply:{names[i]}", even=True
    )


def _further(given: Given, first: int) -> Iterator[Kind]:
    """Yield all other kinds, each constraint counted from `first`, in the order in which a full one is named."""
    skus, table = given.skus, given.retailers
    every_sku = np.zeros(len(skus.names), dtype=np.int32)
    own = np.arange(len(table.names), dtype=np.int32)
    even_packs = bool((skus.pack == skus.pack[:1]).all())
    price = np.maximum(skus.price_minor, 0)
    cost = np.where(price.astype(np.float64) * skus.pack < SIZE_END, price * skus.pack, SIZE_END)
    for called, reason, limit, size, even in (
        ("credit", "credit", table.credit_minor, cost, False),
        ("units", "quota", table.max_units, skus.pack, even_packs),
    ):
        limited = np.flatnonzero(limit != NONE)
        if limited.size:
            grid = np.full((len(table.names), 1), NONE, dtype=np.int32)
            grid[limited, 0] = np.arange(len(limited))
            yield Kind(
                reason, first, limit[limited], own, every_sku, grid, size, _namer(called, limited, table.names), even
            )
    for of_all in (False, True):
        for group in sorted({group for group, _, sku in given.quotas if (sku == "*") is of_all}):
            yield _quotas(given, group, first, of_all=of_all, even=even_packs or not of_all)


def _namer(called: str, members: Ints, names: Sequence[str]) -> Callable[[int], str]:
    return lambda i: f"{called}:{names[members[i]]}"


def _quotas(given: Given, group: str, first: int, *, of_all: bool, even: bool) -> Kind:
    rows = [
        (*key, units) for key, units in sorted(given.quotas.items()) if key[0] == group and (key[2] == "*") is of_all
    ]
    values = {value: i for i, value in enumerate(dict.fromkeys(value for _, value, _, _ in rows))}
    labels = given.retailers.groups[group]
    row = np.array([values.get(label, len(values)) for label in labels], dtype=np.int32)
    names = ["*"] if of_all else given.skus.names
    position = {name: i for i, name in enumerate(names)}
    column = np.zeros(len(given.skus.names), dtype=np.int32) if of_all else np.arange(len(names), dtype=np.int32)
    grid = np.full((len(values) + 1, len(names)), NONE, dtype=np.int32)
    for number, (_, value, sku, _) in enumerate(rows):
        grid[values[value], position[sku]] = number
    called = [f"quota:{group}={value}:{sku}" for _, value, sku, _ in rows]
    limits = np.array([units for *_, units in rows], dtype=np.int64)
    return Kind("quota", first, limits, row, column, grid, given.skus.pack, called.__getitem__, even)
