"""The baseline: whoever asked first gets all that there is room for. Shown in comparisons, never allocated by.

Floors and manual decisions hold here too, since no policy may break them; a minimum is reached or nothing is given, and
of lines that exclude each other the first that gets something stays.
Rounding plays no part: everybody gets whole packs.
"""

import numpy as np

from allocation.errors import InputError
from allocation.filling.outcome import Filling
from allocation.filling.rules import Order
from allocation.problem import Problem
from allocation.problem_tables import ABSENT


def fill_first_come(problem: Problem) -> Filling:
    """Fill the lines one after the other in the order of arrival, each as far as every constraint has room.

    Raises
    ------
    InputError
        Where the problem was read without its order of arrival.
    """
    if problem.arrival is None:
        raise InputError("policy.toml", "first_come needs the order of arrival", column="rule", value="first_come")
    lines, constraints = problem.lines_to_fill, problem.constraints
    filling = Filling.of_all_that_is_eligible(lines.eligible)
    price = problem.supply.price_minor[problem.requests.sku]
    room = list(constraints.limits)
    stays = _Stays(problem)
    for line in np.flatnonzero(lines.floor).tolist():
        stays.note(line)
        for constraint, size, _ in constraints.of_line(line, int(lines.pack[line]), int(price[line])):
            room[constraint] -= size * int(lines.floor[line])
    columns = (problem.arrival, lines.pack, price, lines.floor, lines.eligible, lines.minimum)
    arrived = problem.arrival
    rows = zip(arrived.tolist(), *(column[arrived].tolist() for column in columns[1:]), strict=True)
    for line, pack, cost, floor, eligible, minimum in rows:
        needs = [(constraint, size) for constraint, size, _ in constraints.of_line(line, pack, cost) if size]
        more = min([eligible - floor, *(room[constraint] // size for constraint, size in needs)])
        excluded = stays.excludes(line)
        if excluded or floor + more < minimum:
            more = 0
        elif floor + more:
            stays.note(line)
        for constraint, size in needs:
            room[constraint] -= size * more
        filling.granted[line] = floor + more
        if excluded and eligible:
            filling.stopped_by[line] = len(constraints.names) + int(problem.requests.exclusive[line])
        elif floor + more < eligible:
            wanted = max(minimum, 1)
            filling.stopped_by[line] = next(c for c, size in needs if room[c] < size * wanted)
    return filling


class _Stays:
    """Which line of each exclusive bundle got something."""

    def __init__(self, problem: Problem) -> None:
        self._requests = problem.requests
        self._line: dict[tuple[int, int], int] = {}

    def note(self, line: int) -> None:
        """Keep that a line got something."""
        if bundle := self._bundle(line):
            self._line[bundle] = line

    def excludes(self, line: int) -> bool:
        """Say whether another line of its bundle got something."""
        bundle = self._bundle(line)
        return bundle is not None and self._line.get(bundle, line) != line

    def _bundle(self, line: int) -> tuple[int, int] | None:
        if not self._requests.labels or self._requests.exclusive[line] == ABSENT:
            return None
        return int(self._requests.retailer[line]), int(self._requests.exclusive[line])


def order_of_arrival(problem: Problem) -> Order:
    """Return the order in which no line has a tier: what reasons are said by."""
    return Order(np.zeros_like(problem.lines.eligible), ())
