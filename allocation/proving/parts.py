"""A programme cut into parts that have no constraint in common: each is proved by itself, as far as it can be."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from allocation.proving.programmes import ENGINES, EngineFailed, Floats, Programme, Stage, leximin
from allocation.verification.given import Ints
from allocation.verification.sentences import Sentence, sentence

LINES_MOST: Final = 1_000
"""Above this number of lines that hang together the programmes take minutes and more."""
RATES_APART_MOST: Final = 10.0**6
"""Weights (or claims) further apart than this cannot be told apart by solvers in floating point."""
TOLERANCE: Final = 1e-6
"""Engines and result agree where no line differs by more than this part of the largest claim among those with which it
hangs together."""


@dataclass(frozen=True, eq=False)
class Optimum:
    """Units a line in the optimum, and what is known of them.

    Parameters
    ----------
    units
        NaN for lines whose part was not solved.
    tolerance
        Units by which each line may differ.
    apart
        Units by which the engines differ at most.
    unproved
        Why parts were not solved.
    """

    units: Floats
    tolerance: Floats
    apart: float
    unproved: tuple[Sentence, ...]

    @property
    def solved(self) -> Ints:
        """The lines that were solved."""
        return np.flatnonzero(~np.isnan(self.units))


def optimum_of(programme: Programme) -> Optimum:
    """Solve each part by both engines. Lines that nothing could stop have all they may get."""
    units = programme.high * programme.unit
    tolerance = np.full(len(units), TOLERANCE * programme.unit)
    unproved, apart = [], 0.0
    for lines, part in parts_of(programme):
        tolerance[lines] = TOLERANCE * part.unit
        refused = _too_large(part)
        if refused is None:
            try:
                first, second = (leximin(part, engine) for engine in ENGINES)
            except EngineFailed as error:
                refused = sentence("no optimum was found: {error}", error=str(error))
            else:
                differ = float(np.abs(first - second).max())
                if differ > TOLERANCE * part.unit:
                    refused = sentence(
                        "{engines} differ by {units} units; neither is believed",
                        engines=" / ".join(ENGINES),
                        units=f"{differ:.3g}",
                    )
                else:
                    units[lines], apart = first, max(apart, differ)
        if refused is not None:
            units[lines] = np.nan
            unproved.append(refused)
    return Optimum(units, tolerance, apart, tuple(unproved))


def parts_of(programme: Programme) -> Iterator[tuple[Ints, Programme]]:
    """Yield the lines that hang together by constraints, and their programme; lines without any are left aside."""
    leader = np.arange(len(programme.low))

    def root(line: int) -> int:
        while leader[line] != line:
            leader[line] = leader[leader[line]]
            line = int(leader[line])
        return line

    for _, lines, _ in programme.rows:
        first = root(int(lines[0]))
        for line in lines[1:].tolist():
            leader[root(line)] = first
    roots = np.array([root(line) for line in range(len(leader))], dtype=np.int64)
    rows: dict[int, list[tuple[float, Ints, Floats]]] = {}
    for row in programme.rows:
        rows.setdefault(int(roots[row[1][0]]), []).append(row)
    for together, own in rows.items():
        lines = np.flatnonzero(roots == together)
        yield lines, _part(programme, lines, own)


def _part(programme: Programme, lines: Ints, rows: list[tuple[float, Ints, Floats]]) -> Programme:
    position = np.full(len(programme.low), -1)
    position[lines] = np.arange(len(lines))
    scale = float(programme.high[lines].max(initial=0)) or 1.0
    stages = []
    for stage in programme.stages:
        here = np.flatnonzero(position[stage.lines] >= 0)
        mine = stage.lines[here]
        if mine.size:  # offsets, rates and ends are by line; only the proportions of rates matter
            rate = stage.rate[lines] / stage.rate[mine].max()
            stages.append(Stage(position[mine], stage.offset[lines] / scale, rate, stage.until[lines] / scale))
    return Programme(
        programme.low[lines] / scale,
        programme.high[lines] / scale,
        [(limit / scale, position[members], sizes) for limit, members, sizes in rows],
        stages,
        programme.unit * scale,
    )


def _too_large(part: Programme) -> Sentence | None:
    """Say why a part is not solved; None where it is."""
    if len(part.low) > LINES_MOST:
        return sentence(
            "{lines} lines hang together by supplies and limits; linear programmes prove up to {most} such lines",
            lines=f"{len(part.low):,}",
            most=f"{LINES_MOST:,}",
        )
    for stage in part.stages:
        rates = stage.rate[stage.lines]
        if rates.max() > RATES_APART_MOST * rates.min():
            return sentence(
                "weights or claims that compete are more than {times} times apart", times=f"{RATES_APART_MOST:,.0f}"
            )
    return None
