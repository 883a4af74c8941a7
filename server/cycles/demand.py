"""What a month's published cycles say of demand: requested and granted, by retailer and product class."""

from datetime import date
from uuid import UUID

from sqlalchemy import ARRAY, String, func, literal, select
from sqlalchemy.orm import Session

from server.catalogue import queries as catalogue
from server.cycles.models import CycleRow, GrantRow


def sums(session: Session, month: date, before: date) -> dict[tuple[str, str], tuple[int, int]]:
    """Return the units requested and granted in the published cycles whose week begins from ``month`` to ``before``."""
    classes = catalogue.skus(session, withdrawn=True)
    known = select(
        func.unnest(literal(list(classes), ARRAY(String))).label("sku"),
        func.unnest(literal([one.category for one in classes.values()], ARRAY(String))).label("product_class"),
    ).subquery()
    rows = session.execute(
        select(
            GrantRow.retailer,
            known.c.product_class,
            func.sum(GrantRow.requested_units),
            func.sum(GrantRow.granted_units),
        )
        .join(CycleRow, (CycleRow.id == GrantRow.cycle) & (CycleRow.published_attempt == GrantRow.attempt))
        .join(known, known.c.sku == GrantRow.sku)
        .where(CycleRow.week >= month, CycleRow.week < before)
        .group_by(GrantRow.retailer, known.c.product_class)
    )
    return {(retailer, name): (int(requested), int(granted)) for retailer, name, requested, granted in rows}


def week_of(session: Session, cycle: UUID) -> date | None:
    """Return the first day of a cycle's week, none where there is no such cycle."""
    return session.scalar(select(CycleRow.week).where(CycleRow.id == cycle))
