"""Totals of the claimants by a sequence of linear programmes, each with the duals that prove it.

A stage raises the smallest level of all claimants that are still open as far as it goes. Claimants whose dual is above
0 can have no more in any allocation that gives the others as much; they are fixed, and the next stage begins. Claimants
whose own credit, units and lines let them have no more than the level reached are fixed at that without a programme.

See D. Nace, M. Pióro: *Max-min fairness and its applications to routing and load-balancing in communication networks*,
2008, for sequences of this kind.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from allocation.baskets.claimants import Number, Programme, Row
from allocation.baskets.exact_solutions import LinearProgramme, is_feasible, solve_exactly
from allocation.errors import AnswerRefusedError


@dataclass(frozen=True)
class Stage:
    """The level that some claimants cannot pass, and the proof.

    Parameters
    ----------
    level
        Units by weight.
    of_rows, of_claimants
        Duals above 0 of rows, and duals other than 0 of claimants. Those of open claimants by their weights add up
        to 1, and bound every allocation: Σ dual·total ≤ Σ dual·room + what the lines' own limits add.
    """

    level: Fraction
    of_rows: dict[int, Fraction]
    of_claimants: dict[int, Fraction]


@dataclass
class Totals:
    """Units of each claimant, exact, and the stages in which they were fixed."""

    units: dict[int, Fraction] = field(default_factory=dict)
    stages: list[Stage] = field(default_factory=list)

    def fix(self, programme: Programme, stage: Stage) -> None:
        """Fix the open claimants that a stage names."""
        self.stages.append(stage)
        for claimant, dual in stage.of_claimants.items():
            if dual > 0:
                self.units.setdefault(claimant, stage.level * programme.claimants[claimant].weight)


def totals_of(programme: Programme) -> Totals:
    """Return the weighted lexicographic max-min of the claimants' totals.

    Raises
    ------
    AnswerRefusedError
        Where a solver's answer does not hold in exact numbers.
    """
    totals = Totals()
    own_ends = sorted(own_ends_of(programme), key=lambda stage: (stage.level, min(stage.of_claimants)))
    while len(totals.units) < len(programme.claimants):
        open_ends = [stage for stage in own_ends if min(stage.of_claimants) not in totals.units]
        reached = _ends_within_reach(programme, totals, open_ends)
        for stage in open_ends[:reached]:
            totals.fix(programme, stage)
        if reached < len(open_ends):
            stage = _raise_level(programme, totals.units)
            if not any(claimant not in totals.units for claimant in stage.of_claimants):
                raise AnswerRefusedError("a stage of the baskets fixes nobody; nothing is published")
            totals.fix(programme, stage)
    return totals


def own_ends_of(programme: Programme) -> list[Stage]:
    """Return for each claimant how far it could get if nobody else asked for anything."""
    return [_own_end(programme, c, own) for c, own in enumerate(own_rows_of(programme))]


def own_rows_of(programme: Programme) -> list[list[int]]:
    """Return for each claimant the rows that nobody else uses."""
    own_rows: list[list[int]] = [[] for _ in programme.claimants]
    claimant_of = programme.claimant_of
    for r, row in enumerate(programme.rows):
        claimants = {claimant_of[i] for i in row.sizes}
        if len(claimants) == 1:
            own_rows[claimants.pop()].append(r)
    return own_rows


def _own_end(programme: Programme, c: int, own_rows: Sequence[int]) -> Stage:
    """Return how far a claimant can get within its lines and the rows that nobody else uses.

    Of the constraints that are all its own the tightest counts, filled with the smallest sizes first.
    """
    claimant = programme.claimants[c]
    best: Number = sum(programme.high[i] for i in claimant.members)
    duals: dict[int, Fraction] = {}
    share = Fraction(1, claimant.weight)
    for r in own_rows:
        total, marginal = _most_within(programme, c, programme.rows[r])
        if marginal and total < best:
            best, duals = total, {r: share / marginal}
    return Stage(Fraction(best) / claimant.weight, duals, {c: share})


def _most_within(programme: Programme, c: int, row: Row) -> tuple[Number, int]:
    """Return the most units within one row, and the size of the units that did not all fit (0: all did)."""
    members = programme.claimants[c].members
    sizes = row.sizes
    left = row.room - sum(size * programme.low[i] for i, size in sizes.items())
    total: Number = sum(programme.low[i] for i in members)
    for size, i in sorted((sizes.get(i, 0), i) for i in members):
        more: Number = programme.high[i] - programme.low[i]
        if size and more * size > left:
            return total + Fraction(left) / size, size
        total, left = total + more, left - more * size
    return total, 0


def _ends_within_reach(programme: Programme, totals: Totals, ends: Sequence[Stage]) -> int:
    """Return how many of the claimants, in the order of their own ends, can all have that, everybody else no less."""
    low, high = 0, len(ends)
    while low < high:
        middle = (low + high + 1) // 2
        if _can_have(programme, totals.units, ends[:middle], ends[middle - 1].level):
            low = middle
        else:
            high = middle - 1
    return low


def _can_have(programme: Programme, fixed: dict[int, Fraction], ends: Sequence[Stage], level: Fraction) -> bool:
    wanted = {c: fixed.get(c, level * claimant.weight) for c, claimant in enumerate(programme.claimants)}
    wanted |= {c: end.level * programme.claimants[c].weight for end in ends for c in end.of_claimants}
    rows: list[tuple[Number | None, Number | None, dict[int, int]]] = [
        (wanted[c], None, dict.fromkeys(claimant.members, 1)) for c, claimant in enumerate(programme.claimants)
    ]
    rows += [(None, row.room, row.sizes) for row in programme.rows]
    nothing = [0] * len(programme.line)
    return is_feasible(LinearProgramme(nothing, programme.low, programme.high, rows))


def _raise_level(programme: Programme, fixed: dict[int, Fraction]) -> Stage:
    """Raise the smallest level of the open claimants as far as it goes."""
    level = len(programme.line)
    rows: list[tuple[Number | None, Number | None, dict[int, int]]] = []
    for c, claimant in enumerate(programme.claimants):
        members = dict.fromkeys(claimant.members, 1)
        rows.append((fixed[c], None, members) if c in fixed else (0, None, members | {level: -claimant.weight}))
    rows += [(None, row.room, row.sizes) for row in programme.rows]
    solution = solve_exactly(
        LinearProgramme([*[0] * level, 1], [*programme.low, 0], [*programme.high, None], rows),
    )
    if solution is None:
        raise AnswerRefusedError("totals that were proven possible cannot be had; nothing is published")
    first_row = len(programme.claimants)
    return Stage(
        solution.values[level],
        {r: dual for r in range(len(programme.rows)) if (dual := solution.duals[first_row + r])},
        {c: -dual for c in range(first_row) if (dual := solution.duals[c])},
    )
