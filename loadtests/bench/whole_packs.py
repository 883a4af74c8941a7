"""Whole packs of one SKU against a min-cost flow of OR-Tools, in which every pack is an arc."""

from collections.abc import Callable
from typing import Final

import numpy as np

from allocation import Policy, Problem
from allocation.filling.rules import Order, order_of
from allocation.solving import fill
from loadtests.bench.filling import COMMAND
from loadtests.bench.problems import SEED, Sizes
from loadtests.bench.rows import Row, exponent_row, in_turns

_LINES: Final = 88_000
_FASTER: Final = 20
_WEIGHTS: Final = (1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 24, 30)
_COMMON: Final = 120
"""A multiple of all weights, so that the flow's costs, (2n − 1)/weight, are whole numbers."""


def one_sku(lines: int) -> Problem:
    """Return one SKU with so many lines of 1 to 20 packs, and supply for half of them."""
    rng = np.random.default_rng(3)
    requested = rng.integers(1, 21, lines)
    return Problem.from_columns(
        {
            "retailer": [f"{number:06d}" for number in range(lines)],
            "sku": ["k"] * lines,
            "requested": requested,
            "weight": rng.choice(_WEIGHTS, lines),
        },
        {"sku": ["k"], "supply": [int(requested.sum()) // 2]},
    )


def costs(problem: Problem, packs: np.ndarray) -> int:
    """Return the sum of the keys of the first packs of each line, in units of the flow's costs: n² · 120/weight."""
    return int((packs.astype(np.int64) ** 2 * (_COMMON // problem.lines.weight)).sum())


def flow(problem: Problem) -> Callable[[], int]:
    """Return what finds the cheapest flow from the supply through the lines; the network is built before."""
    from ortools.graph.python.min_cost_flow import SimpleMinCostFlow  # noqa: PLC0415  # for one row

    eligible, weight = problem.lines.eligible, problem.lines.weight
    lines, supply = len(problem), int(problem.supply.supply[0])
    line = np.repeat(np.arange(lines), eligible)
    n = np.arange(len(line)) - np.repeat(np.cumsum(eligible) - eligible, eligible) + 1
    network = SimpleMinCostFlow()
    ones = np.ones(len(line), dtype=np.int64)
    network.add_arcs_with_capacity_and_unit_cost(
        np.zeros(len(line), dtype=np.int32), (1 + line).astype(np.int32), ones, (2 * n - 1) * (_COMMON // weight[line])
    )
    every = np.arange(lines)
    network.add_arcs_with_capacity_and_unit_cost(
        (1 + every).astype(np.int32), np.full(lines, lines + 1, dtype=np.int32), eligible, np.zeros(lines, np.int64)
    )
    network.set_node_supply(0, supply)
    network.set_node_supply(lines + 1, -supply)

    def solved() -> int:
        if network.solve() != network.OPTIMAL:
            raise AssertionError("the flow was not solved")
        return int(network.optimal_cost())

    return solved


def flow_rows(sizes: Sizes) -> list[Row]:
    """Measure whole packs against the flow; the sums of the keys of what is granted must be the same."""
    policy, rows, times = Policy(seed=SEED), [], []
    steps = sizes.of(_LINES, 100)
    for lines in steps:
        problem = one_sku(lines)
        order, cheapest = order_of(problem, policy), flow(problem)

        def filled(problem: Problem = problem, order: Order = order) -> object:
            return fill(problem, problem.lines_to_fill, policy, order)

        granted = fill(problem, problem.lines_to_fill, policy, order).granted
        if costs(problem, granted) != cheapest():
            raise AssertionError("the flow is cheaper than the smallest keys")
        found = in_turns({"fill": filled, "flow": cheapest}, sizes.repeats)
        times.append(found.seconds["fill"])
        faster = found.seconds["flow"] / found.seconds["fill"]
        rows.append(
            Row(
                "OR-Tools min-cost flow / whole packs, one SKU",
                f"{lines:,} lines",
                found.seconds["flow"],
                found.seconds["fill"],
                "s",
                faster,
                "≥ 20× (88,000 lines)",
                faster >= _FASTER if lines == _LINES else None,
                found.repeats["flow"],
                COMMAND,
                found.peak_mb["flow"],
                "The sums of the keys of what is granted were compared, and are the same.",
            )
        )
    return [*rows, exponent_row("whole packs, one SKU", steps, times, COMMAND)]
