"""The baseline: whoever asked first gets all that there is room for. Shown in comparisons, never allocated by.

Floors and manual decisions hold here too, since no policy may break them; a minimum is reached or nothing is given.
Rounding plays no part: everybody gets whole packs.
"""

import numpy as np

from allocation.errors import InputError
from allocation.filling import Filling
from allocation.problem import Problem
from allocation.rules import Order


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
    for line in np.flatnonzero(lines.floor).tolist():
        for constraint, size, _ in constraints.of_line(line, int(lines.pack[line]), int(price[line])):
            room[constraint] -= size * int(lines.floor[line])
    columns = (problem.arrival, lines.pack, price, lines.floor, lines.eligible, lines.minimum)
    arrived = problem.arrival
    rows = zip(arrived.tolist(), *(column[arrived].tolist() for column in columns[1:]), strict=True)
    for line, pack, cost, floor, eligible, minimum in rows:
        needs = [(constraint, size) for constraint, size, _ in constraints.of_line(line, pack, cost) if size]
        more = min([eligible - floor, *(room[constraint] // size for constraint, size in needs)])
        if floor + more < minimum:
            more = 0
        for constraint, size in needs:
            room[constraint] -= size * more
        filling.granted[line] = floor + more
        if floor + more < eligible:
            wanted = max(minimum, 1)
            filling.stopped_by[line] = next(c for c, size in needs if room[c] < size * wanted)
    return filling


def order_of_arrival(problem: Problem) -> Order:
    """Return the order in which no line has a tier: what reasons are said by."""
    return Order(np.zeros_like(problem.lines.eligible), ())
