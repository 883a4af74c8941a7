"""Reads of cycles, for screens and for the capabilities above."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal, cast
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from server.catalogue import queries as catalogue
from server.cycles.models import (
    Adjustment,
    AllocationRun,
    BookLine,
    CycleRow,
    CycleSecret,
    CycleStep,
    GrantRow,
    PlannedWindow,
    PolicyRow,
    RouteSchedule,
    SupplyLine,
    SupplyVersion,
)
from server.cycles.rules import Schedule, State
from server.orders import queries as orders

ShownState = State | Literal["open"]
OVER: frozenset[ShownState] = frozenset({"draft", "published", "called_off"})
UNSUPPLIED_TOLD = 1000
"""A window's message must stay within what the broker carries."""


@dataclass(frozen=True)
class Cycle:
    """A cycle as screens and others see it. ``state`` is ``open`` while one of its windows is."""

    id: UUID
    number: int
    name_zh: str
    name_en: str
    week: date
    zone: str
    grace_s: int
    state: ShownState
    policy_name: str
    policy_version: int
    supply_version: int
    commitment: str | None
    book_root: str | None
    attempt: int
    created_by: str
    sent_by: str | None
    released_by: str | None
    released_at: datetime | None
    published_at: datetime | None
    trouble: dict[str, Any] | None
    changed_at: datetime

    @property
    def policy(self) -> str:
        """The policy as it is published with the windows: name and version."""
        return f"{self.policy_name} v{self.policy_version}"

    @property
    def published(self) -> bool:
        """Whether the grants are out."""
        return self.state == "published"


@dataclass(frozen=True)
class Step:
    """When a cycle came to a state, and who brought it there."""

    state: str
    at: datetime
    actor: str
    detail: dict[str, Any]


@dataclass(frozen=True)
class Planned:
    """A window of a draft. Instants are UTC; ``notes`` as in :class:`server.cycles.rules.Span`."""

    id: UUID
    route: str
    opens_at: datetime
    closes_at: datetime
    zone: str
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Policy:
    """One version of a policy."""

    name: str
    version: int
    text: str
    text_sha256: str
    author: str
    reason: str
    created_at: datetime


@dataclass(frozen=True)
class SupplySet:
    """Who set the supply, when and why."""

    version: int
    author: str
    reason: str
    created_at: datetime
    skus: int
    supply_units: int


@dataclass(frozen=True)
class Supply:
    """What there is of one SKU."""

    sku: str
    supply_units: int
    pack_units: int
    reserve_units: int
    minimum_units: int
    marked_scarce: bool

    @property
    def offered_units(self) -> int:
        """What can be granted: the supply less the reserve, in whole packs."""
        return (self.supply_units - self.reserve_units) // self.pack_units * self.pack_units


@dataclass(frozen=True)
class Run:
    """One attempt to share out a frozen book."""

    attempt: int
    supply_version: int
    policy_text: str
    input_sha256: str
    seed: str | None
    result_sha256: str | None
    certificate: str | None
    report: str | None
    solving_ms: int | None
    solved_at: datetime | None
    verdict: dict[str, Any] | None
    verified_at: datetime | None


@dataclass(frozen=True)
class Grant:
    """What a retailer was granted of one SKU, and why; quantities in units."""

    retailer: str
    sku: str
    requested_units: int
    eligible_units: int
    granted_units: int
    share: str
    reason: str
    bound_by: str


@dataclass(frozen=True)
class ManualDecision:
    """A decision on one line by hand; ``granted_units`` is none where an earlier one is taken back."""

    id: UUID
    retailer: str
    sku: str
    granted_units: int | None
    reason: str
    author: str
    proposed_at: datetime
    state: Literal["proposed", "approved", "declined"]
    decided_by: str | None
    decided_at: datetime | None
    decided_why: str | None
    from_attempt: int | None


def cycle(session: Session, cycle_id: UUID) -> Cycle | None:
    """Return one cycle, or none."""
    row = session.get(CycleRow, cycle_id)
    return None if row is None else _cycle(row, _open(session, [row.id]))


def cycles(session: Session, *, limit: int = 200) -> list[Cycle]:
    """Return cycles, the newest first."""
    rows = session.scalars(select(CycleRow).order_by(CycleRow.number.desc()).limit(limit)).all()
    opened = _open(session, [row.id for row in rows])
    return [_cycle(row, opened) for row in rows]


def current_cycle(session: Session) -> Cycle | None:
    """Return the newest cycle that is announced and not yet published or called off, or none."""
    row = session.scalars(
        select(CycleRow).where(CycleRow.state.not_in(OVER)).order_by(CycleRow.number.desc()).limit(1)
    ).one_or_none()
    return None if row is None else _cycle(row, _open(session, [row.id]))


def published_cycles(session: Session, *, limit: int = 200) -> list[Cycle]:
    """Return published cycles, the last published first."""
    rows = session.scalars(
        select(CycleRow).where(CycleRow.state == "published").order_by(CycleRow.published_at.desc()).limit(limit)
    )
    return [_cycle(row, frozenset()) for row in rows]


