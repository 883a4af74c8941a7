"""Lines that get at least their minimum or nothing, or exclude each other: who of them is served.

1. Everything is filled as if there were no minimums and no bundles. Where that filling settles which line of an
   exclusive bundle stays (see :mod:`allocation.filling.bundles`), the others of it are left out. Lines that end below
   their minimum stand aside; together they may share what that filling gave to them and to the lines left out, so that
   nobody else pays for their minimums.
2. Of the lines that stand aside as many as possible are served, tier by tier (leximin: the fewest at zero), of a
   bundle at most one. Among equally many, the line whose minimum is completed first in the order of the packs goes
   first, then the next.
3. Everything is filled again: the lines served have their minimum as their floor, those left out get nothing.

Step 2 is an integer programme, solved by OR-Tools CP-SAT: lines that need the same of everything are exchangeable, so
that the first of them in the order are served and the programme counts them. It is solved deterministically (one
worker, one seed, counted work), in numbers below 2^31, and its answer is checked here before it is used.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from math import gcd
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from allocation.errors import AnswerRefusedError, WorkLimitError
from allocation.filling.bundles import Bundle, Draw, bundles_of, left_out_of, settled
from allocation.filling.outcome import Filling
from allocation.filling.progressive import Moment, moment_of
from allocation.filling.rules import Order
from allocation.limits import MINIMUM_LINES_PER_GROUP, MINIMUM_WORK, SOLVER_COEFFICIENT_END
from allocation.problem import Lines, Problem

_BITS: Final = 20
"""Lines decided in one solve, each worth twice the next: the sum stays far below 2^31."""


@dataclass(frozen=True)
class Candidate:
    """A line below its minimum: when its minimum's last pack would come, and what the minimum takes of what.

    A bundle of which several lines are candidates is a constraint with room for one, and stands first.
    """

    line: int
    moment: Moment
    draw: bytes
    needs: tuple[tuple[int, int], ...]

    @property
    def tier(self) -> int:
        """The line's tier."""
        return self.moment[0]


@dataclass(frozen=True)
class Choice:
    """Who of the candidates is served; `room` is what they share of each constraint.

    `excluded` are further lines left out, since another line of their bundle stays.
    """

    candidates: tuple[Candidate, ...]
    served: frozenset[int]
    room: dict[int, int]
    excluded: tuple[int, ...]

    def lines_of(self, lines: Lines) -> Lines:
        """Return what each line may get in the second filling."""
        left_out = [candidate.line for candidate in self.candidates if candidate.line not in self.served]
        left_out += self.excluded
        eligible = lines.eligible.copy()
        eligible[left_out] = 0
        floor = np.minimum(np.maximum(lines.floor, lines.minimum), eligible)
        return replace(lines, floor=floor, eligible=eligible)

    def note_left_out(self, problem: Problem, filling: Filling) -> None:
        """Say what stopped each line left out: its bundle, what had no room for its minimum, or the draw alone."""
        beyond, exclusive = len(problem.constraints.names), problem.requests.exclusive
        for line in self.excluded:
            filling.stopped_by[line] = beyond + exclusive[line]
        taken: defaultdict[int, int] = defaultdict(int)
        alike: defaultdict[tuple[int, Moment], list[Candidate]] = defaultdict(list)
        sku = problem.requests.sku
        for candidate in self.candidates:
            if candidate.line in self.served:
                alike[int(sku[candidate.line]), candidate.moment].append(candidate)
                for constraint, amount in candidate.needs:
                    taken[constraint] += amount
        for candidate in self.candidates:
            if candidate.line in self.served:
                continue
            lacking = [c for c, amount in candidate.needs if taken[c] + amount > self.room[c]]
            stopped_by = (lacking or [candidate.needs[0][0]])[0]
            if stopped_by >= beyond:
                stopped_by = beyond + int(exclusive[candidate.line])
            filling.stopped_by[candidate.line] = stopped_by
            filling.by_draw[candidate.line] = any(
                all(taken[c] - dict(other.needs).get(c, 0) + amount <= self.room[c] for c, amount in candidate.needs)
                for other in alike[int(sku[candidate.line]), candidate.moment]
            )


