"""What a plan is asked with and what it comes to. Pure.

A plan shares stops out among managers and days. Nobody works outside of his bounds, over the stops of a day, or
over its minutes. What finds no room is named, the least urgent first. A day is an open way: it begins at its first
shop and ends at its last, for where a manager sleeps is nobody's business here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from server.visits.distances import Spot, between_m, length_m

STOPS_MOST: Final = 5_000
"""Of one plan."""
DETOUR: Final = 1.3
"""Streets over the great circle, for the minutes of a day alone."""
SPEED_KMH_LEAST: Final = 3


@dataclass(frozen=True)
class Manager:
    """Who goes, on which days of the plan, and to which regions and markets alone (none: everywhere)."""

    name: str
    away: tuple[date, ...] = ()
    regions: tuple[str, ...] = ()
    markets: tuple[str, ...] = ()

    def goes_to(self, stop: "Stop") -> bool:
        """Return whether a stop is within the manager's bounds."""
        return (not self.regions or stop.region in self.regions) and (
            not self.markets or stop.market_type in self.markets
        )


@dataclass(frozen=True)
class Stop:
    """A shop that is due, with where it is, if that is known, and the minutes that it takes."""

    retailer: str
    rule: str
    due_on: date
    minutes: int
    region: str = ""
    market_type: str = ""
    spot: Spot | None = None


@dataclass(frozen=True)
class Terms:
    """What a plan is asked with: working days from ``first_day`` on, who goes, what fits into a day."""

    first_day: date
    days: int
    managers: tuple[Manager, ...]
    stops_a_day: int
    minutes_a_day: int
    speed_kmh: int
    weekends: bool = False
    route: str = ""

    def calendar(self) -> tuple[date, ...]:
        """Return the days on which somebody can go, in their order."""
        weekend = 5
        span = (self.first_day + timedelta(days=number) for number in range(self.days))
        return tuple(day for day in span if self.weekends or day.weekday() < weekend)

    @property
    def last_day(self) -> date:
        """Return the last day of the plan, whether somebody works on it or not."""
        return self.first_day + timedelta(days=self.days - 1)

    def workdays(self, manager: Manager) -> tuple[date, ...]:
        """Return the days on which a manager goes."""
        return tuple(day for day in self.calendar() if day not in manager.away)


@dataclass(frozen=True)
class Tour:
    """What one manager does on one day, in this order."""

    manager: str
    day: date
    stops: tuple[Stop, ...]


@dataclass(frozen=True)
class Plan:
    """Tours by manager and day, and the stops that found no room."""

    tours: tuple[Tour, ...]
    left: tuple[Stop, ...]


def travel_m(before: Stop | None, stop: Stop) -> int | None:
    """Return the metres from the stop before; none for the first one, and where a place is not known."""
    if before is None or before.spot is None or stop.spot is None:
        return None
    return between_m(before.spot, stop.spot)


def travel_minutes(metres: int, speed_kmh: int) -> float:
    """Return how long a way takes."""
    return metres * DETOUR * 60 / (1000 * speed_kmh)


def minutes_of(stops: Sequence[Stop], speed_kmh: int) -> float:
    """Return the minutes of a day: its stops, and the ways between those whose places are known."""
    return sum(stop.minutes for stop in stops) + travel_minutes(length_of(stops), speed_kmh)


def length_of(stops: Sequence[Stop]) -> int:
    """Return the metres of a day through the stops whose places are known."""
    return length_m([stop.spot for stop in stops if stop.spot is not None])


def fits(stops: Sequence[Stop], terms: Terms) -> bool:
    """Return whether so much fits into a day."""
    return len(stops) <= terms.stops_a_day and minutes_of(stops, terms.speed_kmh) <= terms.minutes_a_day


def late_days(tours: Sequence[Tour]) -> int:
    """Return by how many days stops are late in all."""
    return sum(max(0, (tour.day - stop.due_on).days) for tour in tours for stop in tour.stops)


def figures(plan: Plan, terms: Terms) -> dict[str, Any]:
    """Return what is said of a whole plan."""
    stops = [stop for tour in plan.tours for stop in tour.stops]
    return {
        "stops": len(stops),
        "left": len(plan.left),
        "unplaced": sum(stop.spot is None for stop in (*stops, *plan.left)),
        "travel_m": sum(length_of(tour.stops) for tour in plan.tours),
        "minutes": round(sum(minutes_of(tour.stops, terms.speed_kmh) for tour in plan.tours)),
        "late": sum(tour.day > stop.due_on for tour in plan.tours for stop in tour.stops),
        "late_days": late_days(plan.tours),
        "managers": {
            manager.name: {
                "stops": sum(len(tour.stops) for tour in plan.tours if tour.manager == manager.name),
                "travel_m": sum(length_of(tour.stops) for tour in plan.tours if tour.manager == manager.name),
            }
            for manager in terms.managers
        },
    }


def stored_terms(terms: Terms) -> dict[str, Any]:
    """Return terms as they are stored."""
    return {
        "managers": [
            {
                "name": one.name,
                "away": [day.isoformat() for day in one.away],
                "regions": list(one.regions),
                "markets": list(one.markets),
            }
            for one in terms.managers
        ],
        "stops_a_day": terms.stops_a_day,
        "minutes_a_day": terms.minutes_a_day,
        "speed_kmh": terms.speed_kmh,
        "weekends": terms.weekends,
        "route": terms.route,
    }


def read_terms(first_day: date, days: int, stored: Mapping[str, Any]) -> Terms:
    """Return stored terms."""
    managers = tuple(
        Manager(
            one["name"],
            tuple(date.fromisoformat(day) for day in one["away"]),
            tuple(one["regions"]),
            tuple(one["markets"]),
        )
        for one in stored["managers"]
    )
    return Terms(first_day, days, managers, **{name: value for name, value in stored.items() if name != "managers"})
