"""Plans of visits: bounds, room, the same plan each time, shorter than going to the nearest, and little moved later."""

import random
from datetime import date, timedelta

import pytest

from server.visits import replanning, touring
from server.visits.distances import Spot, between_m, matrix_m
from server.visits.planning import Manager, Plan, Stop, Terms, figures, fits, length_of, read_terms, stored_terms

MONDAY = date(2026, 11, 30)


def stops(count: int, seed: int = 1) -> list[Stop]:
    drawn = random.Random(seed)  # noqa: S311 - places, no secrets
    return [
        Stop(
            f"R{number:03d}",
            "class-a",
            MONDAY + timedelta(days=drawn.randrange(5)),
            20,
            drawn.choice(["north", "south"]),
            "town",
            Spot(31 + drawn.random() / 2, 121 + drawn.random() / 2),
        )
        for number in range(count)
    ]


def terms(*managers: Manager, days: int = 3, stops_a_day: int = 6, minutes_a_day: int = 600) -> Terms:
    return Terms(MONDAY, days, managers, stops_a_day, minutes_a_day, 30)


def where(plan: Plan) -> dict[str, tuple[str, date]]:
    return {stop.retailer: (tour.manager, tour.day) for tour in plan.tours for stop in tour.stops}


def test_the_great_circle_is_as_long_as_geographers_say() -> None:
    beijing, shanghai = Spot(39.9042, 116.4074), Spot(31.2304, 121.4737)
    assert between_m(beijing, shanghai) == pytest.approx(1_067_300, rel=2e-3)
    assert matrix_m([beijing], [shanghai])[0, 0] == between_m(beijing, shanghai)


def test_a_plan_keeps_bounds_and_room_and_is_the_same_each_time() -> None:
    asked = terms(Manager("ann", regions=("north",)), Manager("bob"), Manager("cho", away=(MONDAY,)))
    every = stops(60)
    made = touring.plan(every, asked)
    assert made == touring.plan(every[::-1], asked)
    assert all(fits(tour.stops, asked) for tour in made.tours)
    there = where(made)
    by_code = {one.retailer: one for one in every}
    assert all(by_code[code].region == "north" for code, (name, _) in there.items() if name == "ann")
    assert ("cho", MONDAY) not in there.values()
    assert len(there) == 48  # eight days of six
    assert sorted([*there, *(one.retailer for one in made.left)]) == sorted(by_code)
    said = figures(made, asked)
    assert (said["stops"], said["left"]) == (48, 12)


def test_what_finds_no_room_is_the_least_urgent() -> None:
    every = stops(20)
    made = touring.plan(every, terms(Manager("ann"), days=1, stops_a_day=8))
    assert max(stop.due_on for tour in made.tours for stop in tour.stops) <= min(stop.due_on for stop in made.left)


def test_minutes_bound_a_day_too() -> None:
    asked = terms(Manager("ann"), minutes_a_day=60, stops_a_day=20)
    made = touring.plan(stops(20), asked)
    assert made.left
    assert all(fits(tour.stops, asked) for tour in made.tours)


def test_shops_without_a_place_are_planned_all_the_same() -> None:
    every = [*stops(10), *(Stop(f"X{number}", "class-a", MONDAY, 20) for number in range(4))]
    made = touring.plan(every, terms(Manager("ann")))
    assert len(where(made)) == 14
    assert figures(made, terms(Manager("ann")))["unplaced"] == 4


def test_a_plan_is_shorter_than_going_to_the_nearest_shop_each_time() -> None:
    every, asked = stops(120), terms(Manager("ann"), Manager("bob"), days=5, stops_a_day=15)
    nearest, rest = 0, sorted(every, key=lambda one: one.retailer)
    for _ in range(8):
        way = [rest.pop(0)]
        while len(way) < 15:
            way.append(rest.pop(min(range(len(rest)), key=lambda at: between_m(way[-1].spot, rest[at].spot))))
        nearest += length_of(way)
    assert figures(touring.plan(every, asked), asked)["travel_m"] < 0.9 * nearest


def test_after_a_sick_day_what_was_done_and_what_others_do_stays() -> None:
    asked = terms(Manager("ann"), Manager("bob"), days=3, stops_a_day=10)
    made = touring.plan(stops(40), asked)
    sick = next(tour for tour in made.tours if tour.manager == "ann")
    done = {sick.stops[0].retailer}
    kept, homeless = replanning.without(made, {("ann", sick.day)}, done)
    again, moved = replanning.place(kept, homeless, asked, closed={("ann", sick.day)})
    before, after = where(made), where(again)
    assert {code for code in before if before[code] != after.get(code)} == {one.stop.retailer for one in moved}
    assert {one.stop.retailer for one in moved} == {one.retailer for one in sick.stops} - done
    assert all(fits(tour.stops, asked) for tour in again.tours)
    assert ("ann", sick.day) not in {(one.to_manager, one.to_day) for one in moved}


def test_terms_are_stored_as_they_are() -> None:
    asked = terms(Manager("ann", (MONDAY,), ("north",), ("town",)), Manager("bob"))
    assert read_terms(asked.first_day, asked.days, stored_terms(asked)) == asked
