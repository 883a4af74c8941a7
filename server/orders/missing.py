"""Reads of the shops that are missing in a window: without an accepted order, and whether they can be reached."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select, case, func, or_, select
from sqlalchemy.orm import Session

from server.devices import queries as devices
from server.kit.db import streamed
from server.orders import queries
from server.orders.models import OrderRow
from server.retailers import queries as retailers


@dataclass(frozen=True)
class MissingShop:
    """A shop without an accepted order, and whether its terminal can be reached."""

    retailer: str
    shop: str
    region: str
    route: str
    terminal: str


@dataclass(frozen=True)
class Asked:
    """What is asked of a list of missing shops; an empty text asks for all. ``order`` begins with ``-`` to descend."""

    words: str = ""
    region: str = ""
    route: str = ""
    terminal: str = ""
    order: str = "retailer"
    limit: int | None = None
    offset: int = 0


EVERYBODY: Final = Asked()


def shops(session: Session, window: queries.WindowView, now: datetime) -> list[MissingShop]:
    """Return the shops in good standing on the window's route without an accepted order, by code."""
    return list(every(session, window, now, EVERYBODY))


def every(session: Session, window: queries.WindowView, now: datetime, asked: Asked) -> Iterator[MissingShop]:
    """Yield those of the missing shops that are asked for, in the order that is asked for."""
    query = _ordered(_narrowed(_query(window, now), asked), asked).offset(asked.offset).limit(asked.limit)
    for row in streamed(session, query):
        yield MissingShop(*row)


def count(session: Session, window: queries.WindowView, now: datetime, asked: Asked = EVERYBODY) -> dict[str, int]:
    """Return how many of the missing shops are asked for, by how their terminal stands (``online``, …)."""
    query = _narrowed(_query(window, now), asked)
    terminal = query.selected_columns.terminal
    rows = session.execute(
        query.with_only_columns(terminal, func.count(), maintain_column_froms=True).group_by(terminal)
    )
    return dict(rows.all())


def places(session: Session, window: queries.WindowView, now: datetime) -> tuple[list[str], list[str]]:
    """Return the regions and the routes that shops are missing from."""
    query = _query(window, now)
    place = (query.selected_columns.region, query.selected_columns.route)
    rows = session.execute(query.with_only_columns(*place).distinct()).all()
    return sorted({region for region, _ in rows}), sorted({route for _, route in rows})


def _query(window: queries.WindowView, now: datetime) -> Select[Any]:
    """Select what a :class:`MissingShop` holds of the shops that :func:`shops` returns."""
    query = retailers.shops_query(route=None if window.route == "*" else window.route, standing="good")
    code = query.selected_columns.code
    online, served = code.in_(devices.online_query(now)), code.in_(devices.served_query())
    terminal = case((online, "online"), (served, "offline"), else_="none").label("terminal")
    return query.add_columns(terminal).where(code.not_in(came(window.id)))


def _narrowed(query: Select[Any], asked: Asked) -> Select[Any]:
    columns = query.selected_columns
    if asked.words:
        texts = (columns.code, columns.name)
        query = query.where(or_(*(column.icontains(asked.words, autoescape=True) for column in texts)))
    named = ((columns.region, asked.region), (columns.route, asked.route), (columns.terminal, asked.terminal))
    return query.where(*(column == value for column, value in named if value))


def _ordered(query: Select[Any], asked: Asked) -> Select[Any]:
    columns = query.selected_columns
    orders = {
        "retailer": columns.code,
        "shop": columns.name,
        "region": columns.region,
        "route": columns.route,
        "terminal": columns.terminal,
    }
    chosen = orders[asked.order.removeprefix("-")].collate("C")
    return query.order_by(chosen.desc() if asked.order.startswith("-") else chosen, columns.code.collate("C"))


def came_in(windows: Collection[UUID]) -> Select[UUID, str]:
    """Select windows and the retailers with an accepted order in them."""
    return select(OrderRow.window_id, OrderRow.retailer).where(
        OrderRow.window_id.in_(windows), OrderRow.state == "accepted"
    )


def came(window: UUID) -> Select[str]:
    """Select the retailers with an accepted order in a window."""
    return select(OrderRow.retailer).where(OrderRow.window_id == window, OrderRow.state == "accepted")
