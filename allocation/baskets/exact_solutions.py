"""Linear programmes whose answer is exact: a solver finds the basis, fractions make the answer, and both are checked.

OR-Tools MathOpt solves in floating point, by GLOP and, where GLOP's basis does not hold, by HiGHS. From a basis follow
all values by linear equations in integers; what does not satisfy every bound and sign exactly is refused.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from allocation.baskets.equations import ContradictionError, solved
from allocation.errors import AnswerRefusedError

Number = int | Fraction
INFINITY: Final = float("inf")

_REFINEMENTS: Final = 4
"""How often an engine is asked again, each time nearer to the answer."""
_FAR: Final = 1e12
"""Bounds farther off than so many units are left out."""


@dataclass(frozen=True)
class LinearProgramme:
    """Maximise `worth`·x over `low` ≤ x ≤ `high` and, row by row, least ≤ a·x ≤ most; None: no bound.

    `rows` are (least, most, {column: coefficient}).
    """

    worth: Sequence[int]
    low: Sequence[Number]
    high: Sequence[Number | None]
    rows: Sequence[tuple[Number | None, Number | None, Mapping[int, int]]]


@dataclass(frozen=True)
class ExactSolution:
    """Values of the columns, and the duals of the rows: worth a unit of the bound that holds a row."""

    values: list[Fraction]
    duals: list[Fraction]


class _InexactError(Exception):
    """A basis that does not hold in exact numbers."""


def solve_exactly(programme: LinearProgramme) -> ExactSolution | None:
    """Return an optimal solution that has been proven to be one; None where no solution is feasible.

    Raises
    ------
    AnswerRefusedError
        Where no engine's basis holds exactly.
    """
    from ortools.math_opt.python import mathopt  # noqa: PLC0415  # seconds to import, and only baskets need it

    faults: list[str] = []
    for engine in (mathopt.SolverType.GLOP, mathopt.SolverType.HIGHS):
        if (solution := _solve_by(programme, engine, faults)) is not None:
            return solution
    if not faults:
        return None
    raise AnswerRefusedError(f"no solver's answer holds in exact numbers ({'; '.join(faults)}); nothing is published")


def _solve_by(programme: LinearProgramme, engine: Any, faults: list[str]) -> ExactSolution | None:
    """Return an optimal solution; None where the engine finds nothing feasible, or nothing that holds: see `faults`."""
    seen: tuple[LinearProgramme, Number | None] = (programme, None)
    for _ in range(_REFINEMENTS):
        try:
            basis = _basis(*seen, engine=engine)
            if basis is None:
                return None
            solution = _from_basis(programme, *basis)
        except (ContradictionError, _InexactError) as wrong:
            faults.append(f"{engine.name}: {wrong}")
            return None
        fault = _fault_of(programme, solution)
        if fault is None:
            return solution
        faults.append(f"{engine.name}: {fault}")
        seen = _around(programme, solution.values)
    return None


def is_feasible(programme: LinearProgramme) -> bool:
    """Say whether anything is feasible, as far as GLOP can tell; to look for what is proven later."""
    from ortools.math_opt.python import mathopt  # noqa: PLC0415  # seconds to import, and only baskets need it

    try:
        return _basis(programme, engine=mathopt.SolverType.GLOP) is not None
    except _InexactError:
        return False


def _around(programme: LinearProgramme, values: Sequence[Fraction]) -> tuple[LinearProgramme, Fraction]:
    """Return the programme seen from near its optimum, and the unit in which to see it: the largest violation.

    Iterative refinement (A. Gleixner, D. Steffy, K. Wolter: Iterative refinement for linear programming, *INFORMS
    Journal on Computing* 28, 2016): what floating point could not tell apart by the side of large numbers it can by
    the side of what is left of them.
    """
    off = Fraction(0)
    rows: list[tuple[Number | None, Number | None, Mapping[int, int]]] = []
    for least, most, coefficients in programme.rows:
        amount = sum(a * values[column] for column, a in coefficients.items())
        up, down = (None if end is None else end - amount for end in (least, most))
        size = max(map(abs, coefficients.values()), default=1) or 1
        off = max(off, Fraction(up or 0) / size, -Fraction(down or 0) / size)
        rows.append((up, down, coefficients))
    low = [bound - value for bound, value in zip(programme.low, values, strict=True)]
    high = [None if bound is None else bound - value for bound, value in zip(programme.high, values, strict=True)]
    off = max(off, *low, *(-bound for bound in high if bound is not None))
    return LinearProgramme(programme.worth, low, high, rows), off or Fraction(1)


def _basis(
    programme: LinearProgramme, unit: Number | None = None, *, engine: Any
) -> tuple[dict[int, str], dict[int, str]] | None:
    """Solve in floating point; return the status of columns and rows, None where nothing is feasible.

    Raises :class:`_InexactError` where the engine comes to no answer.

    Quantities are scaled by `unit`, or by the largest of them, rows and columns by the geometric mean of their
    extremes; bounds that are very far off are left out.
    """
    from ortools.math_opt.python import mathopt  # noqa: PLC0415  # seconds to import, and only baskets need it

    if unit is None:
        unit = max([1, *(high for high in programme.high if high is not None)])
    unit = Fraction(unit)
    of_row = [_middle(map(abs, coefficients.values())) for _, _, coefficients in programme.rows]
    across: list[list[float]] = [[] for _ in programme.worth]
    for (_, _, coefficients), size in zip(programme.rows, of_row, strict=True):
        for column, coefficient in coefficients.items():
            across[column].append(abs(coefficient) / size)
    of_column = [_middle(sizes) for sizes in across]
    model = mathopt.Model()
    columns = [
        model.add_variable(
            lb=_scaled(low, unit / Fraction(size), -INFINITY),
            ub=_scaled(high, unit / Fraction(size), INFINITY),
        )
        for low, high, size in zip(programme.low, programme.high, of_column, strict=True)
    ]
    rows = []
    for (least, most, coefficients), size in zip(programme.rows, of_row, strict=True):
        row = model.add_linear_constraint(
            lb=_scaled(least, unit * Fraction(size), -INFINITY),
            ub=_scaled(most, unit * Fraction(size), INFINITY),
        )
        for column, coefficient in coefficients.items():
            row.set_coefficient(columns[column], coefficient / size / of_column[column])
        rows.append(row)
    worths = [worth / size for worth, size in zip(programme.worth, of_column, strict=True)]
    dearest = max([0.0, *map(abs, worths)]) or 1.0
    model.maximize(
        mathopt.LinearSum(worth / dearest * column for worth, column in zip(worths, columns, strict=True) if worth)
    )
    parameters = mathopt.SolveParameters()
    if engine is mathopt.SolverType.GLOP:
        parameters.glop.primal_feasibility_tolerance = 1e-10
        parameters.glop.dual_feasibility_tolerance = 1e-10
    answer = mathopt.solve(model, engine, params=parameters)
    if answer.termination.reason in (
        mathopt.TerminationReason.INFEASIBLE,
        mathopt.TerminationReason.INFEASIBLE_OR_UNBOUNDED,
    ):
        return None
    basis = answer.solutions[0].basis if answer.solutions else None
    if basis is None:
        raise _InexactError(f"it ends with {answer.termination.reason.name}")
    status, held = basis.variable_status, basis.constraint_status
    return (
        {i: status[column].name for i, column in enumerate(columns)},
        {i: held[row].name for i, row in enumerate(rows)},
    )


def _scaled(bound: Number | None, unit: Fraction, far: float) -> float:
    """Return a bound in floating point, `far` where there is none or it cannot matter."""
    if bound is None:
        return far
    scaled = float(Fraction(bound) / unit)
    return far if abs(scaled) > _FAR and (scaled > 0) is (far > 0) else scaled


def _middle(sizes: Iterable[float]) -> float:
    """Return the geometric mean of the smallest and the largest size, 1 where there is none."""
    some = list(sizes)
    return math.sqrt(min(some) * max(some)) if some else 1.0


def _from_basis(programme: LinearProgramme, columns: Mapping[int, str], rows: Mapping[int, str]) -> ExactSolution:
    """Work out the solution of a basis in fractions."""
    values: dict[int, Number] = {}
    for column, status in columns.items():
        if status != "BASIC":
            high = programme.high[column]
            values[column] = high if status == "AT_UPPER_BOUND" and high is not None else programme.low[column]
    basic = [column for column, status in columns.items() if status == "BASIC"]
    tight = [row for row, status in rows.items() if status != "BASIC"]
    equations = []
    for row in tight:
        least, most, coefficients = programme.rows[row]
        bound = most if least is None or (rows[row] == "AT_UPPER_BOUND" and most is not None) else least
        if bound is None:
            raise _InexactError("a row without a bound is called tight")
        fixed = sum(values[column] * a for column, a in coefficients.items() if column in values)
        equations.append(({column: a for column, a in coefficients.items() if column not in values}, bound - fixed))
    values |= solved(equations, basic)
    across: dict[int, dict[int, int]] = {column: {} for column in basic}
    for row in tight:
        for column, a in programme.rows[row][2].items():
            if column in across:
                across[column][row] = a
    duals = solved([(across[column], programme.worth[column]) for column in basic], tight)
    return ExactSolution(
        [Fraction(values[column]) for column in range(len(programme.worth))],
        [Fraction(duals.get(row, 0)) for row in range(len(programme.rows))],
    )


def _fault_of(programme: LinearProgramme, solution: ExactSolution) -> str | None:
    """Say why a solution is not an optimal one; None where it is."""
    try:
        _prove(programme, solution)
    except _InexactError as fault:
        return str(fault)
    return None


def _prove(programme: LinearProgramme, solution: ExactSolution) -> None:
    """Check feasibility, the signs of the duals and that both sides are worth the same, all exactly."""
    reduced: list[Number] = list(programme.worth)
    bound: Number = 0
    for (least, most, coefficients), dual in zip(programme.rows, solution.duals, strict=True):
        amount = sum(a * solution.values[column] for column, a in coefficients.items())
        _within(amount, least, most, "row")
        if dual:
            bound += dual * _end(dual, least, most)
            for column, a in coefficients.items():
                reduced[column] -= dual * a
    for value, gain, low, high in zip(solution.values, reduced, programme.low, programme.high, strict=True):
        _within(value, low, high, "column")
        if gain:
            bound += gain * _end(gain, low, high)
    if bound != sum(worth * value for worth, value in zip(programme.worth, solution.values, strict=True) if worth):
        raise _InexactError("there is a gap between the answer and its bound")


def _within(amount: Number, least: Number | None, most: Number | None, what: str) -> None:
    if (least is not None and amount < least) or (most is not None and amount > most):
        raise _InexactError(f"a bound of a {what} is violated")


def _end(gain: Number, least: Number | None, most: Number | None) -> Number:
    """Return the bound at which something that gains so much per unit is worth most."""
    end = most if gain > 0 else least
    if end is None:
        raise _InexactError("something without an end is worth having more of")
    return end
