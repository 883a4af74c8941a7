"""A part of a problem: some of its lines, with all of its tables."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from allocation.filling.outcome import Filling
from allocation.filling.rules import Order
from allocation.problem import Lines, Problem
from allocation.tables.columns import IntArray, Positions


@dataclass(frozen=True, eq=False)
class Part:
    """Some lines of a problem, with what each may get and when its packs come; `line` are their positions."""

    problem: Problem
    lines: Lines
    order: Order
    line: IntArray


def part_of(problem: Problem, lines: Lines, order: Order, line: IntArray) -> Part:
    """Return a part of a problem; constraints have the same positions in it, and their whole limits."""
    requests = _taken(problem.requests, line)
    part = Problem(requests, problem.supply, problem.retailers, problem.quotas)
    phases = tuple(_taken(phase, line) for phase in order.phases)
    return Part(part, _taken(lines, line), Order(order.tier[line], phases), line)


def cut_by_retailers(retailer: Positions, parts: int) -> Sequence[IntArray]:
    """Cut lines, sorted by retailer, into about equal stretches that do not part a retailer."""
    ends = np.arange(parts + 1) * len(retailer) // parts
    starts = np.searchsorted(retailer, retailer[ends[1:-1]]) if len(retailer) else ends[1:-1]
    return np.split(np.arange(len(retailer)), starts)


def put_back(part: Part, filled: Filling, filling: Filling) -> None:
    """Write what a part's lines got into the filling of the whole."""
    for name in ("granted", "stopped_by", "by_draw"):
        getattr(filling, name)[part.line] = getattr(filled, name)
    filling.thresholds.update(filled.thresholds)
    filling.levels.update(filled.levels)


def _taken(table: Any, line: IntArray) -> Any:
    columns = {column.name: getattr(table, column.name) for column in fields(table)}
    return replace(table, **{name: value[line] for name, value in columns.items() if isinstance(value, np.ndarray)})
