"""What the distributor promises of complaints, as a version of its terms: hours by category, who owns, who is next."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from types import MappingProxyType
from typing import Any, Final, get_args
from zoneinfo import ZoneInfo

from contract.errors import Rejected
from contract.messages import FeedbackCategory
from server.kit.workdays import Calendar, working_time_after, working_time_between

CATEGORIES: Final[tuple[FeedbackCategory, ...]] = get_args(FeedbackCategory)
HOURS: Final[Mapping[FeedbackCategory, int]] = MappingProxyType(
    {"terminal": 16, "delivery": 24, "goods": 40, "grant": 40, "price": 40, "other": 40, "employee": 80}
)
"""Working hours until an answer where nothing was set: a day of the calendar has 8."""
HOURS_MOST: Final = 1_000
STEP_HOURS: Final = 8
REOPEN_DAYS: Final = 14
REOPENS_MOST: Final = 2
CHAIN_MOST: Final = 5
DAYS_MOST: Final = 200
LONGEST_MOST_DAYS: Final = 250
"""So many working days the longest deadline takes at most, about a year."""


@dataclass(frozen=True)
class Terms:
    """One version; version 0 is what holds where nothing was set.

    ``hours`` are working hours until an answer, ``owners`` who has what comes in, ``chains`` who it goes to in turn
    when it is late, ``step_hours`` working hours after one step until the next. What was answered can be reopened
    ``reopens_most`` times, ``reopen_days`` whole days after its day.
    """

    version: int
    calendar: Calendar
    hours: Mapping[FeedbackCategory, int] = field(default_factory=lambda: HOURS)
    owners: Mapping[FeedbackCategory, str] = field(default_factory=lambda: MappingProxyType({}))
    chains: Mapping[FeedbackCategory, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    step_hours: int = STEP_HOURS
    reopen_days: int = REOPEN_DAYS
    reopens_most: int = REOPENS_MOST

    def due_at(self, category: FeedbackCategory, at: datetime) -> datetime:
        """Return until when what came at ``at`` is answered."""
        return working_time_after(at, timedelta(hours=self.hours[category]), self.calendar)

    def next_step_at(self, at: datetime) -> datetime:
        """Return when what is late goes on to the next person, after a step at ``at``."""
        return working_time_after(at, timedelta(hours=self.step_hours), self.calendar)

    def moved(self, instant: datetime, paused_at: datetime, resumed_at: datetime) -> datetime:
        """Return where an instant stands after a pause: as much working time away as when the clock stopped.

        What was over before the pause stays over.
        """
        if instant <= paused_at:
            return instant
        left = working_time_between(paused_at, instant, self.calendar)
        return working_time_after(resumed_at, left, self.calendar)


def usual(zone: str) -> Terms:
    """Return what holds where nothing was set."""
    return Terms(version=0, calendar=Calendar(ZoneInfo(zone)))


def read(version: int, zone: str, body: Mapping[str, Any]) -> Terms:
    """Return terms as they are kept: plain texts and numbers by name."""
    return Terms(
        version=version,
        calendar=Calendar(
            ZoneInfo(zone),
            opens=time.fromisoformat(body["opens"]),
            closes=time.fromisoformat(body["closes"]),
            holidays=frozenset(date.fromisoformat(day) for day in body["holidays"]),
            worked=frozenset(date.fromisoformat(day) for day in body["worked"]),
        ),
        hours=MappingProxyType(dict(body["hours"])),
        owners=MappingProxyType(dict(body["owners"])),
        chains=MappingProxyType({name: tuple(people) for name, people in body["chains"].items()}),
        step_hours=body["step_hours"],
        reopen_days=body["reopen_days"],
        reopens_most=body["reopens_most"],
    )


def written(terms: Terms) -> dict[str, Any]:
    """Return terms as plain texts and numbers, for :func:`read`."""
    return {
        "opens": terms.calendar.opens.strftime("%H:%M"),
        "closes": terms.calendar.closes.strftime("%H:%M"),
        "holidays": sorted(day.isoformat() for day in terms.calendar.holidays),
        "worked": sorted(day.isoformat() for day in terms.calendar.worked),
        "hours": dict(terms.hours),
        "owners": dict(terms.owners),
        "chains": {name: list(people) for name, people in terms.chains.items()},
        "step_hours": terms.step_hours,
        "reopen_days": terms.reopen_days,
        "reopens_most": terms.reopens_most,
    }


def days(text: str) -> frozenset[date]:
    """Return the days that a person typed, one a line or apart by commas and spaces.

    Raises
    ------
    Rejected
        ``terms_day`` names what is no day; ``terms_too_many``.
    """
    named = text.replace(",", " ").replace("，", " ").split()
    if len(named) > DAYS_MOST:
        raise Rejected("terms_too_many", most=DAYS_MOST)
    found = set()
    for one in named:
        try:
            found.add(date.fromisoformat(one))
        except ValueError:
            raise Rejected("terms_day", day=one[:20]) from None
    return frozenset(found)


def check(terms: Terms, people: Iterable[str]) -> None:
    """Refuse terms that nobody could keep; ``people`` are those who can act on complaints.

    Raises
    ------
    Rejected
        ``terms_hours``; ``terms_day_short`` where the longest deadline would take more than
        :data:`LONGEST_MOST_DAYS` working days; ``terms_range`` for a number that is out of its range;
        ``terms_person``; ``terms_too_many``.
    """
    opens, closes = terms.calendar.opens, terms.calendar.closes
    if opens >= closes:
        raise Rejected("terms_hours", opens=opens.strftime("%H:%M"), closes=closes.strftime("%H:%M"))
    numbers = [*terms.hours.values(), terms.step_hours, terms.reopen_days + 1, terms.reopens_most + 1]
    for number in numbers:
        if not 1 <= number <= HOURS_MOST:
            raise Rejected("terms_range", number=number, most=HOURS_MOST)
    worked = timedelta(hours=closes.hour - opens.hour, minutes=closes.minute - opens.minute)
    longest = max(*terms.hours.values(), terms.step_hours)
    if worked * LONGEST_MOST_DAYS < timedelta(hours=longest):
        raise Rejected("terms_day_short", hours=longest, most=LONGEST_MOST_DAYS)
    known = set(people)
    for name in (*terms.owners.values(), *(one for chain in terms.chains.values() for one in chain)):
        if name not in known:
            raise Rejected("terms_person", name=name)
    if any(len(chain) > CHAIN_MOST for chain in terms.chains.values()):
        raise Rejected("terms_too_many", most=CHAIN_MOST)
