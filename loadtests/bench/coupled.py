"""Rows of coupled filling: the first level against solvers of linear programmes, and a book of national size."""

import math
from typing import Any, Final

from allocation import Policy, Problem
from allocation.filling.coupled import prepare_first_level
from allocation.filling.rules import order_of
from allocation.solving import fill
from loadtests.bench import programmes
from loadtests.bench.filling import COMMAND, read_pass
from loadtests.bench.problems import SEED, Sizes, coupled
from loadtests.bench.rows import Row, exponent_row, in_turns

_PEERS: Final = (("GLOP", 500), ("PDLP", 150), ("HiGHS IPM", 50), ("cvxpy + HiGHS", 200))
_CLOSE: Final = 1e-6
_PDLP_CLOSE: Final = 1e-3
"""PDLP stops at a relative error, by default 1e-6 of the whole programme, which lets a level be farther off."""
_WITHIN_S: Final = 10.0
_RETAILERS: Final = 1_000_000


def first_level_rows(sizes: Sizes) -> list[Row]:
    """Measure the first level of 1,000 retailers × 50 SKUs against four solvers; all must find the same level."""
    retailers, skus = max(10, 1000 // sizes.divisor), max(5, 50 // sizes.divisor)
    problem = coupled(retailers, skus, skus)
    programme = programmes.first_level_programme(problem)
    mine = prepare_first_level(problem, order_of(problem, Policy(seed=SEED)))
    level, rows = mine(), []
    solvers = (
        programmes.by_ortools(programme, "glop"),
        programmes.by_ortools(programme, "pdlp"),
        programmes.by_highs(programme),
        programmes.by_cvxpy(programme),
    )
    for (name, wanted), solver in zip(_PEERS, solvers, strict=True):
        answers: list[float] = []

        def peer(solver: Any = solver, answers: list[float] = answers) -> None:
            answers.append(solver())

        found = in_turns({"level": mine, "peer": peer}, sizes.repeats)
        apart = abs(answers[-1] - level) / level
        note = f"Levels differ by {apart:.1e} of themselves."
        if math.isnan(apart) or found.seconds["peer"] >= programmes.WITHIN_S:
            note = f"{name} was stopped after {programmes.WITHIN_S:.0f} s: the ratio is at least this."
        elif apart > (_PDLP_CLOSE if name == "PDLP" else _CLOSE):
            raise AssertionError(f"{name} finds level {answers[-1]}, not {level}")
        faster = found.seconds["peer"] / found.seconds["level"]
        rows.append(
            Row(
                f"{name} / first level, coupled by credits, quotas and supplies",
                f"{retailers:,} × {skus}",
                found.seconds["peer"],
                found.seconds["level"],
                "s",
                faster,
                f"≥ {wanted}×",
                faster >= wanted if sizes.divisor == 1 else None,
                found.repeats["peer"],
                COMMAND,
                found.peak_mb["peer"],
                note,
            )
        )
    return rows


def filling_rows(sizes: Sizes) -> list[Row]:
    """Measure the whole coupled filling of 1,000 × 50 to 1 M retailers with 20 of 200 SKUs."""
    policy, rows, times = Policy(seed=SEED), [], []
    steps = sizes.of(_RETAILERS, 50)
    for retailers in steps:
        problem = coupled(retailers, 200, 20)
        order = order_of(problem, policy)

        def filled(problem: Problem = problem, order: Any = order) -> object:
            return fill(problem, problem.lines_to_fill, policy, order)

        def read(problem: Problem = problem) -> object:
            return read_pass(problem)

        if retailers == steps[0]:
            filled()  # compiled code is loaded, or made, before anything is measured
        found = in_turns({"fill": filled, "read": read}, sizes.repeats)
        seconds = found.seconds["fill"]
        times.append(seconds)
        full = retailers == _RETAILERS
        rows.append(
            Row(
                "coupled filling in whole packs, credit a retailer, quota a region / one read pass",
                f"{retailers:,} retailers × 20 of 200 SKUs",
                seconds,
                found.seconds["read"],
                "s",
                seconds / found.seconds["read"],
                "≤ 10 s (1 M retailers)" if full else "–",
                seconds <= _WITHIN_S if full else None,
                found.repeats["fill"],
                COMMAND,
                found.peak_mb["fill"],
                "Retailers' own refusals and draws take half, first refusals of quotas and supplies most of the rest.",
            )
        )
    return [*rows, exponent_row("coupled filling", [20 * retailers for retailers in steps], times, COMMAND)]
