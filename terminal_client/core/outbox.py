"""What was said to the server and what became of it: the queue and its memory in one table.

A row says *saved* until it left the terminal, *sent* until the server's receipt, then *received* or
*refused*. Nothing else moves it, and nothing deletes it.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from contract.envelope import Envelope
from contract.feed import Receipt
from contract.messages import Message
from terminal_client.core.pins import Role
from terminal_client.core.server_clock import instant, milliseconds
from terminal_client.core.signals import Pending
from terminal_client.core.store import Store

State = Literal["saved", "sent", "received", "refused"]
_COLUMNS = (
    "id, kind, subject, data, saved_at_ms, sent_at_ms, outcome, settled_at_ms, number, revision, code, params,"
    " dealt_with_at_ms, lost_number, lost_at_ms, said_by"
)


@dataclass(frozen=True)
class Entry:
    """One message. Times are milliseconds since 1970; ``settled_at_ms`` is the server's.

    ``lost_at_ms``: it had been received then, under ``lost_number``, and a server that was restored forgot it.
    """

    id: UUID
    kind: str
    subject: str
    data: dict[str, Any]
    saved_at_ms: int
    sent_at_ms: int | None
    state: State
    settled_at_ms: int | None
    number: int | None
    revision: int | None
    code: str | None
    params: dict[str, str | int]
    dealt_with: bool
    lost_number: int | None
    lost_at_ms: int | None
    by: Role | None = None


def add(
    store: Store,
    *,
    id: UUID,  # noqa: A002 - the wire's name
    kind: str,
    subject: str,
    message: Message,
    saved_at_ms: int,
    by: Role | None = None,
) -> Pending:
    """Queue ``message`` inside the caller's transaction; ``by`` is who stood at the terminal.

    Raises
    ------
    Rejected
        ``too_large``, where it would not fit into an envelope: better said now than after a day offline.
    """
    seq = store.next_message_seq()
    envelope = Envelope.of(id=id, device="d" * 64, seq=seq, sent_at=instant(saved_at_ms), message=message, by=by)
    envelope.encode()
    store.execute(
        "INSERT INTO outbox (id, kind, subject, data, seq, saved_at_ms, said_by) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (str(id), kind, subject, json.dumps(envelope.data, ensure_ascii=False), seq, saved_at_ms, by),
    )
    return Pending(id=id, kind=kind, subject=subject)


def envelope(store: Store, id: UUID, *, device: str) -> Envelope:  # noqa: A002 - the wire's name
    """Return the message as it goes out: the same body each time, whatever way it takes."""
    sql = "SELECT data, seq, saved_at_ms, said_by FROM outbox WHERE id = ?"
    data, seq, saved_at_ms, by = store.rows(sql, (str(id),))[0]
    return Envelope.model_validate(
        {"id": id, "device": device, "seq": seq, "sent_at": instant(saved_at_ms), "by": by, "data": json.loads(data)}
    )


def waiting(store: Store) -> list[Pending]:
    """Return what has no receipt yet, oldest first."""
    found = store.rows("SELECT id, kind, subject FROM outbox WHERE outcome IS NULL ORDER BY place")
    return [Pending(id=UUID(id_), kind=kind, subject=subject) for id_, kind, subject in found]


def count_waiting(store: Store) -> int:
    """Return how many messages have no receipt yet."""
    count: int = store.rows("SELECT count(*) FROM outbox WHERE outcome IS NULL")[0][0]
    return count


def oldest_waiting_ms(store: Store) -> int | None:
    """Return when the oldest message that has no receipt yet was saved, by the terminal's clock then."""
    oldest: int | None = store.rows("SELECT min(saved_at_ms) FROM outbox WHERE outcome IS NULL")[0][0]
    return oldest


def count_saved(store: Store) -> int:
    """Return how many messages were ever queued; none is deleted."""
    count: int = store.rows("SELECT coalesce(max(place), 0) FROM outbox")[0][0]
    return count


