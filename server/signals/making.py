"""Looking at a closed cycle's order book: read in one transaction, calculated in none, stored in another."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from server.devices import queries as devices
from server.kit.db import transaction
from server.kit.runtime import Runtime
from server.orders import queries as orders
from server.retailers import queries as retailers
from server.signals import service
from server.signals.looking import Book, findings
from server.signals.surges import CYCLES, YEAR, YEAR_CYCLES, YEAR_WITHIN, Past, a_year_before


def run(runtime: Runtime, *, cycle: str) -> None:
    """Look at a cycle and store what stands out; again it stores nothing more."""
    with transaction(runtime.sessions) as session:
        book = read(session, UUID(cycle))
    found = findings(book)
    with transaction(runtime.sessions) as session:
        service.store(session, UUID(cycle), found, shops=len(book.baskets), at=runtime.clock())


def read(session: Session, cycle: UUID) -> Book:
    """Return the book of a cycle as the methods need it."""
    baskets: dict[str, dict[str, int]] = {}
    for line in orders.book(session, cycle):
        baskets.setdefault(line.retailer, {})[line.sku] = line.requested_units
    shops = retailers.retailers(session, baskets.keys())
    used = orders.devices_used(session, cycle)
    machines = devices.machines(session, {device for some in used.values() for device in some})
    closed_at = max(window.closes_at for window in orders.windows(session, cycle=cycle))
    return Book(
        closed_at=closed_at,
        baskets=baskets,
        placed=orders.first_placed(session, cycle),
        history={shop: past for shop, past in _history(session, closed_at).items() if shop in baskets},
        addresses={code: f"{shop.city} {shop.address}" for code, shop in shops.items() if shop.address.strip()},
        machines={shop: frozenset(machines[one] for one in some if one in machines) for shop, some in used.items()},
    )


def _history(session: Session, closed_at: datetime) -> dict[str, list[Past]]:
    """Return what each shop asked for in the last cycles, and in those nearest to a year before; the oldest first."""
    closed = orders.closes(session, before=closed_at, since=closed_at - YEAR - YEAR_WITHIN)
    chosen = _chosen(list(closed.values()), closed_at)
    cycles = {cycle: at for cycle, at in closed.items() if at in chosen}
    history: dict[str, list[Past]] = {}
    units: Mapping[UUID, Mapping[str, int]] = orders.units_of(session, cycles)
    for cycle, at in sorted(cycles.items(), key=lambda one: (one[1], one[0])):
        for shop, asked in units[cycle].items():
            history.setdefault(shop, []).append(Past(at, asked))
    return history


def _chosen(closed: Sequence[datetime], closed_at: datetime) -> frozenset[datetime]:
    """Return the closes of the last cycles, and of those that closed nearest to a year before."""
    year_ago = sorted((at for at in closed if a_year_before(at, closed_at)), key=lambda at: abs(closed_at - at - YEAR))
    last = sorted((at for at in closed if not a_year_before(at, closed_at)), reverse=True)
    return frozenset([*last[:CYCLES], *year_ago[:YEAR_CYCLES]])
