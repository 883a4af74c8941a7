"""Reads of what came of a frozen book: attempts, grants, manual decisions."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, cast
from uuid import UUID

from sqlalchemy import ARRAY, Select, String, any_, exists, func, literal, select, tuple_
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from server.cycles import rules, secrets
from server.cycles.models import Adjustment, AllocationRun, CycleRow, GrantRow, ShippedLine


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
class CycleGrants:
    """What one retailer was granted in one published cycle, in byte order of SKU."""

    cycle: UUID
    number: int
    name_zh: str
    name_en: str
    published_at: datetime
    grants: tuple[Grant, ...]

    @property
    def requested_units(self) -> int:
        """What it asked for in all lines."""
        return sum(one.requested_units for one in self.grants)

    @property
    def granted_units(self) -> int:
        """What it was granted in all lines."""
        return sum(one.granted_units for one in self.grants)


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


def solved(session: Session, cycles: Collection[UUID]) -> frozenset[UUID]:
    """Return those of ``cycles`` whose last attempt was shared out."""
    last = (
        select(AllocationRun.cycle, AllocationRun.seed)
        .where(AllocationRun.cycle.in_(cycles))
        .ext(distinct_on(AllocationRun.cycle))
        .order_by(AllocationRun.cycle, AllocationRun.attempt.desc())
        .subquery()
    )
    return frozenset(session.scalars(select(last.c.cycle).where(last.c.seed.is_not(None))))


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


def certificate(session: Session, cycle_id: UUID, result_sha256: str) -> str | None:
    """Return the certificate's text of a result that a cycle came to; none where there is none."""
    query = select(AllocationRun.certificate).where(
        AllocationRun.cycle == cycle_id, AllocationRun.result_sha256 == result_sha256
    )
    return session.scalars(query.order_by(AllocationRun.attempt.desc()).limit(1)).one_or_none()


def revealed_secret(session: Session, cycle_id: UUID) -> str | None:
    """Return the draw's secret (hex) once the cycle was published; none before."""
    published = session.scalar(select(CycleRow.published_attempt).where(CycleRow.id == cycle_id))
    return None if published is None else secrets.opened(session, cycle_id)


def grants(session: Session, cycle_id: UUID, retailer: str | None = None) -> list[Grant]:
    """Return the grants that are out, in byte order of retailer and SKU; nothing before the first publication."""
    attempt = session.scalar(select(CycleRow.published_attempt).where(CycleRow.id == cycle_id))
    return [] if attempt is None else drafted_grants(session, cycle_id, retailer, attempt=attempt)


def published_grants(session: Session, retailer: str, *, limit: int) -> list[CycleGrants]:
    """Return what a retailer was granted in the newest ``limit`` published cycles that it ordered in, newest first."""
    out = (GrantRow.cycle == CycleRow.id) & (GrantRow.attempt == CycleRow.published_attempt)
    ordered = exists().where(out, GrantRow.retailer == retailer)
    cycles = session.scalars(select(CycleRow).where(ordered).order_by(CycleRow.number.desc()).limit(limit)).all()
    lines: dict[UUID, list[Grant]] = {}
    rows = session.scalars(
        select(GrantRow)
        .join(CycleRow, out)
        .where(CycleRow.id.in_([one.id for one in cycles]), GrantRow.retailer == retailer)
        .order_by(GrantRow.sku.collate("C"))
    )
    for row in rows:
        grant = Grant(
            row.retailer,
            row.sku,
            row.requested_units,
            row.eligible_units,
            row.granted_units,
            row.share,
            row.reason,
            row.bound_by,
        )
        lines.setdefault(row.cycle, []).append(grant)
    return [
        CycleGrants(one.id, one.number, one.name_zh, one.name_en, one.published_at, tuple(lines[one.id]))
        for one in cycles
        if one.published_at is not None
    ]


def granted_units(session: Session, cycles: Collection[UUID], retailer: str, skus: Collection[str]) -> dict[UUID, int]:
    """Return the units of some SKUs that a retailer was granted in each of ``cycles`` that is published."""
    rows = session.execute(
        select(GrantRow.cycle, func.sum(GrantRow.granted_units))
        .join(CycleRow, (GrantRow.cycle == CycleRow.id) & (GrantRow.attempt == CycleRow.published_attempt))
        .where(
            GrantRow.cycle.in_(cycles),
            GrantRow.retailer == retailer,
            GrantRow.sku == any_(literal(list(skus), ARRAY(String))),
        )
        .group_by(GrantRow.cycle)
    )
    return {cycle: int(units) for cycle, units in rows}