def steps(session: Session, cycle_id: UUID) -> list[Step]:
    """Return the cycle's steps, the oldest first."""
    rows = session.scalars(select(CycleStep).where(CycleStep.cycle == cycle_id).order_by(CycleStep.id))
    return [Step(row.state, row.at, row.actor, row.detail) for row in rows]


def planned_windows(session: Session, cycle_id: UUID) -> list[Planned]:
    """Return the windows that the cycle announces, the earliest close first."""
    rows = session.scalars(
        select(PlannedWindow)
        .where(PlannedWindow.cycle == cycle_id)
        .order_by(PlannedWindow.closes_at, PlannedWindow.route)
    )
    return [Planned(row.id, row.route, row.opens_at, row.closes_at, row.zone, tuple(row.note.split())) for row in rows]


def schedules(session: Session) -> list[Schedule]:
    """Return the weekly windows, ``*`` first, then in the routes' order."""
    rows = session.scalars(select(RouteSchedule).order_by(RouteSchedule.route != "*", RouteSchedule.route))
    return [Schedule(r.route, r.opens_weekday, r.opens_time, r.closes_weekday, r.closes_time, r.zone) for r in rows]


def policies(session: Session) -> list[Policy]:
    """Return every version of every policy, the newest first."""
    rows = session.scalars(select(PolicyRow).order_by(PolicyRow.created_at.desc(), PolicyRow.version.desc()))
    return [_policy(row) for row in rows]


def policy(session: Session, name: str, version: int | None = None) -> Policy | None:
    """Return one version of a policy, the newest where none is named; none where there is no such policy."""
    query = select(PolicyRow).where(PolicyRow.name == name).order_by(PolicyRow.version.desc()).limit(1)
    if version is not None:
        query = query.where(PolicyRow.version == version)
    row = session.scalars(query).one_or_none()
    return None if row is None else _policy(row)


def supply_versions(session: Session, cycle_id: UUID) -> list[SupplySet]:
    """Return the versions of the cycle's supply, the newest first."""
    rows = session.execute(
        select(SupplyVersion, func.count(SupplyLine.sku), func.coalesce(func.sum(SupplyLine.supply_units), 0))
        .outerjoin(
            SupplyLine, (SupplyLine.cycle == SupplyVersion.cycle) & (SupplyLine.version == SupplyVersion.version)
        )
        .where(SupplyVersion.cycle == cycle_id)
        .group_by(SupplyVersion.cycle, SupplyVersion.version)
        .order_by(SupplyVersion.version.desc())
    )
    return [
        SupplySet(row.version, row.author, row.reason, row.created_at, skus, int(units)) for row, skus, units in rows
    ]


def supply(session: Session, cycle_id: UUID, version: int | None = None) -> dict[str, Supply]:
    """Return the supply by SKU in byte order, of the version that the cycle stands at where none is named."""
    if version is None:
        version = session.scalar(select(CycleRow.supply_version).where(CycleRow.id == cycle_id)) or 0
    rows = session.scalars(
        select(SupplyLine)
        .where(SupplyLine.cycle == cycle_id, SupplyLine.version == version)
        .order_by(SupplyLine.sku.collate("C"))
    )
    return {
        row.sku: Supply(
            row.sku, row.supply_units, row.pack_units, row.reserve_units, row.minimum_units, row.marked_scarce
        )
        for row in rows
    }


def run(session: Session, cycle_id: UUID, attempt: int | None = None) -> Run | None:
    """Return an attempt, the cycle's last one where none is named; none before it is frozen."""
    query = select(AllocationRun).where(AllocationRun.cycle == cycle_id)
    if attempt is not None:
        query = query.where(AllocationRun.attempt == attempt)
    row = session.scalars(query.order_by(AllocationRun.attempt.desc()).limit(1)).one_or_none()
    if row is None:
        return None
    return Run(
        attempt=row.attempt,
        supply_version=row.supply_version,
        policy_text=row.policy_text,
        input_sha256=row.input_sha256,
        seed=row.seed,
        result_sha256=row.result_sha256,
        certificate=row.certificate,
        report=row.report,
        solving_ms=row.solving_ms,
        solved_at=row.solved_at,
        verdict=row.verdict,
        verified_at=row.verified_at,
    )


def revealed_secret(session: Session, cycle_id: UUID) -> str | None:
    """Return the draw's secret (hex) once the cycle is published; none before."""
    return session.scalar(
        select(CycleSecret.secret)
        .join(CycleRow, CycleRow.id == CycleSecret.cycle)
        .where(CycleSecret.cycle == cycle_id, CycleRow.state == "published")
    )


def grants(session: Session, cycle_id: UUID, retailer: str | None = None) -> list[Grant]:
    """Return the published grants in byte order of retailer and SKU; nothing before the cycle is published."""
    state = session.scalar(select(CycleRow.state).where(CycleRow.id == cycle_id))
    return drafted_grants(session, cycle_id, retailer) if state == "published" else []


