"""Reads of deliveries and claims, for screens and for the capabilities above."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, cast
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    Select,
    Uuid,
    case,
    func,
    literal,
    select,
    true,
    tuple_,
)
from sqlalchemy.orm import Session

from contract.messages import ConfirmedLine, Difference
from server.deliveries import rules
from server.deliveries.models import ClaimRow, DeliveryLineRow, DeliveryRow, RemedyRow

DeliveryState = Literal["held", "shipped", "confirmed"]
ClaimState = Literal["open", "upheld", "declined", "settled"]


@dataclass(frozen=True)
class Line:
    """One shipped line, and what was confirmed of it."""

    sku: str
    granted_units: int
    replacement_units: int
    shipped_units: int
    confirmed: ConfirmedLine | None

    @property
    def due_units(self) -> int:
        """What the shop is to get: its grant, or what replaces goods that it missed."""
        return self.granted_units + self.replacement_units

    @property
    def account(self) -> rules.Account | None:
        """Where the shipped units are, once confirmed."""
        return None if self.confirmed is None else rules.account(self.confirmed)


@dataclass(frozen=True)
class Claim:
    """One difference and what became of it."""

    id: UUID
    number: int
    retailer: str
    delivery: UUID
    delivery_number: int
    sku: str
    difference: Difference
    difference_units: int
    other_sku: str | None
    other_units: int
    held_units: int
    reason: str
    owner: str
    state: ClaimState
    opened_at: datetime
    decided_at: datetime | None
    decided_by: str | None
    decision: str | None
    settled_at: datetime | None
    settlement: str | None


@dataclass(frozen=True)
class Remedy:
    """What an upheld claim gets, and the number of the delivery that its replacement left with."""

    claim: UUID
    number: int
    retailer: str
    sku: str
    kind: Literal["replacement", "credit"]
    units: int
    price_minor: int | None
    amount_minor: int | None
    made_at: datetime
    made_by: str
    claim_number: int
    delivery: UUID | None
    delivery_number: int | None


@dataclass(frozen=True)
class Delivery:
    """One delivery with its lines and claims."""

    id: UUID
    number: int
    retailer: str
    cycle: UUID
    part: int
    route: str
    state: DeliveryState
    held_code: str | None
    held_why: str | None
    dispatched_at: datetime
    dispatched_by: str
    shipped_at: datetime | None
    confirmed_at: datetime | None
    confirmed_at_terminal: datetime | None
    device: str | None
    lines: tuple[Line, ...]
    claims: tuple[Claim, ...]

    @property
    def shipped_units(self) -> int:
        """All units on the notice."""
        return sum(line.shipped_units for line in self.lines)


@dataclass(frozen=True)
class Counts:
    """How many deliveries and claims there are, of one cycle or of all, and since when the oldest open claim is."""

    deliveries: int
    held: int
    confirmed: int
    claims: int
    open_claims: int
    oldest_open_at: datetime | None


@dataclass(frozen=True)
class Totals:
    """How far the deliveries are, of one cycle or of all. Units of lines that are not held back."""

    deliveries: int
    held: int
    confirmed: int
    granted_units: int
    shipped_units: int
    accepted_units: int
    claims: int
    open_claims: int
    oldest_open_at: datetime | None


def delivery(session: Session, delivery_id: UUID) -> Delivery | None:
    """Return one delivery, or none."""
    return next(iter(deliveries_by_id(session, [delivery_id])), None)


def deliveries_by_id(session: Session, ids: Collection[UUID]) -> list[Delivery]:
    """Return the deliveries of ``ids``, by number."""
    rows = session.scalars(select(DeliveryRow).where(DeliveryRow.id.in_(ids)).order_by(DeliveryRow.number))
    return _whole(session, rows.all())


def deliveries(
    session: Session,
    *,
    cycle: UUID | None = None,
    retailer: str | None = None,
    route: str | None = None,
    state: DeliveryState | None = None,
    before: int | None = None,
    limit: int = 200,
) -> list[Delivery]:
    """Return deliveries with their lines, the newest number first, below the number ``before`` where it is named."""
    query = select(DeliveryRow).order_by(DeliveryRow.number.desc()).limit(limit)
    if cycle is not None:
        query = query.where(DeliveryRow.cycle == cycle)
    if retailer is not None:
        query = query.where(DeliveryRow.retailer == retailer)
    if route is not None:
        query = query.where(DeliveryRow.route == route)
    if state is not None:
        query = query.where(DeliveryRow.state == state)
    if before is not None:
        query = query.where(DeliveryRow.number < before)
    return _whole(session, session.scalars(query).all())


def routes(session: Session, cycle: UUID) -> dict[str, int]:
    """Return the routes that the cycle's deliveries go on, each with how many go on it."""
    counted = (
        select(DeliveryRow.route, func.count())
        .where(DeliveryRow.cycle == cycle)
        .group_by(DeliveryRow.route)
        .order_by(DeliveryRow.route)
    )
    return dict(session.execute(counted).all())