def unshipped_units(session: Session, cycles: Collection[UUID]) -> dict[str, int]:
    """Return what ``cycles`` grant beyond what left of each line, in units by SKU; nothing of unpublished ones."""
    if not cycles:
        return {}
    left = (
        select(
            ShippedLine.cycle, ShippedLine.retailer, ShippedLine.sku, func.sum(ShippedLine.shipped_units).label("units")
        )
        .where(ShippedLine.cycle.in_(cycles))
        .group_by(ShippedLine.cycle, ShippedLine.retailer, ShippedLine.sku)
        .subquery()
    )
    units = func.sum(func.greatest(GrantRow.granted_units - func.coalesce(left.c.units, 0), 0))
    rows = session.execute(
        select(GrantRow.sku, units)
        .join(CycleRow, (CycleRow.id == GrantRow.cycle) & (CycleRow.published_attempt == GrantRow.attempt))
        .outerjoin(
            left,
            (left.c.cycle == GrantRow.cycle) & (left.c.retailer == GrantRow.retailer) & (left.c.sku == GrantRow.sku),
        )
        .where(GrantRow.cycle.in_(cycles), GrantRow.granted_units > 0)
        .group_by(GrantRow.sku)
        .having(units > 0)
    )
    return {sku: int(count) for sku, count in rows}


def drafted_grants(
    session: Session, cycle_id: UUID, retailer: str | None = None, *, attempt: int | None = None
) -> list[Grant]:
    """Return the grants of an attempt, the cycle's last one where none is named, in byte order of retailer and SKU."""
    query = _grants_of(cycle_id, retailer, attempt)
    query = query.order_by(GrantRow.retailer.collate("C"), GrantRow.sku.collate("C"))
    return [Grant(*row) for row in session.execute(query)]


def page_of_grants(
    session: Session, cycle_id: UUID, retailer: str | None, *, attempt: int, after: Sequence[str], limit: int
) -> list[Grant]:
    """Return ``limit`` grants of an attempt at most, in the order of the table's key, ``after`` a retailer and SKU.

    So that a page of a million costs what a page of ten does.
    """
    key = GrantRow.retailer, GrantRow.sku
    query = _grants_of(cycle_id, retailer, attempt).order_by(*key).limit(limit)
    if after:
        query = query.where(tuple_(*key) > tuple_(*after))
    return [Grant(*row) for row in session.execute(query)]


def _grants_of(
    cycle_id: UUID, retailer: str | None, attempt: int | None
) -> Select[str, str, int, int, int, str, str, str]:
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
        .join(
            CycleRow,
            (CycleRow.id == GrantRow.cycle) & (GrantRow.attempt == (CycleRow.attempt if attempt is None else attempt)),
        )
        .where(GrantRow.cycle == cycle_id)
    )
    return query if retailer is None else query.where(GrantRow.retailer == retailer)


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


def waiting_for(session: Session, name: str) -> dict[UUID, int]:
    """Return how many manual decisions of each cycle ``name`` may decide now: proposed by others, and not too late."""
    query = (
        select(Adjustment.cycle, func.count())
        .join(CycleRow, CycleRow.id == Adjustment.cycle)
        .where(Adjustment.state == "proposed", Adjustment.author != name, CycleRow.state.in_(rules.REDONE))
        .group_by(Adjustment.cycle)
    )
    return dict(session.execute(query).all())


def counted_adjustments(session: Session, cycle_id: UUID, attempt: int) -> list[ManualDecision]:
    """Return the approved decisions that are part of an attempt's input: the newest of each line, by its names."""
    newest: dict[tuple[str, str], ManualDecision] = {}
    approved = [
        one for one in adjustments(session, cycle_id) if one.from_attempt is not None and one.from_attempt <= attempt
    ]
    for one in sorted(approved, key=lambda one: one.from_attempt or 0):
        newest[one.retailer, one.sku] = one
    return [one for _, one in sorted(newest.items()) if one.granted_units is not None]