def mark_sent(store: Store, ids: Sequence[UUID], *, at_ms: int) -> None:
    """Note that messages left the terminal. The first time counts."""
    for id_ in ids:
        store.execute("UPDATE outbox SET sent_at_ms = ? WHERE id = ? AND sent_at_ms IS NULL", (at_ms, str(id_)))


def settle(store: Store, receipt: Receipt, *, exchanged_at_ms: int) -> bool:
    """Write the server's word on a message; return whether it changed anything.

    Repeats change nothing and a message of another terminal is passed over. Where a refusal and an
    acceptance contradict each other the acceptance stands: the server has the thing.
    """
    store.execute("UPDATE outbox SET doubted = 0 WHERE id = ? AND doubted", (str(receipt.message),))
    changed = store.execute(
        "UPDATE outbox SET outcome = ?, settled_at_ms = ?, number = ?, revision = ?, code = ?, params = ?,"
        " sent_at_ms = coalesce(sent_at_ms, ?)"
        " WHERE id = ? AND (outcome IS NULL OR (outcome = 'rejected' AND ? = 'accepted'))",
        (
            receipt.outcome,
            milliseconds(receipt.at),
            receipt.number,
            receipt.revision,
            (receipt.code or "malformed") if receipt.outcome == "rejected" else None,
            json.dumps(receipt.params, ensure_ascii=False) if receipt.outcome == "rejected" else None,
            exchanged_at_ms,
            str(receipt.message),
            receipt.outcome,
        ),
    )
    if changed:
        _let_draft_go(store, receipt)
    return changed > 0


def knows(store: Store, id: UUID) -> bool:  # noqa: A002 - the wire's name
    """Return whether this terminal has ever said the message."""
    return bool(store.rows("SELECT 1 FROM outbox WHERE id = ?", (str(id),)))


def any_received(store: Store) -> bool:
    """Return whether the server has ever taken something of this terminal."""
    return bool(store.rows("SELECT 1 FROM outbox WHERE outcome = 'accepted' LIMIT 1"))


def doubt(store: Store) -> None:
    """Doubt everything that was received, inside the caller's transaction, until its receipt is said again."""
    store.execute("UPDATE outbox SET doubted = 1 WHERE outcome = 'accepted'")


def take_up_forgotten(store: Store) -> list[Pending]:
    """Let wait again, inside the caller's transaction, what is still doubted; return it, oldest first.

    It keeps its id, and remembers that it had been received.
    """
    found = store.rows("SELECT id, kind, subject FROM outbox WHERE doubted ORDER BY place")
    store.execute(
        "UPDATE outbox SET doubted = 0, outcome = NULL, lost_number = number, lost_at_ms = settled_at_ms,"
        " settled_at_ms = NULL, number = NULL, revision = NULL WHERE doubted"
    )
    return [Pending(id=UUID(id_), kind=kind, subject=subject) for id_, kind, subject in found]


def _let_draft_go(store: Store, receipt: Receipt) -> None:
    """Drop an accepted draft; free a refused one, to be read and mended, and bring it back where it was gone."""
    message = str(receipt.message)
    if receipt.outcome == "accepted":
        store.execute("DELETE FROM draft WHERE sent_as = ?", (message,))
        return
    store.execute("UPDATE draft SET sent_as = NULL WHERE sent_as = ?", (message,))
    # A draft that was to change a refused order has no order to change: it is the order now.
    store.execute("UPDATE draft SET amends = NULL, revision = NULL WHERE amends = ?", (message,))
    store.execute(
        "INSERT OR IGNORE INTO draft (window) SELECT data ->> 'window' FROM outbox"
        " WHERE id = ? AND kind = 'order.place'",
        (message,),
    )
    store.execute(
        "INSERT INTO draft_line SELECT o.data ->> 'window', line.value ->> 'sku', line.value ->> 'quantity_units'"
        " FROM outbox o, json_each(o.data, '$.lines') line"
        " WHERE o.id = ? AND o.kind = 'order.place' AND NOT EXISTS"
        " (SELECT 1 FROM draft_line WHERE window = o.data ->> 'window')",
        (message,),
    )


