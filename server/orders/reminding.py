"""Reminding the shops that have not ordered in an open window: once each, unless somebody repeats it on purpose.

Nothing here commits. What the shops are told goes out by the event ``RetailersReminded``.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, func, insert, select
from sqlalchemy.orm import Session

from contract.errors import Conflict, Rejected
from contract.feed import Text
from contract.ids import uuid7
from server.kit import audit, events
from server.kit.fields import EMPTY, TOO_LONG, Invalid, Reason, Unfit
from server.kit.identity import Operator
from server.kit.marking import N_
from server.orders import missing, queries, rules
from server.orders.events import RetailersReminded
from server.orders.missing import MissingShop
from server.orders.models import OrderRow, ReminderRow, ReminderShop

TITLE_MOST = 100
BODY_MOST = 1000
NOBODY_LEFT = Reason(
    "nobody_left", N_("Every shop without an order was reminded already. Tick the box to remind them once more.")
)
NOBODY_MISSING = Reason("nobody_missing", N_("Every shop is in: there is nobody to remind."))


@dataclass(frozen=True)
class Words:
    """What the terminals show, in both languages."""

    title: Text
    body: Text


@dataclass(frozen=True)
class Reminder:
    """One reminder that was sent, how many shops it went to, and how many of them have an order now."""

    id: UUID
    window: UUID
    words: Words
    again: bool
    sent_by: str
    sent_at: datetime
    shops: int
    ordered: int


@dataclass(frozen=True)
class Reminded:
    """A shop that was reminded in a window: how often, last when and by whom, and when it ordered if it did."""

    retailer: str
    times: int
    last_at: datetime
    last_by: str
    ordered_at: datetime | None


def due(session: Session, window: queries.WindowView, now: datetime, *, again: bool = False) -> list[MissingShop]:
    """Return the shops that a reminder would go to: without an order, and unless ``again`` not reminded before."""
    new, before = split(session, window, now)
    return sorted([*new, *before], key=lambda shop: shop.retailer) if again else new


def split(session: Session, window: queries.WindowView, now: datetime) -> tuple[list[MissingShop], list[MissingShop]]:
    """Return the shops without an order by code: those not reminded before, and those that were."""
    reminded_before = _reminded_before(session, window.id)
    every = missing.shops(session, window, now)
    return (
        [shop for shop in every if shop.retailer not in reminded_before],
        [shop for shop in every if shop.retailer in reminded_before],
    )


def remind(
    session: Session, window_id: UUID, words: Words, *, again: bool, known: int, by: Operator, at: datetime
) -> int:
    """Remind the shops without an order; return how many those are.

    ``known`` is how many reminders of the window the person saw: who sends twice, or beside another, is told.

    Raises
    ------
    Rejected, Conflict
        ``unknown_window``, ``window_not_open``, ``window_closed``; ``changed_meanwhile``; ``Invalid`` where words are
        missing or too long, or nobody is left to remind.
    """
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(f"reminders:{window_id}", 0))))
    window = queries.window(session, window_id)
    if window is None:
        raise Rejected("unknown_window")
    rules.check_open(window.rule(), at)
    _check_words(words)
    if len(reminders(session, window_id)) != known:
        raise Conflict("changed_meanwhile", name=window.name_zh + " / " + window.name_en)
    shops = due(session, window, at, again=again)
    if not shops:
        raise Invalid({"again": Unfit(NOBODY_MISSING if again else NOBODY_LEFT)})
    row = ReminderRow(
        id=uuid7(),
        window_id=window_id,
        title_zh=words.title.zh.strip(),
        title_en=words.title.en.strip(),
        body_zh=words.body.zh.strip(),
        body_en=words.body.en.strip(),
        again=again,
        sent_by=by.name,
        sent_at=at,
    )
    session.add(row)
    session.flush()
    session.execute(insert(ReminderShop), [{"reminder_id": row.id, "retailer": shop.retailer} for shop in shops])
    audit.record(
        session,
        actor=by.actor,
        action="window.reminded",
        subject=f"cycle:{window.cycle}",
        at=at,
        detail={"window": str(window_id), "shops": len(shops), "again": again},
    )
    events.publish(session, RetailersReminded(row.id, at))
    return len(shops)


def reminders(session: Session, window_id: UUID) -> list[Reminder]:
    """Return the reminders of a window, the newest first."""
    return _reminders(session, ReminderRow.window_id == window_id)


def reminder(session: Session, reminder_id: UUID) -> Reminder | None:
    """Return one reminder, or none."""
    return next(iter(_reminders(session, ReminderRow.id == reminder_id)), None)


def shops_of(session: Session, reminder_id: UUID) -> list[str]:
    """Return the shops that a reminder went to, by code."""
    query = select(ReminderShop.retailer).where(ReminderShop.reminder_id == reminder_id)
    return list(session.scalars(query.order_by(ReminderShop.retailer.collate("C"))))


def reminded(session: Session, window_id: UUID) -> list[Reminded]:
    """Return every shop that was reminded in a window, by code."""
    ordered = _ordered_at(session, window_id)
    rows = session.execute(
        select(ReminderShop.retailer, ReminderRow.sent_at, ReminderRow.sent_by)
        .join(ReminderRow, ReminderRow.id == ReminderShop.reminder_id)
        .where(ReminderRow.window_id == window_id)
        .order_by(ReminderShop.retailer.collate("C"), ReminderRow.sent_at)
    )
    found: dict[str, Reminded] = {}
    for retailer, at, by in rows:
        before = found.get(retailer)
        times = 1 if before is None else before.times + 1
        found[retailer] = Reminded(retailer, times, at, by, ordered.get(retailer))
    return list(found.values())


def _reminders(session: Session, condition: ColumnElement[bool]) -> list[Reminder]:
    rows = session.scalars(select(ReminderRow).where(condition).order_by(ReminderRow.sent_at.desc())).all()
    went: dict[UUID, set[str]] = {row.id: set() for row in rows}
    for reminder_id, retailer in session.execute(
        select(ReminderShop.reminder_id, ReminderShop.retailer).where(ReminderShop.reminder_id.in_(went))
    ):
        went[reminder_id].add(retailer)
    ordered = {window: _ordered_at(session, window).keys() for window in {row.window_id for row in rows}}
    return [
        Reminder(
            id=row.id,
            window=row.window_id,
            words=Words(Text(zh=row.title_zh, en=row.title_en), Text(zh=row.body_zh, en=row.body_en)),
            again=row.again,
            sent_by=row.sent_by,
            sent_at=row.sent_at,
            shops=len(went[row.id]),
            ordered=len(went[row.id] & ordered[row.window_id]),
        )
        for row in rows
    ]


def _ordered_at(session: Session, window_id: UUID) -> dict[str, datetime]:
    rows = session.execute(
        select(OrderRow.retailer, func.min(OrderRow.placed_at))
        .where(OrderRow.window_id == window_id, OrderRow.state == "accepted")
        .group_by(OrderRow.retailer)
    )
    return dict(rows.all())


def _reminded_before(session: Session, window_id: UUID) -> frozenset[str]:
    query = select(ReminderShop.retailer).join(ReminderRow, ReminderRow.id == ReminderShop.reminder_id)
    return frozenset(session.scalars(query.where(ReminderRow.window_id == window_id)))


def _check_words(words: Words) -> None:
    problems: dict[str, Unfit] = {}
    for name, text, most in (
        ("title_zh", words.title.zh, TITLE_MOST),
        ("title_en", words.title.en, TITLE_MOST),
        ("body_zh", words.body.zh, BODY_MOST),
        ("body_en", words.body.en, BODY_MOST),
    ):
        length = len(text.strip())
        if not length:
            problems[name] = Unfit(EMPTY)
        elif length > most:
            problems[name] = Unfit(TOO_LONG, length=length, most=most)
    if problems:
        raise Invalid(problems)
