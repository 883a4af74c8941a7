"""Explicit tables: which handler takes a message kind, who reacts to an event, which routes there are.

This is the one place that sees all capabilities. To add one, add its lines here.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from fastapi import APIRouter
from sqlalchemy.orm import Session

from server.devices import http as devices_http
from server.devices import mqtt as devices_mqtt
from server.kit.http import Runtime
from server.kit.inbox import Handlers
from server.orders import mqtt as orders_mqtt

#: Message kind -> how it is read and acted on; the same over MQTT and HTTP.
HANDLERS: Handlers = {
    **devices_mqtt.HANDLERS,
    **orders_mqtt.HANDLERS,
}

#: Event class -> reactions, each in a transaction of its own, at least once, idempotent.
REACTIONS: Mapping[type, tuple[Callable[[Session, Any, datetime], None], ...]] = {}

#: Job name -> function that opens its own transactions.
TASKS: Mapping[str, Callable[..., None]] = {}

#: What the worker does every second, in a transaction of its own each.
TICKS: tuple[Callable[[Session, datetime], object], ...] = ()

#: Programs' interfaces and screens.
ROUTERS: tuple[APIRouter, ...] = (
    devices_http.device_api,
    devices_http.message_routes(HANDLERS),
    devices_http.operator_api,
)

Task = Callable[[Runtime], None]
