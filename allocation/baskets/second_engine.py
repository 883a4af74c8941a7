"""The totals of baskets once more: by the textbook, in floating point, with another solver and no duals.

Each stage raises the smallest level of the open claimants, by HiGHS; whoever cannot be given more while all others keep
at least that level is fixed. One programme a claimant and stage: for tests and `verify --prove`, on small problems.
"""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Final

import numpy as np

from allocation.baskets.claimants import Programme, has_baskets, programme_of
from allocation.errors import AnswerRefusedError
from allocation.filling import Filling
from allocation.policy import Policy
from allocation.problem import Problem
from allocation.result import Result

_TOLERANCE: Final = 1e-6


def totals_by_another_engine(programme: Programme) -> list[float]:
    """Return the weighted lexicographic max-min of the claimants' totals, in units."""
    fixed: dict[int, float] = {}
    weights = [claimant.weight for claimant in programme.claimants]
    while len(fixed) < len(weights):
        open_ones = [c for c in range(len(weights)) if c not in fixed]
        level = _most(programme, fixed, level=None, claimant=None)
        stuck = []
        for c in open_ones:
            most = _most(programme, fixed, level=level, claimant=c)
            if most <= level * weights[c] + _TOLERANCE * max(1.0, abs(most)):
                stuck.append(c)
        if not stuck:
            raise AnswerRefusedError("the second engine raised a level, and nobody is stuck at it")
        fixed |= {c: level * weights[c] for c in stuck}
    return [fixed[c] for c in range(len(weights))]


def disagreements(problem: Problem, result: Result) -> list[str]:
    """Compare the totals that a result states with those of the second engine; return what differs.

    What the lines outside of baskets were granted is taken from the result.
    """
    certificate: Mapping[str, Any] = result.certificate
    policy = Policy(**certificate["policy"], seed=certificate["seed"])
    if not has_baskets(problem, policy):
        return []
    filling = Filling.of_all_that_is_eligible(problem.lines.eligible)
    filling.granted = np.array(
        [
            Fraction(units) / pack
            for units, pack in zip(result.granted.tolist(), problem.lines.pack.tolist(), strict=True)
        ]
        + [None],
        dtype=object,
    )[:-1]
    programme = programme_of(problem, problem.lines_to_fill, policy, filling)
    held = {
        names: filling.granted[line] * programme.pack[i]
        for i, (line, names) in enumerate(
            zip(programme.line, zip(programme.retailer, programme.sku, strict=True), strict=True)
        )
    }
    for retailer, sku, units in certificate["baskets"].get("mixture", {}).get("units", []):
        held[retailer, sku] = Fraction(units)
    differ = []
    for claimant, right in zip(programme.claimants, totals_by_another_engine(programme), strict=True):
        stated = float(sum(held[programme.retailer[i], programme.sku[i]] for i in claimant.members))
        if abs(stated - right) > _TOLERANCE * max(1.0, right) * 10:
            differ.append(
                f"{claimant.retailer}: the basket {claimant.basket!r} holds {stated}, by the second engine {right}"
            )
    return differ


def _most(programme: Programme, fixed: Mapping[int, float], *, level: float | None, claimant: int | None) -> float:
    """Return the highest level of the open claimants, or the most units of one of them with all others at `level`."""
    from ortools.math_opt.python import mathopt  # noqa: PLC0415  # seconds to import

    model = mathopt.Model()
    lines = [model.add_variable(lb=low, ub=high) for low, high in zip(programme.low, programme.high, strict=True)]
    top = model.add_variable(lb=0)
    for c, one in enumerate(programme.claimants):
        units = mathopt.LinearSum(lines[i] for i in one.members)
        if c in fixed:
            model.add_linear_constraint(units >= fixed[c] * (1 - 1e-9))
        elif c == claimant:
            model.add_linear_constraint(units - top >= 0)
        elif level is None:
            model.add_linear_constraint(units - one.weight * top >= 0)
        else:
            model.add_linear_constraint(units >= level * one.weight * (1 - 1e-9))
    for row in programme.rows:
        model.add_linear_constraint(
            mathopt.LinearSum(size * lines[i] for i, size in row.sizes.items()) <= float(row.room)
        )
    model.maximize(top)
    answer = mathopt.solve(model, mathopt.SolverType.HIGHS)
    if answer.termination.reason != mathopt.TerminationReason.OPTIMAL:
        raise AnswerRefusedError(f"the second engine found no optimum: {answer.termination.reason}")
    return float(answer.objective_value())
