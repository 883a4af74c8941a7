"""Pure decisions about appeals: until when one is taken and answered, who may answer, where a shop stands."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from fractions import Fraction
from typing import Final, Literal

from contract.errors import Rejected

AppealState = Literal["received", "looked_at", "proposed", "upheld", "dismissed"]
Verdict = Literal["upheld", "dismissed"]

OPEN: Final[tuple[AppealState, ...]] = ("received", "looked_at", "proposed")
"""An appeal in one of these has no answer that counts."""

APPEAL_DAYS: Final = 14
"""So many whole days after the day of publication appeals are taken, where the publisher says nothing else."""

APPEAL_DAYS_LEAST, APPEAL_DAYS_MOST = 3, 60

ANSWER_DAYS: Final = 15
"""An answer is late once so many whole days after the day of the appeal are over."""

PEERS_LEAST: Final = 5
"""With fewer others to be compared with, what the next ones have would name them."""


@dataclass(frozen=True)
class Place:
    """Where a value stands among others: 1 is the best; the next different ones above and below, where told."""

    rank: int
    peers: int
    above: Fraction | None
    below: Fraction | None


def days_after(at: datetime, days: int, zone: tzinfo) -> date:
    """Return the day that comes ``days`` after an instant's day in ``zone``."""
    return at.astimezone(zone).date() + timedelta(days=days)


def end_of(at: datetime, days: int, zone: tzinfo) -> datetime:
    """Return the first instant after ``days`` whole days that follow an instant's day in ``zone``."""
    return datetime.combine(days_after(at, days + 1, zone), time(), zone)


def last_day(closes_at: datetime, zone: tzinfo) -> date:
    """Return the last day before an instant that begins a day in ``zone``."""
    return (closes_at.astimezone(zone) - timedelta(microseconds=1)).date()


def check_period(closes_at: datetime, at: datetime, zone: tzinfo) -> None:
    """Refuse an appeal that comes after the period for it.

    Raises
    ------
    Rejected
        ``appeals_over``, with the last day and what can be done instead.
    """
    if at >= closes_at:
        raise Rejected("appeals_over", until=last_day(closes_at, zone).isoformat())


def check_answerer(published_by: str | None, name: str) -> None:
    """Refuse the one who published the scores.

    Raises
    ------
    Rejected
        ``own_publication``.
    """
    if published_by == name:
        raise Rejected("own_publication", name=name)


def place_among(own: Fraction, others: Sequence[Fraction]) -> Place:
    """Return the place of a value among those of the others, its own left out; more is better, equals share a place."""
    above = [other for other in others if other > own]
    below = [other for other in others if other < own]
    return place(len(above), len(others), min(above, default=None), max(below, default=None))


def place(above: int, others: int, next_above: Fraction | None, next_below: Fraction | None) -> Place:
    """Return the place of a value that ``above`` of ``others`` exceed; the next ones are told where others suffice."""
    told = others >= PEERS_LEAST
    return Place(
        rank=above + 1,
        peers=others + 1,
        above=next_above if told else None,
        below=next_below if told else None,
    )
