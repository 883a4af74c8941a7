"""Screens of orders: the window room, who is missing, the list, one order with its history."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Path, Request, Response
from sqlalchemy.orm import Session

from contract.errors import Rejected
from contract.texts import Language
from server.catalogue import queries as catalogue
from server.kit import audit_trail, console, http, live
from server.kit.console.cards import Card
from server.kit.console.tables import Column, Filter, TableView
from server.kit.console.texts import N_, language_of, texts
from server.kit.identity import Operator, Role
from server.orders import missing, queries, reminding, room
from server.retailers import queries as retailers

ROLES: tuple[Role, ...] = ("planner", "releaser", "administrator", "manager", "dispatcher", "regional", "auditor")
CURRENT = frozenset({"announced", "open", "closed", "frozen"})
FOLLOWED = ("order", "cycle", "window", "device")
"""What the window rooms follow."""
PAST_SHOWN = 50
MISSING_SHOWN = 10
E_FILE_SHOWN = 10

windows = http.router("/console/windows", tag="console", roles=ROLES, shops="reads")
orders = http.router("/console/orders", tag="console", roles=ROLES, shops="reads")

MISSING_COLUMNS = (
    Column("retailer", N_("Code of the shop"), "identifier"),
    Column("shop", N_("Shop")),
    Column("region", N_("Region")),
    Column("route", N_("Route")),
    Column("terminal", N_("Terminal")),
)
TERMINALS = (("online", N_("online")), ("offline", N_("offline")), ("none", N_("none")))
ORDER_COLUMNS = (
    Column("number", N_("Number"), "number"),
    Column("retailer", N_("Code of the shop"), "identifier"),
    Column("shop", N_("Shop"), sortable=False),
    Column("window", N_("Window"), sortable=False),
    Column("state", N_("State"), sortable=False),
    Column("lines", N_("Lines"), "number"),
    Column("units", N_("Units"), "units"),
    Column("amount_minor", N_("Amount"), "money"),
    Column("revision", N_("Version"), "number"),
    Column("placed_at", N_("Received"), "instant"),
    Column("changed_at", N_("Changed"), "instant"),
)
ORDER_STATES = (("accepted", N_("accepted")), ("cancelled", N_("cancelled")))


@windows.get("")
def list_windows(request: Request, session: http.Db) -> Response:
    """Show the windows that are not over with how far each is, and the latest of the others."""
    every = queries.windows(session)
    current = [window for window in every if window.state in CURRENT]
    past = [window for window in reversed(every) if window.state not in CURRENT]
    standings = room.standings(session, current)
    return console.page(
        request,
        "orders/windows.html",
        current=[(window, standings[window.id]) for window in current],
        past=past[:PAST_SHOWN],
    )


@windows.get("/events")
async def windows_change(request: Request, operator: http.Person) -> Response:
    """Say when the list of windows is to be looked at again."""
    return live.stream(request, operator, FOLLOWED)


@windows.get("/{window_id}/events")
async def room_changes(request: Request, operator: http.Person, window_id: UUID) -> Response:  # noqa: ARG001 - the room's address
    """Say when a window room is to be looked at again."""
    return live.stream(request, operator, FOLLOWED)


@windows.get("/{window_id}")
def show_room(request: Request, session: http.Db, clock: http.Now, operator: http.Person, window_id: UUID) -> Response:
    """Show one window live: who is in and missing, and how fast orders come."""
    window, now = known_window(request, session, window_id), clock()
    standing, pace = room.standing(session, window), room.pace(session, window_id, min(now, window.rule().deadline))
    first = missing.every(session, window, now, missing.Asked(limit=MISSING_SHOWN))
    by_terminal = missing.count(session, window, now)
    return console.page(
        request,
        "orders/room.html",
        window=window,
        standing=standing,
        pace=pace,
        missing=list(first),
        unreachable=sum(by_terminal.values()) - by_terminal.get("online", 0),
        deadline=window.rule().deadline,
        reminders=reminding.reminders(session, window_id),
        may_remind=operator.may("planner", "administrator"),
    )


@windows.get("/{window_id}/missing")
def list_missing(request: Request, session: http.Db, clock: http.Now, window_id: UUID) -> Response:
    """List the shops without an order, for those who call them."""
    window, now = known_window(request, session, window_id), clock()
    regions, routes = missing.places(session, window, now)
    filters = (
        Filter("region", N_("Region"), _values(regions), translate=False),
        Filter("route", N_("Route"), _values(routes), translate=False),
        Filter("terminal", N_("Terminal"), TERMINALS),
    )
    view = TableView.of(request, MISSING_COLUMNS, filters=filters, sort="retailer")
    region, route, terminal = (view.filters.get(key, "") for key in ("region", "route", "terminal"))
    asked = missing.Asked(view.search, region, route, terminal, order=view.sort_text)
    if view.format:
        return console.download(request, MISSING_COLUMNS, missing.every(session, window, now, asked), name="missing")
    shown = replace(asked, limit=view.per_page, offset=view.offset)
    return console.page(
        request,
        "orders/missing.html",
        window=window,
        view=view,
        columns=MISSING_COLUMNS,
        filters=filters,
        rows=list(missing.every(session, window, now, shown)),
        total=sum(missing.count(session, window, now, asked).values()),
    )


@orders.get("")
def list_orders(request: Request, session: http.Db) -> Response:
    """List the orders; with ``format`` they come as a file."""
    language = language_of(request)
    names = {window.id: window_name(window, language) for window in reversed(queries.windows(session))}
    filters = (
        Filter("window", N_("Window"), [(str(key), name) for key, name in names.items()], translate=False),
        Filter("state", N_("State"), ORDER_STATES),
    )
    view = TableView.of(request, ORDER_COLUMNS, filters=filters, sort="-number")
    called_so = retailers.search(session, text=view.search, limit=1000)[0] if view.search else []
    asked = room.Asked(
        words=view.search,
        retailers_too=[shop.code for shop in called_so],
        window=UUID(view.filters["window"]) if "window" in view.filters else None,
        state=view.filters.get("state", ""),
        order=view.sort_text,
    )
    if view.format:
        shops = retailers.names(session)
        return console.download(
            request, ORDER_COLUMNS, _order_rows(room.orders(session, asked), shops, names), name="orders"
        )
    found = list(room.orders(session, replace(asked, limit=view.per_page, offset=view.offset)))
    shops = retailers.names(session, {order.retailer for order in found})
    return console.page(
        request,
        "orders/list.html",
        view=view,
        columns=ORDER_COLUMNS,
        filters=filters,
        rows=list(_order_rows(found, shops, names)),
        total=room.count_orders(session, asked),
    )


def _order_rows(
    found: Iterable[room.OrderSummary], shops: Mapping[str, str], windows: Mapping[UUID, str]
) -> Iterator[dict[str, Any]]:
    for order in found:
        yield vars(order) | {"shop": shops[order.retailer], "window": windows[order.window]}


@orders.get("/{number}")
def show_order(request: Request, session: http.Db, number: Annotated[int, Path(ge=1, le=2**63 - 1)]) -> Response:
    """Show one order as it stands, and everything that was done with it."""
    order = room.order_numbered(session, number)
    if order is None:
        raise Rejected("not_found", what=texts(request).gettext("order"), name=number)
    window = known_window(request, session, order.window)
    history = audit_trail.newest(session, audit_trail.Asked(subject=f"order:{number}"), limit=200)
    return console.page(
        request,
        "orders/order.html",
        order=order,
        window=window,
        window_name=window_name(window, language_of(request)),
        shop=retailers.retailer(session, order.retailer),
        skus=catalogue.skus(session, [sku for sku, _ in order.lines], withdrawn=True),
        prices=room.prices_of(session, order),
        history=history,
    )


def in_e_file(session: Session, retailer: str, _: datetime) -> dict[str, Any] | None:
    """Return a shop's latest orders, for the page about it."""
    placed = queries.orders(session, retailer=retailer, limit=E_FILE_SHOWN)
    if not placed:
        return None
    names = queries.windows_by_id(session, {order.window for order in placed})
    return {"orders": [(order, names[order.window]) for order in placed], "retailer": retailer}


