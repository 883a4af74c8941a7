"""Rows of visit plans: how much shorter they are than going to the nearest shop each time, and how their cost grows."""

import random
from collections.abc import Sequence
from datetime import date, timedelta
from functools import partial
from typing import Final

from loadtests.bench.problems import Sizes
from loadtests.bench.rows import Row, exponent_row, in_turns
from server.visits import touring
from server.visits.distances import Spot, between_m
from server.visits.planning import Manager, Plan, Stop, Terms, Tour, figures, length_of

COMMAND: Final = "make bench ARGS=visits"
STOPS: Final = 2_000
MANAGERS: Final = 8
STOPS_A_DAY: Final = 25
MONDAY: Final = date(2026, 11, 30)
_LEAST: Final = 40
_TOWNS: Final = 12
_IN_TOWN: Final = 0.6
_SHORTER: Final = 1.1
_REPEATS: Final = 3


def stops(count: int) -> list[Stop]:
    """Return shops of towns and villages in a square degree, due over ten days; the same each time."""
    drawn = random.Random(1)  # noqa: S311 - places, no secrets
    towns = [(31 + drawn.random(), 121 + drawn.random()) for _ in range(_TOWNS)]
    found = []
    for number in range(count):
        spot = Spot(31 + drawn.random(), 121 + drawn.random())
        if drawn.random() < _IN_TOWN:
            north, east = drawn.choice(towns)
            spot = Spot(drawn.gauss(north, 0.03), drawn.gauss(east, 0.03))
        due_on = MONDAY + timedelta(days=drawn.randrange(10))
        found.append(Stop(f"R{number:05d}", "class-a", due_on, 20, spot=spot))
    return found


def terms(count: int) -> Terms:
    """Return eight managers, and as many days as they need with a fifth to spare."""
    days = -(-count * 6 // (5 * MANAGERS * STOPS_A_DAY))
    managers = tuple(Manager(f"manager-{number}") for number in range(MANAGERS))
    return Terms(MONDAY, days, managers, STOPS_A_DAY, 24 * 60, 30, weekends=True)


def nearest(every: Sequence[Stop], asked: Terms) -> Plan:
    """Return the simple plan: a day begins at the most urgent shop left, and goes to the nearest until it is full."""
    left, tours = sorted(every, key=lambda stop: (stop.due_on, stop.retailer)), []
    for day in asked.calendar():
        for manager in asked.managers:
            way = [left.pop(0)] if left else []
            while left and len(way) < asked.stops_a_day:
                way.append(left.pop(min(range(len(left)), key=lambda at: _metres(way[-1], left[at]))))
            tours.append(Tour(manager.name, day, tuple(way)))
    return Plan(tuple(tours), tuple(left))


def _metres(one: Stop, other: Stop) -> int:
    if one.spot is None or other.spot is None:
        raise ValueError("a shop without a place has no distance")
    return between_m(one.spot, other.spot)


def plan_rows(sizes: Sizes) -> list[Row]:
    """Plan 2,000 stops, and fewer, in both ways: kilometres of each, and seconds of ours."""
    rows, counts, seconds = [], sizes.of(STOPS, _LEAST), []
    for count in counts:
        every, asked = stops(count), terms(count)
        ours = touring.plan(every, asked)
        theirs = nearest(every, asked)
        if ours.left or theirs.left or ours != touring.plan(every[::-1], asked):
            raise AssertionError("both place every stop, and ours is the same each time")
        timed = in_turns({"ours": partial(touring.plan, every, asked)}, min(_REPEATS, sizes.repeats))
        seconds.append(timed.seconds["ours"])
        here, there = figures(ours, asked)["travel_m"] / 1000, sum(length_of(one.stops) for one in theirs.tours) / 1000
        met = there / here >= _SHORTER if count == STOPS else None
        size = f"{count:,} stops, {MANAGERS} managers, {asked.days} days"
        what = "nearest shop each time / visit plan, kilometres"
        rows.append(Row(what, size, there, here, "km", there / here, f"≥ {_SHORTER}×", met, 1, COMMAND))
        spent = seconds[-1]
        runs = timed.repeats["ours"]
        rows.append(Row("visit plan", size, spent, None, "s", None, "–", None, runs, COMMAND, timed.peak_mb["ours"]))
    return [*rows, exponent_row("visit plan", counts, seconds, COMMAND)]
