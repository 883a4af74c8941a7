"""At which level each constraint first refused a pack: what a certificate states of every constraint that was full."""

from typing import Any

import numpy as np

from allocation.filling.outcome import Filling
from allocation.filling.progressive import Moment, moment_of
from allocation.filling.rules import Order
from allocation.filling.signposts import CARRY_SCALE, estimated_signposts
from allocation.problem import Problem
from allocation.tables.columns import IntArray


def note_levels(problem: Problem, order: Order, rounding: str, filling: Filling) -> None:
    """Write :attr:`Filling.levels` of a filling in whole packs; it follows from what was granted and what stopped whom.

    Where supplies alone stopped lines, thresholds say it all and nothing is written.
    """
    if not (filling.stopped_by >= len(problem.supply.sku)).any():
        return
    line = _candidates(problem, order, rounding, filling)
    n = filling.granted[line] + 1
    moments: dict[tuple[int, ...], tuple[Moment, dict[str, Any]]] = {}
    columns = [n, order.tier[line], problem.lines.pack[line], problem.requests.carry[line]]
    columns += [column[line] for phase in order.phases for column in (phase.until, phase.rate, phase.offset_packs)]
    earliest: dict[int, tuple[Moment, dict[str, Any]]] = {}
    constraints = filling.stopped_by[line].tolist()
    for i, constraint, *alike in zip(line.tolist(), constraints, *(c.tolist() for c in columns), strict=True):
        found = moments.get(key := tuple(alike))
        if found is None:  # few lines differ in what their moment follows from
            moment = moment_of(problem, order, rounding, i, alike[0])
            tier, phase, level = moment
            found = moments[key] = moment, {"tier": tier, "phase": phase, "level": str(level)}
        known = earliest.get(constraint)
        if known is None or (found is not known and found[0] < known[0]):
            earliest[constraint] = found
    for constraint in sorted(earliest):
        filling.levels[problem.constraints.names[constraint]] = earliest[constraint][1]


def _candidates(problem: Problem, order: Order, rounding: str, filling: Filling) -> IntArray:
    """Return the lines that may have had the first pack that their constraint refused: few for each constraint."""
    line = np.flatnonzero(filling.stopped_by >= 0)
    constraint, n = filling.stopped_by[line], filling.granted[line] + 1
    stage, offset, rate = order.tier[line] * len(order.phases), np.zeros(len(line)), np.empty(len(line))
    for number, phase in enumerate(order.phases):
        here = (n > phase.after[line]) & (n <= phase.until[line])
        stage[here] += number
        offset[here], rate[here] = phase.offset_packs[line[here]], phase.rate[line[here]]
    first_stage = np.full(len(problem.constraints.limits), np.iinfo(np.int64).max)
    np.minimum.at(first_stage, constraint, stage)
    pack, carry = problem.lines.pack[line] / rate, problem.requests.carry[line] / CARRY_SCALE
    signpost = estimated_signposts(rounding, n.astype(np.float64))
    level, error = pack * (signpost - carry - offset), pack * (n + offset + 2) * 2.0**-46
    level[stage > first_stage[constraint]] = np.inf
    surely = np.full(len(first_stage), np.inf)
    np.minimum.at(surely, constraint, level + error)
    chosen: IntArray = line[np.isfinite(level) & (level - error <= surely[constraint])]
    return chosen
