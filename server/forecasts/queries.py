"""Reads of demand, forecasts and figures."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from math import isnan
from typing import Any, Literal, cast
from uuid import UUID

from sqlalchemy import ARRAY, String, any_, exists, func, literal, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from server.forecasts import rules
from server.forecasts.models import DemandRow, DemandVersion, FigureRow, ForecastVersion, SeriesRow
from server.retailers import queries as retailers

State = Literal["waiting", "working", "done", "failed", "stopped"]
FigureKind = Literal["own", "agreed"]
ROWS_AT_ONCE = 10_000


@dataclass(frozen=True)
class Cell:
    """What is known of a retailer's month in a class; quantities in units."""

    retailer: str
    product_class: str
    period: date
    sold_units: int | None
    requested_units: int | None
    granted_units: int | None
    out_days: int | None
    source: str

    @property
    def came_units(self) -> int | None:
        """What the month came to."""
        return rules.came(self.sold_units, self.granted_units)

    @property
    def in_stock(self) -> float | None:
        """The part of the month in which there was stock; none where it cannot be told."""
        return rules.in_stock(self.sold_units, self.requested_units, self.granted_units, self.out_days, self.period)


@dataclass(frozen=True)
class Version:
    """One computing of all forecasts."""

    id: UUID
    number: int
    cut_off: date
    horizon: int
    history_number: int
    asked_by: str
    asked_at: datetime
    state: State
    stage: str
    series: int
    series_done: int
    input_sha256: str | None
    library_version: str | None
    trouble: str | None
    done_at: datetime | None

    @property
    def periods(self) -> list[date]:
        """The months that it forecasts."""
        return [rules.later(self.cut_off, ahead) for ahead in range(self.horizon)]


@dataclass(frozen=True)
class Series:
    """A version's figures for a retailer and class, in units; see :class:`server.forecasts.models.SeriesRow`."""

    version: UUID
    retailer: str
    product_class: str
    first_period: date
    demand: tuple[float | None, ...]
    way: tuple[int, ...]
    mean: tuple[float, ...]
    lo80: tuple[float, ...]
    hi80: tuple[float, ...]
    tested_periods: int
    error: float | None
    naive_error: float | None


@dataclass(frozen=True)
class Figure:
    """A figure that a person gave for a month to come."""

    retailer: str
    product_class: str
    period: date
    kind: FigureKind
    version: int
    units: int
    by: str
    at: datetime
    note: str
    confirms: int | None


def history(session: Session, retailer: str) -> dict[str, list[Cell]]:
    """Return what is known of a retailer's months by now, by class, in order."""
    rows = session.scalars(
        select(DemandRow)
        .where(DemandRow.retailer == retailer)
        .order_by(DemandRow.product_class.collate("C"), DemandRow.period)
    )
    found: dict[str, list[Cell]] = {}
    for row in rows:
        found.setdefault(row.product_class, []).append(_cell(row))
    return found


def coverage(session: Session, since: date, before: date) -> dict[date | None, tuple[int, datetime]]:
    """Return of how many retailers the sales are known, and since when the last of them are, by month.

    With no month stands what is known of the months together.
    """
    known = (DemandRow.sold_units.is_not(None), DemandRow.period >= since, DemandRow.period < before)
    by_month = (
        select(DemandRow.period, func.count(DemandRow.retailer.distinct()), func.max(DemandRow.changed_at))
        .where(*known)
        .group_by(DemandRow.period)
    )
    found: dict[date | None, tuple[int, datetime]] = {
        month: (shops, at) for month, shops, at in session.execute(by_month)
    }
    if found:
        shops = retailers.count(session, exists().where(DemandRow.retailer == retailers.CODE, *known))
        found[None] = (shops, max(at for _, at in found.values()))
    return found


def cell_versions(session: Session, retailer: str, product_class: str, period: date) -> list[tuple[Cell, datetime]]:
    """Return every figure that a month has had, the newest first, and since when."""
    rows = session.scalars(
        select(DemandVersion)
        .where(
            DemandVersion.retailer == retailer,
            DemandVersion.product_class == product_class,
            DemandVersion.period == period,
        )
        .order_by(DemandVersion.number.desc())
    )
    return [(_cell(row), row.at) for row in rows]


def last_told(
    session: Session, source: str, retailers: Collection[str], period: date
) -> dict[tuple[str, str], tuple[int | None, int | None]]:
    """Return the units sold and the days out of stock that a source told last of a month, by retailer and class."""
    key = (DemandVersion.retailer, DemandVersion.product_class)
    rows = session.execute(
        select(*key, DemandVersion.sold_units, DemandVersion.out_days)
        .ext(distinct_on(*key))
        .where(
            DemandVersion.source == source,
            DemandVersion.period == period,
            DemandVersion.retailer == any_(literal(list(retailers), ARRAY(String))),
        )
        .order_by(*key, DemandVersion.number.desc())
    )
    return {(retailer, product_class): (sold, out) for retailer, product_class, sold, out in rows}


