"""Where terminals stand, gathered on the server: at most some hundreds of cells, however many terminals there are."""

from datetime import datetime
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from server.fleet import members
from server.fleet.mapping import Cell

CELLS_ACROSS: Final = 24
Box = tuple[float, float, float, float]
"""South, west, north, east in degrees."""
LEAST_DEGREES: Final = 0.002
POLE: Final = 90.0
ANTIMERIDIAN: Final = 180.0


def read_box(text: str) -> Box | None:
    """Return the box that an address names (four degrees with commas between), or none."""
    parts = text.split(",")
    try:
        south, west, north, east = (float(part) for part in parts)
    except ValueError:
        return None
    fits = -POLE <= south <= north <= POLE and -ANTIMERIDIAN <= west <= east <= ANTIMERIDIAN
    return (south, west, north, east) if fits else None


def write_box(box: Box) -> str:
    """Return a box as an address names it."""
    return ",".join(f"{value:.5f}" for value in box)


def cells(session: Session, box: Box | None, *, at: datetime) -> tuple[list[Cell], int]:
    """Return terminals gathered into cells, in a box or of everywhere, and how many have no place."""
    fleet = members.fleet_query(at)
    live = fleet.c.state != "revoked"
    placed = fleet.c.latitude.is_not(None)
    if box is None:
        bounds = select(
            func.min(fleet.c.latitude),
            func.min(fleet.c.longitude),
            func.max(fleet.c.latitude),
            func.max(fleet.c.longitude),
            func.count().filter(~placed),
        ).where(live)
        *found, without = session.execute(bounds).one()
        if found[0] is None:
            return [], without
        box = (found[0], found[1], found[2], found[3])
    else:
        without = session.scalar(select(func.count()).select_from(fleet).where(live, ~placed)) or 0
    south, west, north, east = box
    high = max((north - south) / CELLS_ACROSS, LEAST_DEGREES)
    wide = max((east - west) / CELLS_ACROSS, LEAST_DEGREES)
    row = func.floor((fleet.c.latitude - south) / high)
    column = func.floor((fleet.c.longitude - west) / wide)
    query = (
        select(
            func.avg(fleet.c.latitude),
            func.avg(fleet.c.longitude),
            func.count(),
            func.count().filter(fleet.c.state == "offline"),
            func.string_agg(fleet.c.region.distinct(), ", "),
            func.min(fleet.c.latitude),
            func.min(fleet.c.longitude),
            func.max(fleet.c.latitude),
            func.max(fleet.c.longitude),
        )
        .where(
            live,
            fleet.c.latitude.between(south, north),
            fleet.c.longitude.between(west, east),
        )
        .group_by(row, column)
        .order_by(func.count().desc())
    )
    return [
        Cell(latitude, longitude, count, offline, regions, (lowest, leftmost, highest, rightmost))
        for latitude, longitude, count, offline, regions, lowest, leftmost, highest, rightmost in session.execute(query)
    ], without
