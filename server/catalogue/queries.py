"""Reads of the catalogue."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.catalogue.models import SkuRow


@dataclass(frozen=True)
class Sku:
    """One SKU as others see it."""

    sku: str
    name_zh: str
    name_en: str
    unit_zh: str
    unit_en: str
    category: str
    pack_units: int
    price_minor: int
    minimum_units: int
    limit_units: int | None
    licence_class: str | None
    barcodes: tuple[str, ...]


def skus(session: Session, wanted: Collection[str] | None = None) -> dict[str, Sku]:
    """Return the SKUs that can be ordered, all or the ``wanted`` ones, by SKU."""
    query = select(SkuRow).where(SkuRow.withdrawn_at.is_(None)).order_by(SkuRow.sku)
    if wanted is not None:
        query = query.where(SkuRow.sku.in_(wanted))
    return {row.sku: _sku(row) for row in session.scalars(query)}


def _sku(row: SkuRow) -> Sku:
    return Sku(
        sku=row.sku,
        name_zh=row.name_zh,
        name_en=row.name_en,
        unit_zh=row.unit_zh,
        unit_en=row.unit_en,
        category=row.category,
        pack_units=row.pack_units,
        price_minor=row.price_minor,
        minimum_units=row.minimum_units,
        limit_units=row.limit_units,
        licence_class=row.licence_class,
        barcodes=tuple(row.barcodes),
    )
