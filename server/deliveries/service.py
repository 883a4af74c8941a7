"""What can be done with deliveries and claims. Nothing here commits.

A confirming transaction holds its delivery's row for update, a decision its claim's: two of them cannot both
be the first.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from typing import Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from contract import feed
from contract.envelope import MAX_BYTES
from contract.errors import Conflict, Rejected
from contract.ids import uuid7
from contract.messages import ConfirmDelivery, ConfirmedLine
from server.catalogue import queries as catalogue
from server.cycles import queries as cycles
from server.cycles import result_queries, shipping
from server.deliveries import queries, rules
from server.deliveries.events import DeliveryConfirmed
from server.deliveries.models import ClaimRow, DeliveryLineRow, DeliveryRow
from server.kit import audit, events, outbox
from server.kit.identity import Actor, Operator
from server.kit.inbox import Accepted, Arrival
from server.licences import queries as licences
from server.operators import queries as operators
from server.photos import service as photos
from server.retailers import queries as retailers
from server.scores import facts as scores

REASON_MOST = 500
#: Words of a decision where many claims share one envelope.
WORDS_CUT = 60
#: What is left of an envelope's bytes for a delivery, beside its key and the envelope's own fields.
DELIVERY_BYTES_MOST = MAX_BYTES - 512
Verdict = Literal["upheld", "declined"]


@dataclass(frozen=True)
class Dispatched:
    """What a dispatch made: notices that went out, notices held back, units on both."""

    shipped: int
    held: int
    units: int


def dispatch_cycle(session: Session, cycle_id: UUID, operator: Operator, *, at: datetime) -> Dispatched:
    """Make the shipment notices of a published cycle, one a retailer with something granted, and tell the terminals.

    A retailer with more than :data:`rules.LINES_PER_NOTICE` lines gets several. Goods of a suspended retailer, or of
    one that lacks a licence for them today, are held. Done again, it makes only what is missing: nothing, or what a
    correction granted beyond what is on a notice already.

    Raises
    ------
    Rejected, Conflict
        ``not_found``, or ``wrong_state`` where the cycle is not published, or its grants are being corrected.
    """
    attempt = shipping.hold(session, cycle_id)
    cycle = cycles.cycle(session, cycle_id)
    assert cycle is not None  # noqa: S101 - it is held
    noticed, parts = queries.noticed_units(session, cycle_id), queries.parts(session, cycle_id)
    granted = [
        replace(grant, granted_units=left)
        for grant in result_queries.grants(session, cycle_id)
        if (left := grant.granted_units - noticed.get((grant.retailer, grant.sku), 0)) > 0
    ]
    gate = _Gate.at(session, {grant.retailer for grant in granted}, ZoneInfo(cycle.zone), at)
    rows: list[dict[str, Any]] = []
    lines: dict[UUID, list[dict[str, Any]]] = {}
    for code, mine in groupby(granted, key=lambda grant: grant.retailer):
        for part, some in enumerate(rules.notices(list(mine)), start=parts.get(code, 0) + 1):
            row = _new_delivery(cycle_id, gate, code, part, [grant.sku for grant in some], operator, at)
            rows.append(row)
            lines[row["id"]] = [
                {
                    "delivery_id": row["id"],
                    "retailer": code,
                    "sku": grant.sku,
                    "granted_units": grant.granted_units,
                    "shipped_units": grant.granted_units,
                }
                for grant in some
            ]
    made = _write(session, rows, lines)
    new = [row for row in rows if row["id"] in made]
    leaving = (line for row in new if row["state"] == "shipped" for line in lines[row["id"]])
    shipping.note(session, cycle_id, attempt, map(_shipped, leaving))
    _tell(session, [row["id"] for row in new], at=at)
    done = Dispatched(
        shipped=sum(row["state"] == "shipped" for row in new),
        held=sum(row["state"] == "held" for row in new),
        units=sum(line["shipped_units"] for row in new for line in lines[row["id"]]),
    )
    audit.record(
        session,
        actor=operator.actor,
        action="cycle.dispatched",
        subject=f"cycle:{cycle_id}",
        at=at,
        detail={"shipped": done.shipped, "held": done.held, "units": done.units},
    )
    return done


def release_delivery(session: Session, delivery_id: UUID, operator: Operator, *, at: datetime) -> None:
    """Let held goods go once the reason is gone; what a correction took from them meanwhile stays behind.

    Raises
    ------
    Rejected, Conflict
        ``not_found``; ``wrong_state`` where the delivery is not held, or the cycle's grants are being corrected, or
        nothing of it is granted any more; ``suspended`` or ``not_licensed`` where the reason, or another one, still
        stands.
    """
    of_cycle = session.scalar(select(DeliveryRow.cycle).where(DeliveryRow.id == delivery_id))
    if of_cycle is None:
        raise Rejected("not_found", what="delivery", name=str(delivery_id))
    attempt = shipping.hold(session, of_cycle)
    row = session.get_one(DeliveryRow, delivery_id, with_for_update=True)
    if row.state != "held":
        raise Conflict("wrong_state", state=row.state, needed="held")
    cycle = cycles.cycle(session, row.cycle)
    zone = ZoneInfo("UTC" if cycle is None else cycle.zone)
    skus = list(session.scalars(select(DeliveryLineRow.sku).where(DeliveryLineRow.delivery_id == delivery_id)))
    hold = _Gate.at(session, {row.retailer}, zone, at).hold(row.retailer, skus)
    if hold is not None and hold.code == "suspended":
        raise Rejected("suspended", why=hold.why)
    if hold is not None:
        sku, _, licence_class = hold.why.partition(" ")
        on = at.astimezone(zone).date().isoformat()
        raise Rejected("not_licensed", sku=sku, licence_class=licence_class.strip("()"), on=on)
    leaving = _still_granted(session, row)
    if not leaving:
        raise Conflict("wrong_state", state="taken back", needed="granted")
    shipping.note(session, row.cycle, attempt, map(_shipped, leaving))
    row.state = "shipped"
    row.shipped_at = at
    row.held_code = row.held_why = None
    session.flush()
    _tell(session, [row.id], at=at)
    _record(session, operator, "delivery.released", f"delivery:{row.number}", at, {"retailer": row.retailer})


def _still_granted(session: Session, row: DeliveryRow) -> list[dict[str, Any]]:
    """Cut the lines of a held delivery to what is granted now beyond other notices; return those that are left."""
    granted = {grant.sku: grant.granted_units for grant in result_queries.grants(session, row.cycle, row.retailer)}
    noticed = queries.noticed_units(session, row.cycle, row.retailer)
    lines = session.scalars(select(DeliveryLineRow).where(DeliveryLineRow.delivery_id == row.id)).all()
    cut = {
        line: min(line.shipped_units, line.shipped_units + granted.get(line.sku, 0) - noticed[row.retailer, line.sku])
        for line in lines
    }
    if not any(units > 0 for units in cut.values()):
        return []
    for line, units in cut.items():
        if units <= 0:
            session.delete(line)
        else:
            line.shipped_units = line.granted_units = units
    session.flush()
    return [
        {"delivery_id": row.id, "retailer": row.retailer, "sku": line.sku, "shipped_units": units}
        for line, units in cut.items()
        if units > 0
    ]


def _shipped(line: Mapping[str, Any]) -> shipping.Shipped:
    return shipping.Shipped(line["delivery_id"], line["retailer"], line["sku"], line["shipped_units"])


def confirm_delivery(session: Session, confirmation: ConfirmDelivery, arrival: Arrival) -> Accepted:
    """Take what the sender's retailer says of every shipped line, and open a claim for each difference."""
    row = session.scalars(
        select(DeliveryRow)
        .where(DeliveryRow.id == confirmation.delivery, DeliveryRow.retailer == arrival.sender.party)
        .with_for_update()
    ).one_or_none()
    if row is None or row.state == "held":
        raise Rejected("unknown_delivery")
    if row.confirmed_at is not None:
        raise Conflict("already_confirmed", at=row.confirmed_at.isoformat())
    shipped = {
        line.sku: line.shipped_units
        for line in session.execute(
            select(DeliveryLineRow.sku, DeliveryLineRow.shipped_units)
            .where(DeliveryLineRow.delivery_id == row.id)
            .order_by(DeliveryLineRow.sku.collate("C"))
        )
    }
    rules.check_confirmation(shipped, confirmation.lines)
    _check_others(session, confirmation.lines)
    row.state = "confirmed"
    row.confirmed_at = arrival.at
    row.confirmed_at_terminal = confirmation.confirmed_at
    row.confirmation = arrival.id
    row.device, row.said_by = arrival.sender.device, arrival.by
    session.flush()
    session.execute(update(DeliveryLineRow), [_outcome(row.id, line) for line in confirmation.lines])
    claims = _open_claims(session, row, confirmation.lines, arrival.at)
    refused = any(line.difference == "refused" for line in confirmation.lines)
    scores.note_delivery(
        session,
        row.retailer,
        f"delivery:{row.number}",
        accepted=not refused,
        skus={booking.sku for booking in rules.bookings(confirmation.lines) if booking.on_hand_units},
        by=f"device:{arrival.sender.device}",
        at=arrival.at,
    )
    _tell(session, [row.id], at=arrival.at)
    events.publish(session, DeliveryConfirmed(row.id, row.retailer, arrival.at), lock=f"retailer:{row.retailer}")
    audit.record(
        session,
        actor=Actor("device", arrival.sender.device),
        action="delivery.confirmed",
        subject=f"delivery:{row.number}",
        at=arrival.at,
        detail={"retailer": row.retailer, "lines": len(confirmation.lines), "claims": claims} | arrival.said,
    )
    return Accepted(row.number)


