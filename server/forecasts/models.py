"""Tables of forecasts. Months are their first days, quantities units; a class is a category of the catalogue."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, CheckConstraint, Float, ForeignKey, Identity, Index, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from server.kit import computations
from server.kit.computations import Computation
from server.kit.db import Base, portions


class DemandRow(Base):
    """What is known of a retailer's month in a class by now."""

    __tablename__ = "demand_history"
    __table_args__ = (
        CheckConstraint("EXTRACT(day FROM period) = 1", name="month"),
        CheckConstraint("num_nonnulls(sold_units, requested_units, granted_units, out_days) > 0", name="something"),
        CheckConstraint("sold_units >= 0 AND requested_units >= 0 AND granted_units >= 0", name="units"),
        CheckConstraint("out_days BETWEEN 0 AND 31", name="out_days"),
        Index(
            "ix_demand_history_period",
            "period",
            "retailer",
            "changed_at",
            postgresql_where=text("sold_units IS NOT NULL"),
        ),
    )
    __party__ = "retailer"

    retailer: Mapped[str] = mapped_column(ForeignKey("retailers.code"), primary_key=True)
    product_class: Mapped[str] = mapped_column(primary_key=True)
    period: Mapped[date] = mapped_column(primary_key=True)
    sold_units: Mapped[int | None] = mapped_column(BigInteger)
    requested_units: Mapped[int | None] = mapped_column(BigInteger)
    granted_units: Mapped[int | None] = mapped_column(BigInteger)
    out_days: Mapped[int | None]
    source: Mapped[str]
    changed_at: Mapped[datetime]


class DemandVersion(Base):
    """Every figure that a month ever had; what counts at a moment is the newest number up to then."""

    __tablename__ = "demand_history_versions"
    __append_only__ = True
    __table_args__ = (Index("ix_demand_history_versions_cell", "product_class", "retailer", "period", "number"),)
    __party__ = "retailer"

    number: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    retailer: Mapped[str] = mapped_column(ForeignKey("retailers.code"))
    product_class: Mapped[str]
    period: Mapped[date]
    sold_units: Mapped[int | None] = mapped_column(BigInteger)
    requested_units: Mapped[int | None] = mapped_column(BigInteger)
    granted_units: Mapped[int | None] = mapped_column(BigInteger)
    out_days: Mapped[int | None]
    source: Mapped[str]
    by: Mapped[str]
    at: Mapped[datetime]


class ForecastVersion(Computation, Base):
    """One computing of all forecasts: from the history before ``cut_off`` as it stood at ``history_number``."""

    __tablename__ = "forecast_versions"
    __table_args__ = (
        CheckConstraint("EXTRACT(day FROM cut_off) = 1", name="cut_off"),
        CheckConstraint("horizon > 0", name="horizon"),
        *computations.checks("done"),
        CheckConstraint("series_done BETWEEN 0 AND series", name="progress"),
        Index(
            "uq_forecast_versions_under_way",
            "under_way",
            unique=True,
            postgresql_where="state IN ('waiting', 'working')",
        ),
    )

    number: Mapped[int] = mapped_column(BigInteger, Identity(always=True), unique=True)
    cut_off: Mapped[date]
    horizon: Mapped[int]
    history_number: Mapped[int] = mapped_column(BigInteger)
    under_way: Mapped[bool] = mapped_column(server_default="true")
    stage: Mapped[str]
    series: Mapped[int]
    series_done: Mapped[int]
    input_sha256: Mapped[str | None]
    library_version: Mapped[str | None]


class SeriesRow(Base):
    """A version's figures for a retailer and class.

    ``demand`` and ``way`` are the unconstrained demand of each month from ``first_period`` to the cut-off (NaN where
    nothing is known) and how it was found; ``mean``, ``lo80`` and ``hi80`` those of the months from the cut-off on.
    The errors are mean absolute errors over those of a season's step, none where the history is too short to test.
    """

    __tablename__ = "forecast_series"
    __append_only__ = True
    __table_args__ = (Index("ix_forecast_series_retailer", "retailer", "version"),)
    __party__ = "retailer"
    __ddl__ = portions("forecast_series", "version")

    version: Mapped[UUID] = mapped_column(ForeignKey("forecast_versions.id"), primary_key=True)
    product_class: Mapped[str] = mapped_column(primary_key=True)
    retailer: Mapped[str] = mapped_column(ForeignKey("retailers.code"), primary_key=True)
    first_period: Mapped[date]
    demand: Mapped[list[float]] = mapped_column(ARRAY(Float))
    way: Mapped[list[int]] = mapped_column(ARRAY(SmallInteger))
    mean: Mapped[list[float]] = mapped_column(ARRAY(Float))
    lo80: Mapped[list[float]] = mapped_column(ARRAY(Float))
    hi80: Mapped[list[float]] = mapped_column(ARRAY(Float))
    tested_periods: Mapped[int]
    error: Mapped[float | None]
    naive_error: Mapped[float | None]


class FigureRow(Base):
    """One figure that a person gave for a month to come; a later one is another version.

    ``confirms`` is the version of the agreed figure that this one is the second look at.
    """

    __tablename__ = "demand_figures"
    __append_only__ = True
    __table_args__ = (
        CheckConstraint("EXTRACT(day FROM period) = 1", name="month"),
        CheckConstraint("kind IN ('own', 'agreed')", name="kind"),
        CheckConstraint("units >= 0", name="units"),
        CheckConstraint("confirms IS NULL OR (kind = 'agreed' AND confirms < version)", name="confirms"),
        CheckConstraint("version > 0", name="version"),
    )
    __party__ = "retailer"

    retailer: Mapped[str] = mapped_column(ForeignKey("retailers.code"), primary_key=True)
    product_class: Mapped[str] = mapped_column(primary_key=True)
    period: Mapped[date] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    units: Mapped[int] = mapped_column(BigInteger)
    by: Mapped[str]
    at: Mapped[datetime]
    note: Mapped[str]
    confirms: Mapped[int | None]
    message_id: Mapped[UUID | None]
