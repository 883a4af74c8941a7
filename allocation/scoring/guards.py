"""Two guards on the weights, checked in every run: a ceiling for the largest, a floor for the small.

**Floor.** A small retailer's weight is at least `small_floor_percent` of the median weight (the lower one of two),
counted up. Small is whoever's demand has a mid-rank among all retailers of at most `small_part_percent`, and whoever
has no figures of it yet.

**Ceiling.** The largest 1 % of n retailers are n/100 of them, of the last one only the part that counts: of 250 the two
largest and half of the third. What they hold of all weight is at most `largest_share_permille`. Where it would be more,
no weight is above the highest one with which it is not.

The floor comes first. Where the ceiling would then lie below the floor the two contradict each other, and the run is
refused. Suspended retailers hold nothing and are left aside; a retailer whose tier was lowered by a decision is not
raised again by the floor.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

import numpy as np

from allocation.errors import InputError
from allocation.scoring.history import Flags
from allocation.scoring.policy import Guards
from allocation.tables.columns import IntArray

FLOOR: Final = "small_floor"
CEILING: Final = "largest_share"
_HUNDRED: Final = 100


@dataclass(frozen=True)
class Change:
    """One weight that a guard changed."""

    retailer: str
    guard: str
    before: int
    after: int


@dataclass(frozen=True, eq=False)
class Guarded:
    """Weights after the guards, and what these did.

    Parameters
    ----------
    weight
        Of each retailer; 0 for one that is left aside.
    changes
        Line by line, the floor's first, each in the order of the retailers.
    small
        How many retailers are small.
    median_weight, floor_weight
        The median weight before the guards, and the least weight of a small retailer; 0 where there is no floor.
    ceiling_weight
        The largest weight that the ceiling leaves; None where it did not bind.
    share_before, share_after
        What the largest 1 % hold of all weight, before both guards and after.
    """

    weight: IntArray
    changes: tuple[Change, ...]
    small: int
    median_weight: int
    floor_weight: int
    ceiling_weight: int | None
    share_before: Fraction
    share_after: Fraction


def guarded(
    names: tuple[str, ...], table_weight: IntArray, small: Flags, *, lowered: Flags, suspended: Flags, guards: Guards
) -> Guarded:
    """Apply both guards to the weights of the tiers.

    Raises
    ------
    InputError
        Where ceiling and floor contradict each other.
    """
    active = ~suspended
    weight = np.where(active, table_weight, 0)
    share_before = largest_share(weight[active])
    median = _lower_median(weight[active])
    floor = -(-guards.small_floor_percent * median // _HUNDRED) if guards.small_part_percent else 0
    raised = np.where(active & small & ~lowered, np.maximum(weight, floor), weight)
    top = _highest_with(raised[active], guards.largest_share_permille)
    if top is not None and top < floor:
        raise InputError(
            "score.toml",
            f"the ceiling and the floor contradict each other: no weight could be above {top}, and small retailers "
            f"weigh at least {floor}; raise largest_share_permille or lower small_floor_percent",
            column="guards.largest_share_permille",
            value=str(guards.largest_share_permille),
        )
    final = raised if top is None else np.minimum(raised, top)
    changes = [
        Change(names[index], guard, int(before[index]), int(after[index]))
        for guard, before, after in ((FLOOR, weight, raised), (CEILING, raised, final))
        for index in np.flatnonzero(before != after).tolist()
    ]
    return Guarded(
        final,
        tuple(changes),
        small=int((active & small).sum()),
        median_weight=median,
        floor_weight=floor,
        ceiling_weight=top,
        share_before=share_before,
        share_after=largest_share(final[active]),
    )


def largest_share(weights: IntArray) -> Fraction:
    """Return what the largest 1 % hold of all weight; 0 where there is none."""
    top, total = _top_hundredfold(np.sort(weights)[::-1])
    return Fraction(top, _HUNDRED * total) if total else Fraction(0)


def _top_hundredfold(falling: IntArray) -> tuple[int, int]:
    """Return a hundred times what the largest 1 % hold, and what all hold."""
    whole, part = divmod(len(falling), _HUNDRED)
    top = _HUNDRED * sum(falling[:whole].tolist())
    return top + (part * int(falling[whole]) if part else 0), sum(falling.tolist())


def _highest_with(weights: IntArray, permille: int) -> int | None:
    """Return the highest weight above which all are cut so that the share holds; None where it holds as it is.

    The share never falls as the highest weight rises, so that it can be searched for by halves. With all weights alike
    it is 1 %, which the policy always allows.
    """
    falling = np.sort(weights)[::-1]

    def holds(highest: int) -> bool:
        top, total = _top_hundredfold(np.minimum(falling, highest))
        return top * 1000 <= permille * _HUNDRED * total

    if not len(falling) or holds(int(falling[0])):
        return None
    low, high = int(falling[-1]), int(falling[0])
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low


def _lower_median(weights: IntArray) -> int:
    return int(np.sort(weights)[(len(weights) - 1) // 2]) if len(weights) else 0


def facts(done: Guarded, guards: Guards) -> dict[str, Any]:
    """Return what ``guards.json`` says: both guards, and line by line what they changed and why."""
    share = {"before": _percent(done.share_before), "after": _percent(done.share_after)}
    limit = _percent(Fraction(guards.largest_share_permille, 1000))
    return {
        "format": "evenhand-guards-1",
        FLOOR: {
            "small_part_percent": guards.small_part_percent,
            "small_floor_percent": guards.small_floor_percent,
            "small_retailers": done.small,
            "median_weight": done.median_weight,
            "floor_weight": done.floor_weight,
        },
        CEILING: {
            "largest_share_permille": guards.largest_share_permille,
            "share_percent_before": share["before"],
            "share_percent_after": share["after"],
            "highest_weight": done.ceiling_weight,
        },
        "changes": [
            {
                "retailer": change.retailer,
                "guard": change.guard,
                "before": change.before,
                "after": change.after,
                "why": _why(change, done, limit, share["before"]),
            }
            for change in done.changes
        ],
    }


def _why(change: Change, done: Guarded, limit: str, before: str) -> dict[str, str]:
    if change.guard == FLOOR:
        return {
            "en": f"a small retailer weighs at least {done.floor_weight}; the median weight is {done.median_weight}",
            "zh": f"小户权重不低于 {done.floor_weight}（中位数权重为 {done.median_weight}）",
        }
    return {
        "en": f"the largest 1 % may hold {limit} % of all weight and held {before} %: "
        f"no weight above {done.ceiling_weight}",
        "zh": f"最大 1% 零售户的权重占比上限为 {limit}%，原为 {before}%：权重不得高于 {done.ceiling_weight}",
    }


def _percent(share: Fraction) -> str:
    """Print a share in percent, cut after three decimals."""
    thousandths = int(share * 100_000)
    return f"{thousandths // 1000}.{thousandths % 1000:03d}"