def drafted_grants(session: Session, cycle_id: UUID, retailer: str | None = None) -> list[Grant]:
    """Return the grants of the cycle's last attempt, published or not, in byte order of retailer and SKU."""
    query = (
        select(
            GrantRow.retailer,
            GrantRow.sku,
            GrantRow.requested_units,
            GrantRow.eligible_units,
            GrantRow.granted_units,
            GrantRow.share,
            GrantRow.reason,
            GrantRow.bound_by,
        )
        .join(CycleRow, (CycleRow.id == GrantRow.cycle) & (CycleRow.attempt == GrantRow.attempt))
        .where(GrantRow.cycle == cycle_id)
        .order_by(GrantRow.retailer.collate("C"), GrantRow.sku.collate("C"))
    )
    if retailer is not None:
        query = query.where(GrantRow.retailer == retailer)
    return [Grant(*row) for row in session.execute(query)]


def adjustments(session: Session, cycle_id: UUID) -> list[ManualDecision]:
    """Return every manual decision of a cycle, proposed, approved and declined, the newest first."""
    rows = session.scalars(select(Adjustment).where(Adjustment.cycle == cycle_id).order_by(Adjustment.id.desc()))
    return [
        ManualDecision(
            row.id,
            row.retailer,
            row.sku,
            row.granted_units,
            row.reason,
            row.author,
            row.proposed_at,
            cast("Literal['proposed', 'approved', 'declined']", row.state),
            row.decided_by,
            row.decided_at,
            row.decided_why,
            row.from_attempt,
        )
        for row in rows
    ]


def counted_adjustments(session: Session, cycle_id: UUID, attempt: int) -> list[ManualDecision]:
    """Return the approved decisions that are part of an attempt's input: the newest of each line, by its names."""
    newest: dict[tuple[str, str], ManualDecision] = {}
    approved = [
        one for one in adjustments(session, cycle_id) if one.from_attempt is not None and one.from_attempt <= attempt
    ]
    for one in sorted(approved, key=lambda one: one.from_attempt or 0):
        newest[one.retailer, one.sku] = one
    return [one for _, one in sorted(newest.items()) if one.granted_units is not None]


def asked_last_time(session: Session) -> dict[str, int]:
    """Return the units per SKU that were asked for in the last published cycle."""
    last = published_cycles(session, limit=1)
    if not last:
        return {}
    rows = session.execute(
        select(BookLine.sku, func.sum(BookLine.requested_units))
        .where(BookLine.cycle == last[0].id)
        .group_by(BookLine.sku)
    )
    return {sku: int(units) for sku, units in rows}


def unsupplied(session: Session, cycle_id: UUID) -> dict[str, int]:
    """Return what is asked for in the order book and not named in the supply: units by SKU, the most first."""
    supplied = supply(session, cycle_id)
    asked: dict[str, int] = {}
    for line in orders.book(session, cycle_id):
        if line.sku not in supplied:
            asked[line.sku] = asked.get(line.sku, 0) + line.requested_units
    return dict(sorted(asked.items(), key=lambda item: (-item[1], item[0])))


def skus_without_supply(session: Session, cycle_id: UUID) -> frozenset[str]:
    """Return what the catalogue offers and the cycle's supply holds none of.

    Empty where no supply is released yet, and where it is more than a terminal is told.
    """
    supplied = supply(session, cycle_id)
    held = {line.sku for line in supplied.values() if line.offered_units > 0}
    found = frozenset(catalogue.skus(session).keys() - held) if supplied else frozenset[str]()
    return found if len(found) <= UNSUPPLIED_TOLD else frozenset()


def scarce_skus(session: Session, cycle_id: UUID | None = None) -> frozenset[str]:
    """Return the scarce SKUs of a cycle, of the current one where none is named.

    Scarce is what a planner marked, and what offers less than was asked for in the last published cycle.
    """
    if cycle_id is None:
        current = current_cycle(session)
        if current is None:
            return frozenset()
        cycle_id = current.id
    asked = asked_last_time(session)
    return frozenset(
        line.sku
        for line in supply(session, cycle_id).values()
        if line.marked_scarce or line.offered_units < asked.get(line.sku, 0)
    )


def _open(session: Session, ids: Sequence[UUID]) -> frozenset[UUID]:
    """Return those of the cycles that have an open window."""
    return orders.cycles_open(session, ids)


def _cycle(row: CycleRow, opened: frozenset[UUID]) -> Cycle:
    state = cast("State", row.state)
    return Cycle(
        id=row.id,
        number=row.number,
        name_zh=row.name_zh,
        name_en=row.name_en,
        week=row.week,
        zone=row.zone,
        grace_s=row.grace_s,
        state="open" if state == "announced" and row.id in opened else state,
        policy_name=row.policy_name,
        policy_version=row.policy_version,
        supply_version=row.supply_version,
        commitment=row.commitment,
        book_root=row.book_root,
        attempt=row.attempt,
        created_by=row.created_by,
        sent_by=row.sent_by,
        released_by=row.released_by,
        released_at=row.released_at,
        published_at=row.published_at,
        trouble=row.trouble,
        changed_at=row.changed_at,
    )


def _policy(row: PolicyRow) -> Policy:
    return Policy(row.name, row.version, row.text, row.text_sha256, row.author, row.reason, row.created_at)