def dispatched(session: Session, cycles: Collection[UUID]) -> frozenset[UUID]:
    """Return those of ``cycles`` that were dispatched: one probe of an index a cycle."""
    asked = func.unnest(literal(list(cycles), ARRAY(Uuid))).column_valued("asked")
    left = select(DeliveryRow.id).where(DeliveryRow.cycle == asked).exists()
    return frozenset(session.scalars(select(asked).where(left)))


def noticed_units(session: Session, cycle: UUID, retailer: str | None = None) -> dict[tuple[str, str], int]:
    """Return the granted units of a cycle that stand on shipment notices, held ones too, by retailer and SKU."""
    query = (
        select(DeliveryLineRow.retailer, DeliveryLineRow.sku, func.sum(DeliveryLineRow.granted_units))
        .join(DeliveryRow, DeliveryRow.id == DeliveryLineRow.delivery_id)
        .where(DeliveryRow.cycle == cycle)
        .group_by(DeliveryLineRow.retailer, DeliveryLineRow.sku)
    )
    if retailer is not None:
        query = query.where(DeliveryRow.retailer == retailer)
    return {(code, sku): int(units) for code, sku, units in session.execute(query)}


def parts(session: Session, cycle: UUID) -> dict[str, int]:
    """Return the number of the last notice of each retailer in a cycle."""
    rows = session.execute(
        select(DeliveryRow.retailer, func.max(DeliveryRow.part))
        .where(DeliveryRow.cycle == cycle)
        .group_by(DeliveryRow.retailer)
    )
    return dict(rows.all())


def claim(session: Session, claim_id: UUID) -> Claim | None:
    """Return one claim, or none."""
    return next(iter(_claims(session, _claim_query().where(ClaimRow.id == claim_id))), None)


def claims(
    session: Session,
    *,
    state: ClaimState | None = None,
    retailer: str | None = None,
    owner: str | None = None,
    cycle: UUID | None = None,
    newest_first: bool = False,
    after: tuple[datetime, int] | None = None,
    limit: int = 500,
) -> list[Claim]:
    """Return claims, the oldest first unless asked otherwise; of these, those ``after`` an instant and a number."""
    order = (ClaimRow.opened_at, ClaimRow.number)
    query = _claim_query().order_by(*(one.desc() if newest_first else one for one in order)).limit(limit)
    if state is not None:
        query = query.where(ClaimRow.state == state)
    if retailer is not None:
        query = query.where(ClaimRow.retailer == retailer)
    if owner is not None:
        query = query.where(ClaimRow.owner == owner)
    if cycle is not None:
        query = query.where(DeliveryRow.cycle == cycle)
    if after is not None:
        query = query.where(tuple_(ClaimRow.opened_at, ClaimRow.number) > tuple_(*map(literal, after)))
    return _claims(session, query)


def claimed_since(session: Session, since: datetime) -> list[tuple[str, int, datetime]]:
    """Return shop, number and instant of the claims that were opened since then, the oldest first."""
    query = (
        select(ClaimRow.retailer, ClaimRow.number, ClaimRow.opened_at)
        .where(ClaimRow.opened_at >= since)
        .order_by(ClaimRow.opened_at, ClaimRow.number)
    )
    return [(retailer, number, at) for retailer, number, at in session.execute(query)]


def remedies(
    session: Session,
    *,
    claim: UUID | None = None,
    kind: Literal["replacement", "credit"] | None = None,
    before: int | None = None,
    limit: int = 500,
) -> list[Remedy]:
    """Return what upheld claims get, the newest first, below the number ``before`` where it is named."""
    query = (
        select(RemedyRow, ClaimRow.number, DeliveryRow.number)
        .join(ClaimRow, ClaimRow.id == RemedyRow.claim_id)
        .outerjoin(DeliveryRow, DeliveryRow.id == RemedyRow.delivery_id)
        .order_by(RemedyRow.number.desc())
        .limit(limit)
    )
    if claim is not None:
        query = query.where(RemedyRow.claim_id == claim)
    if kind is not None:
        query = query.where(RemedyRow.kind == kind)
    if before is not None:
        query = query.where(RemedyRow.number < before)
    return [
        Remedy(
            claim=row.claim_id,
            number=row.number,
            retailer=row.retailer,
            sku=row.sku,
            kind=cast('Literal["replacement", "credit"]', row.kind),
            units=row.units,
            price_minor=row.price_minor,
            amount_minor=row.amount_minor,
            made_at=row.made_at,
            made_by=row.made_by,
            claim_number=claimed,
            delivery=row.delivery_id,
            delivery_number=delivered,
        )
        for row, claimed, delivered in session.execute(query)
    ]