def decide_claim(
    session: Session,
    claim_id: UUID,
    verdict: Verdict,
    reason: str,
    operator: Operator,
    *,
    at: datetime,
) -> None:
    """Decide an open claim with a reason; the terminal is told.

    Raises
    ------
    Rejected, Conflict
        ``not_found``; ``reason_missing``; ``wrong_state`` where it was decided before.
    """
    row = _claim(session, claim_id, "open")
    row.decision = _reason(row, reason)
    row.state = verdict
    row.decided_at = at
    row.decided_by = operator.name
    session.flush()
    _tell(session, [row.delivery_id], at=at)
    _record(session, operator, f"claim.{verdict}", f"claim:{row.number}", at, {"reason": row.decision})


def settle_claim(session: Session, claim_id: UUID, note: str, operator: Operator, *, at: datetime) -> None:
    """Note that what an upheld claim promised was carried out, and how.

    Raises
    ------
    Rejected, Conflict
        ``not_found``; ``reason_missing``; ``wrong_state`` where it is not upheld.
    """
    row = _claim(session, claim_id, "upheld")
    row.settlement = _reason(row, note)
    row.state = "settled"
    row.settled_at = at
    session.flush()
    _tell(session, [row.delivery_id], at=at)
    _record(session, operator, "claim.settled", f"claim:{row.number}", at, {"note": row.settlement})