def about(store: Store, subject: str) -> list[Entry]:
    """Return what was said about ``subject``, oldest first."""
    return _entries(store, "WHERE subject = ? ORDER BY place", (subject,))


def of_kinds(store: Store, *kinds: str) -> list[Entry]:
    """Return the messages of some kinds, oldest first."""
    marks = ", ".join("?" for _ in kinds)
    return _entries(store, f"WHERE kind IN ({marks}) ORDER BY place", kinds)


def since(store: Store, kinds: Sequence[str], at_ms: int) -> list[Entry]:
    """Return the messages of some kinds that were saved at a moment or later, oldest first."""
    marks = ", ".join("?" for _ in kinds)
    return _entries(store, f"WHERE kind IN ({marks}) AND saved_at_ms >= ? ORDER BY place", (*kinds, at_ms))


def unsettled(store: Store, kinds: Sequence[str], at_ms: int) -> list[Entry]:
    """Return the messages of some kinds without a receipt, or accepted after a moment at the server, oldest first."""
    marks = ", ".join("?" for _ in kinds)
    where = f"WHERE kind IN ({marks}) AND (settled_at_ms IS NULL OR (settled_at_ms > ? AND outcome = 'accepted'))"
    return _entries(store, f"{where} ORDER BY place", (*kinds, at_ms))


def naming(store: Store, sku: str, most: int) -> list[Entry]:
    """Return the newest stock entries and confirmations whose lines name a SKU, newest first."""
    names = (
        "EXISTS (SELECT 1 FROM json_each(data, '$.lines') line"
        " WHERE line.value ->> 'sku' = ? OR line.value ->> 'other_sku' = ?)"
    )
    return _entries(
        store,
        f"WHERE subject = ? OR (subject = 'stock:' AND {names}) OR (kind = 'delivery.confirm' AND {names})"
        " ORDER BY place DESC LIMIT ?",
        (f"stock:{sku}", sku, sku, sku, sku, most),
    )


def find(store: Store, id: UUID) -> Entry | None:  # noqa: A002 - the wire's name
    """Return one message, or none."""
    found = _entries(store, "WHERE id = ?", (str(id),))
    return found[0] if found else None


def queued(store: Store) -> list[Entry]:
    """Return what has no receipt yet, oldest first."""
    return _entries(store, "WHERE outcome IS NULL ORDER BY place", ())


def refused(store: Store) -> list[Entry]:
    """Return the refusals that nobody has dealt with yet, newest first."""
    return _entries(store, "WHERE outcome = 'rejected' AND dealt_with_at_ms IS NULL ORDER BY place DESC", ())


def _entries(store: Store, where: str, values: Sequence[str | int]) -> list[Entry]:
    return [_entry(row) for row in store.rows(f"SELECT {_COLUMNS} FROM outbox {where}", values)]  # noqa: S608 - our own clauses


def _entry(row: tuple[Any, ...]) -> Entry:
    (id_, kind, subject, data, saved, sent, outcome, settled, number, revision, code, params, dealt, *more) = row
    lost_number, lost_at_ms, by = more
    state: State = "saved" if sent is None else "sent"
    if outcome is not None:
        state = "received" if outcome == "accepted" else "refused"
    return Entry(
        id=UUID(id_),
        kind=kind,
        subject=subject,
        data=json.loads(data),
        saved_at_ms=saved,
        sent_at_ms=sent,
        state=state,
        settled_at_ms=settled,
        number=number,
        revision=revision,
        code=code,
        params=json.loads(params) if params else {},
        dealt_with=dealt is not None,
        lost_number=lost_number,
        lost_at_ms=lost_at_ms,
        by=by,
    )