def replacements_due(session: Session) -> dict[str, int]:
    """Return the units by SKU that upheld claims are to get and that did not leave yet."""
    due = (
        select(RemedyRow.sku, func.sum(RemedyRow.units))
        .where(RemedyRow.kind == "replacement", RemedyRow.delivery_id.is_(None))
        .group_by(RemedyRow.sku)
    )
    return {sku: int(units) for sku, units in session.execute(due)}


def held_units(session: Session, *, replacements_of: Collection[UUID] = ()) -> dict[str, int]:
    """Return the units by SKU that are held back from leaving; of some cycles only what replaces other goods."""
    units = case(
        (DeliveryRow.cycle.in_(replacements_of), DeliveryLineRow.replacement_units),
        else_=DeliveryLineRow.shipped_units,
    )
    rows = session.execute(
        select(DeliveryLineRow.sku, func.sum(units))
        .join(DeliveryRow, DeliveryRow.id == DeliveryLineRow.delivery_id)
        .where(DeliveryRow.state == "held")
        .group_by(DeliveryLineRow.sku)
    )
    return {sku: int(units) for sku, units in rows}


def sent_back(session: Session, delivery_id: UUID) -> dict[str, int]:
    """Return the units by SKU that a shop sent back when it confirmed a delivery."""
    rows = session.scalars(select(DeliveryLineRow).where(DeliveryLineRow.delivery_id == delivery_id))
    accounts = ((row.sku, rules.account(line)) for row in rows if (line := _confirmed(row)) is not None)
    return {sku: account.sent_back_units for sku, account in accounts if account.sent_back_units}


def late(session: Session, before: datetime, *, limit: int) -> list[Delivery]:
    """Return deliveries that were shipped, or held, before ``before`` and that nobody confirmed, the oldest first."""
    since = func.coalesce(DeliveryRow.shipped_at, DeliveryRow.dispatched_at)
    rows = session.scalars(
        select(DeliveryRow)
        .where(DeliveryRow.state.in_(("held", "shipped")), since < before)
        .order_by(since)
        .limit(limit)
    )
    return _whole(session, rows.all())


def bookings(session: Session, delivery_id: UUID) -> list[rules.Booking]:
    """Return what a confirmed delivery adds to its retailer's stock; nothing before it is confirmed."""
    rows = session.scalars(select(DeliveryLineRow).where(DeliveryLineRow.delivery_id == delivery_id))
    return rules.bookings([line for line in map(_confirmed, rows) if line is not None])


def open_by_age(session: Session, now: datetime) -> tuple[int, int, int]:
    """Return how many exceptions are open for less than a day, for less than three, and for longer."""
    aged = [
        func.count().filter(ClaimRow.opened_at > now - timedelta(days=1)),
        func.count().filter(ClaimRow.opened_at.between(now - timedelta(days=3), now - timedelta(days=1))),
        func.count().filter(ClaimRow.opened_at < now - timedelta(days=3)),
    ]
    counted = session.execute(select(*aged).where(ClaimRow.state == "open")).one()
    return counted[0], counted[1], counted[2]


def counts(session: Session, cycle: UUID | None = None) -> Counts:
    """Return how many deliveries and claims there are."""
    sent = select(
        func.count().label("deliveries"),
        func.count().filter(DeliveryRow.state == "held").label("held"),
        func.count().filter(DeliveryRow.state == "confirmed").label("confirmed"),
    ).select_from(DeliveryRow)
    claimed = select(
        func.count().label("claims"),
        func.count().filter(ClaimRow.state == "open").label("open_claims"),
        func.min(ClaimRow.opened_at).filter(ClaimRow.state == "open").label("oldest_open_at"),
    ).select_from(ClaimRow)
    if cycle is not None:
        sent = sent.where(DeliveryRow.cycle == cycle)
        claimed = claimed.join(DeliveryRow, DeliveryRow.id == ClaimRow.delivery_id).where(DeliveryRow.cycle == cycle)
    of_goods, of_claims = sent.subquery("sent"), claimed.subquery("claimed")
    both = select(*of_goods.c, *of_claims.c).join(of_claims, true())
    return Counts(**session.execute(both).mappings().one())


