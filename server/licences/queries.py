"""Reads of licences."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    String,
    any_,
    func,
    literal,
    or_,
    select,
    tuple_,
)
from sqlalchemy.orm import Session

from contract.licences import EXPIRING_DAYS, Stand, stand
from server.licences.models import LicenceRow

SORTS = ("retailer", "licence_class", "number", "valid_from", "valid_until", "state")


@dataclass(frozen=True)
class Licence:
    """One licence of a retailer for a class of goods, first to last day included."""

    retailer: str
    licence_class: str
    number: str
    valid_from: date
    valid_until: date
    state: str
    state_reason: str | None

    def stand(self, on: date) -> Stand:
        """Return how it stands on a day."""
        return stand(self.state, self.valid_from, self.valid_until, on)


def classes_held(session: Session, retailer: str, on: date) -> frozenset[str]:
    """Return the classes that ``retailer`` holds a valid licence for on the day ``on``."""
    return classes_held_by(session, [retailer], on).get(retailer, frozenset())


def classes_held_by(session: Session, retailers: Collection[str] | None, on: date) -> dict[str, frozenset[str]]:
    """Return the classes held on the day ``on``, by retailer; retailers without any are absent."""
    query = select(LicenceRow.retailer, LicenceRow.licence_class).where(
        LicenceRow.state == "valid", LicenceRow.valid_from <= on, LicenceRow.valid_until >= on
    )
    if retailers is not None:
        query = query.where(LicenceRow.retailer == any_(literal(list(retailers), ARRAY(String))))
    held: dict[str, set[str]] = {}
    for row in session.execute(query):
        held.setdefault(row.retailer, set()).add(row.licence_class)
    return {retailer: frozenset(classes) for retailer, classes in held.items()}


def licensed_until(session: Session, retailer: str, on: date, zone: ZoneInfo) -> datetime | None:
    """Return the first instant at which a licence that is valid on the day ``on`` runs out; none without one."""
    last = session.scalar(
        select(func.min(LicenceRow.valid_until)).where(
            LicenceRow.retailer == retailer,
            LicenceRow.state == "valid",
            LicenceRow.valid_from <= on,
            LicenceRow.valid_until >= on,
        )
    )
    return None if last is None else datetime.combine(last + timedelta(days=1), time(), zone)


def licences_of(session: Session, retailer: str) -> list[Licence]:
    """Return all licences of a retailer, those that run longest first."""
    query = select(LicenceRow).where(LicenceRow.retailer == retailer)
    rows = session.scalars(query.order_by(LicenceRow.licence_class, LicenceRow.valid_until.desc(), LicenceRow.number))
    return [_licence(row) for row in rows]


def classes(session: Session) -> list[str]:
    """Return the classes that licences name."""
    return list(session.scalars(select(LicenceRow.licence_class).distinct().order_by(LicenceRow.licence_class)))


def search(
    session: Session,
    *,
    on: date,
    text: str = "",
    licence_class: str | None = None,
    stands: Stand | None = None,
    sort: str = "valid_until",
    descending: bool = False,
    offset: int = 0,
    after: tuple[date, str, str, str] | None = None,
    limit: int | None = 50,
) -> tuple[list[Licence], int]:
    """Return a page of licences and how many there are.

    ``stands`` is how they stand on the day ``on``; ``text`` is looked for in the retailer's code and the number.
    In the order of last days a page may begin ``after`` one: last day, retailer, class and number; the count is of all.
    """
    query = select(LicenceRow)
    if text:
        columns = (LicenceRow.retailer, LicenceRow.number)
        query = query.where(or_(*(column.icontains(text, autoescape=True) for column in columns)))
    if licence_class is not None:
        query = query.where(LicenceRow.licence_class == licence_class)
    if stands is not None:
        query = query.where(*_standing(stands, on))
    total = session.scalar(select(func.count()).select_from(query.subquery())) or 0
    chosen = getattr(LicenceRow, sort if sort in SORTS else "valid_until")
    key = (LicenceRow.retailer.collate("C"), LicenceRow.licence_class.collate("C"), LicenceRow.number.collate("C"))
    if after is not None:
        query = query.where(tuple_(LicenceRow.valid_until, *key) > tuple_(*map(literal, after)))
    rows = session.scalars(
        query.order_by(chosen.desc() if descending else chosen.asc(), *key).offset(offset).limit(limit)
    )
    return [_licence(row) for row in rows], total


def _standing(stands: Stand, on: date) -> tuple[ColumnElement[bool], ...]:
    """Return the same decision as :func:`contract.licences.stand`, for the database."""
    if stands in ("suspended", "cancelled"):
        return (LicenceRow.state == stands,)
    valid, soon = LicenceRow.state == "valid", on + timedelta(days=EXPIRING_DAYS)
    if stands == "coming":
        return (valid, LicenceRow.valid_from > on)
    if stands == "expired":
        return (valid, LicenceRow.valid_from <= on, LicenceRow.valid_until < on)
    running = (valid, LicenceRow.valid_from <= on, LicenceRow.valid_until >= on)
    if stands == "expiring":
        return (*running, LicenceRow.valid_until < soon)
    return (*running, LicenceRow.valid_until >= soon)


def _licence(row: LicenceRow) -> Licence:
    return Licence(
        retailer=row.retailer,
        licence_class=row.licence_class,
        number=row.number,
        valid_from=row.valid_from,
        valid_until=row.valid_until,
        state=row.state,
        state_reason=row.state_reason,
    )
