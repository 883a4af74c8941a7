"""One reason a line, from what stopped it."""

from typing import Final

import numpy as np
import numpy.typing as npt

from allocation.filling import Filling
from allocation.problem import Problem
from allocation.result import REASONS
from allocation.rules import Order
from allocation.texts import Coded

_CODE: Final = {reason: code for code, reason in enumerate(REASONS)}


def reasons(problem: Problem, order: Order, filling: Filling) -> Coded[str]:
    """Return the reason of each line, coded by :data:`allocation.result.REASONS`.

    A short line: ``floor`` where it stands at its floor, else ``lottery``, else ``priority`` where its supply went to
    an earlier tier, else its constraint's. Any other: ``ineligible``, ``capped`` or ``filled``. A line that was decided
    by hand has ``adjusted``, short or not.
    """
    lines, granted, slots = problem.lines, filling.granted, problem.constraints.slots
    code = np.full(len(granted), _CODE["filled"], dtype=np.uint8)
    code[lines.capped] = _CODE["capped"]
    code[(problem.requests.requested > 0) & (lines.eligible == 0)] = _CODE["ineligible"]
    short = filling.stopped_by >= 0
    for slot in slots:
        code[short & (filling.stopped_by == slot.constraint)] = _CODE[slot.reason]
    by_supply = short & (filling.stopped_by == slots[0].constraint)
    code[by_supply & _went_to_an_earlier_tier(problem, order, filling)] = _CODE["priority"]
    code[short & filling.by_draw] = _CODE["lottery"]
    code[short & (lines.floor > 0) & (granted == lines.floor)] = _CODE["floor"]
    code[problem.adjustments.line] = _CODE["adjusted"]
    return Coded(code, REASONS)


def bound_by(problem: Problem, filling: Filling) -> Coded[str]:
    """Return the name of the constraint that stopped each short line, ``adjustment`` where it was decided by hand.

    Empty for all other lines.
    """
    names = (*problem.constraints.names, "adjustment", "")
    if not len(problem.adjustments):
        return Coded(filling.stopped_by, names)
    code = filling.stopped_by.copy()
    code[problem.adjustments.line] = len(names) - 2
    return Coded(code, names)


def _went_to_an_earlier_tier(problem: Problem, order: Order, filling: Filling) -> npt.NDArray[np.bool_]:
    sku = problem.requests.sku
    first = np.full(len(problem.supply.sku), np.iinfo(np.int64).max, dtype=np.int64)
    got_some = (filling.granted > 0).astype(np.bool_)
    np.minimum.at(first, sku[got_some], order.tier[got_some])
    return first[sku] < order.tier
