"""What can be done with claims: deciding, making good, handing on. Nothing here commits.

A decision holds its claim's row for update: two of them cannot both be the first. What an upheld claim gets is a row of
its own: a replacement leaves with the next dispatch, whatever its cycle; a credit note is written at once.
"""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from contract.errors import Conflict, Rejected
from server.catalogue import queries as catalogue
from server.deliveries import queries, rules, telling
from server.deliveries.events import ClaimDecided
from server.deliveries.models import ClaimRow, DeliveryRow, RemedyRow
from server.deliveries.telling import REASON_MOST
from server.kit import audit, events
from server.kit.identity import Operator, Role
from server.operators import queries as operators

Verdict = Literal["upheld", "declined"]
#: Who sends goods out, and decides what shops claim of them.
SENDERS: tuple[Role, ...] = ("planner", "dispatcher")


def decide_claim(
    session: Session,
    claim_id: UUID,
    verdict: Verdict,
    reason: str,
    operator: Operator,
    *,
    remedy: rules.Remedy = "nothing",
    at: datetime,
) -> None:
    """Decide an open claim with a reason; the terminal is told.

    An upheld one may name its remedy: a replacement, which settles it once it leaves, or a credit note over the
    catalogue's price of today, which settles it at once. With neither, how it was made good is said later.

    Raises
    ------
    Rejected, Conflict
        ``not_found``; ``reason_missing``; ``wrong_state`` where it was decided before; ``remedy_unfit`` where the claim
        is declined, or of goods that the shop does not miss.
    """
    row = _claim(session, claim_id, "open")
    words = _reason(row, reason)
    fit = rules.remedies(row.difference, row.difference_units) if verdict == "upheld" else ("nothing",)  # type: ignore[arg-type] # CHECK holds it
    if remedy not in fit:
        raise Rejected("remedy_unfit", sku=row.sku)
    row.decision = words
    row.state = verdict
    row.decided_at = at
    row.decided_by = operator.name
    session.flush()
    detail: dict[str, Any] = {"reason": words}
    if remedy != "nothing":
        detail |= {"remedy": remedy} | _make_good(session, row, remedy, operator, at)
    telling.tell(session, [row.delivery_id], at=at)
    events.publish_awaited(session, ClaimDecided(row.id, row.retailer, verdict, at))
    _record(session, operator, f"claim.{verdict}", row, at, detail)


def settle_claim(session: Session, claim_id: UUID, note: str, operator: Operator, *, at: datetime) -> None:
    """Note that what an upheld claim promised was carried out, and how.

    Raises
    ------
    Rejected, Conflict
        ``not_found``; ``reason_missing``; ``wrong_state`` where it is not upheld; ``replacement_due`` where its goods
        are still to leave, which settles it by itself.
    """
    row = _claim(session, claim_id, "upheld")
    if session.get(RemedyRow, claim_id) is not None:
        raise Conflict("replacement_due", sku=row.sku)
    _settle(row, _reason(row, note), at)
    session.flush()
    telling.tell(session, [row.delivery_id], at=at)
    _record(session, operator, "claim.settled", row, at, {"note": row.settlement})


def assign_claim(session: Session, claim_id: UUID, owner: str, operator: Operator, *, at: datetime) -> None:
    """Give an open claim to another person.

    Raises
    ------
    Rejected, Conflict
        ``not_found`` for the claim, or for a person who decides none; ``wrong_state`` where the claim was decided.
    """
    row = _claim(session, claim_id, "open")
    person = operators.operator(session, owner, at=at)
    if person is None or not _decides(person):
        raise Rejected("not_found", what="operator", name=owner)
    before, row.owner = row.owner, person.name
    _record(session, operator, "claim.assigned", row, at, {"from": before, "to": row.owner})


def deciders(session: Session, *, at: datetime) -> list[str]:
    """Return the names of those whom a claim can be given to: who may decide it, and is not shut out."""
    return [one.name for one in operators.operators(session, at=at) if _decides(one)]


def _decides(person: operators.OperatorView) -> bool:
    return person.disabled_at is None and not person.roles.isdisjoint(SENDERS)


def take_replacements(session: Session) -> dict[str, list[RemedyRow]]:
    """Return the replacements that are due, by shop, and hold them until the transaction ends."""
    rows = session.scalars(
        select(RemedyRow)
        .where(RemedyRow.kind == "replacement", RemedyRow.delivery_id.is_(None))
        .order_by(RemedyRow.claim_id)
        .with_for_update()
    )
    due: dict[str, list[RemedyRow]] = {}
    for row in rows:
        due.setdefault(row.retailer, []).append(row)
    return due


def units_by_sku(due: Iterable[RemedyRow]) -> dict[str, int]:
    """Return the units of several replacements by SKU."""
    units: dict[str, int] = {}
    for row in due:
        units[row.sku] = units.get(row.sku, 0) + row.units
    return units


def settle_replaced(session: Session, deliveries: Collection[UUID], *, at: datetime) -> None:
    """Settle the claims whose replacements left with ``deliveries``; those of notices held back wait."""
    session.flush()
    left = session.execute(
        select(ClaimRow, DeliveryRow.number)
        .join(RemedyRow, RemedyRow.claim_id == ClaimRow.id)
        .join(DeliveryRow, DeliveryRow.id == RemedyRow.delivery_id)
        .where(RemedyRow.delivery_id.in_(deliveries), DeliveryRow.state == "shipped", ClaimRow.state == "upheld")
        .order_by(ClaimRow.id)
        .with_for_update(of=ClaimRow)
    ).all()
    for row, number in left:
        _settle(row, f"已补货 (送货单 #{number}) · Replaced with delivery #{number}", at)
    session.flush()
    telling.tell(session, {row.delivery_id for row, _ in left}, at=at)


def _make_good(
    session: Session, row: ClaimRow, remedy: Literal["replacement", "credit"], operator: Operator, at: datetime
) -> dict[str, Any]:
    units = rules.owed_units(row.difference, row.difference_units)  # type: ignore[arg-type] # CHECK holds it
    price = None
    if remedy == "credit":
        sku = catalogue.sku(session, row.sku)
        assert sku is not None  # noqa: S101 - a line's SKU is a foreign key
        price = sku.price_minor
    made = RemedyRow(
        claim_id=row.id,
        retailer=row.retailer,
        sku=row.sku,
        kind=remedy,
        units=units,
        price_minor=price,
        amount_minor=None if price is None else units * price,
        made_at=at,
        made_by=operator.name,
    )
    session.add(made)
    session.flush()
    if remedy == "credit":
        _settle(row, f"贷记单 #{made.number} · Credit note #{made.number}", at)
        session.flush()
    return {"units": units, "number": made.number, "amount_minor": made.amount_minor}


def _settle(row: ClaimRow, words: str, at: datetime) -> None:
    row.settlement, row.state, row.settled_at = words, "settled", at


def _claim(session: Session, claim_id: UUID, needed: queries.ClaimState) -> ClaimRow:
    row = session.get(ClaimRow, claim_id, with_for_update=True)
    if row is None:
        raise Rejected("not_found", what="claim", name=str(claim_id))
    if row.state != needed:
        raise Conflict("wrong_state", state=row.state, needed=needed)
    return row


def _reason(row: ClaimRow, text: str) -> str:
    if not text.strip():
        raise Rejected("reason_missing", sku=row.sku)
    return text.strip()[:REASON_MOST]


def _record(
    session: Session, operator: Operator, action: str, row: ClaimRow, at: datetime, detail: dict[str, Any]
) -> None:
    audit.record(session, actor=operator.actor, action=action, subject=f"claim:{row.number}", at=at, detail=detail)
