"""What was: how terminals were every quarter of an hour, and when their connections began and ended.

The points of all terminals are taken by one statement, from what they last told, away from the tables that ingest
writes: a report costs nothing more because its history is kept. How they are spread over the fleet is kept beside them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

from sqlalchemy import ARRAY, ColumnElement, Date, delete, func, literal, select
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from contract.messages import ReportPresence
from server.devices import queries as devices
from server.devices import service as device_service
from server.fleet.models import DeviceConnection, DevicePoint, FleetClock, FleetSpread
from server.kit.inbox import Arrival

EVERY: Final = timedelta(minutes=15)
POINTS_DAYS: Final = 14
CONNECTIONS_DAYS: Final = 60
AHEAD_DAYS: Final = 3
TABLES: Final = {"device_points": POINTS_DAYS, "device_connections": CONNECTIONS_DAYS}
FRESH: Final = timedelta(minutes=30)
"""What a terminal told longer ago than this is not how it is now: a point without figures."""
Figure = Literal["queue_length", "clock_offset_ms", "temperature_c", "disk_free_percent"]
FIGURES: Final[tuple[Figure, ...]] = ("queue_length", "clock_offset_ms", "temperature_c", "disk_free_percent")


@dataclass(frozen=True)
class Point:
    """How a terminal was at an instant."""

    at: datetime
    online: bool
    queue_length: int | None
    clock_offset_ms: int | None
    temperature_c: float | None
    disk_free_percent: float | None


@dataclass(frozen=True)
class Connection:
    """That a connection began (``connected``), ended with a goodbye (``signed_off``) or was ``lost``."""

    at: datetime
    state: str


@dataclass(frozen=True)
class Spread:
    """How the terminals that were heard were at an instant: the median, and what one in twenty lies beyond."""

    at: datetime
    heard: int
    median: float
    low: float
    high: float


def report_presences(session: Session, told: Sequence[tuple[ReportPresence, Arrival]]) -> None:
    """Take what terminals, or the broker for them, say of their connections; each terminal says one thing."""
    news = device_service.report_presences(session, told)
    rows = [
        {
            "device": arrival.sender.device,
            "at": arrival.at,
            "state": presence.state,
            "session": presence.session,
            "retailer": arrival.sender.party,
        }
        for (presence, arrival), is_news in zip(told, news, strict=True)
        if is_news
    ]
    if rows:
        written = insert(DeviceConnection).values(rows).on_conflict_do_nothing()
        _with_partition(session, written, told[0][1].at)


def keep_time(session: Session, now: datetime) -> None:
    """Take the points of a quarter of an hour once it has begun; make partitions ahead and drop what is too old."""
    utc = now.astimezone(UTC)
    quarter = utc.replace(minute=utc.minute // 15 * 15, second=0, microsecond=0)
    if not first_since(session, "points", quarter):
        return
    for table in TABLES:
        keep_partitions(session, table, quarter)
    take_points(session, quarter, at=now)


def take_points(session: Session, quarter: datetime, *, at: datetime) -> None:
    """Keep how every terminal that is not revoked is, as of ``quarter``, and how they are spread; once."""
    fleet = devices.wide_query(at).subquery()
    told = func.coalesce(fleet.c.reported_at > at - FRESH, False)
    columns: dict[str, ColumnElement[Any]] = {
        "device": fleet.c.device,
        "at": literal(quarter),
        "retailer": fleet.c.retailer,
        "online": fleet.c.state == "online",
        **{name: fleet.c[name] for name in FIGURES},
    }
    chosen = select(*(value.label(name) for name, value in columns.items())).where(fleet.c.state != "revoked", told)
    silent = select(
        fleet.c.device,
        literal(quarter),
        fleet.c.retailer,
        literal(False),
        *(literal(None) for _ in FIGURES),
    ).where(fleet.c.state != "revoked", ~told, fleet.c.last_seen_at.is_not(None))
    for rows in (chosen, silent):
        session.execute(insert(DevicePoint).from_select(list(columns), rows).on_conflict_do_nothing())
    _take_spreads(session, quarter)


def keep_partitions(session: Session, table: str, at: datetime) -> None:
    """Have the partitions of today and the next days, and none that is older than what is kept."""
    today = at.astimezone(UTC).date()
    wanted = [today + timedelta(days=ahead) for ahead in range(-1, AHEAD_DAYS + 1)]
    oldest = today - timedelta(days=TABLES[table])
    session.execute(select(func.fleet_keep_partitions(table, literal(wanted, ARRAY(Date)), oldest)))


def points(session: Session, device: str, *, since: datetime) -> list[Point]:
    """Return how a terminal was since then, the oldest first."""
    columns = (DevicePoint.at, DevicePoint.online, *(getattr(DevicePoint, name) for name in FIGURES))
    query = select(*columns).where(DevicePoint.device == device, DevicePoint.at >= since).order_by(DevicePoint.at)
    return [Point(*row) for row in session.execute(query)]


def connections(session: Session, device: str, *, since: datetime, limit: int = 50) -> list[Connection]:
    """Return when its connections began and ended since then, the newest first."""
    row = DeviceConnection
    query = select(row.at, row.state).where(row.device == device, row.at >= since).order_by(row.at.desc())
    return [Connection(*found) for found in session.execute(query.limit(limit))]


def spreads(session: Session, *, since: datetime) -> dict[str, list[Spread]]:
    """Return how each figure was spread over the fleet at every quarter of an hour since then, the oldest first."""
    found: dict[str, list[Spread]] = {}
    for row in session.scalars(select(FleetSpread).where(FleetSpread.at >= since).order_by(FleetSpread.at)):
        found.setdefault(row.figure, []).append(Spread(row.at, row.heard, row.median, row.low, row.high))
    return found


def _take_spreads(session: Session, quarter: datetime) -> None:
    """Keep how each figure of the points of a quarter of an hour is spread; nothing of what is too old."""
    for figure in FIGURES:
        column = getattr(DevicePoint, figure)
        low, median, high = (func.percentile_cont(share).within_group(column) for share in (0.05, 0.5, 0.95))
        rows = (
            select(literal(figure), literal(quarter), func.count(column), low, median, high)
            .where(DevicePoint.at == quarter)
            .having(func.count(column) > 0)
        )
        columns = ["figure", "at", "heard", "low", "median", "high"]
        session.execute(insert(FleetSpread).from_select(columns, rows).on_conflict_do_nothing())
    session.execute(delete(FleetSpread).where(FleetSpread.at < quarter - timedelta(days=POINTS_DAYS)))


def _with_partition(session: Session, statement: Insert, at: datetime) -> None:
    """Run an insert; where the day has no partition yet (the worker stood still), make it and run it again."""
    try:
        with session.begin_nested():
            session.execute(statement)
    except IntegrityError:
        keep_partitions(session, DeviceConnection.__tablename__, at)
        session.execute(statement)


def first_since(session: Session, task: str, since: datetime) -> bool:
    """Note that a task is done for the time since then; return whether it was not noted before."""
    noted = (
        insert(FleetClock)
        .values(task=task, done_at=since)
        .on_conflict_do_update(index_elements=["task"], set_={"done_at": since}, where=FleetClock.done_at < since)
    )
    return session.scalar(noted.returning(FleetClock.task)) is not None
