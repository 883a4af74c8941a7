"""The page that a manager has in his hand: what he has to do, and drafts that wait in the browser for the network."""

import hashlib
import json
from datetime import timedelta
from typing import Annotated, Final
from uuid import UUID

from fastapi import Depends, Path, Request, Response

from contract.errors import Rejected
from contract.photos import MOST_BYTES, MOST_SIDE_PX
from server.kit import console, edge, http
from server.kit.console import templating
from server.retailers import queries as retailers
from server.visits import plans, queries, ruling, service
from server.visits.console import HOME, OUTCOMES
from server.visits.service import VISITORS
from server.visits.shapes import PHOTOS_MOST, KeptVisit, Receipt

ASSETS: Final = (
    "tokens.css",
    "console.css",
    "components.css",
    "vendor/htmx.min.js",
    "console.js",
    "live.js",
    "palette.js",
    "visits.js",
    "mark.svg",
)
"""What the page is made of; fonts are kept as they are used."""
WHERE: Final = edge.HEADERS["Permissions-Policy"].replace("geolocation=()", "geolocation=(self)")
"""This page alone may ask where the device is."""
AHEAD = timedelta(days=2)
CALLS_MOST = 20

round_room = http.router(HOME, tag="console", roles=VISITORS, shops="all")


async def _content(request: Request) -> bytes:
    """Read a photo's bytes, and no more than a photo may have; what comes as a form is no photo."""
    if request.headers.get("Content-Type", "").startswith(http.FORM_TYPES):
        raise Rejected("photo_no_picture", side=MOST_SIDE_PX)
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MOST_BYTES:
            raise Rejected("too_large", size=len(body), limit=MOST_BYTES)
    return body


@round_room.get("/round-worker.js")
def show_worker() -> Response:
    """Return the program that lets the page open without a network: which files are kept, and how.

    It is another one whenever one of the files is; the browser asks for it with each visit of the page.
    """
    files = [templating.static(name) for name in ASSETS]
    version = hashlib.sha256("\n".join(files).encode()).hexdigest()[:12]
    head = f"const VERSION = {json.dumps(version)}, ASSETS = {json.dumps(files)};\n"
    return Response(
        head + (templating.STATIC / "visits-worker.js").read_text("utf-8"),
        media_type="text/javascript",
        headers={"Content-Security-Policy": "default-src 'none'; connect-src 'self'; frame-ancestors 'none'"},
    )


@round_room.get("/round")
def show_round(
    request: Request, session: http.Db, clock: http.Now, config: http.Config, operator: http.Person, retailer: str = ""
) -> Response:
    """Show what the person has to do these days, and the form that keeps a visit or a call."""
    today = clock().astimezone(config.tz).date()
    rule_set = ruling.in_force(session)
    stops = plans.stops_of(session, operator.name, first=today, last=today + AHEAD)
    calls = [
        one
        for one in queries.due(session, today=today, until=today + AHEAD, zone=config.tz, rule_set=rule_set)
        if one.rule.sort == "call" and operator.may(one.rule.who)
    ][:CALLS_MOST]
    wanted = {one.retailer for one in stops} | {one.retailer for one in calls} | {retailer}
    page = console.page(
        request,
        "visits/round.html",
        today=today,
        stops=stops,
        calls=calls,
        rules={rule.key: rule for rule in rule_set.rules},
        shops=retailers.retailers(session, wanted),
        asked=retailer,
        outcomes=OUTCOMES,
        promises=queries.open_promises(session, until=today + AHEAD, owner=operator.name),
        photos_most=PHOTOS_MOST,
        photo_bytes=MOST_BYTES,
    )
    page.headers["Permissions-Policy"] = WHERE
    return page


@round_room.post("/kept")
def keep(session: http.Db, clock: http.Now, config: http.Config, operator: http.Person, body: KeptVisit) -> Receipt:
    """Keep what a draft holds; sent again it counts once."""
    return service.keep_visit(session, body, operator, at=clock(), zone=config.tz)


@round_room.put("/kept/{visit}/photos/{ordinal}", status_code=204)
def keep_photo(
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    visit: UUID,
    ordinal: Annotated[int, Path(ge=1, le=PHOTOS_MOST)],
    content: Annotated[bytes, Depends(_content)],
) -> None:
    """Keep a photo with an own visit; sent again it changes nothing."""
    service.keep_photo(session, visit, ordinal, content, operator, at=clock())
