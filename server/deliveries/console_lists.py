"""The dispatch lists: per route and day what is loaded and handed over, on paper, on a phone and as a file."""

from datetime import date
from typing import Annotated, Any
from urllib.parse import quote
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import Form, Request, Response

from contract.errors import Rejected
from server.catalogue import queries as catalogue
from server.cycles import queries as cycles
from server.deliveries import queries, routing
from server.deliveries.claiming import SENDERS
from server.deliveries.http import SENDING
from server.kit import console, http
from server.kit.console.tables import Column, TableView
from server.kit.console.texts import N_, language_of, texts
from server.retailers import queries as retailers

PLACE_MOST = 100_000
#: So many deliveries stand on one page; where there are more, each route has its own.
TOGETHER_MOST = 300

lists = http.router("/console/deliveries/lists", tag="console", roles=(), shops="reads")

COLUMNS = (
    Column("route", N_("Route")),
    Column("stop", N_("Stop number"), "number"),
    Column("retailer", N_("Code of the shop"), "identifier"),
    Column("shop", N_("Shop")),
    Column("address", N_("Address")),
    Column("number", N_("Number"), "number"),
    Column("held", N_("Held")),
    Column("sku", N_("SKU"), "identifier"),
    Column("name", N_("Name")),
    Column("packs", N_("Packs"), "number"),
    Column("loose_units", N_("Loose units"), "units"),
    Column("units", N_("Units"), "units"),
)


@lists.get("/{cycle}")
def dispatch_list(
    request: Request, session: http.Db, cycle: UUID, route: str = "", day: date | None = None
) -> Response:
    """Show what goes out in a cycle, on one route and one day where they are named; with ``format`` as a file.

    Many deliveries are shown by one route at a time; the file holds all of them.
    """
    found = cycles.cycle(session, cycle)
    if found is None:
        raise Rejected("not_found", what=texts(request).gettext("cycle"), name=str(cycle))
    zone, view = ZoneInfo(found.zone), TableView.of(request, COLUMNS)
    routes = queries.routes(session, cycle)
    apart = sum(routes.values()) > TOGETHER_MOST
    if apart and not route and not view.format:
        route = next(iter(routes))
    every = routing.lists(session, cycle, zone, route=route, day=day)
    stops = [stop for one in every for stop in one.stops]
    shops = retailers.retailers(session, {stop.retailer for stop in stops})
    wanted = {line.sku for stop in stops for one in stop.deliveries for line in one.lines}
    skus = catalogue.skus(session, wanted, withdrawn=True)
    if view.format:
        zh = language_of(request) == "zh"
        rows = _rows(every, shops, skus, zh=zh, held=texts(request).gettext("held"))
        return console.download(request, COLUMNS, rows, name="dispatch-list")
    return console.page(
        request,
        "deliveries/dispatch_list.html",
        cycle=found,
        route=route,
        day=day,
        routes=list(routes),
        apart=apart,
        days=routing.days(session, cycle, zone),
        lists=every,
        shops=shops,
        skus=skus,
        senders=SENDERS,
    )


@lists.post("/{cycle}/stops", dependencies=SENDING)
def order_stops(
    request: Request,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    cycle: UUID,
    route: Annotated[str, Form(max_length=100)],
    retailer: Annotated[list[str], Form()],
    place: Annotated[list[str], Form()],
) -> Response:
    """Put the stops of a route into the order of the numbers beside them; stops of one number keep theirs."""
    typed = [_place(text) for text in place]
    codes = [code for _, code in sorted(zip(typed, retailer, strict=False), key=lambda one: one[0])]
    routing.order_stops(session, route, codes, operator, at=clock())
    said = texts(request).gettext("The stops stand in this order now, in later lists too.")
    return console.redirect(request, f"/console/deliveries/lists/{cycle}?route={quote(route)}", flash=said)


def _place(text: str) -> int:
    digits = text.strip()
    return min(int(digits), PLACE_MOST) if digits.isascii() and digits.isdigit() and len(digits) < 10 else PLACE_MOST  # noqa: PLR2004 - more digits are no place


def _rows(
    every: list[routing.RouteList],
    shops: dict[str, retailers.Retailer],
    skus: dict[str, catalogue.Sku],
    *,
    zh: bool,
    held: str,
) -> list[dict[str, Any]]:
    return [
        {
            "route": one.route,
            "stop": stop.number,
            "retailer": stop.retailer,
            "shop": shops[stop.retailer].name,
            "address": f"{shops[stop.retailer].city} {shops[stop.retailer].address}".strip(),
            "number": delivery.number,
            "held": held if delivery.state == "held" else "",
            "sku": line.sku,
            "name": skus[line.sku].name_zh if zh else skus[line.sku].name_en,
            "packs": line.shipped_units // skus[line.sku].pack_units,
            "loose_units": line.shipped_units % skus[line.sku].pack_units,
            "units": line.shipped_units,
        }
        for one in every
        for stop in one.stops
        for delivery in stop.deliveries
        for line in delivery.lines
    ]
