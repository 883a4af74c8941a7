"""What can be done with deliveries; claims are next door (:mod:`server.deliveries.claiming`). Nothing here commits.

A confirming transaction holds its delivery's row for update: two of them cannot both be the first.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from contract.errors import Conflict, Rejected
from contract.ids import uuid7
from contract.messages import ConfirmDelivery, ConfirmedLine
from server.catalogue import queries as catalogue
from server.cycles import queries as cycles
from server.cycles import result_queries, shipping
from server.deliveries import claiming, queries, rules, telling
from server.deliveries.events import ClaimsOpened, DeliveryConfirmed, GoodsLeft
from server.deliveries.models import ClaimRow, DeliveryLineRow, DeliveryRow
from server.kit import audit, events
from server.kit.identity import Actor, Operator
from server.kit.inbox import Accepted, Arrival
from server.licences import queries as licences
from server.photos import service as photos
from server.retailers import queries as retailers
from server.scores import facts as scores


@dataclass(frozen=True)
class Dispatched:
    """What a dispatch made: notices that went out, notices held back, units on both."""

    shipped: int
    held: int
    units: int


def dispatch_cycle(session: Session, cycle_id: UUID, operator: Operator, *, at: datetime) -> Dispatched:
    """Make the shipment notices of a published cycle, one a retailer with something granted, and tell the terminals.

    A retailer with more than :data:`rules.LINES_PER_NOTICE` lines gets several. Goods of a suspended retailer, or of
    one that lacks a licence for them today, are held. Replacements that are due by upheld claims go with them, on
    notices of their own. Done again, it makes only what is missing: nothing, or what a correction granted beyond what
    is on a notice already.

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
                    "replacement_units": 0,
                    "shipped_units": grant.granted_units,
                }
                for grant in some
            ]
    _replace(session, cycle_id, ZoneInfo(cycle.zone), parts, rows, lines, operator, at)
    made = _write(session, rows, lines)
    new = [row for row in rows if row["id"] in made]
    leaving = [line for row in new if row["state"] == "shipped" for line in lines[row["id"]]]
    shipping.note(session, cycle_id, attempt, _granted(leaving))
    claiming.settle_replaced(session, made, at=at)
    telling.tell(session, [row["id"] for row in new], at=at)
    _leave(session, leaving, at)
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
        nothing of it is granted any more; ``suspended``, ``licence_suspended`` or ``not_licensed`` where the reason,
        or another one, still stands.
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
    lines = session.execute(
        select(DeliveryLineRow.sku, DeliveryLineRow.shipped_units).where(DeliveryLineRow.delivery_id == delivery_id)
    ).all()
    hold = _Gate.at(session, {row.retailer}, zone, at).hold(row.retailer, [line.sku for line in lines])
    if hold is not None and hold.code == "suspended":
        raise Rejected("suspended", why=hold.why)
    if hold is not None:
        sku, _, licence_class = hold.why.partition(" ")
        if hold.code == "licence_suspended":
            raise Rejected(hold.code, sku=sku, licence_class=licence_class.strip("()"))
        on = at.astimezone(zone).date().isoformat()
        raise Rejected("not_licensed", sku=sku, licence_class=licence_class.strip("()"), on=on)
    leaving = _still_granted(session, row)
    if not leaving:
        raise Conflict("wrong_state", state="taken back", needed="granted")
    shipping.note(session, row.cycle, attempt, _granted(leaving))
    row.state = "shipped"
    row.shipped_at = at
    row.held_code = row.held_why = None
    session.flush()
    _leave(session, leaving, at)
    claiming.settle_replaced(session, [row.id], at=at)
    telling.tell(session, [row.id], at=at)
    _record(session, operator, "delivery.released", f"delivery:{row.number}", at, {"retailer": row.retailer})


