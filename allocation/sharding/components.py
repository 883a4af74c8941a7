"""Which lines hang together: connected components of the graph of lines and the constraints that may become full."""

import heapq

import numpy as np
import numpy.typing as npt

from allocation.problem import Lines, Problem
from allocation.tables.columns import IntArray


def components(problem: Problem, lines: Lines, line: IntArray) -> IntArray:
    """Return a number for each of the given lines, the same for two of them that hang together.

    A constraint with room for everything that is eligible in it ties nothing together. Takes a number of passes that
    grows with the logarithm of the longest chain: labels fall to the smallest among neighbours, then jump to the label
    of their label (Shiloach and Vishkin 1982).
    """
    constraints = len(problem.constraints.limits)
    tight = may_become_full(problem, lines)
    links = []
    for slot in problem.constraints.slots:
        constraint = slot.constraint[line].astype(np.int64)
        used = np.flatnonzero((constraint >= 0) & tight[constraint] & (lines.eligible[line] > 0))
        links.append((used, constraint[used]))
    label = np.arange(len(line))
    while True:
        before = label
        for used, constraint in links:
            smallest = np.full(constraints, len(line))
            np.minimum.at(smallest, constraint, label[used])
            label = label.copy()
            np.minimum.at(label, before[used], smallest[constraint])
            label[used] = np.minimum(label[used], smallest[constraint])
        while (label != label[label]).any():
            label = label[label]
        if (label == before).all():
            return label


def may_become_full(problem: Problem, lines: Lines) -> npt.NDArray[np.bool_]:
    """Say which constraints may not have room for all that is eligible; by floats, rather too many than one too few."""
    limits = np.array(problem.constraints.limits, dtype=np.float64)
    tight = np.zeros(len(limits), dtype=np.bool_)
    units = lines.eligible.astype(np.float64) * lines.pack
    for slot in problem.constraints.slots:
        used = (slot.constraint >= 0) & (lines.eligible > 0)
        price = problem.supply.price_minor[problem.requests.sku[used]] if slot.in_money else 1
        demand = np.bincount(slot.constraint[used], units[used] * price, minlength=len(limits))
        tight |= demand * (1 + 1e-6) > limits
    return tight


def packed(label: IntArray, bins: int) -> IntArray:
    """Return a bin for each line, one for all lines of a label: the largest components first, to the emptiest bin."""
    numbers, member, size = np.unique(label, return_inverse=True, return_counts=True)
    bin_of, loads = np.empty(len(numbers), dtype=np.int64), [(0, number) for number in range(bins)]
    for component in np.argsort(-size, kind="stable").tolist():
        load, bin_of[component] = loads[0]
        heapq.heapreplace(loads, (load + int(size[component]), int(bin_of[component])))
    return np.asarray(bin_of[member])
