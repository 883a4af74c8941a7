"""What a shop's terminals are told of its complaints, suggestions and questions. Nothing here commits."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from contract import feed
from server.feedback import queries, rules, setting, terms
from server.feedback.models import FeedbackRow
from server.kit import outbox


def item(session: Session, row: FeedbackRow) -> outbox.Item:
    """Return how one stands, as its shop's terminals are told it."""
    written = queries.entries(session, row.id)
    remedy = _remedy(session, row, {one.id: one for one in written})
    return _item(row, setting.in_force(session), written, remedy)


def new_item(row: FeedbackRow, held: terms.Terms) -> outbox.Item:
    """Return the same of one that was just kept, about which nobody has written anything."""
    return _item(row, held, (), None)


def _item(
    row: FeedbackRow, held: terms.Terms, written: Sequence[queries.Entry], remedy: feed.Remedy | None
) -> outbox.Item:
    known = queries.view(row)
    given = next((one for one in written if one.sort == "answer"), None)
    because = next((one for one in written if one.sort == "pause"), None)
    done_at = row.closed_at or row.answered_at
    until = None
    if done_at is not None and row.reopens < held.reopens_most:
        until = rules.reopen_until(done_at, ZoneInfo(row.zone), held.reopen_days)
    frozen = row.explanation or {}
    message = feed.Feedback(
        feedback=row.id,
        number=row.number,
        kind=known.kind,
        category=known.category,
        about=known.about,
        words=row.words,
        state=known.state,
        received_at=row.at,
        answer_until=row.answer_until,
        by_telephone=known.by_telephone,
        answer=None if given is None else given.both,
        answered_at=None if given is None else given.at,
        closed_at=row.closed_at,
        reopen_until=until,
        reopened=row.reopened,
        satisfaction=row.satisfaction,
        due_at=row.due_at,
        paused_at=row.paused_at,
        because=None if row.paused_at is None or because is None else because.both,
        decision=known.decision,
        remedy=remedy,
        result_sha256=frozen.get("result_sha256") or None,
        certificate_sha256=frozen.get("certificate_sha256") or None,
    )
    return outbox.Item(row.retailer, f"feedback:{row.id}", "feedback", message)


def _remedy(session: Session, row: FeedbackRow, written: Mapping[UUID, queries.Entry]) -> feed.Remedy | None:
    """Return what the answer that stands makes good; none where it upholds no dispute about a grant."""
    if row.explanation is None or not rules.made_good(queries.view(row).decision, rules.disputed(row.explanation)):
        return None
    confirmed = [one for one in queries.remedies(session, row.id) if one.state == "confirmed"]
    if not confirmed:
        return None
    because = None if confirmed[0].because is None else written[confirmed[0].because].both
    sku = str(row.explanation["line"]["sku"])
    if confirmed[0].units is None:
        return feed.Remedy(sort="none", sku=sku, because=because)
    return feed.Remedy(sort="credit", sku=sku, units=confirmed[0].units)


def tell(session: Session, row: FeedbackRow, at: datetime) -> None:
    """Tell the shop's terminals how one stands."""
    outbox.append(session, [item(session, row)], at=at)


def tell_again(session: Session, rows: Iterable[FeedbackRow], *, at: datetime) -> None:
    """Tell the shops how their feedback stands, after its words were erased."""
    outbox.append(session, [item(session, row) for row in rows], at=at)
