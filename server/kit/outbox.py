"""The downward feed: one ordered, compacted log a recipient, written in the caller's transaction.

Guarantees: what is appended leaves the server at least once if and only if the transaction commits;
``seq`` grows with every append of a recipient, in commit order; a newer item with the same key takes the
place of the older one, so that reading from 0 gives the state and not the history. The relay publishes
what is new; whoever missed something pulls it by its cursor.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Index, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column, sessionmaker

from contract.envelope import FeedItem
from contract.messages import Message
from server.kit.db import EVERYTHING, Base, transaction

CHANNEL = "evenhand_outbox"
RELAY_BATCH = 500


class FeedHead(Base):
    """The last number given out in a recipient's feed. Its row is the lock that keeps the order."""

    __tablename__ = "feed_heads"
    __party__ = "recipient"

    recipient: Mapped[str] = mapped_column(primary_key=True)
    last_seq: Mapped[int]


class FeedEntry(Base):
    """One current item of a feed."""

    __tablename__ = "feed_entries"
    __party__ = "recipient"
    __table_args__ = (
        Index("uq_feed_entries_recipient_seq", "recipient", "seq", unique=True),
        Index("ix_feed_entries_waiting", "recipient", "seq", postgresql_where=text("published_at IS NULL")),
    )

    recipient: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int]
    kind: Mapped[str]
    at: Mapped[datetime]
    data: Mapped[dict[str, Any]]
    published_at: Mapped[datetime | None]

    def item(self) -> FeedItem:
        """Return the entry as it goes over the wire."""
        return FeedItem(seq=self.seq, key=self.key, kind=self.kind, at=self.at, data=self.data)


@dataclass(frozen=True)
class Item:
    """What one recipient is to be told."""

    recipient: str
    key: str
    kind: str
    message: Message


def append(session: Session, items: Sequence[Item], *, at: datetime) -> None:
    """Append ``items`` to their recipients' feeds; heads are locked in the recipients' order."""
    latest = {(item.recipient, item.key): item for item in items}
    by_recipient: dict[str, list[Item]] = {}
    for item in latest.values():
        by_recipient.setdefault(item.recipient, []).append(item)
    if not by_recipient:
        return
    counted = [{"recipient": name, "last_seq": len(by_recipient[name])} for name in sorted(by_recipient)]
    heads = insert(FeedHead)
    last_seqs: dict[str, int] = {}
    for some in _chunks(counted, 5_000):
        statement = (
            heads.values(some)
            .on_conflict_do_update(
                index_elements=["recipient"],
                set_={"last_seq": FeedHead.last_seq + heads.excluded.last_seq},
            )
            .returning(FeedHead.recipient, FeedHead.last_seq)
        )
        last_seqs |= {row.recipient: row.last_seq for row in session.execute(statement)}
    rows = [
        {
            "recipient": item.recipient,
            "key": item.key,
            "seq": last_seqs[name] - len(mine) + number,
            "kind": item.kind,
            "at": at,
            "data": item.message.model_dump(mode="json", exclude_none=True),
            "published_at": None,
        }
        for name, mine in sorted(by_recipient.items())
        for number, item in enumerate(mine, start=1)
    ]
    entries = insert(FeedEntry)
    entries = entries.on_conflict_do_update(
        index_elements=["recipient", "key"],
        set_={c: entries.excluded[c] for c in ("seq", "kind", "at", "data", "published_at")},
    )
    session.connection().execute(entries, rows)  # past the mapper, which costs more than the rows
    session.execute(select(func.pg_notify(CHANNEL, "")))


def append_one(session: Session, recipient: str, key: str, kind: str, message: Message, *, at: datetime) -> None:
    """Append a single item."""
    append(session, [Item(recipient, key, kind, message)], at=at)


def read(session: Session, recipient: str, *, after: int, limit: int = 200) -> tuple[list[FeedItem], int]:
    """Return up to ``limit`` items after ``after``, oldest first, and the feed's head."""
    entries = session.scalars(
        select(FeedEntry)
        .where(FeedEntry.recipient == recipient, FeedEntry.seq > after)
        .order_by(FeedEntry.seq)
        .limit(limit)
    )
    head = session.scalar(select(FeedHead.last_seq).where(FeedHead.recipient == recipient))
    return [entry.item() for entry in entries], head or 0


def resend(session: Session, recipient: str, *, after: int) -> int:
    """Let the relay publish again what stands after ``after``; return how many items."""
    marked = session.scalars(
        update(FeedEntry)
        .where(FeedEntry.recipient == recipient, FeedEntry.seq > after)
        .values(published_at=None)
        .returning(FeedEntry.seq)
    ).all()
    if marked:
        session.execute(select(func.pg_notify(CHANNEL, "")))
    return len(marked)


def relay_once(
    sessions: sessionmaker[Session],
    *,
    devices_of: Callable[[Session, Iterable[str]], dict[str, list[str]]],
    publish: Callable[[str, FeedItem], None],
    now: datetime,
) -> int:
    """Publish up to :data:`RELAY_BATCH` waiting items, in each recipient's order; return how many.

    ``publish(device, item)`` raises where the broker is away: then nothing is marked, and the items wait.
    A crash between publishing and marking sends an item twice, which every reader must bear.
    """
    with transaction(sessions, EVERYTHING) as session:
        waiting = session.scalars(
            select(FeedEntry)
            .where(FeedEntry.published_at.is_(None))
            .order_by(FeedEntry.recipient, FeedEntry.seq)
            .limit(RELAY_BATCH)
            .with_for_update(skip_locked=True)
        ).all()
        if not waiting:
            return 0
        devices = devices_of(session, sorted({entry.recipient for entry in waiting}))
        for entry in waiting:
            for device in devices.get(entry.recipient, ()):
                publish(device, entry.item())
        session.execute(
            update(FeedEntry),
            [{"recipient": e.recipient, "key": e.key, "published_at": now} for e in waiting],
        )
        return len(waiting)


def _chunks(rows: list[dict[str, Any]], size: int) -> Iterable[list[dict[str, Any]]]:
    return (rows[start : start + size] for start in range(0, len(rows), size))
