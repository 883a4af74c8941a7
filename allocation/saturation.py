"""At which level each constraint first refused a pack: what a certificate states of every constraint that was full."""

from collections import defaultdict

import numpy as np

from allocation.columns import IntArray
from allocation.filling import Filling
from allocation.problem import Problem
from allocation.progressive_filling import Moment, moment_of
from allocation.rules import Order
from allocation.signposts import CARRY_SCALE, estimated_signposts


def note_levels(problem: Problem, order: Order, rounding: str, filling: Filling) -> None:
    """Write :attr:`Filling.levels` of a filling in whole packs; it follows from what was granted and what stopped whom.

    Where supplies alone stopped lines, thresholds say it all and nothing is written.
    """
    if not (filling.stopped_by >= len(problem.supply.sku)).any():
        return
    earliest: defaultdict[int, list[Moment]] = defaultdict(list)
    for line in _candidates(problem, order, rounding, filling).tolist():
        moment = moment_of(problem, order, rounding, line, int(filling.granted[line]) + 1)
        earliest[int(filling.stopped_by[line])].append(moment)
    for constraint in sorted(earliest):
        tier, phase, level = min(earliest[constraint])
        filling.levels[problem.constraints.names[constraint]] = {"tier": tier, "phase": phase, "level": str(level)}


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
