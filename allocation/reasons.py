"""One reason a line, from what stopped it."""

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import numpy as np
import numpy.typing as npt

from allocation.filling.outcome import Filling
from allocation.filling.rules import Order
from allocation.hashing.line_bytes import stretches
from allocation.problem import Problem
from allocation.result import EXCLUSIVE, REASONS
from allocation.tables.columns import IntArray, is_all, is_constant
from allocation.tables.texts import Coded

_CODE: Final = {reason: code for code, reason in enumerate(REASONS)}


def reasons(problem: Problem, order: Order, filling: Filling) -> Coded[str]:
    """Return the reason of each line, coded by :data:`allocation.result.REASONS`.

    A short line: ``floor`` where it stands at its floor, else ``lottery``, else ``priority`` where its supply went to
    an earlier tier, else its constraint's. Any other: ``ineligible``, ``capped`` or ``filled``. A line that was decided
    by hand has ``adjusted``, short or not.
    """
    code = np.empty(len(problem), dtype=np.uint8)
    first = _first_tiers(problem, order, filling)

    def put(here: slice) -> None:
        _put_codes(problem, order, filling, first, here, code[here])

    with ThreadPoolExecutor(os.cpu_count() or 1) as threads:
        list(threads.map(put, stretches(len(problem))))
    code[problem.adjustments.line] = _CODE["adjusted"]
    return Coded(code, REASONS)


def _put_codes(
    problem: Problem,
    order: Order,
    filling: Filling,
    first: IntArray | None,
    here: slice,
    code: npt.NDArray[np.uint8],
) -> None:
    """Write the reasons of some lines into `code`; what no line has is not looked for."""
    lines, requested, stopped_by = problem.lines, problem.requests.requested, filling.stopped_by[here]
    code[:] = _CODE["filled"]
    if not is_all(0, lines.capped):
        _put(code, "capped", lines.capped[here])
    if lines.eligible is not requested:
        _put(code, "ineligible", (requested[here] > 0) & (lines.eligible[here] == 0))
    short = stopped_by >= 0
    for slot in problem.constraints.slots:
        _put(code, slot.reason, short & (stopped_by == slot.constraint[here]))
    if first is not None:
        sku = problem.requests.sku[here]
        _put(code, "priority", short & (stopped_by == sku) & (first[sku] < order.tier[here]))
    if problem.requests.labels:  # another line of its bundle stays
        _put(code, "quota", stopped_by >= len(problem.constraints.names))
    _put(code, "lottery", short & filling.by_draw[here])
    if not is_all(0, lines.floor):
        floor = lines.floor[here]
        _put(code, "floor", short & (floor > 0) & (filling.granted[here] == floor))


def _put(code: npt.NDArray[np.uint8], reason: str, where: npt.NDArray[np.bool_]) -> None:
    np.copyto(code, np.uint8(_CODE[reason]), where=where)


def bound_by(problem: Problem, filling: Filling) -> Coded[str]:
    """Return the name of the constraint that stopped each short line, ``adjustment`` where it was decided by hand.

    ``exclusive:LABEL`` where another line of its bundle stays; empty for all other lines.
    """
    bundles = (EXCLUSIVE + label for label in problem.requests.labels)
    names = (*problem.constraints.names, *bundles, "adjustment", "")
    if not len(problem.adjustments):
        return Coded(filling.stopped_by, names)
    code = filling.stopped_by.copy()
    code[problem.adjustments.line] = len(names) - 2
    return Coded(code, names)


def _first_tiers(problem: Problem, order: Order, filling: Filling) -> IntArray | None:
    """Return the first tier that holds something of each SKU; None where there is one tier alone."""
    if is_constant(order.tier):
        return None
    first = np.full(len(problem.supply.sku), np.iinfo(np.int64).max, dtype=np.int64)
    for here in stretches(len(problem)):
        got_some = (filling.granted[here] > 0).astype(np.bool_)
        np.minimum.at(first, problem.requests.sku[here][got_some], order.tier[here][got_some])
    return first
