"""What can be booked in the distributor's own ledger. Nothing here commits.

Every booking holds the ledger until its transaction ends: entries follow one another, and what stands after each is
true. Nothing ever falls below zero: goods that left though the book did not know of them are entered as found.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from contract.errors import Conflict, Rejected
from server.catalogue import queries as catalogue
from server.catalogue.queries import Sku
from server.inventory import depot_queries as queries
from server.inventory import depot_rules as rules
from server.inventory.depot_rules import DEPOT, Entry, Standing
from server.inventory.models import DepotActRow, DepotMovementRow
from server.kit import audit
from server.kit.identity import SYSTEM, Actor, Operator

REASON_MOST = 500
Source = Literal["console", "dispatch", "delivery"]
_LOCK = select(func.pg_advisory_xact_lock(func.hashtext("depot")))


def receive_goods(
    session: Session, sku: str, units: int, reason: str, operator: Operator, *, act: UUID, at: datetime
) -> None:
    """Enter goods that came in; ``act`` is the caller's id: the same one again changes nothing.

    Raises
    ------
    Rejected
        ``unknown_sku``, ``reason_missing``.
    """
    _known(session, sku)
    words = _words(sku, reason)
    entries = {sku: [Entry("receipt", on_hand_units=units)]}
    if _book(session, entries, "console", act, operator.actor, words, at):
        _record(session, operator, "depot.received", sku, at, {"units": units, "reason": words})


def clear_goods(
    session: Session, sku: str, units: int, reason: str, operator: Operator, *, act: UUID, at: datetime
) -> None:
    """Put goods that came back and were looked at among those to be issued again.

    Raises
    ------
    Rejected
        ``unknown_sku``, ``reason_missing``; ``stock_short`` where fewer are set aside.
    """
    _known(session, sku)
    words = _words(sku, reason)
    entries = {sku: [Entry("cleared", on_hand_units=units, blocked_units=-units)]}
    if _book(session, entries, "console", act, operator.actor, words, at):
        _record(session, operator, "depot.cleared", sku, at, {"units": units, "reason": words})


def count_goods(
    session: Session, sku: str, counted_units: int, reason: str, operator: Operator, *, act: UUID, at: datetime
) -> bool | None:
    """Say what was counted; return whether the difference is booked, or none where there is no difference.

    A difference that is worth more than :data:`depot_rules.ALONE_MOST_MINOR` waits for a second person.

    Raises
    ------
    Rejected
        ``unknown_sku``, ``reason_missing``.
    """
    item, stands = _held(session, sku)
    differs = counted_units - stands.on_hand_units
    if differs == 0:
        return None
    return _say(session, item, Entry("count", on_hand_units=differs), stands, reason, operator, act, at)


def write_off(
    session: Session,
    sku: str,
    units: int,
    reason: str,
    operator: Operator,
    *,
    blocked: bool,
    act: UUID,
    at: datetime,
) -> bool:
    """Take spoilt goods out, of those set aside where ``blocked``; return whether it is booked, or waits for a second.

    Raises
    ------
    Rejected
        ``unknown_sku``, ``reason_missing``; ``stock_short`` where fewer are there.
    """
    item, stands = _held(session, sku)
    entry = Entry("spoilage", blocked_units=-units) if blocked else Entry("spoilage", on_hand_units=-units)
    rules.after(stands, entry, sku=sku)
    return _say(session, item, entry, stands, reason, operator, act, at)


def confirm_act(session: Session, act: UUID, operator: Operator, *, at: datetime) -> None:
    """Book a difference that waits, as the second person.

    Raises
    ------
    Rejected, Conflict
        ``not_found``; ``wrong_state`` where it does not wait; ``same_person`` for who said it; ``stock_short`` where
        too few are there meanwhile.
    """
    row = _waiting(session, act)
    if row.said_by == operator.name:
        raise Rejected("same_person", name=operator.name)
    _decide(session, row, operator, at)


def withdraw_act(session: Session, act: UUID, operator: Operator, *, at: datetime) -> None:
    """Drop a difference that waits; nothing is booked.

    Raises
    ------
    Rejected, Conflict
        ``not_found``; ``wrong_state`` where it does not wait.
    """
    row = _waiting(session, act)
    row.state, row.decided_by, row.decided_at = "withdrawn", operator.name, at
    _record(session, operator, "depot.withdrawn", row.sku, at, {"number": row.number, "kind": row.kind})


def issue_goods(session: Session, units: Mapping[str, int], dispatch: UUID, *, at: datetime) -> None:
    """Book what left with a dispatch; the same one again changes nothing."""
    session.execute(_LOCK)
    last = queries.standing(session, units.keys())
    entries = {sku: rules.issue(_stands(last.get(sku)), units[sku]) for sku in units}
    _book(session, entries, "dispatch", dispatch, SYSTEM, None, at)


def take_back(session: Session, units: Mapping[str, int], delivery: UUID, *, at: datetime) -> None:
    """Set aside what shops sent back with a delivery; the same one again changes nothing."""
    entries = {sku: [Entry("return", blocked_units=count)] for sku, count in units.items() if count}
    _book(session, entries, "delivery", delivery, SYSTEM, None, at)


def fetched(session: Session, sku: str, units: int, returning: UUID, operator: Operator, *, at: datetime) -> None:
    """Set aside what was fetched from a shop; the same act again changes nothing."""
    _book(session, {sku: [Entry("return", blocked_units=units)]}, "console", returning, operator.actor, None, at)


def _say(
    session: Session,
    item: Sku,
    entry: Entry,
    stands: Standing,
    reason: str,
    operator: Operator,
    act: UUID,
    at: datetime,
) -> bool:
    words = _words(item.sku, reason)
    row = session.get(DepotActRow, act)
    if row is not None:
        return row.state == "booked"
    needs = rules.needs_second(entry.on_hand_units + entry.blocked_units, item.price_minor)
    row = DepotActRow(
        id=act,
        depot=DEPOT,
        sku=item.sku,
        kind=entry.kind,
        on_hand_units=entry.on_hand_units,
        blocked_units=entry.blocked_units,
        book_units=stands.on_hand_units,
        needs_second=needs,
        reason=words,
        state="waiting",
        said_by=operator.name,
        said_at=at,
    )
    session.add(row)
    session.flush()
    if needs:
        detail = {"number": row.number, "units": entry.on_hand_units + entry.blocked_units, "reason": words}
        _record(session, operator, f"depot.{entry.kind}_said", item.sku, at, detail)
        return False
    _decide(session, row, operator, at)
    return True


def _decide(session: Session, row: DepotActRow, operator: Operator, at: datetime) -> None:
    entry = Entry(row.kind, row.on_hand_units, row.blocked_units)
    row.state, row.decided_by, row.decided_at = "booked", operator.name, at
    session.flush()
    _book(session, {row.sku: [entry]}, "console", row.id, operator.actor, row.reason, at)
    detail = {
        "number": row.number,
        "units": row.on_hand_units + row.blocked_units,
        "reason": row.reason,
        "said_by": row.said_by,
    }
    _record(session, operator, f"depot.{row.kind}", row.sku, at, detail)


def _waiting(session: Session, act: UUID) -> DepotActRow:
    row = session.get(DepotActRow, act, with_for_update=True)
    if row is None:
        raise Rejected("not_found", what="count", name=str(act))
    if row.state != "waiting":
        raise Conflict("wrong_state", state=row.state, needed="waiting")
    return row


def _held(session: Session, sku: str) -> tuple[Sku, Standing]:
    """Return a SKU and what stands of it, held until the transaction ends."""
    session.execute(_LOCK)
    return _known(session, sku), _stands(queries.standing(session, [sku]).get(sku))


def _known(session: Session, sku: str) -> Sku:
    found = catalogue.sku(session, sku)
    if found is None:
        raise Rejected("unknown_sku", sku=sku)
    return found


def _words(sku: str, reason: str) -> str:
    if not reason.strip():
        raise Rejected("reason_missing", sku=sku)
    return reason.strip()[:REASON_MOST]


def _stands(row: DepotMovementRow | None) -> Standing:
    return Standing() if row is None else Standing(row.on_hand_after_units, row.blocked_after_units)


def _book(
    session: Session,
    entries: Mapping[str, Sequence[Entry]],
    source: Source,
    source_id: UUID,
    actor: Actor,
    reason: str | None,
    at: datetime,
) -> int:
    """Enter the changes by SKU after what stands; return how many entries are new.

    A cause that was booked before is left as it is.
    """
    session.execute(_LOCK)
    done = select(DepotMovementRow.sku).where(
        DepotMovementRow.source == source, DepotMovementRow.source_id == source_id
    )
    booked = frozenset(session.scalars(done))
    last = queries.standing(session, entries.keys())
    rows = []
    for sku in sorted(entries.keys() - booked, key=str.encode):
        stands, ordinal = _stands(last.get(sku)), last[sku].ordinal if sku in last else 0
        for entry in entries[sku]:
            stands, ordinal = rules.after(stands, entry, sku=sku), ordinal + 1
            rows.append(
                {
                    "depot": DEPOT,
                    "sku": sku,
                    "ordinal": ordinal,
                    "kind": entry.kind,
                    "on_hand_units": entry.on_hand_units,
                    "blocked_units": entry.blocked_units,
                    "on_hand_after_units": stands.on_hand_units,
                    "blocked_after_units": stands.blocked_units,
                    "source": source,
                    "source_id": source_id,
                    "reason": reason,
                    "actor": str(actor),
                    "at": at,
                }
            )
    if rows:
        session.execute(insert(DepotMovementRow), rows)
    return len(rows)


def _record(
    session: Session, operator: Operator, action: str, sku: str, at: datetime, detail: dict[str, object]
) -> None:
    audit.record(session, actor=operator.actor, action=action, subject=f"sku:{sku}", at=at, detail=detail)