def choose(problem: Problem, order: Order, rounding: str, draw: Draw, first: Filling) -> Choice:
    """Choose who of the lines below their minimum after the `first` filling is served, and what stays of each bundle.

    Raises
    ------
    WorkLimitError
        Where lines that hang together are too many, or the programme is not solved within its counted work.
    AnswerRefusedError
        Where numbers cannot be brought below 2^31, or the solver's answer fails our check.
    """
    lines = problem.lines
    undecided, excluded = _settle(problem, draw, first)
    aside = (lines.minimum > 0) & (first.granted < lines.minimum)
    aside[excluded] = False
    bundle_of = _competing(problem, undecided, aside)
    candidates = []
    for line in np.flatnonzero(aside).tolist():
        sku, retailer = problem.names(line)
        minimum = int(lines.minimum[line])
        uses = problem.constraints.of_line(line, int(lines.pack[line]), _price(problem, line))
        needs = (
            *((bundle, 1) for bundle in bundle_of.get(line, ())),
            *((constraint, size * minimum) for constraint, size, _ in uses),
        )
        moment = moment_of(problem, order, rounding, line, minimum)
        candidates.append(Candidate(line, moment, draw(sku, retailer, minimum), needs))
    candidates.sort(key=lambda candidate: (candidate.moment, candidate.draw))
    room = _room(problem, first, candidates, excluded)
    served: set[int] = set()
    for group in _groups(candidates, room):
        served |= _serve(group, room)
    for bundle in undecided:
        excluded += _left_out_late(problem, order, rounding, draw, bundle, served)
    return Choice(tuple(candidates), frozenset(served), room, tuple(excluded))


def _settle(problem: Problem, draw: Draw, first: Filling) -> tuple[list[Bundle], list[int]]:
    """Return the bundles that the first filling does not settle, and the lines left out of those that it does."""
    undecided, excluded = [], []
    for bundle in bundles_of(problem):
        stays = settled(problem, draw, first, bundle)
        if stays is None:
            undecided.append(bundle)
        else:
            excluded += left_out_of(bundle, stays)
    return undecided, excluded


def _competing(
    problem: Problem, undecided: Sequence[Bundle], aside: npt.NDArray[np.bool_]
) -> dict[int, tuple[int, ...]]:
    """Return for each line that stands aside together with another of its bundle the number of their constraint."""
    beyond = len(problem.constraints.names)
    competing = ([line for line in bundle if aside[line]] for bundle in undecided)
    several = [lines for lines in competing if len(lines) > 1]
    return {line: (beyond + number,) for number, lines in enumerate(several) for line in lines}


def _left_out_late(
    problem: Problem, order: Order, rounding: str, draw: Draw, bundle: Bundle, served: Collection[int]
) -> list[int]:
    """Return the lines without a minimum that are left out of a bundle after the choice among those with one."""
    without = [line for line in bundle if problem.lines.minimum[line] == 0]
    if any(line in served for line in bundle):
        return without

    def first_pack(line: int) -> tuple[Moment, bytes]:
        sku, retailer = problem.names(line)
        return moment_of(problem, order, rounding, line, 1), draw(sku, retailer, 1)

    return left_out_of(without, min(without, key=first_pack, default=None))


def _price(problem: Problem, line: int) -> int:
    return int(problem.supply.price_minor[problem.requests.sku[line]])


def _room(
    problem: Problem, first: Filling, candidates: Sequence[Candidate], excluded: Collection[int]
) -> dict[int, int]:
    """Return what the candidates share of each of their constraints: all that the first filling left to them.

    What it gave to lines left out already is theirs too.
    """
    limits = problem.constraints.limits
    room = {c: limits[c] if c < len(limits) else 1 for candidate in candidates for c, _ in candidate.needs}
    aside = {candidate.line for candidate in candidates}.union(excluded)
    for slot in problem.constraints.slots:
        for line in np.flatnonzero(np.isin(slot.constraint, list(room)) & (first.granted > 0)).tolist():
            if line not in aside:
                size = int(problem.lines.pack[line]) * (_price(problem, line) if slot.in_money else 1)
                room[int(slot.constraint[line])] -= size * int(first.granted[line])
    return room