def totals(session: Session, cycle: UUID | None = None) -> Totals:
    """Return how far the deliveries are."""
    line = DeliveryLineRow
    units = select(
        func.coalesce(func.sum(line.granted_units), 0),
        func.coalesce(func.sum(line.shipped_units), 0),
        func.coalesce(func.sum(line.accepted_units), 0),
    )
    of_delivery = DeliveryRow.id == line.delivery_id
    held = select(func.coalesce(func.sum(line.shipped_units), 0)).join(DeliveryRow, of_delivery)
    held = held.where(DeliveryRow.state == "held")
    if cycle is not None:
        units = units.join(DeliveryRow, of_delivery).where(DeliveryRow.cycle == cycle)
        held = held.where(DeliveryRow.cycle == cycle)
    counted = counts(session, cycle)
    granted, on_notices, accepted, held_back = session.execute(units.add_columns(held.scalar_subquery())).one()
    return Totals(
        deliveries=counted.deliveries,
        held=counted.held,
        confirmed=counted.confirmed,
        granted_units=int(granted),
        shipped_units=int(on_notices - held_back),
        accepted_units=int(accepted),
        claims=counted.claims,
        open_claims=counted.open_claims,
        oldest_open_at=counted.oldest_open_at,
    )


def _whole(session: Session, rows: Sequence[DeliveryRow]) -> list[Delivery]:
    ids = [row.id for row in rows]
    lines: dict[UUID, list[Line]] = {}
    for line in session.scalars(
        select(DeliveryLineRow)
        .where(DeliveryLineRow.delivery_id.in_(ids))
        .order_by(DeliveryLineRow.sku.collate("C"))
        .execution_options(populate_existing=True)
    ):
        shown = Line(line.sku, line.granted_units, line.replacement_units, line.shipped_units, _confirmed(line))
        lines.setdefault(line.delivery_id, []).append(shown)
    claimed: dict[UUID, list[Claim]] = {}
    for one in _claims(session, _claim_query().where(ClaimRow.delivery_id.in_(ids)).order_by(ClaimRow.number)):
        claimed.setdefault(one.delivery, []).append(one)
    return [
        Delivery(
            id=row.id,
            number=row.number,
            retailer=row.retailer,
            cycle=row.cycle,
            part=row.part,
            route=row.route,
            state=cast("DeliveryState", row.state),
            held_code=row.held_code,
            held_why=row.held_why,
            dispatched_at=row.dispatched_at,
            dispatched_by=row.dispatched_by,
            shipped_at=row.shipped_at,
            confirmed_at=row.confirmed_at,
            confirmed_at_terminal=row.confirmed_at_terminal,
            device=row.device,
            lines=tuple(lines.get(row.id, ())),
            claims=tuple(claimed.get(row.id, ())),
        )
        for row in rows
    ]


def _confirmed(row: DeliveryLineRow) -> ConfirmedLine | None:
    if row.accepted_units is None:
        return None
    return ConfirmedLine(
        sku=row.sku,
        accepted_units=row.accepted_units,
        held_units=row.held_units or 0,
        difference=cast("Difference | None", row.difference),
        difference_units=row.difference_units or 0,
        other_sku=row.other_sku,
        other_units=row.other_units or 0,
        reason=row.reason,
    )


def _claim_query() -> Select[ClaimRow, DeliveryLineRow, int]:
    return (
        select(ClaimRow, DeliveryLineRow, DeliveryRow.number)
        .join(
            DeliveryLineRow,
            (DeliveryLineRow.delivery_id == ClaimRow.delivery_id) & (DeliveryLineRow.sku == ClaimRow.sku),
        )
        .join(DeliveryRow, DeliveryRow.id == ClaimRow.delivery_id)
    )


def _claims(session: Session, query: Select[ClaimRow, DeliveryLineRow, int]) -> list[Claim]:
    return [
        Claim(
            id=row.id,
            number=row.number,
            retailer=row.retailer,
            delivery=row.delivery_id,
            delivery_number=number,
            sku=row.sku,
            difference=cast("Difference", row.difference),
            difference_units=row.difference_units,
            other_sku=line.other_sku,
            other_units=line.other_units or 0,
            held_units=line.held_units or 0,
            reason=line.reason or "",
            owner=row.owner,
            state=cast("ClaimState", row.state),
            opened_at=row.opened_at,
            decided_at=row.decided_at,
            decided_by=row.decided_by,
            decision=row.decision,
            settled_at=row.settled_at,
            settlement=row.settlement,
        )
        for row, line, number in session.execute(query)
    ]
