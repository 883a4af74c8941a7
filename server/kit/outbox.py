"""The downward feed: one ordered, compacted log a recipient, written in the caller's transaction.

Guarantees: what is appended leaves the server at least once if and only if the transaction commits;
``seq`` grows with every append of a recipient, in commit order; a newer item with the same key takes the
place of the older one, so that reading from 0 gives the state and not the history. The relay publishes
what is new; whoever missed something pulls it by its cursor.

What goes to many at once is not published one by one: it is appended *by broadcast*, each group of recipients is told
once that there is something new (:mod:`server.kit.broadcasts`), and fetches it. Of such an item is noted when a
terminal first said that it has it.

Locks: whoever changes the entries of recipients holds their heads, taken in the recipients' order. So two never wait
for each other, as long as each takes all that it needs at once: :func:`gathered` sees to it for those that act many
times in one transaction. What is only noted of an entry (:func:`heard_by`) waits for nobody.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, event, false, func, select, text
from sqlalchemy.orm import Mapped, Session, SessionTransaction, mapped_column, sessionmaker

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


_HOLD = text(
    """
    INSERT INTO feed_heads AS head (recipient, last_seq) SELECT name, 0 FROM unnest(CAST(:recipients AS text[])) AS name
    ON CONFLICT (recipient) DO UPDATE SET last_seq = head.last_seq
    """
)
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
        SELECT recipient, key, seq, kind, at, data, CASE WHEN :by_broadcast THEN at END, :by_broadcast
        FROM ROWS FROM (
            unnest(CAST(:recipients AS text[])), unnest(CAST(:keys AS text[])), unnest(CAST(:seqs AS integer[])),
            unnest(CAST(:kinds AS text[])), unnest(CAST(:ats AS timestamptz[])),
            jsonb_array_elements(CAST(:bodies AS jsonb))
        ) AS one (recipient, key, seq, kind, at, data)
    ON CONFLICT (recipient, key) DO UPDATE SET
        seq = excluded.seq, kind = excluded.kind, at = excluded.at, data = excluded.data,
        published_at = excluded.published_at, by_broadcast = excluded.by_broadcast, heard_at = NULL
    """
)

_HEARD = text(
    """
    WITH unheard AS MATERIALIZED (
        SELECT entry.recipient, entry.key FROM feed_entries AS entry
        JOIN unnest(CAST(:recipients AS text[]), CAST(:seqs AS integer[])) AS one (recipient, seq)
            ON entry.recipient = one.recipient AND entry.seq <= one.seq
        WHERE entry.by_broadcast AND entry.heard_at IS NULL FOR UPDATE OF entry SKIP LOCKED
    )
    UPDATE feed_entries AS entry SET heard_at = :at FROM unheard
    WHERE entry.recipient = unheard.recipient AND entry.key = unheard.key
    """
)
_HOLD_HEADS = text(
    """
    SELECT head.recipient FROM feed_heads AS head
    JOIN unnest(CAST(:recipients AS text[]), CAST(:afters AS bigint[])) AS one (recipient, after)
        ON head.recipient = one.recipient AND head.last_seq > one.after
    ORDER BY head.recipient COLLATE "C" FOR NO KEY UPDATE OF head
    """
)
_RESEND = text(
    """
    WITH again AS (
        UPDATE feed_entries AS entry SET published_at = NULL
        FROM unnest(CAST(:recipients AS text[]), CAST(:afters AS bigint[])) AS one (recipient, after)
        WHERE entry.recipient = one.recipient AND entry.seq > one.after RETURNING 1
    )
    SELECT count(*) FROM again
    """
)
_PUBLISHED = text(
    """
    UPDATE feed_entries AS entry SET published_at = :at
    FROM unnest(CAST(:recipients AS text[]), CAST(:keys AS text[])) AS one (recipient, key)
    WHERE entry.recipient = one.recipient AND entry.key = one.key
    """
)
_GATHERED = "outbox_gathered"


@dataclass(frozen=True)
class Item:
    """What one recipient is to be told."""

    recipient: str
    key: str
    kind: str
    message: Message


def hold(session: Session, recipients: Iterable[str]) -> None:
    """Keep others from appending to these feeds until the transaction ends, in the order in which they are locked.

    Who reads what stands open, in order to append the whole of it, holds the feed first: of two who do so at once, the
    later one then reads what the earlier one wrote.
    """
    session.execute(_HOLD, {"recipients": sorted(set(recipients))})


@dataclass
class _Gathered:
    """What a transaction does to feeds once it has come to its end. Each append belongs to the step that it came in."""

    appended: list[tuple[SessionTransaction | None, list[Item], datetime]] = field(default_factory=list)
    again: dict[str, int] = field(default_factory=dict)
    heard: dict[str, int] = field(default_factory=dict)
    heard_at: datetime | None = None

    def ask_again(self, after: Mapping[str, int]) -> None:
        """Note what is to be published again; of several numbers of a recipient the lowest counts."""
        for recipient, seq in after.items():
            self.again[recipient] = min(seq, self.again.get(recipient, seq))

    def hear(self, seqs: Mapping[str, int], at: datetime) -> None:
        """Note what was heard; of several numbers of a recipient the highest counts."""
        self.heard_at = at
        for recipient, seq in seqs.items():
            self.heard[recipient] = max(seq, self.heard.get(recipient, seq))