def history_number(session: Session, before: date) -> int:
    """Return the number of the newest figure of a month before ``before``; 0 where there is none."""
    return session.scalar(select(func.max(DemandVersion.number)).where(DemandVersion.period < before)) or 0


def cells_until(
    session: Session,
    cut_off: date,
    number: int,
    product_class: str | None = None,
    retailers: Collection[str] | None = None,
) -> Iterator[Cell]:
    """Yield what was known of the months before ``cut_off`` when the history stood at ``number``.

    In the byte order of class, retailer and month; of one class and some retailers where they are named.
    """
    key = (DemandVersion.product_class.collate("C"), DemandVersion.retailer.collate("C"), DemandVersion.period)
    query = (
        select(DemandVersion)
        .ext(distinct_on(*key))
        .where(DemandVersion.period < cut_off, DemandVersion.number <= number)
        .order_by(*key, DemandVersion.number.desc())
    )
    if product_class is not None:
        query = query.where(DemandVersion.product_class == product_class)
    if retailers is not None:
        query = query.where(DemandVersion.retailer == any_(literal(list(retailers), ARRAY(String))))
    for row in session.scalars(query.execution_options(yield_per=ROWS_AT_ONCE)):
        yield _cell(row)


def series_until(session: Session, cut_off: date, number: int) -> dict[str, list[str]]:
    """Return of which retailers something was known before ``cut_off`` at ``number``, by class, in byte order."""
    key = (DemandVersion.product_class, DemandVersion.retailer)
    rows = session.execute(
        select(*key)
        .where(DemandVersion.period < cut_off, DemandVersion.number <= number)
        .group_by(*key)
        .order_by(*(column.collate("C") for column in key))
    )
    found: dict[str, list[str]] = {}
    for product_class, retailer in rows:
        found.setdefault(product_class, []).append(retailer)
    return found


def version(session: Session, number: int | None = None, *, state: State | None = None) -> Version | None:
    """Return the version of a number, or the newest one, of a state where it is named; none where there is none."""
    query = select(ForecastVersion).order_by(ForecastVersion.number.desc()).limit(1)
    if number is not None:
        query = query.where(ForecastVersion.number == number)
    if state is not None:
        query = query.where(ForecastVersion.state == state)
    row = session.scalars(query.execution_options(populate_existing=True)).one_or_none()
    return None if row is None else version_of(row)


def versions(session: Session, limit: int = 20, *, before: int | None = None) -> list[Version]:
    """Return the newest versions, the last first, below the number ``before`` where it is named."""
    query = select(ForecastVersion).order_by(ForecastVersion.number.desc()).limit(limit)
    if before is not None:
        query = query.where(ForecastVersion.number < before)
    return [version_of(row) for row in session.scalars(query)]


def series_of(session: Session, version_id: UUID, retailers: Collection[str]) -> dict[str, list[Series]]:
    """Return a version's series of some retailers, by retailer, in the order of the classes."""
    rows = session.scalars(
        select(SeriesRow)
        .where(SeriesRow.version == version_id, SeriesRow.retailer == any_(literal(list(retailers), ARRAY(String))))
        .order_by(SeriesRow.retailer.collate("C"), SeriesRow.product_class.collate("C"))
    )
    found: dict[str, list[Series]] = {}
    for row in rows:
        found.setdefault(row.retailer, []).append(_series(row))
    return found


def every_series(session: Session, version_id: UUID) -> Iterator[Series]:
    """Yield all series of a version, in the byte order of class and retailer."""
    query = (
        select(SeriesRow)
        .where(SeriesRow.version == version_id)
        .order_by(SeriesRow.product_class.collate("C"), SeriesRow.retailer.collate("C"))
    )
    for row in session.scalars(query.execution_options(yield_per=1_000)):
        yield _series(row)


def retailers_of(session: Session, version_id: UUID) -> list[str]:
    """Return the retailers of which a version has series, in byte order."""
    return list(
        session.scalars(
            select(SeriesRow.retailer)
            .where(SeriesRow.version == version_id)
            .group_by(SeriesRow.retailer)
            .order_by(SeriesRow.retailer.collate("C"))
        )
    )


