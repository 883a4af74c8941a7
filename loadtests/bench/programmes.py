"""The first level of a coupled problem as a linear programme, for solvers of such: the peers of the fast filling.

Maximise t where every line gets at least weight·t and at most what it asks for, within supplies, credits and quotas.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from allocation import Problem

WITHIN_S: Final = 120.0
"""A peer that is not done by then is stopped; its time is then a lower bound."""


@dataclass(frozen=True, eq=False)
class Programme:
    """Rows ``matrix @ (x, t) ≤ upper``; all variables are 0 or more, `most` at most."""

    matrix: Any
    upper: Any
    most: Any


def first_level_programme(problem: Problem) -> Programme:
    """Write the programme as one sparse matrix: constraints first, then weight·t − x ≤ 0 for each line."""
    import scipy.sparse  # noqa: PLC0415  # comes with cvxpy

    lines, constraints = len(problem), problem.constraints
    row: list[Any] = []
    column: list[Any] = []
    value: list[Any] = []
    for slot in constraints.slots:
        used = np.flatnonzero(slot.constraint >= 0)
        size = problem.lines.pack[used].astype(np.float64)
        if slot.in_money:
            size *= problem.supply.price_minor[problem.requests.sku[used]]
        row.append(slot.constraint[used])
        column.append(used)
        value.append(size)
    every, limits = np.arange(lines), len(constraints.limits)
    row += [limits + every, limits + every]
    column += [every, np.full(lines, lines)]
    value += [np.full(lines, -1.0), problem.lines.weight.astype(np.float64)]
    matrix = scipy.sparse.csr_matrix(
        (np.concatenate(value), (np.concatenate(row), np.concatenate(column))), shape=(limits + lines, lines + 1)
    )
    upper = np.concatenate([np.array(constraints.limits, dtype=np.float64), np.zeros(lines)])
    return Programme(matrix, upper, np.append(problem.lines.eligible.astype(np.float64), np.inf))


def by_ortools(programme: Programme, solver: str) -> Callable[[], float]:
    """Return what solves it by GLOP or PDLP through OR-Tools; the model is built before."""
    from ortools.linear_solver.python import model_builder_helper  # noqa: PLC0415  # seconds to import, for one row

    columns = programme.matrix.shape[1]
    model: Any = model_builder_helper.ModelBuilderHelper()
    worth = np.zeros(columns)
    worth[-1] = 1.0
    below = np.full(len(programme.upper), -np.inf)
    model.fill_model_from_sparse_data(
        np.zeros(columns), programme.most, worth, below, programme.upper, programme.matrix
    )
    model.set_maximize(True)

    def solved() -> float:
        engine = model_builder_helper.ModelSolverHelper(solver)
        engine.set_time_limit_in_seconds(WITHIN_S)
        engine.solve(model)
        return float(engine.objective_value()) if engine.has_solution() else float("nan")

    return solved


def by_highs(programme: Programme) -> Callable[[], float]:
    """Return what solves it by the interior point method of HiGHS; the model is built before."""
    import highspy  # noqa: PLC0415  # seconds to import, for one row

    engine_of: Any = highspy.Highs
    matrix, columns = programme.matrix, programme.matrix.shape[1]
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = columns, matrix.shape[0]
    model.col_cost_ = np.append(np.zeros(columns - 1), -1.0)
    model.col_lower_, model.col_upper_ = np.zeros(columns), programme.most
    model.row_lower_, model.row_upper_ = np.full(matrix.shape[0], -np.inf), programme.upper
    model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    model.a_matrix_.start_, model.a_matrix_.index_, model.a_matrix_.value_ = matrix.indptr, matrix.indices, matrix.data

    def solved() -> float:
        engine = engine_of()
        engine.setOptionValue("output_flag", False)
        engine.setOptionValue("solver", "ipm")
        engine.setOptionValue("time_limit", WITHIN_S)
        engine.passModel(model)
        engine.run()
        return -float(engine.getInfo().objective_function_value)

    return solved


def by_cvxpy(programme: Programme) -> Callable[[], float]:
    """Return what states it in cvxpy and solves it by HiGHS, as one writes it."""
    import cvxpy  # noqa: PLC0415  # seconds to import, for one row

    def solved() -> float:
        x = cvxpy.Variable(programme.matrix.shape[1], nonneg=True)
        bounded = np.isfinite(programme.most)
        within = [programme.matrix @ x <= programme.upper, x[bounded] <= programme.most[bounded]]
        stated = cvxpy.Problem(cvxpy.Maximize(x[-1]), within)
        solve: Any = stated.solve
        solve(solver=cvxpy.HIGHS, time_limit=WITHIN_S)
        return float(x.value[-1]) if x.value is not None else float("nan")

    return solved
