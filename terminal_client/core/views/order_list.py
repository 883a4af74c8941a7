"""My orders: each with the chain *saved → sent → received → granted*, in the server's words only."""

from dataclasses import dataclass
from itertools import islice
from typing import Literal
from uuid import UUID

from contract.feed import Grants, Text
from terminal_client.core import feed, orders
from terminal_client.core.orders import Order
from terminal_client.core.outbox import Entry
from terminal_client.core.server_clock import ServerClock, milliseconds
from terminal_client.core.store import Store
from terminal_client.core.views import catalogue, windows
from terminal_client.core.views.catalogue import Catalogue
from terminal_client.core.views.windows import WindowView

Station = Literal["saved", "sent", "received", "granted"]


@dataclass(frozen=True)
class Step:
    """One station of an order's way; ``at_ms`` is absent while it is not reached."""

    station: Station
    at_ms: int | None


@dataclass(frozen=True)
class OrderView:
    """An order with its way. ``granted_units`` of ``requested_units`` are the cycle's, once published."""

    order: Order
    window: WindowView | None
    name: Text
    steps: list[Step]
    units: int
    amount_minor: int
    currency: str
    refusal: Entry | None
    cycle: UUID | None
    granted_units: int | None
    requested_units: int | None

    @property
    def changeable(self) -> bool:
        """Whether it can still be amended or cancelled."""
        open_ = self.window is not None and self.window.phase == "open"
        return open_ and self.order.live and not self.order.cancelling


def newest(store: Store, clock: ServerClock, most: int) -> list[OrderView]:
    """Return the newest orders, newest first, without reading the years before."""
    return _views(store, clock, list(islice(orders.newest(store), most)))


def read(store: Store, clock: ServerClock, order: UUID) -> OrderView | None:
    """Return one order, or none."""
    known = orders.read(store, order)
    return None if known is None else _views(store, clock, [known])[0]


def _views(store: Store, clock: ServerClock, found: list[Order]) -> list[OrderView]:
    known = catalogue.read(store)
    by_id = {view.window: view for view in windows.read_all(store, clock)}
    cycles = {by_id[order.window].cycle for order in found if order.window in by_id}
    published: dict[UUID, list[Grants]] = {}
    for part in feed.naming(store, Grants, "cycle", cycles):
        published.setdefault(part.cycle, []).append(part)
    return [_view(order, by_id.get(order.window), published, known) for order in found]


def _view(order: Order, window: WindowView | None, published: dict[UUID, list[Grants]], known: Catalogue) -> OrderView:
    parts = published.get(window.cycle, []) if window and order.state == "received" else []
    complete = bool(parts) and len(parts) == parts[0].parts
    skus = {line.sku for line in order.received_lines}
    lines = [line for part in parts for line in part.lines if line.sku in skus] if complete else []
    placed = order.placed
    said_ms = order.received_at_ms
    steps = [
        Step("saved", placed.saved_at_ms if placed else said_ms),
        Step("sent", placed.sent_at_ms if placed else said_ms),
        Step("received", said_ms if order.state in ("received", "cancelled") else None),
        Step("granted", milliseconds(parts[0].released_at) if complete else None),
    ]
    return OrderView(
        order=order,
        window=window,
        name=window.name if window else Text(zh="", en=""),
        steps=steps,
        units=sum(line.quantity_units for line in order.lines),
        amount_minor=sum(line.quantity_units * known.item(line.sku).price_minor for line in order.lines),
        currency=known.currency,
        refusal=placed if placed and placed.state == "refused" else None,
        cycle=window.cycle if window and complete else None,
        granted_units=sum(line.granted_units for line in lines) if complete else None,
        requested_units=sum(line.requested_units for line in lines) if complete else None,
    )
