"""Explicit tables: which handler takes a message kind, who reacts to an event, which routes there are.

This is the one place that sees all capabilities. To add one, add its lines here.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from fastapi import APIRouter
from sqlalchemy.orm import Session

from server.announcements import mqtt as announcements_mqtt
from server.cycles import http as cycles_http
from server.cycles import http_standing as cycles_standing
from server.cycles import reactions as cycles_reactions
from server.cycles import steps as cycles_steps
from server.deliveries import mqtt as deliveries_mqtt
from server.deliveries.events import DeliveryConfirmed
from server.devices import console as devices_console
from server.devices import http as devices_http
from server.devices import mqtt as devices_mqtt
from server.inventory import reactions as inventory
from server.kit import audit_trail
from server.kit.console import N_, Entry, Group
from server.kit.console.cards import Card
from server.kit.identity import Operator
from server.kit.inbox import Handlers
from server.operators import console as operators_console
from server.operators import console_audit, console_people
from server.orders import console as orders_console
from server.orders import mqtt as orders_mqtt
from server.orders import service as orders
from server.orders.events import WindowClosed
from server.reference import http as reference_http
from server.surveys import mqtt as surveys_mqtt
from server.surveys import service as surveys

#: Message kind -> how it is read and acted on; the same over MQTT and HTTP.
HANDLERS: Handlers = {
    **devices_mqtt.HANDLERS,
    **orders_mqtt.HANDLERS,
    **deliveries_mqtt.HANDLERS,
    **surveys_mqtt.HANDLERS,
    **announcements_mqtt.HANDLERS,
}

#: Event class -> reactions, each in a transaction of its own, at least once, idempotent.
REACTIONS: Mapping[type, tuple[Callable[[Session, Any, datetime], None], ...]] = {
    WindowClosed: (cycles_reactions.on_window_closed,),
    DeliveryConfirmed: (inventory.on_delivery_confirmed,),
}

#: Job name -> function that opens its own transactions.
TASKS: Mapping[str, Callable[..., None]] = {
    "cycles.freeze": cycles_steps.run_freeze,
    "cycles.solve": cycles_steps.run_solve,
    "cycles.verify": cycles_steps.run_verify,
    "cycles.publish": cycles_steps.run_publish,
}

#: What the worker does every second, in a transaction of its own each.
TICKS: tuple[Callable[[Session, datetime], object], ...] = (
    orders.open_due_windows,
    orders.close_due_windows,
    surveys.keep_time,
)

#: Programs' interfaces and screens.
ROUTERS: tuple[APIRouter, ...] = (
    devices_http.device_api,
    devices_http.message_routes(HANDLERS),
    devices_http.operator_api,
    reference_http.device_api,
    cycles_http.reading,
    cycles_http.planning,
    cycles_http.releasing,
    cycles_standing.reading,
    cycles_standing.planning,
    orders_console.windows,
    orders_console.orders,
    devices_console.fleet,
    operators_console.entrance,
    operators_console.own,
    console_people.people,
    console_audit.audit,
)

#: Packages with templates of screens.
SCREENS: tuple[str, ...] = ("server.devices", "server.operators", "server.orders")

#: The console's navigation. Roles hide what a person cannot use; the routes themselves refuse.
NAVIGATION: tuple[Group, ...] = (
    Group("", (Entry(N_("Today"), "/console/", "home", pinned=True),)),
    Group(
        N_("Ordering"),
        (
            Entry(N_("Window room"), "/console/windows", "clock", roles=frozenset(orders_console.ROLES), pinned=True),
            Entry(N_("Orders"), "/console/orders", "list", roles=frozenset(orders_console.ROLES), pinned=True),
        ),
    ),
    Group(
        N_("Operations"),
        (
            Entry(N_("Terminals"), "/console/devices", "device", roles=frozenset(devices_console.ROLES)),
            Entry(N_("People"), "/console/operators", "people", roles=frozenset({"administrator"})),
            Entry(N_("Audit"), "/console/audit", "audit", roles=frozenset(audit_trail.READERS)),
            Entry(N_("My account"), "/console/account", "user"),
        ),
    ),
)

#: What each capability puts on the home page.
HOME_CARDS: tuple[Callable[[Session, Operator, datetime], list[Card]], ...] = (
    orders_console.home_cards,
    devices_console.home_cards,
    operators_console.home_cards,
)
