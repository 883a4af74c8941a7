"""The totals of baskets once more: by the textbook, in floating point, with another engine and no duals.

Each stage raises the smallest level of the open claimants, by HiGHS; whoever cannot be given more while all others keep
at least that level is fixed. One programme a claimant and stage, on what the checker read for itself.
"""

from collections.abc import Mapping
from typing import Any, Final

from allocation.proving.programmes import EngineFailed
from allocation.verification.basket_shares import Claimant, Shared
from allocation.verification.findings import Violation
from allocation.verification.sentences import sentence

ENGINE: Final = "HIGHS"
_TOLERANCE: Final = 1e-6
_SLACK: Final = 1e-9


def contradictions_of(shared: Shared, totals: Mapping[Claimant, Any]) -> list[Violation]:
    """Compare totals, in units, with the weighted lexicographic max-min that the engine finds.

    Raises
    ------
    EngineFailed
        Where the engine does not come to an optimum.
    """
    right = totals_by_another_engine(shared)
    largest = max([1.0, *right.values()])
    return [
        Violation(
            ", ".join(claimant),
            sentence(
                "its basket holds {found}, but the optimum is {right}",
                found=f"{float(totals[claimant]):.6f}",
                right=f"{units:.6f}",
            ),
        )
        for claimant, units in right.items()
        if abs(float(totals[claimant]) - units) > 10 * _TOLERANCE * largest
    ]


def totals_by_another_engine(shared: Shared) -> dict[Claimant, float]:
    """Return the weighted lexicographic max-min of the claimants' totals, in units."""
    fixed: dict[Claimant, float] = {}
    weight = {claimant: shared.weight[lines[0]] for claimant, lines in shared.claimants.items()}
    while len(fixed) < len(weight):
        level = _most(shared, weight, fixed, level=None, one=None)
        stuck = []
        for claimant in weight.keys() - fixed.keys():
            most = _most(shared, weight, fixed, level=level, one=claimant)
            if most <= level * weight[claimant] + _TOLERANCE * max(1.0, abs(most)):
                stuck.append(claimant)
        if not stuck:
            raise EngineFailed(f"{ENGINE} raised a level, and nobody is stuck at it")
        fixed |= {claimant: level * weight[claimant] for claimant in stuck}
    return fixed


def _most(
    shared: Shared,
    weight: Mapping[Claimant, int],
    fixed: Mapping[Claimant, float],
    *,
    level: float | None,
    one: Claimant | None,
) -> float:
    """Return the highest level of the open claimants, or the most units of `one` with all others at `level`."""
    from ortools.math_opt.python import mathopt  # noqa: PLC0415  # seconds to import, and only proofs need it

    model = mathopt.Model()
    lines = {line: model.add_variable(lb=low, ub=shared.high[line]) for line, low in shared.low.items()}
    top = model.add_variable(lb=0)
    for claimant, members in shared.claimants.items():
        units = mathopt.LinearSum(lines[line] for line in members)
        if claimant in fixed:
            model.add_linear_constraint(units >= fixed[claimant] * (1 - _SLACK))
        elif claimant == one:
            model.add_linear_constraint(units - top >= 0)
        elif level is None:
            model.add_linear_constraint(units - weight[claimant] * top >= 0)
        else:
            model.add_linear_constraint(units >= level * weight[claimant] * (1 - _SLACK))
    for constraint in shared.tight.values():
        used = mathopt.LinearSum(size * lines[line] for line, size in constraint.sizes.items())
        model.add_linear_constraint(used <= float(constraint.room))
    model.maximize(top)
    answer = mathopt.solve(model, mathopt.SolverType[ENGINE])
    if answer.termination.reason is not mathopt.TerminationReason.OPTIMAL:
        raise EngineFailed(f"{ENGINE} ends with {answer.termination.reason.name}")
    return float(answer.objective_value())
