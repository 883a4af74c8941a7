"""Finding room for stops in a plan that stands: by hand after a day off, and for what a first plan left over. Pure.

What stands keeps its day and its order. Each stop goes where it adds the fewest metres; where metres are equal or not
known, to the earlier day, then to the manager with fewer stops that day, then by name. Early due ones choose first.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date

from server.visits.planning import Manager, Plan, Stop, Terms, Tour, fits, length_of


@dataclass(frozen=True)
class Moved:
    """A stop that another one does, or nobody any more (no manager)."""

    stop: Stop
    from_manager: str | None
    from_day: date | None
    to_manager: str | None
    to_day: date | None


def without(plan: Plan, off: Collection[tuple[str, date]], kept: Collection[str] = ()) -> tuple[Plan, list[Moved]]:
    """Return the plan without what was to be done by a manager on a day of ``off``; shops of ``kept`` stay there."""
    tours, homeless = [], []
    for tour in plan.tours:
        if (tour.manager, tour.day) not in off:
            tours.append(tour)
            continue
        staying = tuple(stop for stop in tour.stops if stop.retailer in kept)
        homeless += [
            Moved(stop, tour.manager, tour.day, None, None) for stop in tour.stops if stop.retailer not in kept
        ]
        tours.append(replace(tour, stops=staying))
    return Plan(tuple(tours), plan.left), homeless


def place(
    plan: Plan,
    homeless: Iterable[Moved],
    terms: Terms,
    *,
    closed: Collection[tuple[str, date]] = (),
    first: Mapping[tuple[str, date], int] | None = None,
) -> tuple[Plan, list[Moved]]:
    """Return the plan with the stops that found room, and where each went; the rest is left over.

    Nothing goes to a manager and day of ``closed``. ``first`` says, by manager and day, after how many
    stops the last one that was done stands: nothing is put before it.
    """
    days: dict[tuple[str, date], list[Stop]] = {(tour.manager, tour.day): list(tour.stops) for tour in plan.tours}
    for manager in terms.managers:
        for day in terms.workdays(manager):
            days.setdefault((manager.name, day), [])
    moved, left = [], list(plan.left)
    known = {manager.name: manager for manager in terms.managers}
    for one in sorted(homeless, key=lambda one: (one.stop.due_on, one.stop.retailer.encode())):
        found = _cheapest(one.stop, days, known, terms, closed, first or {})
        if found is None:
            left.append(one.stop)
            moved.append(one)
            continue
        where, at = found
        days[where].insert(at, one.stop)
        moved.append(replace(one, to_manager=where[0], to_day=where[1]))
    tours = tuple(Tour(name, day, tuple(stops)) for (name, day), stops in sorted(days.items()) if stops)
    return Plan(tours, tuple(left)), moved


def _cheapest(
    stop: Stop,
    days: Mapping[tuple[str, date], list[Stop]],
    managers: Mapping[str, Manager],
    terms: Terms,
    closed: Collection[tuple[str, date]],
    first: Mapping[tuple[str, date], int],
) -> tuple[tuple[str, date], int] | None:
    best: tuple[tuple[int, date, int, str], tuple[str, date], int] | None = None
    for where, stops in days.items():
        name, day = where
        manager = managers.get(name)
        if manager is None or where in closed or day not in terms.workdays(manager) or not manager.goes_to(stop):
            continue
        if len(stops) >= terms.stops_a_day:
            continue
        before = length_of(stops)
        for at in range(first.get(where, 0), len(stops) + 1):
            tried = [*stops[:at], stop, *stops[at:]]
            cost = (length_of(tried) - before, day, len(stops), name)
            if (best is None or cost < best[0]) and fits(tried, terms):
                best = (cost, where, at)
    return None if best is None else best[1:]
