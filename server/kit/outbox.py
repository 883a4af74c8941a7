"""The downward feed: one ordered, compacted log a recipient, written in the caller's transaction.

Guarantees: what is appended leaves the server at least once if and only if the transaction commits;
``seq`` grows with every append of a recipient, in commit order; a newer item with the same key takes the
place of the older one, so that reading from 0 gives the state and not the history. The relay publishes
what is new; whoever missed something pulls it by its cursor.

What goes to many at once is not published one by one: it is appended *by broadcast*, each group of recipients is told
once that there is something new (:mod:`server.kit.broadcasts`), and fetches it. Of such an item is noted when a
terminal first said that it has it.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, false, func, select, text, update
from sqlalchemy.orm import Mapped, Session, mapped_column, sessionmaker

from contract.envelope import FeedItem
from contract.messages import Message
from server.kit.db import EVERYTHING, Base, transaction

CHANNEL = "evenhand_outbox"
RELAY_BATCH = 500
ITEMS_A_STATEMENT = 1_000
"""Their bodies go as one text: the driver would look at each character of an array of them."""


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
        Index(
            "ix_feed_entries_unheard", "recipient", "seq", postgresql_where=text("by_broadcast AND heard_at IS NULL")
        ),
    )

    recipient: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int]
    kind: Mapped[str]
    at: Mapped[datetime]
    data: Mapped[dict[str, Any]]
    published_at: Mapped[datetime | None]
    by_broadcast: Mapped[bool] = mapped_column(server_default=false())
    heard_at: Mapped[datetime | None]

    def item(self) -> FeedItem:
        """Return the entry as it goes over the wire."""
        return FeedItem(seq=self.seq, key=self.key, kind=self.kind, at=self.at, data=self.data)


class Restoration(Base):
    """A time at which this database came back from a backup that was made at ``made_at``."""

    __tablename__ = "restorations"
    __append_only__ = True

    id: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    made_at: Mapped[datetime]


_GROW_HEADS = text(
    """
    INSERT INTO feed_heads AS head (recipient, last_seq)
        SELECT * FROM unnest(CAST(:recipients AS text[]), CAST(:counts AS integer[]))
    ON CONFLICT (recipient) DO UPDATE SET last_seq = head.last_seq + excluded.last_seq
    RETURNING recipient, last_seq
    """
)
_STORE_ENTRIES = text(
    """
    INSERT INTO feed_entries (recipient, key, seq, kind, at, data, published_at, by_broadcast)
        SELECT recipient, key, seq, kind, :at, data, CASE WHEN :by_broadcast THEN CAST(:at AS timestamptz) END,
            :by_broadcast
        FROM ROWS FROM (
            unnest(CAST(:recipients AS text[])), unnest(CAST(:keys AS text[])), unnest(CAST(:seqs AS integer[])),
            unnest(CAST(:kinds AS text[])), jsonb_array_elements(CAST(:bodies AS jsonb))
        ) AS one (recipient, key, seq, kind, data)
    ON CONFLICT (recipient, key) DO UPDATE SET
        seq = excluded.seq, kind = excluded.kind, at = excluded.at, data = excluded.data,
        published_at = excluded.published_at, by_broadcast = excluded.by_broadcast, heard_at = NULL
    """
)

_HEARD = text(
    """
    UPDATE feed_entries SET heard_at = :at
    WHERE recipient = :recipient AND by_broadcast AND heard_at IS NULL AND seq <= :seq
    """
)


@dataclass(frozen=True)
class Item:
    """What one recipient is to be told."""

    recipient: str
    key: str
    kind: str
    message: Message


def append(session: Session, items: Iterable[Item], *, at: datetime, by_broadcast: bool = False) -> None:
    """Append ``items`` to their recipients' feeds; heads are locked in the recipients' order.

    Of several with one recipient and key the last counts. Items are taken in stretches, one statement each, so that
    as many as there are shops cost little more than their rows. ``by_broadcast``: the relay does not publish them; the
    caller tells the groups of their recipients to fetch them.
    """
    latest = {(item.recipient, item.key): item for item in items}
    if not latest:
        return
    ordered = sorted(latest.values(), key=lambda item: item.recipient)  # stable: a recipient's items keep their order
    for start in range(0, len(ordered), ITEMS_A_STATEMENT):
        _append_some(session, ordered[start : start + ITEMS_A_STATEMENT], at, by_broadcast=by_broadcast)
    session.execute(select(func.pg_notify(CHANNEL, "")))


def _append_some(session: Session, some: list[Item], at: datetime, *, by_broadcast: bool) -> None:
    coming = Counter(item.recipient for item in some)
    heads = session.execute(_GROW_HEADS, {"recipients": list(coming), "counts": list(coming.values())})
    following = {name: last_seq - coming[name] + 1 for name, last_seq in heads}
    seqs = []
    for item in some:
        seqs.append(following[item.recipient])
        following[item.recipient] += 1
    told = {
        "recipients": [item.recipient for item in some],
        "keys": [item.key for item in some],
        "seqs": seqs,
        "kinds": [item.kind for item in some],
        "bodies": f"[{','.join(item.message.model_dump_json(exclude_none=True) for item in some)}]",
    }
    session.execute(_STORE_ENTRIES, told | {"at": at, "by_broadcast": by_broadcast})


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


def heard(session: Session, recipient: str, seq: int, *, at: datetime) -> None:
    """Note that a terminal of the recipient has what stands in its feed up to ``seq``; what was noted before stays."""
    session.execute(_HEARD, {"recipient": recipient, "seq": seq, "at": at})


def current(session: Session, recipient: str, prefix: str) -> list[FeedItem]:
    """Return the items whose keys begin with ``prefix``: what a recipient was told of it last."""
    entries = session.scalars(
        select(FeedEntry).where(FeedEntry.recipient == recipient, FeedEntry.key.startswith(prefix, autoescape=True))
    )
    return [entry.item() for entry in entries]


def history(session: Session) -> str:
    """Return the name of the database's history: another one where it was restored, or a standby took over.

    The cluster's own name and timeline, and the last restoring of a backup into it. A copy of its files that is put
    back while the server stands still keeps the name.
    """
    said: str = session.scalars(
        text(
            "SELECT concat_ws('-', system_identifier, timeline_id,"
            " (SELECT id FROM restorations ORDER BY at DESC LIMIT 1))"
            " FROM pg_control_system(), pg_control_checkpoint()"
        )
    ).one()
    return said


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
