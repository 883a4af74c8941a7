"""What has left of a published cycle, as the deliveries tell it. Nothing here commits.

Goods leave only while the grants stand: a dispatch and the beginning of a correction hold the same cycle's row.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from contract.errors import Conflict
from server.cycles import moves
from server.cycles.models import ShippedLine


@dataclass(frozen=True)
class Shipped:
    """Units of one line that leave on a delivery."""

    delivery: UUID
    retailer: str
    sku: str
    units: int


def hold(session: Session, cycle: UUID) -> int:
    """Hold a published cycle until the transaction ends; return the attempt whose grants are out.

    Raises
    ------
    Rejected, Conflict
        ``not_found``; ``wrong_state`` where it is not published, or its grants are being corrected.
    """
    row = moves.locked(session, cycle)
    if row.state != "published" or row.published_attempt is None:
        raise Conflict("wrong_state", state=row.state, needed="published")
    return row.published_attempt


def note(session: Session, cycle: UUID, attempt: int, lines: Iterable[Shipped]) -> None:
    """Write down what leaves; from then on it is a floor of its line."""
    rows = [
        {
            "delivery": line.delivery,
            "sku": line.sku,
            "cycle": cycle,
            "retailer": line.retailer,
            "attempt": attempt,
            "shipped_units": line.units,
        }
        for line in lines
    ]
    if rows:
        session.execute(insert(ShippedLine), rows)


def shipped_per_sku(session: Session, cycle: UUID) -> dict[str, int]:
    """Return the units that have left, by SKU."""
    rows = session.execute(
        select(ShippedLine.sku, func.sum(ShippedLine.shipped_units))
        .where(ShippedLine.cycle == cycle)
        .group_by(ShippedLine.sku)
    )
    return {sku: int(units) for sku, units in rows}


def shipped_of_line(session: Session, cycle: UUID, retailer: str, sku: str) -> int:
    """Return the units of one line that have left."""
    query = select(func.coalesce(func.sum(ShippedLine.shipped_units), 0)).where(
        ShippedLine.cycle == cycle, ShippedLine.retailer == retailer, ShippedLine.sku == sku
    )
    return int(session.scalar(query) or 0)