def figures(
    session: Session, retailers: Collection[str], since: date | None = None
) -> dict[str, dict[tuple[str, date, FigureKind], Figure]]:
    """Return the figure that counts of each retailer, class, month and kind; of months from ``since`` on."""
    key = (FigureRow.retailer, FigureRow.product_class, FigureRow.period, FigureRow.kind)
    query = (
        select(FigureRow)
        .ext(distinct_on(*key))
        .where(FigureRow.retailer == any_(literal(list(retailers), ARRAY(String))))
        .order_by(*key, FigureRow.version.desc())
    )
    if since is not None:
        query = query.where(FigureRow.period >= since)
    found: dict[str, dict[tuple[str, date, FigureKind], Figure]] = defaultdict(dict)
    for row in session.scalars(query):
        figure = figure_of(row)
        found[row.retailer][figure.product_class, figure.period, figure.kind] = figure
    return found


def figure_versions(session: Session, retailer: str, *, limit: int = 200) -> list[Figure]:
    """Return every figure given for a retailer, the newest first."""
    rows = session.scalars(
        select(FigureRow)
        .where(FigureRow.retailer == retailer)
        .order_by(FigureRow.at.desc(), FigureRow.product_class.collate("C"), FigureRow.period, FigureRow.version.desc())
        .limit(limit)
    )
    return [figure_of(row) for row in rows]


def past(session: Session, retailers: Collection[str], *, since: date) -> dict[str, dict[str, list[rules.Past]]]:
    """Return what was forecast of months from ``since`` on, and what came, by retailer and class, in order.

    Of each month the newest forecast counts that was made from before it began; of those that were made from one day,
    the newest one alone is read.
    """
    codes = literal(list(retailers), ARRAY(String))
    until = session.scalar(select(func.max(ForecastVersion.cut_off)).where(ForecastVersion.state == "done"))
    if until is None:
        return {}
    cells = session.execute(
        select(
            DemandRow.retailer, DemandRow.product_class, DemandRow.period, DemandRow.sold_units, DemandRow.granted_units
        ).where(DemandRow.retailer == any_(codes), DemandRow.period >= since, DemandRow.period < until)
    )
    came = {
        (row.retailer, row.product_class, row.period): rules.came(row.sold_units, row.granted_units) for row in cells
    }
    newest = (
        select(ForecastVersion.id, ForecastVersion.cut_off, ForecastVersion.number)
        .ext(distinct_on(ForecastVersion.cut_off))
        .where(
            ForecastVersion.state == "done",
            ForecastVersion.cut_off > rules.later(since, -rules.MONTHS_AHEAD),
            ForecastVersion.cut_off < until,
        )
        .order_by(ForecastVersion.cut_off, ForecastVersion.number.desc())
        .subquery()
    )
    rows = session.execute(
        select(SeriesRow, newest.c.cut_off, newest.c.number)
        .join(newest, newest.c.id == SeriesRow.version)
        .where(SeriesRow.retailer == any_(codes))
        .order_by(newest.c.cut_off)
    )
    found: dict[tuple[str, str, date], rules.Past] = {}
    for series, cut_off, number in rows:
        for ahead, (mean, low, high) in enumerate(zip(series.mean, series.lo80, series.hi80, strict=True)):
            period = rules.later(cut_off, ahead)
            if since <= period < until:
                key = (series.retailer, series.product_class, period)
                found[key] = rules.Past(period, mean, low, high, number, came.get(key))
    told: dict[str, dict[str, list[rules.Past]]] = {}
    for (retailer, product_class, _), one in sorted(found.items()):
        told.setdefault(retailer, {}).setdefault(product_class, []).append(one)
    return told


def version_of(row: ForecastVersion) -> Version:
    """Return a row as others see it."""
    return Version(
        row.id,
        row.number,
        row.cut_off,
        row.horizon,
        row.history_number,
        row.asked_by,
        row.asked_at,
        cast("State", row.state),
        row.stage,
        row.series,
        row.series_done,
        row.input_sha256,
        row.library_version,
        row.trouble,
        row.done_at,
    )


def figure_of(row: FigureRow) -> Figure:
    """Return a row as others see it."""
    return Figure(
        row.retailer,
        row.product_class,
        row.period,
        cast("FigureKind", row.kind),
        row.version,
        row.units,
        row.by,
        row.at,
        row.note,
        row.confirms,
    )


def _known(values: Iterable[float]) -> tuple[float | None, ...]:
    return tuple(None if isnan(value) else value for value in values)


def _series(row: SeriesRow) -> Series:
    return Series(
        row.version,
        row.retailer,
        row.product_class,
        row.first_period,
        _known(row.demand),
        tuple(row.way),
        tuple(row.mean),
        tuple(row.lo80),
        tuple(row.hi80),
        row.tested_periods,
        row.error,
        row.naive_error,
    )


def _cell(row: Any) -> Cell:
    return Cell(
        row.retailer,
        row.product_class,
        row.period,
        row.sold_units,
        row.requested_units,
        row.granted_units,
        row.out_days,
        row.source,
    )