def home_cards(session: Session, operator: Operator, now: datetime) -> list[Card]:
    """Return the windows that are open or come next, with who is in and who is missing."""
    if not operator.may(*ROLES):
        return []
    every = queries.windows(session)
    opened = [window for window in every if window.state == "open"]
    coming = [window for window in every if window.state == "announced" and window.opens_at > now]
    standings = room.standings(session, opened)
    return [
        Card(
            title=N_("Ordering windows"),
            template="orders/cards/windows.html",
            context={
                "opened": [(window, standings[window.id]) for window in opened],
                "coming": sorted(coming, key=lambda window: window.opens_at)[:3],
            },
            order=10,
            href="/console/windows",
            tone="note" if opened else "ok",
            wide=True,
        )
    ]


def window_name(window: queries.WindowView, language: Language) -> str:
    """Return a window's name in a language."""
    return window.name_zh if language == "zh" else window.name_en


def known_window(request: Request, session: Session, window_id: UUID) -> queries.WindowView:
    """Return a window, or refuse an address that names none."""
    window = queries.window(session, window_id)
    if window is None:
        raise Rejected("not_found", what=texts(request).gettext("window"), name=str(window_id))
    return window


def _values(values: Iterable[str]) -> list[tuple[str, str]]:
    return [(value, value) for value in values]
