"""Alerts as people see them and what they do with them. Nothing here commits."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from contract.errors import Rejected
from server.devices import clones
from server.fleet.models import AlertNote, AlertRow
from server.kit import audit
from server.kit.fields import EMPTY, TOO_LONG, Invalid, Unfit
from server.kit.identity import Operator

WORDS_MOST: Final = 500
SILENCE_MOST: Final = timedelta(days=90)
CLONE: Final = "clone"
CLONE_FRESH: Final = timedelta(hours=2)
Shown = Literal["open", "unseen", "silenced", "ended"]


@dataclass(frozen=True)
class Alert:
    """One alert; without a device it is a storm over ``most`` terminals, of which ``left`` are left."""

    number: int
    rule: str
    device: str | None
    retailer: str | None
    severity: str
    value: float | None
    opened_at: datetime
    closed_at: datetime | None
    most: int
    left: int
    detail: dict[str, Any]
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    silenced_until: datetime | None

    def state(self, now: datetime) -> str:
        """Return how it stands: ``ended``, ``silenced``, ``seen`` or ``open``."""
        if self.closed_at is not None:
            return "ended"
        if self.silenced_until is not None and self.silenced_until > now:
            return "silenced"
        return "open" if self.acknowledged_at is None else "seen"


@dataclass(frozen=True)
class Note:
    """What a person said of an alert."""

    words: str
    author: str
    at: datetime


def alerts(
    session: Session,
    *,
    at: datetime,
    shown: str = "open",
    severity: str = "",
    rule: str = "",
    device: str = "",
    offset: int = 0,
    limit: int | None = 50,
) -> tuple[list[Alert], int]:
    """Return a page of alerts, the newest first, and how many there are; ``shown`` empty for all of them."""
    fits = _shown(shown, at)
    chosen = ((AlertRow.severity, severity), (AlertRow.rule, rule), (AlertRow.device, device))
    fits += [column == value for column, value in chosen if value]
    total = session.scalar(select(func.count(AlertRow.number)).where(*fits)) or 0
    rows = session.scalars(select(AlertRow).where(*fits).order_by(AlertRow.number.desc()).offset(offset).limit(limit))
    return [_view(row) for row in rows], total


def before(
    session: Session, *, at: datetime, shown: str, number: int | None = None, device: str = "", limit: int
) -> list[Alert]:
    """Return the alerts before one or all of them, the newest first; ``device`` for those of one terminal."""
    fits = _shown(shown, at)
    if number is not None:
        fits.append(AlertRow.number < number)
    if device:
        fits.append(AlertRow.device == device)
    rows = session.scalars(select(AlertRow).where(*fits).order_by(AlertRow.number.desc()).limit(limit))
    return [_view(row) for row in rows]


def alert(session: Session, number: int) -> Alert | None:
    """Return one alert, or none."""
    row = session.get(AlertRow, number)
    return None if row is None else _view(row)


def tally(session: Session, *, at: datetime) -> dict[str, int]:
    """Return how many alerts are open and not silenced, by severity."""
    query = select(AlertRow.severity, func.count()).where(*_shown("open", at)).group_by(AlertRow.severity)
    return {severity: count for severity, count in session.execute(query)}  # noqa: C416 - rows, not pairs, to the types


def notes(session: Session, number: int) -> list[Note]:
    """Return what was said of an alert, the last word first."""
    query = select(AlertNote).where(AlertNote.alert == number).order_by(AlertNote.id.desc())
    return [Note(row.words, row.author, row.at) for row in session.scalars(query)]


def acknowledge(session: Session, numbers: Sequence[int], operator: Operator, *, at: datetime) -> int:
    """Note that somebody looks after these alerts; return how many were open and not seen yet."""
    unseen = select(AlertRow).where(
        AlertRow.number.in_(numbers), AlertRow.closed_at.is_(None), AlertRow.acknowledged_at.is_(None)
    )
    found = list(session.scalars(unseen.order_by(AlertRow.number).with_for_update()))
    for row in found:
        row.acknowledged_at, row.acknowledged_by = at, operator.name
        _record(session, row, "fleet_alert.acknowledged", operator, at, {})
    return len(found)


def silence(session: Session, number: int, until: datetime, words: str, operator: Operator, *, at: datetime) -> None:
    """Keep an alert out of sight until then, with the reason; it goes on being watched.

    Raises
    ------
    Rejected, Invalid
        ``not_found``; naming ``until`` or ``words``.
    """
    row = _locked(session, number)
    if not at < until <= at + SILENCE_MOST:
        raise Invalid({"until": Unfit(EMPTY)})
    say(session, number, words, operator, at=at)
    row.silenced_until = until
    _record(session, row, "fleet_alert.silenced", operator, at, {"until": until.isoformat(), "words": words.strip()})


def say(session: Session, number: int, words: str, operator: Operator, *, at: datetime) -> None:
    """Write a note to an alert.

    Raises
    ------
    Rejected, Invalid
        ``not_found``; naming ``words``.
    """
    row = _locked(session, number)
    said = words.strip()
    if not said:
        raise Invalid({"words": Unfit(EMPTY)})
    if len(said) > WORDS_MOST:
        raise Invalid({"words": Unfit(TOO_LONG, length=len(said), most=WORDS_MOST)})
    session.add(AlertNote(alert=number, retailer=row.retailer, words=said, author=operator.name, at=at))
    session.flush()


def suspect_clone(session: Session, device: str, retailer: str, detail: dict[str, Any], *, at: datetime) -> int:
    """Open an alert that two machines use one identity, unless one is open; return its number.

    It ends by a person's acknowledgement that names what was done: no figure tells that it is over.
    """
    stands = select(AlertRow).where(AlertRow.rule == CLONE, AlertRow.device == device, AlertRow.closed_at.is_(None))
    row = session.scalar(stands)
    if row is None:
        row = AlertRow(
            rule=CLONE,
            device=device,
            retailer=retailer,
            severity="critical",
            opened_at=at,
            most=1,
            left=1,
            detail={"name": CLONE, "figure": CLONE, "who": "fleet", **detail},
        )
        session.add(row)
        session.flush()
    return row.number


def suspect_clones(session: Session, *, at: datetime) -> list[int]:
    """Open an alert for each identity that two machines used since the last alert about it was ended."""
    ended = select(func.max(AlertRow.closed_at)).where(AlertRow.rule == CLONE)
    opened = []
    for found in clones.since(session, at - CLONE_FRESH):
        closed_at = session.scalar(ended.where(AlertRow.device == found.device))
        if closed_at is None or found.last_at > closed_at:
            detail = {"addresses": list(found.addresses), "way": found.way}
            opened.append(suspect_clone(session, found.device, found.retailer, detail, at=at))
    return opened


def end_clone(session: Session, number: int, words: str, operator: Operator, *, at: datetime) -> None:
    """End an alert about a clone, saying what was done.

    Raises
    ------
    Rejected, Invalid
        ``not_found``, for other alerts too; naming ``words``.
    """
    row = _locked(session, number)
    if row.rule != CLONE or row.closed_at is not None:
        raise Rejected("not_found", what="alert", name=str(number))
    say(session, number, words, operator, at=at)
    row.closed_at, row.left = at, 0
    _record(session, row, "fleet_alert.ended", operator, at, {"words": words.strip()})


def _locked(session: Session, number: int) -> AlertRow:
    row = session.get(AlertRow, number, with_for_update=True)
    if row is None:
        raise Rejected("not_found", what="alert", name=str(number))
    return row


def _shown(shown: str, at: datetime) -> list[ColumnElement[bool]]:
    loud = or_(AlertRow.silenced_until.is_(None), AlertRow.silenced_until <= at)
    match shown:
        case "open":
            return [AlertRow.closed_at.is_(None), loud]
        case "unseen":
            return [and_(AlertRow.closed_at.is_(None), loud, AlertRow.acknowledged_at.is_(None))]
        case "silenced":
            return [AlertRow.closed_at.is_(None), AlertRow.silenced_until > at]
        case "ended":
            return [AlertRow.closed_at.is_not(None)]
        case _:
            return []


def _record(
    session: Session, row: AlertRow, action: str, operator: Operator, at: datetime, detail: dict[str, Any]
) -> None:
    audit.record(
        session,
        actor=operator.actor,
        action=action,
        subject=f"fleet_alert:{row.number}",
        at=at,
        detail={"rule": row.rule, "device": row.device} | detail,
    )


def _view(row: AlertRow) -> Alert:
    return Alert(
        row.number,
        row.rule,
        row.device,
        row.retailer,
        row.severity,
        row.value,
        row.opened_at,
        row.closed_at,
        row.most,
        row.left,
        row.detail,
        row.acknowledged_at,
        row.acknowledged_by,
        row.silenced_until,
    )
