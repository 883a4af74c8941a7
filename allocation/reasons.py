"""One reason a line, from what stopped it."""

import numpy as np
import numpy.typing as npt

from allocation.filling import Filling
from allocation.problem import Problem
from allocation.rules import Order

Texts = npt.NDArray[np.object_]


def reasons(problem: Problem, order: Order, filling: Filling) -> Texts:
    """Return the reason of each line.

    A short line: ``floor`` where it stands at its floor, else ``lottery``, else ``priority`` where its supply went to
    an earlier tier, else its constraint's. Any other: ``ineligible``, ``capped`` or ``filled``.
    """
    lines, granted, slots = problem.lines, filling.granted, problem.constraints.slots
    text = np.full(len(granted), "filled", dtype=object)
    text[lines.capped] = "capped"
    text[(problem.requests.requested > 0) & (lines.eligible == 0)] = "ineligible"
    short = filling.stopped_by >= 0
    for slot in slots:
        text[short & (filling.stopped_by == slot.constraint)] = slot.reason
    by_supply = short & (filling.stopped_by == slots[0].constraint)
    text[by_supply & _went_to_an_earlier_tier(problem, order, filling)] = "priority"
    text[short & filling.by_draw] = "lottery"
    text[short & (lines.floor > 0) & (granted == lines.floor)] = "floor"
    return text


def bound_by(problem: Problem, filling: Filling) -> Texts:
    """Return the name of the constraint that stopped each short line, else an empty text."""
    names = np.array([*problem.constraints.names, ""], dtype=object)
    return names[filling.stopped_by]


def _went_to_an_earlier_tier(problem: Problem, order: Order, filling: Filling) -> npt.NDArray[np.bool_]:
    sku = problem.requests.sku
    first = np.full(len(problem.supply.sku), np.iinfo(np.int64).max, dtype=np.int64)
    got_some = (filling.granted > 0).astype(np.bool_)
    np.minimum.at(first, sku[got_some], order.tier[got_some])
    return first[sku] < order.tier
