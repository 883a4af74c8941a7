"""Reads of a cycle's supply: its versions, what is scarce, what is asked for and not there."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from server.catalogue import queries as catalogue
from server.cycles import queries
from server.cycles.models import BookLine, CycleRow, SupplyLine, SupplyVersion
from server.orders import queries as orders

UNSUPPLIED_TOLD: Final = 1000
"""A window's message must stay within what the broker carries."""


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


@dataclass(frozen=True)
class Difference:
    """What a version of the supply says of one SKU beside the version before; none where it does not name it."""

    sku: str
    before_units: int | None
    after_units: int | None


def differences(session: Session, cycle_id: UUID, versions: Collection[int]) -> dict[int, list[Difference]]:
    """Return for each of ``versions`` the SKUs of which it offers another quantity than the one before, in byte order.

    Nothing for the first version: there is nothing to differ from.
    """
    needed = {near for version in versions for near in (version - 1, version)}
    held: dict[int, dict[str, int]] = {version: {} for version in needed}
    rows = session.scalars(select(SupplyLine).where(SupplyLine.cycle == cycle_id, SupplyLine.version.in_(needed)))
    for row in rows:
        held[row.version][row.sku] = _supply(row).offered_units
    return {
        version: [
            Difference(sku, before.get(sku), now.get(sku))
            for before, now in [(held[version - 1], held[version])]
            for sku in sorted(before.keys() | now.keys())
            if before.get(sku) != now.get(sku)
        ]
        if version > 1
        else []
        for version in versions
    }


def supply(session: Session, cycle_id: UUID, version: int | None = None) -> dict[str, Supply]:
    """Return the supply by SKU in byte order, of the version that the cycle stands at where none is named."""
    newest = select(CycleRow.supply_version).where(CycleRow.id == cycle_id).scalar_subquery()
    rows = session.scalars(
        select(SupplyLine)
        .where(SupplyLine.cycle == cycle_id, SupplyLine.version == (newest if version is None else version))
        .order_by(SupplyLine.sku.collate("C"))
    )
    return {row.sku: _supply(row) for row in rows}


def _supply(row: SupplyLine) -> Supply:
    return Supply(row.sku, row.supply_units, row.pack_units, row.reserve_units, row.minimum_units, row.marked_scarce)


def asked_last_time(session: Session) -> dict[str, int]:
    """Return the units per SKU that were asked for in the last published cycle."""
    last = queries.published_cycles(session, limit=1)
    if not last:
        return {}
    rows = session.execute(
        select(BookLine.sku, func.sum(BookLine.requested_units))
        .where(BookLine.cycle == last[0].id)
        .group_by(BookLine.sku)
    )
    return {sku: int(units) for sku, units in rows}


def unsupplied(session: Session, cycle_id: UUID, supplied: Mapping[str, Supply] | None = None) -> dict[str, int]:
    """Return what is asked for in the order book and not named in the supply: units by SKU, the most first.

    ``supplied`` is the supply where it was read already.
    """
    if supplied is None:
        supplied = supply(session, cycle_id)
    asked = {sku: units for sku, units in orders.asked_units(session, cycle_id).items() if sku not in supplied}
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
        current = queries.current_cycle(session)
        if current is None:
            return frozenset()
        cycle_id = current.id
    return scarce_of(supply(session, cycle_id), asked_last_time(session))


def scarce_of(lines: Mapping[str, Supply], asked: Mapping[str, int]) -> frozenset[str]:
    """Return the scarce SKUs among ``lines``, by what was asked for last time."""
    return frozenset(
        line.sku for line in lines.values() if line.marked_scarce or line.offered_units < asked.get(line.sku, 0)
    )
