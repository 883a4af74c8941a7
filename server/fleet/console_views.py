"""The fleet in pictures: rings of shares by version and state, figures over all terminals, and where they stand."""

from collections import Counter
from datetime import timedelta
from typing import Annotated, Final
from urllib.parse import quote

from fastapi import Query, Request, Response

from server.devices.console import ROLES
from server.fleet import history, mapping, places, predicate, queries, showing
from server.fleet.console import HOME
from server.fleet.predicate import RING_WORDS, STATE_WORDS
from server.kit import console, http
from server.kit.console.texts import N_, texts
from server.kit.console.time_chart import Band, Line, over_time

views = http.router(HOME, tag="console", roles=ROLES, shops="all")
DAY: Final = timedelta(days=1)
SPREADS: Final[tuple[tuple[history.Figure, str], ...]] = (
    ("queue_length", N_("Messages that wait")),
    ("temperature_c", N_("Temperature, °C")),
    ("disk_free_percent", N_("Disk free, %")),
)
CELLS_LISTED: Final = 60


@views.get("/rings")
def show_rings(request: Request, session: http.Db, clock: http.Now, config: http.Config) -> Response:
    """Show versions and states as shares of each ring, and how figures are spread over the fleet in a day."""
    now, gettext = clock(), texts(request).gettext
    counts = queries.shares(session, at=now)
    by_version: dict[str, Counter[str]] = {gettext(RING_WORDS[ring]): Counter() for ring in predicate.RINGS}
    by_state: dict[str, Counter[str]] = {gettext(RING_WORDS[ring]): Counter() for ring in predicate.RINGS}
    unknown = gettext("not told")
    for (ring, version, state), count in counts.items():
        by_version[gettext(RING_WORDS[ring])][version or unknown] += count
        by_state[gettext(RING_WORDS[ring])][gettext(STATE_WORDS[state])] += count
    versions = sorted({one for ring in by_version.values() for one in ring}, key=predicate.version_key, reverse=True)
    states = [gettext(STATE_WORDS[one]) for one in ("online", "offline")]
    pictures = []
    for shares, names, title, column in (
        (by_version, versions, gettext("Versions by ring"), gettext("Version")),
        (by_state, states, gettext("States by ring"), gettext("State")),
    ):
        drawn = showing.rings(shares, title=title, names=names, others=gettext("others"))
        pictures.append((title, drawn, showing.share_table(shares, names, title=title, column=column)))
    day = history.spreads(session, since=now - DAY)
    spreads = []
    for figure, title in SPREADS:
        if steps := day.get(figure):
            drawn = over_time(
                [f"{one.at.astimezone(config.tz):%H:%M}" for one in steps],
                [Line(gettext("half of the terminals"), [one.median for one in steps], "line-0")],
                Band(gettext("nine in ten"), [one.low for one in steps], [one.high for one in steps]),
                title=gettext(title),
                description=gettext("over the fleet, by quarters of an hour"),
                table=gettext(title),
                column=gettext("Time"),
            )
            spreads.append((gettext(title), drawn))
    return console.page(
        request,
        "fleet/rings.html",
        pictures=pictures,
        spreads=spreads,
        total=sum(counts.values()),
    )


@views.get("/map")
def show_map(
    request: Request,
    session: http.Db,
    clock: http.Now,
    config: http.Config,
    box: Annotated[str, Query(max_length=100)] = "",
) -> Response:
    """Show where terminals stand, gathered by cells; ``box`` looks closer. Tiles come from where the operator says."""
    gettext = texts(request).gettext
    asked = places.read_box(box)
    found, without = places.cells(session, asked, at=clock())

    def link(cell: mapping.Cell) -> str:
        return f"{HOME}/map?box={quote(places.write_box(cell.box))}"

    def said(cell: mapping.Cell) -> str:
        return texts(request).ngettext(
            "%(count)s terminal, %(offline)s offline: %(regions)s",
            "%(count)s terminals, %(offline)s offline: %(regions)s",
            cell.count,
        ) % {
            "count": cell.count,
            "offline": cell.offline,
            "regions": cell.regions,
        }

    tiles = mapping.Tiles(config.map_tiles, config.map_attribution) if config.map_tiles else None
    title = gettext("Where terminals stand")
    drawn = mapping.plot(found, title=title, link=link, said=said, tiles=tiles) if found else None
    page = console.page(
        request,
        "fleet/map.html",
        drawn=drawn,
        cells=[(cell, link(cell)) for cell in found[:CELLS_LISTED]],
        more=max(0, len(found) - CELLS_LISTED),
        without=without,
        closer=asked is not None,
        tiles=tiles,
    )
    if tiles is not None:
        policy = page.headers["Content-Security-Policy"]
        page.headers["Content-Security-Policy"] = policy.replace("img-src 'self'", f"img-src 'self' {tiles.origin}")
    return page