def _groups(candidates: Sequence[Candidate], room: dict[int, int]) -> Iterator[list[Candidate]]:
    """Yield the candidates that hang together by a constraint that has no room for all of them, in their order."""
    demand: defaultdict[int, int] = defaultdict(int)
    for candidate in candidates:
        for constraint, amount in candidate.needs:
            demand[constraint] += amount
    head: dict[int, int] = {}

    def root(constraint: int) -> int:
        while head.setdefault(constraint, constraint) != constraint:
            constraint = head[constraint]
        return constraint

    tight = [[c for c, _ in candidate.needs if demand[c] > room[c]] for candidate in candidates]
    for constraints in tight:
        for constraint in constraints[1:]:
            head[root(constraint)] = root(constraints[0])
    groups: defaultdict[int, list[Candidate]] = defaultdict(list)
    for candidate, constraints in zip(candidates, tight, strict=True):
        groups[root(constraints[0]) if constraints else -1].append(candidate)
    yield from groups.values()


def _serve(group: Sequence[Candidate], room: dict[int, int]) -> set[int]:
    """Return the lines of one group that are served."""
    able = [candidate for candidate in group if all(amount <= room[c] for c, amount in candidate.needs)]
    demand: defaultdict[int, int] = defaultdict(int)
    for candidate in able:
        for constraint, amount in candidate.needs:
            demand[constraint] += amount
    tight = {constraint for constraint, amount in demand.items() if amount > room[constraint]}
    if not tight:
        return {candidate.line for candidate in able}
    if len(able) > MINIMUM_LINES_PER_GROUP:
        raise WorkLimitError(
            f"{len(able)} lines with a minimum hang together; at most {MINIMUM_LINES_PER_GROUP} can be chosen from"
        )
    served = Programme(able, {constraint: room[constraint] for constraint in sorted(tight)}).solve()
    _check(able, served, room)
    return served


def _check(able: Sequence[Candidate], served: set[int], room: dict[int, int]) -> None:
    """Refuse an answer that takes more than there is, or leaves out a line that would still fit."""
    left = dict(room)
    for candidate in able:
        if candidate.line in served:
            for constraint, amount in candidate.needs:
                left[constraint] -= amount
    fits = any(
        candidate.line not in served and all(amount <= left[c] for c, amount in candidate.needs) for candidate in able
    )
    if fits or min(left.values()) < 0:
        raise AnswerRefusedError(
            "the solver's choice among lines with a minimum failed the check; nothing is published"
        )


