"""Tables of the catalogue."""

from datetime import datetime

from sqlalchemy import ARRAY, CheckConstraint, String, text
from sqlalchemy.orm import Mapped, mapped_column

from server.kit.db import Base


class SkuRow(Base):
    """One SKU. Quantities are units; ``pack_units`` of them make a pack, the least that is granted."""

    __tablename__ = "skus"
    __table_args__ = (
        CheckConstraint("pack_units > 0", name="pack"),
        CheckConstraint("price_minor >= 0", name="price"),
        CheckConstraint("minimum_units >= 0", name="minimum"),
        CheckConstraint("limit_units >= 0", name="limit"),
        CheckConstraint("state IN ('offered', 'withdrawn')", name="state"),
    )

    sku: Mapped[str] = mapped_column(primary_key=True)
    name_zh: Mapped[str]
    name_en: Mapped[str]
    unit_zh: Mapped[str]
    unit_en: Mapped[str]
    category: Mapped[str]
    pack_units: Mapped[int]
    price_minor: Mapped[int]
    minimum_units: Mapped[int] = mapped_column(server_default=text("0"))
    limit_units: Mapped[int | None]
    licence_class: Mapped[str | None]
    barcodes: Mapped[list[str]] = mapped_column(ARRAY(String), server_default=text("'{}'"))
    case_barcodes: Mapped[list[str]] = mapped_column(ARRAY(String), server_default=text("'{}'"))
    state: Mapped[str] = mapped_column(server_default=text("'offered'"))
    changed_at: Mapped[datetime]