def assign_claim(session: Session, claim_id: UUID, owner: str, operator: Operator, *, at: datetime) -> None:
    """Give an open claim to another person.

    Raises
    ------
    Rejected, Conflict
        ``not_found`` for the claim or the person; ``wrong_state`` where the claim was decided.
    """
    row = _claim(session, claim_id, "open")
    person = operators.operator(session, owner, at=at)
    if person is None or person.disabled_at is not None:
        raise Rejected("not_found", what="operator", name=owner)
    before, row.owner = row.owner, person.name
    _record(session, operator, "claim.assigned", f"claim:{row.number}", at, {"from": before, "to": row.owner})


@dataclass(frozen=True)
class _Gate:
    """What decides whether goods may leave, read once for all retailers of a dispatch."""

    shops: dict[str, retailers.Retailer]
    classes_needed: dict[str, str]
    classes_held: dict[str, frozenset[str]]

    @classmethod
    def at(cls, session: Session, codes: Collection[str], zone: ZoneInfo, at: datetime) -> "_Gate":
        needed = {
            s.sku: s.licence_class
            for s in catalogue.skus(session, withdrawn=True).values()
            if s.licence_class is not None
        }
        day = at.astimezone(zone).date()
        held = licences.classes_held_by(session, codes, day)
        shops = {code: shop.on(day) for code, shop in retailers.retailers(session, codes).items()}
        return cls(shops, needed, held)

    def hold(self, code: str, skus: Collection[str]) -> rules.Hold | None:
        shop = self.shops[code]
        needed = {sku: self.classes_needed[sku] for sku in skus if sku in self.classes_needed}
        return rules.hold(shop.standing, shop.standing_reason, needed, self.classes_held.get(code, frozenset()))


def _new_delivery(
    cycle: UUID, gate: _Gate, code: str, part: int, skus: Collection[str], operator: Operator, at: datetime
) -> dict[str, Any]:
    hold = gate.hold(code, skus)
    return {
        "id": uuid7(),
        "retailer": code,
        "cycle": cycle,
        "part": part,
        "route": gate.shops[code].route,
        "state": "shipped" if hold is None else "held",
        "held_code": None if hold is None else hold.code,
        "held_why": None if hold is None else hold.why,
        "dispatched_at": at,
        "dispatched_by": operator.name,
        "shipped_at": at if hold is None else None,
    }


