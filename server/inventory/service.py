"""What can be booked in a shop's ledger. Nothing here commits.

Every booking holds the retailer's row until its transaction ends: entries of a shop follow one another, and the
stock after each is true.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.orm import Session

from contract import feed
from contract.errors import Rejected
from contract.messages import MoveStock
from server.catalogue import queries as catalogue
from server.inventory import depot, queries, rules
from server.inventory.models import MovementRow, StockActRow
from server.kit import audit, outbox
from server.kit.clock import happened_at
from server.kit.identity import Actor, Operator
from server.kit.inbox import Accepted, Arrival
from server.retailers import service as retailer_locks

REASON_MOST = 500


@dataclass(frozen=True)
class Cause:
    """Why the stock changes. One cause changes a SKU once."""

    kind: queries.Kind
    source: queries.Source
    id: UUID
    actor: Actor
    reason: str | None = None


def book(session: Session, retailer: str, changes: Mapping[str, rules.Change], cause: Cause, *, at: datetime) -> int:
    """Enter the changes by SKU and tell the shop's terminals its stock; return how many entries are new.

    SKUs that the cause has entries for already are left as they are.

    Raises
    ------
    Rejected
        ``stock_short``: nothing is entered then.
    """
    retailer_locks.lock_retailer(session, retailer)
    done = queries.booked(session, cause.source, cause.id)
    new = {
        sku: [(cause.kind, replace(change, brought_units=change.on_hand_units))]
        for sku, change in changes.items()
        if sku not in done and change != rules.Change()
    }
    return _enter(session, retailer, new, queries.stock(session, retailer, new.keys()), cause, at=at, moved_at=at)


def move_stock(session: Session, moved: MoveStock, arrival: Arrival) -> Accepted:
    """Enter what a terminal tells of its shop's stock: sales, a count, an adjustment, what is past its day.

    Raises
    ------
    Rejected
        ``line_twice``, ``units_wrong``, ``reason_missing``, ``unknown_sku``; ``stock_short`` where more is taken out,
        but not sold, than is there. Nothing is entered then.
    """
    retailer = arrival.sender.party
    reason = (moved.reason or "").strip() or None
    rules.check_lines(moved.kind, moved.lines, reason)
    skus = {line.sku for line in moved.lines}
    for sku in sorted(skus - catalogue.known(session, skus)):
        raise Rejected("unknown_sku", sku=sku)
    retailer_locks.lock_retailer(session, retailer)
    before = queries.stock(session, retailer, skus)
    new = {line.sku: rules.entries(moved.kind, _stands(before.get(line.sku)), line.units) for line in moved.lines}
    cause = Cause(moved.kind, "terminal", arrival.id, Actor("device", arrival.sender.device), reason)
    happened = happened_at(moved.moved_at, arrival.at)
    entered = _enter(session, retailer, new, before, cause, at=arrival.at, moved_at=happened)
    if moved.kind != "sale":
        audit.record(
            session,
            actor=cause.actor,
            action=f"stock.{moved.kind}",
            subject=f"retailer:{retailer}",
            at=arrival.at,
            detail={"lines": len(moved.lines), "entries": entered, "reason": reason} | arrival.said,
        )
    act = StockActRow(
        retailer=retailer,
        id=arrival.id,
        kind=moved.kind,
        device=arrival.sender.device,
        said_by=arrival.by,
        at=arrival.at,
    )
    session.add(act)
    session.flush()
    return Accepted(act.number)


def _stands(line: queries.StockLine | None) -> rules.Stock:
    if line is None:
        return rules.Stock()
    return rules.Stock(line.on_hand_units, line.held_units, line.brought_units, line.sold_units)


def _enter(
    session: Session,
    retailer: str,
    new: Mapping[str, Sequence[tuple[str, rules.Change]]],
    before: Mapping[str, queries.StockLine],
    cause: Cause,
    *,
    at: datetime,
    moved_at: datetime,
) -> int:
    """Enter changes by SKU, each with its kind, after what stands; the caller holds the retailer."""
    rows = []
    last = {}
    for sku in sorted(new, key=str.encode):
        line = before.get(sku)
        stock, ordinal = _stands(line), 0 if line is None else line.entries
        for kind, change in new[sku]:
            stock, ordinal = rules.after(stock, change, sku=sku), ordinal + 1
            last[sku] = {
                "retailer": retailer,
                "sku": sku,
                "ordinal": ordinal,
                "kind": kind,
                "on_hand_units": change.on_hand_units,
                "held_units": change.held_units,
                "sold_units": change.sold_units,
                "on_hand_after_units": stock.on_hand_units,
                "held_after_units": stock.held_units,
                "brought_after_units": stock.brought_units,
                "sold_after_units": stock.sold_units,
                "source": cause.source,
                "source_id": cause.id,
                "reason": cause.reason,
                "actor": str(cause.actor),
                "at": at,
                "moved_at": moved_at,
            }
            rows.append(last[sku])
    if rows:
        session.execute(insert(MovementRow), rows)
        _tell(session, retailer, list(last.values()), at)
    return len(rows)


def correct_stock(
    session: Session,
    retailer: str,
    sku: str,
    counted: rules.Stock,
    reason: str,
    operator: Operator,
    *,
    correction: UUID,
    at: datetime,
) -> bool:
    """Put the stock of a SKU right after a count; return whether anything differed.

    ``correction`` is the caller's id of the act: the same one again changes nothing.

    Raises
    ------
    Rejected
        ``not_found``, ``unknown_sku``, ``reason_missing``.
    """
    retailer_locks.lock_retailer(session, retailer)
    if sku not in catalogue.known(session, [sku]):
        raise Rejected("unknown_sku", sku=sku)
    line = queries.stock(session, retailer, [sku]).get(sku)
    stands = rules.Stock() if line is None else rules.Stock(line.on_hand_units, line.held_units)
    change = rules.Change(counted.on_hand_units - stands.on_hand_units, counted.held_units - stands.held_units)
    cause = _by_hand("correction", correction, sku, reason, operator)
    entered = book(session, retailer, {sku: change}, cause, at=at)
    _record(session, operator, "stock.corrected", retailer, sku, change, cause, at, entered)
    return entered > 0


def return_held(
    session: Session,
    retailer: str,
    sku: str,
    returned_units: int,
    reason: str,
    operator: Operator,
    *,
    returning: UUID,
    at: datetime,
) -> None:
    """Note that goods that stood aside were fetched; they are set aside in the distributor's own stock then.

    Raises
    ------
    Rejected
        ``not_found``, ``reason_missing``; ``stock_short`` where fewer stand aside.
    """
    change = rules.Change(held_units=-returned_units)
    cause = _by_hand("return", returning, sku, reason, operator)
    entered = book(session, retailer, {sku: change}, cause, at=at)
    if entered:
        depot.fetched(session, sku, returned_units, returning, operator, at=at)
    _record(session, operator, "stock.returned", retailer, sku, change, cause, at, entered)


def _by_hand(kind: queries.Kind, act: UUID, sku: str, reason: str, operator: Operator) -> Cause:
    if not reason.strip():
        raise Rejected("reason_missing", sku=sku)
    return Cause(kind, "console", act, operator.actor, reason.strip()[:REASON_MOST])


def _record(
    session: Session,
    operator: Operator,
    action: str,
    retailer: str,
    sku: str,
    change: rules.Change,
    cause: Cause,
    at: datetime,
    entered: int,
) -> None:
    if entered == 0:
        return
    audit.record(
        session,
        actor=operator.actor,
        action=action,
        subject=f"retailer:{retailer}",
        at=at,
        detail={
            "sku": sku,
            "on_hand_units": change.on_hand_units,
            "held_units": change.held_units,
            "reason": cause.reason,
        },
    )


def _tell(session: Session, retailer: str, rows: list[dict[str, object]], at: datetime) -> None:
    outbox.append(
        session,
        [
            outbox.Item(
                retailer,
                f"stock:{row['sku']}",
                "stock",
                feed.Stock.model_validate(
                    {
                        "sku": row["sku"],
                        "on_hand_units": row["on_hand_after_units"],
                        "held_units": row["held_after_units"],
                        "as_of": at,
                    }
                ),
            )
            for row in rows
        ],
        at=at,
    )
