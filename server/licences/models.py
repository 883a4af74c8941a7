"""Tables of licences."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from server.kit.db import Base


class LicenceRow(Base):
    """One licence of a retailer for a class of goods, first to last day included."""

    __tablename__ = "licences"
    __table_args__ = (
        CheckConstraint("valid_until >= valid_from", name="span"),
        CheckConstraint("state IN ('valid', 'suspended', 'cancelled')", name="state"),
        CheckConstraint("state = 'valid' OR state_reason IS NOT NULL", name="state_reason"),
    )
    __party__ = "retailer"

    retailer: Mapped[str] = mapped_column(ForeignKey("retailers.code"), primary_key=True)
    licence_class: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(primary_key=True)
    valid_from: Mapped[date]
    valid_until: Mapped[date]
    state: Mapped[str]
    state_reason: Mapped[str | None]
    changed_at: Mapped[datetime]
