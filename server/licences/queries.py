"""Reads of licences."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Date,
    String,
    any_,
    exists,
    func,
    literal,
    or_,
    select,
    tuple_,
)
from sqlalchemy.orm import Session, aliased

from contract.licences import EXPIRING_DAYS, Stand, stand
from server.licences.models import FileRow, LicenceRow
from server.licences.rules import Holding

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


def classes_suspended(session: Session, retailers: Collection[str], on: date) -> dict[str, frozenset[str]]:
    """Return the classes of licences that are suspended within their term on a day, by retailer."""
    query = select(LicenceRow.retailer, LicenceRow.licence_class).where(
        LicenceRow.state == "suspended",
        LicenceRow.valid_from <= on,
        LicenceRow.valid_until >= on,
        LicenceRow.retailer == any_(literal(list(retailers), ARRAY(String))),
    )
    found: dict[str, set[str]] = {}
    for row in session.execute(query):
        found.setdefault(row.retailer, set()).add(row.licence_class)
    return {retailer: frozenset(classes) for retailer, classes in found.items()}


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
    return [as_licence(row) for row in rows]


def classes(session: Session) -> list[str]:
    """Return the classes that licences name."""
    return list(session.scalars(select(LicenceRow.licence_class).distinct().order_by(LicenceRow.licence_class)))


def holders(session: Session, classes: Collection[str], holding: Holding, on: date) -> frozenset[str]:
    """Return the shops with a licence of one of ``classes`` (of any, where none is named) that stands so on a day.

    One that has expired counts where no other of its class is held.
    """
    running = (LicenceRow.state == "valid", LicenceRow.valid_from <= on, LicenceRow.valid_until >= on)
    standing = running if holding == "held" else _standing(holding, on)
    query = select(LicenceRow.retailer, LicenceRow.licence_class).where(*standing).distinct()
    if classes:
        query = query.where(LicenceRow.licence_class.in_(classes))
    found = {(row.retailer, row.licence_class) for row in session.execute(query)}
    if holding == "expired":
        held = classes_held_by(session, {retailer for retailer, _ in found}, on)
        found = {(retailer, name) for retailer, name in found if name not in held.get(retailer, ())}
    return frozenset(retailer for retailer, _ in found)


def search(
    session: Session,
    *,
    on: date,
    text: str = "",
    licence_class: str | None = None,
    stands: Stand | None = None,
    ends_within: int | None = None,
    renewal: Literal["open", "none"] | None = None,
    sort: str = "valid_until",
    descending: bool = False,
    offset: int = 0,
    after: tuple[date, str, str, str] | None = None,
    limit: int | None = 50,
) -> tuple[list[Licence], int]:
    """Return a page of licences and how many there are.

    ``stands`` is how they stand on the day ``on``; ``text`` is looked for in the retailer's code and the number.
    ``ends_within`` so many days are those that :func:`ending_within` knows; ``renewal`` whether one is open.
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
    if ends_within is not None:
        query = query.where(*ending_within(on, ends_within))
    if renewal is not None:
        query = query.where(renewing() if renewal == "open" else ~renewing())
    counted = select(func.count()).select_from(query.subquery())
    chosen = getattr(LicenceRow, sort if sort in SORTS else "valid_until")
    key = (LicenceRow.retailer.collate("C"), LicenceRow.licence_class.collate("C"), LicenceRow.number.collate("C"))
    if after is not None:
        query = query.where(tuple_(LicenceRow.valid_until, *key) > tuple_(*map(literal, after)))
    page = query.add_columns(counted.scalar_subquery())
    rows = session.execute(
        page.order_by(chosen.desc() if descending else chosen.asc(), *key).offset(offset).limit(limit)
    ).all()
    total = rows[0][1] if rows else session.scalar(counted) or 0
    return [as_licence(row) for row, _ in rows], total


def ending_within(on: date, days: int | ColumnElement[int]) -> tuple[ColumnElement[bool], ...]:
    """Return the condition that a licence counts on a day, ends within so many days (it included), and none follows.

    What follows is a valid licence of the shop for the class that begins before or on the day after, and ends later.
    """
    after = aliased(LicenceRow)
    followed = exists().where(
        after.retailer == LicenceRow.retailer,
        after.licence_class == LicenceRow.licence_class,
        after.state == "valid",
        after.valid_from <= LicenceRow.valid_until + 1,
        after.valid_until > LicenceRow.valid_until,
    )
    return (
        LicenceRow.state == "valid",
        LicenceRow.valid_from <= on,
        LicenceRow.valid_until >= on,
        LicenceRow.valid_until < literal(on, Date) + days,
        ~followed,
    )


def renewing() -> ColumnElement[bool]:
    """Return the condition that a renewal of a licence is open."""
    return exists().where(
        FileRow.retailer == LicenceRow.retailer,
        FileRow.licence_class == LicenceRow.licence_class,
        FileRow.licence_number == LicenceRow.number,
        FileRow.matter == "renewal",
        FileRow.due_on.is_not(None),
    )


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


def as_licence(row: LicenceRow) -> Licence:
    """Return a row as others see it."""
    return Licence(
        retailer=row.retailer,
        licence_class=row.licence_class,
        number=row.number,
        valid_from=row.valid_from,
        valid_until=row.valid_until,
        state=row.state,
        state_reason=row.state_reason,
    )
