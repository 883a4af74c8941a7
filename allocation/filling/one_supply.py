"""One supply of claims in 64 bits: what each claim holds before the last level, and which have a pack at that level.

A claim is a line, or a kind of line of which there are many alike. Stage by stage (tier and phase) claims are served to
the one in which the supply ends, there down to one step of a fine grid of levels, and within the step by exact
comparison. Which of the packs of the last level are granted is left to the draw.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from allocation.filling import water_kernels as kernels
from allocation.filling.rules import Order
from allocation.filling.signposts import Level, largest_product, unit_level
from allocation.limits import CARRY_MAX_THOUSANDTHS, LEVEL_REFINEMENT_BITS, WORD_END
from allocation.problem import Lines, Problem
from allocation.tables.columns import IntArray, Positions, is_constant


@dataclass(frozen=True, eq=False)
class Claims:
    """Claims on one SKU, in packs.

    Parameters
    ----------
    pack
        Units in a pack.
    floor, eligible, tier, carry
        Of each claim.
    phases
        Of each phase `after`, `until`, `rate` and `offset_packs`, see :class:`allocation.filling.rules.Phase`.
    where
        Where the claims stand among those of all SKUs.
    count
        How many lines a claim stands for; empty where each is one line.
    held
        Written to: what each line of a claim holds before the draw.
    """

    pack: int
    floor: IntArray
    eligible: IntArray
    tier: IntArray
    carry: IntArray
    phases: Sequence[Sequence[IntArray]]
    where: Positions | IntArray
    count: IntArray
    held: IntArray

    def packs(self, each: IntArray, of: IntArray | slice = slice(None)) -> int:
        """Return the packs of all lines of some claims, of which each holds so many."""
        return int((each * self.count[of] if len(self.count) else each).sum())


@dataclass(frozen=True, eq=False)
class Ending:
    """Where a supply ends: of the next packs of the claims `at_stake`, which have one level, `due` are granted."""

    at_stake: IntArray
    due: int
    tier: int
    phase: int
    level: Level


@dataclass(frozen=True, eq=False)
class _Stage:
    """Stretches of claims at one stage, as in :mod:`allocation.filling.water`."""

    phase: int
    member: IntArray
    low: IntArray
    high: IntArray
    rate: IntArray
    offset_packs: IntArray
    carry: IntArray
    count: IntArray


class TooWideError(Exception):
    """The numbers may not fit 64 bits."""


def claims_by(
    column_of: Callable[[IntArray], IntArray],
    problem: Problem,
    lines: Lines,
    order: Order,
    sku: int,
    places: tuple[Positions | IntArray, IntArray, IntArray],
) -> Claims:
    """Return the claims on a SKU; `column_of` says what a column of lines is for them, `places` are the last fields."""
    floor, eligible, tier, carry = map(column_of, (lines.floor, lines.eligible, order.tier, problem.requests.carry))
    phases = [
        [column_of(column) for column in (phase.after, phase.until, phase.rate, phase.offset_packs)]
        for phase in order.phases
    ]
    return Claims(int(problem.supply.pack[sku]), floor, eligible, tier, carry, phases, *places)


def end_of(claims: Claims, left: int, rounding: str, scale: int) -> Ending | None:
    """Share what is `left` of a scarce supply above the floors; None where that is nothing.

    Parameters
    ----------
    claims
        Their `held` is written to.
    scale
        Thousandths where any line of the problem has a carry, else 1.

    Raises
    ------
    TooWideError
        Where the numbers may not fit 64 bits.
    """
    claims.held[:] = claims.floor
    if left <= 0:
        return None
    stage, due = _stage_of_the_end(claims, left, scale)
    target = due + claims.packs(stage.low, stage.member)
    _narrow_down(stage, rounding, scale, target)
    claims.held[stage.member] = stage.low
    return _last_level(claims, stage, rounding, target - claims.packs(stage.low, stage.member))


def _stage_of_the_end(claims: Claims, left: int, scale: int) -> tuple[_Stage, int]:
    """Grant every stage that is filled; return the one in which the supply ends, and how many packs it gets."""
    tiers = claims.tier[:1] if is_constant(claims.tier) else np.unique(claims.tier)
    for number in tiers.tolist():
        for phase, (after, until, rate, offset) in enumerate(claims.phases):
            low, high = np.clip(claims.floor, after, until), np.minimum(claims.eligible, until)
            member = np.flatnonzero((claims.tier == number) & (low < high) if len(tiers) > 1 else low < high)
            low, high = low[member], high[member]
            amount = claims.packs(high - low, member)
            if amount >= left:
                carry = claims.carry[member] if scale > 1 else np.zeros_like(low)
                count = claims.count[member] if len(claims.count) else claims.count
                return _Stage(phase, member, low, high, rate[member], offset[member], carry, count), left
            claims.held[member] = high
            left -= amount
    raise AssertionError("a scarce supply was not used up")


def _narrow_down(stage: _Stage, rounding: str, scale: int, target: int) -> None:
    """Narrow the stage down to one step of its grid."""
    rate = stage.rate
    divisor = int(np.gcd.reduce(rate))
    fastest, slowest = int(rate.max()) // divisor, int(rate.min()) // divisor
    furthest = float(np.abs(stage.offset_packs).max()) * scale + CARRY_MAX_THOUSANDTHS
    reach = (float(stage.high.max()) * scale + furthest) * (fastest / slowest) + furthest + scale
    finest = LEVEL_REFINEMENT_BITS if fastest > slowest else 0
    shift = (fastest - 1).bit_length() + finest
    while not _fits(rounding, scale, reach, shift):
        shift -= 1
        if 1 << max(shift, 0) < fastest:
            raise TooWideError
    offset = stage.offset_packs * scale + stage.carry
    method = kernels.METHOD[rounding]
    kernels.narrow_down(method, stage.low, stage.high, rate // divisor, offset, stage.count, (scale, shift), target)


def _fits(rounding: str, scale: int, reach: float, shift: int) -> bool:
    steps = 2.0 ** max(shift, 0)
    products = largest_product(rounding, np.array([reach / scale]), np.array([scale * steps]))
    return max(reach * steps, float(products[0])) < WORD_END / 2


def _last_level(claims: Claims, stage: _Stage, rounding: str, due: int) -> Ending:
    """Grant the packs within the last step in their exact order, but for those of the last level."""
    open_ = np.flatnonzero(stage.low < stage.high)
    member, count = stage.member[open_], stage.count[open_] if len(stage.count) else np.ones_like(open_)
    n = stage.low[open_] + 1
    code, levels = _levels(claims.pack, rounding, n, (stage.carry[open_], stage.rate[open_], stage.offset_packs[open_]))
    in_order = sorted(set(levels))
    rank_of = {level: rank for rank, level in enumerate(in_order)}
    rank = np.array([rank_of[level] for level in levels], dtype=np.int64)[code]
    packs = np.bincount(rank, count).astype(np.int64)  # below 2^31 lines: exact in floating point
    ends = np.cumsum(packs)
    last = int(np.searchsorted(ends, due))
    claims.held[member[rank < last]] += 1
    at_stake = member[rank == last]
    return Ending(
        at_stake, due - int(ends[last] - packs[last]), int(claims.tier[at_stake[0]]), stage.phase, in_order[last]
    )


def _levels(
    pack: int, rounding: str, n: IntArray, columns: tuple[IntArray, IntArray, IntArray]
) -> tuple[Positions, list[Level]]:
    """Return the kind of each unit, and the exact level of each kind; `columns` are carry, rate and offset in packs."""
    example, code = np.empty(len(n), dtype=np.int32), np.empty(len(n), dtype=np.int32)
    table = np.full(2 << len(n).bit_length(), -1, dtype=np.int32)
    kinds = example[: kernels.alike(n, *columns, example, code, table)]
    alike = (column[kinds].tolist() for column in (n, *columns))
    return code, [
        unit_level(rounding, number, carry=carried, pack=pack, rate=speed, offset=start * pack)
        for number, carried, speed, start in zip(*alike, strict=True)
    ]
