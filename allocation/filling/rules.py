"""The rules of the claims problem, each as awards that grow with a level.

Under every rule the award of a line is ``offset + rate·level`` units, in one or two phases that follow each other:

==============  =========================================================================
max_min         weight·level (constrained equal awards, Sprumont's uniform rule with weights)
proportional    claim·level
equal_losses    claim + level, the level rising from −claim to 0
talmud          level up to claim/2 for everybody, then claim + level (Aumann and Maschler 1985)
priority        tier after tier, one of the above inside each
==============  =========================================================================
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from allocation.errors import InputError
from allocation.filling.signposts import CARRY_SCALE, packs_due
from allocation.limits import TIER_DIGITS
from allocation.policy import Policy
from allocation.problem import Problem
from allocation.tables.columns import IntArray, constant


@dataclass(frozen=True, eq=False)
class Phase:
    """A stretch of every line's packs in which its award is `offset_packs`·pack + `rate`·level units.

    Parameters
    ----------
    number
        0 or 1; a later phase begins when the earlier one has ended for everybody in the tier.
    after, until
        Per line, the packs numbered `after` + 1 … `until` lie in this phase.
    rate
        Units per level.
    offset_packs
        Packs at level 0.
    """

    number: int
    after: IntArray
    until: IntArray
    rate: IntArray
    offset_packs: IntArray


@dataclass(frozen=True, eq=False)
class Order:
    """In which order the packs of all lines come: by tier, phase and level; `tier` is per line."""

    tier: IntArray
    phases: tuple[Phase, ...]

    def phase_of(self, line: int, n: int) -> Phase:
        """Return the phase of a line's pack `n`."""
        return next(phase for phase in self.phases if n <= phase.until[line])

    def stages(self) -> Iterator[tuple[int, Phase]]:
        """Yield (position, phase) for what comes one after the other within a tier."""
        return iter(enumerate(self.phases))


def order_of(problem: Problem, policy: Policy) -> Order:
    """Return the order that a policy's rule gives the packs of a problem.

    Raises
    ------
    InputError
        Under ``priority``, for a retailer with requests whose tier is missing or no number.
    """
    lines = problem.lines
    nothing, one = constant(0, len(problem)), constant(1, len(problem))
    match policy.rule_inside:
        case "max_min":
            phases: tuple[Phase, ...] = (Phase(0, nothing, lines.eligible, lines.weight, nothing),)
        case "proportional":
            claim_units = np.maximum(lines.eligible * lines.pack, 1)
            phases = (Phase(0, nothing, lines.eligible, claim_units, nothing),)
        case "equal_losses":
            phases = (Phase(0, nothing, lines.eligible, one, lines.eligible),)
        case _:
            half = _packs_up_to_half(problem, policy.rounding)
            phases = (
                Phase(0, nothing, half, one, nothing),
                Phase(1, half, lines.eligible, one, lines.eligible),
            )
    return Order(_tiers(problem) if policy.rule == "priority" else nothing, phases)


def _packs_up_to_half(problem: Problem, rounding: str) -> IntArray:
    """Return how many of a line's signposts lie at or below half its claim (its phase 0 under ``talmud``)."""
    eligible, carry = problem.lines.eligible, problem.requests.carry
    wide = (eligible * 1.0).max(initial=0.0) * CARRY_SCALE * CARRY_SCALE > 2.0**61
    award = (eligible.astype(object) if wide else eligible) * (CARRY_SCALE // 2) + carry
    due = packs_due("webster" if rounding == "none" else rounding, award, CARRY_SCALE)
    return np.clip(due, 0, eligible).astype(np.int64)


def _tiers(problem: Problem) -> IntArray:
    retailers, asking = problem.retailers, np.unique(problem.requests.retailer).tolist()
    labels = retailers.groups.get("tier")
    if labels is None:
        raise InputError("retailers.csv", "rule = priority needs a column group:tier with numbers", column="group:tier")
    tiers = [0] * len(labels)
    for retailer in asking:
        if not re.fullmatch(rf"[0-9]{{1,{TIER_DIGITS}}}", labels[retailer]):
            raise InputError(
                "retailers.csv",
                f"rule = priority needs the number of a tier here, at most {TIER_DIGITS} digits 0-9",
                row=int(retailers.row[retailer]),
                column="group:tier",
                value=labels[retailer],
            )
        tiers[retailer] = int(labels[retailer])
    return np.array(tiers, dtype=np.int64)[problem.requests.retailer]
