"""Reads of the catalogue."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal, cast

from sqlalchemy import ARRAY, String, any_, func, literal, or_, select
from sqlalchemy.orm import Session

from server.catalogue.models import SkuRow

State = Literal["offered", "withdrawn"]
SORTS = ("sku", "name_zh", "name_en", "category", "pack_units", "price_minor", "licence_class", "changed_at")


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
    case_barcodes: tuple[str, ...]
    state: State


def sku(session: Session, code: str) -> Sku | None:
    """Return one SKU, withdrawn or not, or none."""
    row = session.get(SkuRow, code)
    return None if row is None else _sku(row)


def skus(session: Session, wanted: Collection[str] | None = None, *, withdrawn: bool = False) -> dict[str, Sku]:
    """Return the SKUs that can be ordered, all or the ``wanted`` ones, by SKU; with the ``withdrawn`` ones if said."""
    query = select(SkuRow).order_by(SkuRow.sku.collate("C"))
    if not withdrawn:
        query = query.where(SkuRow.state == "offered")
    if wanted is not None:
        query = query.where(SkuRow.sku == any_(literal(list(wanted), ARRAY(String))))
    return {row.sku: _sku(row) for row in session.scalars(query)}


def stamp(session: Session) -> str:
    """Return a text that differs whenever any SKU was added or changed."""
    count, newest = session.execute(select(func.count(), func.max(SkuRow.changed_at))).one()
    return f"{count}:{newest.isoformat() if newest else ''}"


def known(session: Session, wanted: Collection[str]) -> frozenset[str]:
    """Return those of the ``wanted`` codes that the catalogue holds, withdrawn or not."""
    return frozenset(
        session.scalars(select(SkuRow.sku).where(SkuRow.sku == any_(literal(list(wanted), ARRAY(String)))))
    )


def categories(session: Session) -> list[str]:
    """Return the categories in use."""
    return list(session.scalars(select(SkuRow.category).distinct().order_by(SkuRow.category)))


def known_categories(session: Session, wanted: Collection[str]) -> frozenset[str]:
    """Return those of the ``wanted`` categories that a SKU has, withdrawn or not."""
    return frozenset(
        session.scalars(
            select(SkuRow.category).where(SkuRow.category == any_(literal(list(wanted), ARRAY(String)))).distinct()
        )
    )


def search(
    session: Session,
    *,
    text: str = "",
    category: str | None = None,
    state: str | None = None,
    sort: str = "sku",
    descending: bool = False,
    offset: int = 0,
    after: str | None = None,
    limit: int | None = 50,
) -> tuple[list[Sku], int]:
    """Return a page of SKUs and how many there are; ``text`` is looked for in code, names and barcodes.

    In byte order of codes a page may begin ``after`` one; the count is of all of them.
    """
    query = select(SkuRow)
    if text:
        columns = (SkuRow.sku, SkuRow.name_zh, SkuRow.name_en)
        named = (column.icontains(text, autoescape=True) for column in columns)
        query = query.where(or_(*named, literal(text) == any_(SkuRow.barcodes)))
    if category is not None:
        query = query.where(SkuRow.category == category)
    if state is not None:
        query = query.where(SkuRow.state == state)
    total = session.scalar(select(func.count()).select_from(query.subquery())) or 0
    code = SkuRow.sku.collate("C")
    column = getattr(SkuRow, sort) if sort in SORTS and sort != "sku" else code
    order = column.desc().nulls_last() if descending else column.asc().nulls_last()
    if after is not None:
        query = query.where(code > after)
    rows = session.scalars(query.order_by(order, code).offset(offset).limit(limit))
    return [_sku(row) for row in rows], total


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
        case_barcodes=tuple(row.case_barcodes),
        state=cast("State", row.state),
    )
