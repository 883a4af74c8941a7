"""What rounding took in one cycle is owed in the next: the carry of each retailer and SKU.

Carry after a cycle, in whole thousandths of a pack and never more than one pack either way::

    kept · carry before it  +  entitlement − granted

The first part is cut towards zero, so that a carry fades and in the end is forgotten; the entitlement is cut to whole
thousandths. A line is entitled to what the uniform rule (``max_min`` without rounding) would give it on the same
problem, never to what it asked for: who inflates his order is owed nothing for it. A line that is not in a cycle keeps
its carry. In the next cycle the carry comes before the signpost in every unit's key; see
:mod:`allocation.filling.signposts`.
"""

from dataclasses import replace
from fractions import Fraction
from typing import Final

import numpy as np
import numpy.typing as npt

from allocation.limits import CARRY_MAX_THOUSANDTHS
from allocation.policy import Policy
from allocation.problem import Problem
from allocation.problem_tables import ABSENT
from allocation.result import EXCLUSIVE, Result
from allocation.solving import solve
from allocation.tables.columns import IntArray, constant
from allocation.tables.texts import Coded

KEPT_THOUSANDTHS: Final = 980
"""What is kept of a carry from one cycle to the next: half of it is forgotten after 34 cycles.

A smaller part forgets too fast: at 900, a shop that is entitled to a twenty-fifth of a pack a cycle never gets one.
"""


def next_carry(
    previous: int, entitlement: int | Fraction, granted: int, pack: int, kept_thousandths: int = KEPT_THOUSANDTHS
) -> int:
    """Return the carry after a cycle, in thousandths of a pack.

    Parameters
    ----------
    previous
        The carry before it, in thousandths of a pack.
    entitlement
        Units under the uniform rule, 0 or more.
    granted
        Units.
    pack
        Units in a pack.
    kept_thousandths
        What is kept of the carry before, 0 to 1000.

    Returns
    -------
    int
        −1000…1000; above 0 where the retailer is owed something.
    """
    kept = abs(previous) * kept_thousandths // 1000
    owed = entitlement * CARRY_MAX_THOUSANDTHS // pack - granted * CARRY_MAX_THOUSANDTHS // pack
    carry = (kept if previous > 0 else -kept) + int(owed)
    return max(-CARRY_MAX_THOUSANDTHS, min(CARRY_MAX_THOUSANDTHS, carry))


def entitlements(problem: Problem) -> list[Fraction]:
    """Return what each line is entitled to, in exact units: the uniform rule's share, minimums and bundles left aside.

    Carry plays no part in it. A line that was decided by hand is entitled to what was decided.
    """
    shares = solve(divisible(problem), Policy(rounding="none")).granted.tolist()
    most = (problem.lines.eligible * problem.lines.pack).tolist()
    return [min(Fraction(share), Fraction(units)) for share, units in zip(shares, most, strict=True)]


def divisible(problem: Problem) -> Problem:
    """Return the problem without minimums, bundles and carry: one in which shares may be divided."""
    nothing = constant(0, len(problem))
    requests = replace(
        problem.requests,
        minimum=constant(ABSENT, len(problem)),
        all_or_nothing=np.broadcast_to(np.False_, len(problem)),
        exclusive=np.broadcast_to(np.int32(ABSENT), len(problem)),
        labels=(),
        carry=nothing,
    )
    supply = replace(problem.supply, minimum=np.zeros_like(problem.supply.minimum))
    return Problem(requests, supply, problem.retailers, problem.quotas, problem.adjustments)


def left_out(result: Result) -> npt.NDArray[np.bool_]:
    """Return which lines another one of their bundle leaves out: they are entitled to nothing that is carried on."""
    bound = result.bound_by if isinstance(result.bound_by, Coded) else Coded.of(result.bound_by.tolist())
    out: npt.NDArray[np.bool_] = np.array([text.startswith(EXCLUSIVE) for text in bound.texts], np.bool_)[bound.codes]
    return out


def carries_after(problem: Problem, result: Result, kept_thousandths: int = KEPT_THOUSANDTHS) -> IntArray:
    """Return the carry of each line into the next cycle, in the order of the lines.

    A line left out because another of its bundle stays is owed nothing for it: its retailer wanted one of them.

    Parameters
    ----------
    problem
        With the carry that each line came with.
    result
        Of this problem, in whole packs.
    """
    columns = (problem.requests.carry, result.granted, problem.lines.pack)
    entitled = [
        Fraction(0) if out else units
        for units, out in zip(entitlements(problem), left_out(result).tolist(), strict=True)
    ]
    rows = zip(entitled, *(column.tolist() for column in columns), strict=True)
    after = [next_carry(before, units, granted, pack, kept_thousandths) for units, before, granted, pack in rows]
    return np.array(after, dtype=np.int64)