def _write(
    session: Session, rows: Sequence[dict[str, Any]], lines: dict[UUID, list[dict[str, Any]]]
) -> frozenset[UUID]:
    """Write the deliveries that do not exist yet, with their lines; return their ids."""
    if not rows:
        return frozenset()
    statement = upsert(DeliveryRow).on_conflict_do_nothing(index_elements=["cycle", "retailer", "part"])
    made = frozenset(session.scalars(statement.returning(DeliveryRow.id), rows))
    new_lines = [line for row in rows if row["id"] in made for line in lines[row["id"]]]
    if new_lines:
        session.execute(insert(DeliveryLineRow), new_lines)
    return made


def _check_others(session: Session, lines: Sequence[ConfirmedLine]) -> None:
    others = {line.other_sku for line in lines if line.other_sku is not None}
    for sku in sorted(others - catalogue.known(session, others)):
        raise Rejected("unknown_sku", sku=sku)


def _outcome(delivery: UUID, line: ConfirmedLine) -> dict[str, Any]:
    return {
        "delivery_id": delivery,
        "sku": line.sku,
        "accepted_units": line.accepted_units,
        "held_units": line.held_units,
        "difference": line.difference,
        "difference_units": line.difference_units,
        "other_sku": line.other_sku,
        "other_units": line.other_units,
        "reason": (line.reason or "").strip() or None,
    }


def _open_claims(session: Session, row: DeliveryRow, lines: Sequence[ConfirmedLine], at: datetime) -> int:
    """Open one claim for each line with a difference; it belongs to who dispatched the goods."""
    differing = [line for line in lines if line.difference is not None]
    opened = [
        ClaimRow(
            id=uuid7(),
            retailer=row.retailer,
            delivery_id=row.id,
            sku=line.sku,
            difference=line.difference,
            difference_units=line.difference_units,
            owner=row.dispatched_by,
            state="open",
            opened_at=at,
        )
        for line in differing
    ]
    session.add_all(opened)
    session.flush()
    for claim, line in zip(opened, differing, strict=True):
        photos.name_photos(session, row.retailer, "claim", claim.id, line.photos, at=at)
    return len(differing)


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
    session: Session, operator: Operator, action: str, subject: str, at: datetime, detail: dict[str, Any]
) -> None:
    audit.record(session, actor=operator.actor, action=action, subject=subject, at=at, detail=detail)


def _tell(session: Session, ids: Collection[UUID], *, at: datetime) -> None:
    """Send deliveries as they stand to their retailers' feeds; held ones are not announced."""
    outbox.append(
        session,
        [
            outbox.Item(one.retailer, f"delivery:{one.id}", "delivery", _message(one))
            for one in queries.deliveries_by_id(session, ids)
            if one.shipped_at is not None
        ],
        at=at,
    )


def _message(one: queries.Delivery) -> feed.Delivery:
    """Return a delivery as its terminals hear it; words are cut, and left out, until it fits into an envelope."""
    fates = [{claim.id: _fate(claim, most) for claim in one.claims} for most in (REASON_MOST, WORDS_CUT)]
    for fate in [*fates, {}]:
        message = _with_fates(one, fate)
        if len(message.model_dump_json(exclude_none=True).encode()) <= DELIVERY_BYTES_MOST:
            break
    return message


def _with_fates(one: queries.Delivery, fates: Mapping[UUID, Mapping[str, Any]]) -> feed.Delivery:
    return feed.Delivery(
        delivery=one.id,
        number=one.number,
        cycle=one.cycle,
        state="shipped" if one.state == "shipped" else "confirmed",
        shipped_at=one.shipped_at,
        confirmed_at=one.confirmed_at,
        lines=tuple(
            feed.ShippedLine(sku=line.sku, shipped_units=line.shipped_units, granted_units=line.granted_units)
            for line in one.lines
        ),
        claims=tuple(
            feed.Claim(
                claim=claim.id,
                number=claim.number,
                sku=claim.sku,
                difference=claim.difference,
                difference_units=claim.difference_units,
                state=claim.state,
                **fates.get(claim.id, {}),
            )
            for claim in one.claims
        ),
    )


def _fate(claim: queries.Claim, most: int) -> dict[str, Any]:
    return {
        "opened_at": claim.opened_at,
        "decided_at": claim.decided_at,
        "decision": _cut(claim.decision, most),
        "settled_at": claim.settled_at,
        "settlement": _cut(claim.settlement, most),
    }


def _cut(words: str | None, most: int) -> str | None:
    return words if words is None or len(words) <= most else words[: most - 1].rstrip() + "…"