class Programme:
    """The integer programme of one group: how many of each class of exchangeable lines are served.

    Bounds on each class's count are drawn tighter until they meet.
    """

    def __init__(self, able: Sequence[Candidate], room: dict[int, int]) -> None:
        self.able = able
        kinds: dict[tuple[Any, ...], int] = {}
        self.kind: list[int] = []
        self.rank: list[int] = []
        self.high: list[int] = []
        needs_of: list[dict[int, int]] = []
        self.tier: list[int] = []
        for candidate in able:
            needs = {constraint: amount for constraint, amount in candidate.needs if constraint in room}
            kind = kinds.setdefault((candidate.tier, *needs.items()), len(kinds))
            if kind == len(self.high):
                self.high.append(0)
                self.tier.append(candidate.tier)
                needs_of.append(needs)
            self.high[kind] += 1
            self.kind.append(kind)
            self.rank.append(self.high[kind])
        self.low = [0] * len(self.high)
        self.count: dict[int, int] = {}
        self.rows = [
            _scaled([needs.get(constraint, 0) for needs in needs_of], self.high, limit)
            for constraint, limit in room.items()
        ]

    def solve(self) -> set[int]:
        """Return the lines served."""
        for tier in sorted(set(self.tier)):
            served = self._maximise([(k, None, 1) for k in range(len(self.high)) if self.tier[k] == tier])
            self.count[tier] = sum(served)
        self._draw_tighter()
        while open_lines := [
            i for i in range(len(self.able)) if self.low[self.kind[i]] < self.rank[i] <= self.high[self.kind[i]]
        ]:
            some = open_lines[:_BITS]
            terms = [(self.kind[i], self.rank[i], 1 << (_BITS - 1 - bit)) for bit, i in enumerate(some)]
            for i, is_served in zip(some, self._maximise(terms), strict=True):
                kind, rank = self.kind[i], self.rank[i]
                if is_served:
                    self.low[kind] = max(self.low[kind], rank)
                else:
                    self.high[kind] = min(self.high[kind], rank - 1)
            self._draw_tighter()
        return {
            candidate.line
            for candidate, kind, rank in zip(self.able, self.kind, self.rank, strict=True)
            if rank <= self.low[kind]
        }

    def _draw_tighter(self) -> None:
        """Use that each tier's counts add up to its total."""
        changed = True
        while changed:
            changed = False
            for tier, count in self.count.items():
                members = [k for k in range(len(self.tier)) if self.tier[k] == tier]
                low, high = sum(self.low[k] for k in members), sum(self.high[k] for k in members)
                for k in members:
                    least, most = count - (high - self.high[k]), count - (low - self.low[k])
                    if least > self.low[k] or most < self.high[k]:
                        low, high = low - self.low[k], high - self.high[k]
                        self.low[k], self.high[k] = max(self.low[k], least), min(self.high[k], most)
                        low, high = low + self.low[k], high + self.high[k]
                        changed = True

    def _maximise(self, terms: Sequence[tuple[int, int | None, int]]) -> list[int]:
        """Maximise a sum of counts, or of "at least so many of a class are served", under all that is known.

        Parameters
        ----------
        terms
            (class, None, worth of each served) or (class, rank, worth of serving so many).

        Returns
        -------
        list
            The value of each term's count or truth.
        """
        from ortools.sat.python import cp_model  # noqa: PLC0415  # 0.3 s to import, and only minimums need it

        model = cp_model.CpModel()
        counts = [model.new_int_var(low, high, "") for low, high in zip(self.low, self.high, strict=True)]
        for amounts, limit in self.rows:
            model.add(cp_model.LinearExpr.weighted_sum(counts, amounts) <= limit)
        for tier, count in self.count.items():
            model.add(sum(counts[k] for k in range(len(counts)) if self.tier[k] == tier) == count)
        values = []
        for kind, rank, _ in terms:
            if rank is None:
                values.append(counts[kind])
            else:
                reached = model.new_bool_var("")
                model.add(counts[kind] >= rank).only_enforce_if(reached)
                values.append(reached)
        model.maximize(cp_model.LinearExpr.weighted_sum(values, [worth for _, _, worth in terms]))
        solver = cp_model.CpSolver()
        solver.parameters.num_workers = 1
        solver.parameters.random_seed = 0
        solver.parameters.max_deterministic_time = MINIMUM_WORK
        if solver.solve(model) != cp_model.OPTIMAL:
            raise WorkLimitError("the choice among lines with a minimum was not proven best within its counted work")
        return [int(solver.value(value)) for value in values]


def _scaled(amounts: list[int], counts: Sequence[int], limit: int) -> tuple[list[int], int]:
    """Divide a row by what its amounts have in common; refuse numbers that a solver cannot be trusted with."""
    divisor = gcd(*amounts) or 1
    scaled = [amount // divisor for amount in amounts]
    total = sum(amount * count for amount, count in zip(scaled, counts, strict=True))
    if total >= SOLVER_COEFFICIENT_END:
        raise AnswerRefusedError(
            "lines with a minimum differ too finely to be chosen from exactly; give minimums in rounder numbers"
        )
    return scaled, min(limit // divisor, total)