@contextmanager
def gathered(session: Session) -> Iterator[None]:
    """Do at the end, at once, whatever is done to feeds within: appended, to be sent again, heard.

    Each append gets its numbers as if it had been done where it was asked for; what was asked for within a savepoint
    that is rolled back is not done. Nothing is done where an error leaves. A broadcast is not put off. Within, a feed
    is read as it stood before.
    """
    waiting = session.info[_GATHERED] = _Gathered()
    try:
        yield
    finally:
        del session.info[_GATHERED]
    items = [(item, at) for _, some, at in waiting.appended for item in some]
    held: frozenset[str] = frozenset()
    if waiting.again:
        held = _hold_heads(session, waiting.again | {item.recipient: -1 for item, _ in items})
    if items:
        _append_all(session, items, by_broadcast=False)
    _publish_again(session, waiting.again, held)
    if waiting.heard_at is not None:
        heard_by(session, waiting.heard, at=waiting.heard_at)


def _hold_heads(session: Session, after: Mapping[str, int]) -> frozenset[str]:
    """Hold the heads of those recipients that have something after a number; return who they are."""
    wanted = {"recipients": list(after), "afters": list(after.values())}
    return frozenset(session.scalars(_HOLD_HEADS, wanted))


@event.listens_for(Session, "after_soft_rollback")
def _forget(session: Session, rolled_back: SessionTransaction) -> None:
    waiting: _Gathered | None = session.info.get(_GATHERED)
    if waiting is not None:
        waiting.appended = [one for one in waiting.appended if not _is_within(one[0], rolled_back)]


def _is_within(step: SessionTransaction | None, outer: SessionTransaction) -> bool:
    while step is not None and step is not outer:
        step = step.parent
    return step is outer


def append(session: Session, items: Iterable[Item], *, at: datetime, by_broadcast: bool = False) -> None:
    """Append ``items`` to their recipients' feeds; heads are locked in the recipients' order.

    Of several with one recipient and key the last counts. Items are taken in stretches, one statement each, so that
    as many as there are shops cost little more than their rows. ``by_broadcast``: the relay does not publish them; the
    caller tells the groups of their recipients to fetch them.
    """
    latest = {(item.recipient, item.key): item for item in items}
    waiting: _Gathered | None = session.info.get(_GATHERED)
    if waiting is not None and not by_broadcast:
        waiting.appended.append((session.get_nested_transaction(), list(latest.values()), at))
    elif latest:
        _append_all(session, [(item, at) for item in latest.values()], by_broadcast=by_broadcast)


def _append_all(session: Session, items: Iterable[tuple[Item, datetime]], *, by_broadcast: bool) -> None:
    ordered = sorted(items, key=lambda one: one[0].recipient)  # stable: a recipient's items keep their order
    for start in range(0, len(ordered), ITEMS_A_STATEMENT):
        _append_some(session, ordered[start : start + ITEMS_A_STATEMENT], by_broadcast=by_broadcast)
    session.execute(select(func.pg_notify(CHANNEL, "")))


def _append_some(session: Session, some: Sequence[tuple[Item, datetime]], *, by_broadcast: bool) -> None:
    """Append a stretch; each item has a number of its own, of those with one key the last is kept."""
    coming = Counter(item.recipient for item, _ in some)
    heads = session.execute(_GROW_HEADS, {"recipients": list(coming), "counts": list(coming.values())})
    following = {name: last_seq - coming[name] + 1 for name, last_seq in heads}
    kept: dict[tuple[str, str], tuple[Item, int, datetime]] = {}
    for item, at in some:
        kept[item.recipient, item.key] = (item, following[item.recipient], at)
        following[item.recipient] += 1
    told = {
        "recipients": [recipient for recipient, _ in kept],
        "keys": [key for _, key in kept],
        "seqs": [seq for _, seq, _ in kept.values()],
        "kinds": [item.kind for item, _, _ in kept.values()],
        "ats": [at for _, _, at in kept.values()],
        "bodies": f"[{','.join(item.message.model_dump_json(exclude_none=True) for item, _, _ in kept.values())}]",
    }
    session.execute(_STORE_ENTRIES, told | {"by_broadcast": by_broadcast})


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
    heard_by(session, {recipient: seq}, at=at)


def heard_by(session: Session, seqs: Mapping[str, int], *, at: datetime) -> None:
    """Note of recipients that a terminal of theirs has what stands in its feed up to a number.

    What was noted before stays. An entry that somebody else changes at this moment is passed over: the next word of
    the terminal, a minute later, says the same.
    """
    known = {recipient: seq for recipient, seq in seqs.items() if seq > 0}
    waiting: _Gathered | None = session.info.get(_GATHERED)
    if waiting is not None:
        waiting.hear(known, at)
    elif known:
        session.execute(_HEARD, {"recipients": list(known), "seqs": list(known.values()), "at": at})


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


def resend(session: Session, after: Mapping[str, int]) -> None:
    """Let the relay publish again what stands in feeds after a number of each."""
    waiting: _Gathered | None = session.info.get(_GATHERED)
    if waiting is not None:
        waiting.ask_again(after)
    else:
        _publish_again(session, after, _hold_heads(session, after))


def _publish_again(session: Session, after: Mapping[str, int], held: frozenset[str]) -> None:
    """Mark what stands after a number, of the recipients whose heads are held: the others have nothing."""
    asked = {recipient: seq for recipient, seq in after.items() if recipient in held}
    if not asked:
        return
    wanted = {"recipients": list(asked), "afters": list(asked.values())}
    if session.scalar(_RESEND, wanted):
        session.execute(select(func.pg_notify(CHANNEL, "")))


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
            _PUBLISHED,
            {"recipients": [e.recipient for e in waiting], "keys": [e.key for e in waiting], "at": now},
        )
        return len(waiting)
