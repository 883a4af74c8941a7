"""Corrections of what was published: what a new supply may say, every publication, and who loses what.

A correction is another attempt on the same frozen book by the same policy and seed. The grants that are out stay in
force until a second person releases it, and stay readable afterwards. Nothing here commits.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session, aliased

from server.cycles import rules, shipping, supply_queries
from server.cycles.errors import ABOVE_PROMISED, BELOW_SHIPPED, invalid
from server.cycles.models import AllocationRun, BookRetailer, CycleRow, GrantRow, Publication
from server.cycles.supply import Line

SHOWN_SKUS = 20
Order = Literal["retailer", "sku", "region", "before_units", "after_units", "difference"]


@dataclass(frozen=True)
class Published:
    """One publication: which attempt went out, why it had to (the first needs no reason), and by whom."""

    number: int
    attempt: int
    supply_version: int
    reason: str | None
    sent_by: str
    released_by: str
    released_at: datetime
    published_at: datetime
    input_sha256: str
    result_sha256: str


@dataclass(frozen=True)
class Change:
    """A line that two attempts grant differently, in units."""

    retailer: str
    region: str
    sku: str
    before_units: int
    after_units: int
    reason: str
    bound_by: str

    @property
    def difference(self) -> int:
        """What the line gains, negative where it loses."""
        return self.after_units - self.before_units


@dataclass(frozen=True)
class Sum:
    """What a change comes to: lines and shops that lose or gain, and the units."""

    shops_losing: int
    lines_losing: int
    units_lost: int
    shops_gaining: int
    lines_gaining: int
    units_gained: int


def check_supply(session: Session, row: CycleRow, lines: Sequence[Line]) -> None:
    """Refuse a supply that no correction may have.

    Raises
    ------
    Invalid
        Where there would be more of a SKU than when the grants first went out, or less offered than has left.
    """
    first = publications(session, row.id)[0]
    promised = supply_queries.supply(session, row.id, first.supply_version)
    grown = rules.above(
        {sku: line.supply_units for sku, line in promised.items()}, {line.sku: line.supply_units for line in lines}
    )
    if grown:
        raise invalid("supply_units", ABOVE_PROMISED, skus=_shown(grown))
    shipped = shipping.shipped_per_sku(session, row.id)
    taken = rules.short_of_shipped(shipped, {line.sku: line.offered_units for line in lines})
    if taken:
        raise invalid("supply_units", BELOW_SHIPPED, skus=_shown([f"{sku} ({shipped[sku]})" for sku in taken]))


def publications(session: Session, cycle: UUID) -> list[Published]:
    """Return every publication of a cycle, the first one first."""
    rows = session.execute(
        select(Publication, AllocationRun)
        .join(
            AllocationRun, (AllocationRun.cycle == Publication.cycle) & (AllocationRun.attempt == Publication.attempt)
        )
        .where(Publication.cycle == cycle)
        .order_by(Publication.number)
    )
    return [
        Published(
            number=one.number,
            attempt=one.attempt,
            supply_version=run.supply_version,
            reason=one.reason,
            sent_by=one.sent_by,
            released_by=one.released_by,
            released_at=one.released_at,
            published_at=one.published_at,
            input_sha256=run.input_sha256,
            result_sha256=run.result_sha256 or "",
        )
        for one, run in rows
    ]


def granted(session: Session, cycle: UUID, attempt: int) -> Mapping[tuple[str, str], int]:
    """Return what an attempt grants, in units by retailer and SKU."""
    rows = session.execute(
        select(GrantRow.retailer, GrantRow.sku, GrantRow.granted_units).where(
            GrantRow.cycle == cycle, GrantRow.attempt == attempt
        )
    )
    return {(retailer, sku): units for retailer, sku, units in rows}


def changes(
    session: Session,
    cycle: UUID,
    before: int,
    after: int,
    *,
    search: str = "",
    sort: Order = "difference",
    descending: bool = False,
    offset: int = 0,
    limit: int | None = None,
) -> list[Change]:
    """Return the lines that attempt ``after`` grants otherwise than ``before``, those that lose most first."""
    old, new = aliased(GrantRow), aliased(GrantRow)
    columns = {
        "retailer": new.retailer.collate("C"),
        "sku": new.sku.collate("C"),
        "region": BookRetailer.region,
        "before_units": old.granted_units,
        "after_units": new.granted_units,
        "difference": new.granted_units - old.granted_units,
    }
    order = columns[sort].desc() if descending else columns[sort].asc()
    query = (
        _differing(cycle, before, after, old, new)
        .with_only_columns(
            new.retailer,
            BookRetailer.region,
            new.sku,
            old.granted_units,
            new.granted_units,
            new.reason,
            new.bound_by,
        )
        .join(BookRetailer, (BookRetailer.cycle == new.cycle) & (BookRetailer.retailer == new.retailer))
        .where(_named(new, search))
        .order_by(order, new.retailer.collate("C"), new.sku.collate("C"))
        .offset(offset)
        .limit(limit)
    )
    return [Change(*row) for row in session.execute(query)]


def count(session: Session, cycle: UUID, before: int, after: int, *, search: str = "") -> int:
    """Return how many lines :func:`changes` gives."""
    old, new = aliased(GrantRow), aliased(GrantRow)
    query = _differing(cycle, before, after, old, new).where(_named(new, search)).with_only_columns(func.count())
    return session.scalars(query).one()


def summed(session: Session, cycle: UUID, before: int, after: int) -> Sum:
    """Return what the change from one attempt to another comes to."""
    old, new = aliased(GrantRow), aliased(GrantRow)
    difference = new.granted_units - old.granted_units
    loses, gains = difference < 0, difference > 0
    found = session.execute(
        _differing(cycle, before, after, old, new).with_only_columns(
            func.count(new.retailer.distinct()).filter(loses),
            func.count().filter(loses),
            func.coalesce(func.sum(-difference).filter(loses), 0),
            func.count(new.retailer.distinct()).filter(gains),
            func.count().filter(gains),
            func.coalesce(func.sum(difference).filter(gains), 0),
        )
    ).one()
    return Sum(*map(int, found))


def _differing(cycle: UUID, before: int, after: int, old: type[GrantRow], new: type[GrantRow]) -> Select[GrantRow]:
    return (
        select(new)
        .join(old, (old.cycle == new.cycle) & (old.retailer == new.retailer) & (old.sku == new.sku))
        .where(
            new.cycle == cycle,
            new.attempt == after,
            old.attempt == before,
            new.granted_units != old.granted_units,
        )
    )


def _named(line: type[GrantRow], words: str) -> ColumnElement[bool]:
    return line.retailer.icontains(words, autoescape=True) | line.sku.icontains(words, autoescape=True)


def _shown(names: Sequence[str]) -> str:
    return ", ".join(names[:SHOWN_SKUS]) + (" …" if len(names) > SHOWN_SKUS else "")
