"""At which level each constraint first refused a pack: what a certificate states of every constraint that was full."""

import numpy as np

from allocation.filling.outcome import Filling
from allocation.filling.progressive import moment_of
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
    known = filling.first_refused[filling.first_refused >= 0].astype(np.int64)
    line = np.concatenate([known, _candidates(problem, order, rounding, filling)])
    n = filling.granted[line] + 1
    example, kind = _alike(problem, order, line, n)
    moments = [moment_of(problem, order, rounding, int(line[i]), int(n[i])) for i in example.tolist()]
    entries = [{"tier": tier, "phase": phase, "level": str(level)} for tier, phase, level in moments]
    rank = np.empty(len(moments), dtype=np.int64)
    rank[sorted(range(len(moments)), key=moments.__getitem__)] = np.arange(len(moments))
    in_order = np.lexsort((rank[kind], filling.stopped_by[line]))
    constraint, first = np.unique(filling.stopped_by[line[in_order]], return_index=True)
    names = problem.constraints.names
    for number, its_kind in zip(constraint.tolist(), kind[in_order[first]].tolist(), strict=True):
        filling.levels[names[number]] = entries[its_kind]


def _alike(problem: Problem, order: Order, line: IntArray, n: IntArray) -> tuple[IntArray, IntArray]:
    """Tell packs apart by what their moments follow from, in which few differ.

    Returns
    -------
    tuple
        The position of one pack of each kind, and the kind of each pack.
    """
    phase, rate, offset = np.full(len(line), -1), np.zeros_like(n), np.zeros_like(n)
    for number, its in enumerate(order.phases):
        here = (phase < 0) & (n <= its.until[line])
        phase[here], rate[here], offset[here] = number, its.rate[line[here]], its.offset_packs[line[here]]
    columns = n, phase, rate, offset, order.tier[line], problem.lines.pack[line], problem.requests.carry[line]
    kind, example = np.zeros(len(line), dtype=np.int64), np.zeros(1, dtype=np.int64)
    for column in columns:
        values, code = np.unique(column, return_inverse=True)
        _, example, kind = np.unique(kind * len(values) + code, return_index=True, return_inverse=True)
    return example, kind


def _candidates(problem: Problem, order: Order, rounding: str, filling: Filling) -> IntArray:
    """Return the lines that may have had the first pack that their constraint refused: few for each constraint.

    Constraints of which that is known are left out.
    """
    stopped = filling.stopped_by >= 0
    if len(filling.first_refused):
        stopped &= filling.first_refused[filling.stopped_by] < 0
    line = np.flatnonzero(stopped)
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
