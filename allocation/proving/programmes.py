"""The lexicographic maximum of the smallest levels, by one linear programme after the other.

Each programme raises the smallest level of the lines that are still free as far as it goes; lines whose row has a dual
price cannot stand higher in any optimum and are settled there, lines that have all they may get are settled too.
(W. Ogryczak, M. Pióro and A. Tomaszewski describe such sequences; the duals save the usual second programme a step.)
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from allocation.verification.entitlement import Claims
from allocation.verification.given import NONE, Ints

Floats = npt.NDArray[np.float64]

ENGINES: Final = ("GLOP", "HIGHS")
PRICED: Final = 1e-7
"""A line's part of the price of the level above which it counts as binding; all parts add up to 1."""
_NEAR: Final = 1e-9


@dataclass(frozen=True, eq=False)
class Stage:
    """A stretch in which lines rise from where they are to `until` units, at `offset` + `rate`·level in between."""

    lines: Ints
    offset: Floats
    rate: Floats
    until: Floats


@dataclass(frozen=True, eq=False)
class Programme:
    """What is shared, in parts of the largest claim, and how lines rise.

    Parameters
    ----------
    low, high
        What each line gets at least and at most.
    rows
        Limit, lines, and what one unit of each takes, of every constraint that several lines or one alone could fill.
    stages
        Tier after tier, phase after phase.
    unit
        The largest claim, in units.
    """

    low: Floats
    high: Floats
    rows: Sequence[tuple[float, Ints, Floats]]
    stages: Sequence[Stage]
    unit: float


class EngineFailed(Exception):  # noqa: N818  # a state of the solver, not a fault of the program
    """A solver of linear programmes did not come to an optimum."""


def programme_of(claims: Claims, base: Ints, top: Ints, rule: str) -> Programme:
    """Put a problem as a programme.

    Parameters
    ----------
    base, top
        Packs that each line gets at least and at most.
    """
    unit = float(max((top * claims.pack).max(initial=0), 1))
    low, high = base * claims.pack / unit, top * claims.pack / unit
    rows = []
    for kind in claims.kinds:
        number = kind.of(claims.given.retailer, claims.given.sku)
        size = kind.size[claims.sku] / claims.pack
        for constraint in np.unique(number[number != NONE]).tolist():
            lines = np.flatnonzero((number == constraint) & (size > 0) & (top > 0))
            if lines.size and float(size[lines] @ high[lines]) * unit > kind.limits[constraint]:
                largest = float(size[lines].max())
                rows.append((float(kind.limits[constraint]) / unit / largest, lines, size[lines] / largest))
    return Programme(low, high, rows, _stages(claims, top, rule, unit), unit)


def _stages(claims: Claims, top: Ints, rule: str, unit: float) -> list[Stage]:
    claim, high = claims.eligible * claims.pack / unit, top * claims.pack / unit
    nothing, one = np.zeros_like(claim), np.ones_like(claim)
    stages = []
    for tier in np.unique(claims.tier).tolist():
        lines = np.flatnonzero(claims.tier == tier)
        match rule:
            case "max_min":
                weight = claims.weight / claims.weight[lines].max()
                stages.append(Stage(lines, nothing, weight, high))
            case "proportional":
                stages.append(Stage(lines, nothing, np.maximum(claim, _NEAR), high))
            case "equal_losses":
                stages.append(Stage(lines, claim, one, high))
            case _:
                stages.append(Stage(lines, nothing, one, np.minimum(claim / 2, high)))
                stages.append(Stage(lines, claim, one, high))
    return stages


def leximin(programme: Programme, engine: str) -> Floats:
    """Return units a line: the smallest level as large as possible, then the next, stage by stage.

    Raises
    ------
    EngineFailed
        Where the engine does not find an optimum.
    """
    model = _Model(programme, engine)
    reached = programme.low.copy()
    stopped = np.zeros(len(reached), dtype=np.bool_)
    for stage in programme.stages:
        free = {int(line) for line in stage.lines if not stopped[line] and reached[line] < stage.until[line] - _NEAR}
        model.open(stage, sorted(free), reached)
        while free:
            level, priced = model.raise_level()
            award = stage.offset + stage.rate * level
            done = {line for line in free if award[line] >= stage.until[line] - _NEAR} | (priced & free)
            for line in sorted(done):
                reached[line] = min(max(award[line], reached[line]), stage.until[line])
                stopped[line] = award[line] < stage.until[line] - _NEAR
                model.settle(line, reached[line])
            free -= done
    return reached * programme.unit


class _Model:
    """The linear programme of the current stage, changed from step to step."""

    def __init__(self, programme: Programme, engine: str) -> None:
        from ortools.math_opt.python import mathopt  # noqa: PLC0415  # seconds to import, and only proofs need it

        self.mathopt, self.engine = mathopt, mathopt.SolverType[engine]
        self.programme = programme
        self.model = mathopt.Model()
        bounds = zip(programme.low.tolist(), programme.high.tolist(), strict=True)
        self.units = [self.model.add_variable(lb=low, ub=max(low, high)) for low, high in bounds]
        self.level = self.model.add_variable()
        self.rising: dict[int, Any] = {}
        self.stage: Stage | None = None
        for limit, lines, sizes in programme.rows:
            used = mathopt.LinearSum(
                size * self.units[line] for line, size in zip(lines.tolist(), sizes.tolist(), strict=True)
            )
            self.model.add_linear_constraint(used <= limit)
        self.model.maximize(self.level)

    def open(self, stage: Stage, free: Sequence[int], reached: Floats) -> None:
        """Let the lines that are free rise; all others of earlier stages stay where they are."""
        self.stage = stage
        for line in free:
            self.units[line].lower_bound = reached[line]
            self.units[line].upper_bound = max(reached[line], float(stage.until[line]))
            award = float(stage.offset[line]) + float(stage.rate[line]) * self.level
            self.rising[line] = self.model.add_linear_constraint(self.units[line] - award >= 0)

    def raise_level(self) -> tuple[float, set[int]]:
        """Solve, and return the level and the lines that hold it down: at least one."""
        answer = self.mathopt.solve(self.model, self.engine)
        if answer.termination.reason is not self.mathopt.TerminationReason.OPTIMAL:
            raise EngineFailed(f"{self.engine.name} ends with {answer.termination.reason.name}")
        assert self.stage is not None  # noqa: S101  # a stage is opened first
        duals = answer.dual_values()
        prices = {line: abs(duals[row]) * float(self.stage.rate[line]) for line, row in self.rising.items()}
        least = min(PRICED, max(prices.values()))
        return float(answer.variable_values()[self.level]), {line for line, price in prices.items() if price >= least}

    def settle(self, line: int, units: float) -> None:
        """Keep a line where it is from now on."""
        self.model.delete_linear_constraint(self.rising.pop(line))
        self.units[line].upper_bound = max(units, float(self.programme.low[line]))
        self.units[line].lower_bound = min(units * (1 - _NEAR), self.units[line].upper_bound)