def _still_granted(session: Session, row: DeliveryRow) -> list[dict[str, Any]]:
    """Cut the lines of a held delivery to what is granted now beyond other notices; return those that are left.

    What replaces goods of an earlier delivery is owed whatever a correction says, and stays.
    """
    granted = {grant.sku: grant.granted_units for grant in result_queries.grants(session, row.cycle, row.retailer)}
    noticed = queries.noticed_units(session, row.cycle, row.retailer)
    lines = session.scalars(select(DeliveryLineRow).where(DeliveryLineRow.delivery_id == row.id)).all()
    cut: dict[DeliveryLineRow, int] = {}
    for line in lines:
        over = max(noticed.get((row.retailer, line.sku), 0) - granted.get(line.sku, 0), 0)
        cut[line] = max(line.granted_units - over, 0)
    if not any(units + line.replacement_units for line, units in cut.items()):
        return []
    leaving = []
    for line, units in cut.items():
        if units + line.replacement_units == 0:
            session.delete(line)
            continue
        line.granted_units, line.shipped_units = units, units + line.replacement_units
        leaving.append(
            {
                "delivery_id": row.id,
                "retailer": row.retailer,
                "sku": line.sku,
                "granted_units": units,
                "shipped_units": line.shipped_units,
            }
        )
    session.flush()
    return leaving


def _granted(lines: Iterable[Mapping[str, Any]]) -> list[shipping.Shipped]:
    """Return what leaves of the cycle's grants; replacements are none of them."""
    return [
        shipping.Shipped(line["delivery_id"], line["retailer"], line["sku"], line["granted_units"])
        for line in lines
        if line["granted_units"] > 0
    ]


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
    telling.tell(session, [row.id], at=arrival.at)
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


@dataclass(frozen=True)
class _Gate:
    """What decides whether goods may leave, read once for all retailers of a dispatch."""

    shops: dict[str, retailers.Retailer]
    classes_needed: dict[str, str]
    classes_held: dict[str, frozenset[str]]
    classes_suspended: dict[str, frozenset[str]]

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
        return cls(shops, needed, held, licences.classes_suspended(session, codes, day))

    def hold(self, code: str, skus: Collection[str]) -> rules.Hold | None:
        shop = self.shops[code]
        needed = {sku: self.classes_needed[sku] for sku in skus if sku in self.classes_needed}
        held = self.classes_held.get(code, frozenset())
        suspended = self.classes_suspended.get(code, frozenset())
        return rules.hold(shop.standing, shop.standing_reason, needed, held, suspended)


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


def _replace(
    session: Session,
    cycle: UUID,
    zone: ZoneInfo,
    parts: Mapping[str, int],
    rows: list[dict[str, Any]],
    lines: dict[UUID, list[dict[str, Any]]],
    operator: Operator,
    at: datetime,
) -> None:
    """Add notices of the replacements that are due, after all parts that the shops have in the cycle."""
    due = claiming.take_replacements(session)
    if not due:
        return
    gate = _Gate.at(session, due.keys(), zone, at)
    last = dict(parts) | {row["retailer"]: row["part"] for row in rows}
    for code in sorted(due, key=str.encode):
        units = claiming.units_by_sku(due[code])
        for part, some in enumerate(rules.notices(sorted(units, key=str.encode)), start=last.get(code, 0) + 1):
            row = _new_delivery(cycle, gate, code, part, some, operator, at)
            rows.append(row)
            lines[row["id"]] = [
                {
                    "delivery_id": row["id"],
                    "retailer": code,
                    "sku": sku,
                    "granted_units": 0,
                    "replacement_units": units[sku],
                    "shipped_units": units[sku],
                }
                for sku in some
            ]
            for remedy in due[code]:
                if remedy.sku in some:
                    remedy.delivery_id = row["id"]


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


def _leave(session: Session, lines: Sequence[dict[str, Any]], at: datetime) -> None:
    """Say what left, in units by SKU."""
    units: dict[str, int] = {}
    for line in lines:
        units[line["sku"]] = units.get(line["sku"], 0) + line["shipped_units"]
    if units:
        pairs = tuple(sorted(units.items(), key=lambda one: one[0].encode()))
        events.publish(session, GoodsLeft(uuid7(), pairs, at), lock="depot")


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
    if opened:
        ids = tuple(str(claim.id) for claim in opened)
        events.publish_awaited(session, ClaimsOpened(ids, row.id, row.retailer, at))
    for claim, line in zip(opened, differing, strict=True):
        photos.name_photos(session, row.retailer, "claim", claim.id, line.photos, at=at)
    return len(differing)


def _record(
    session: Session, operator: Operator, action: str, subject: str, at: datetime, detail: dict[str, Any]
) -> None:
    audit.record(session, actor=operator.actor, action=action, subject=subject, at=at, detail=detail)
