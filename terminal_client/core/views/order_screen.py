"""The order screen: what can be ordered, what stands in the draft, and whether it may be submitted."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Literal

from contract.device_api import CatalogueItem
from contract.feed import Grants, Stock
from terminal_client.core import feed, finding, forecasts, order_rules, orders, outbox, suggesting
from terminal_client.core.drafts import Draft
from terminal_client.core.order_rules import Problem
from terminal_client.core.orders import Order
from terminal_client.core.outbox import Entry
from terminal_client.core.server_clock import ServerClock
from terminal_client.core.store import Store
from terminal_client.core.suggesting import Known, Suggestion
from terminal_client.core.views import catalogue, windows
from terminal_client.core.views.windows import WindowView

#: More parts than a cycle's grants have: 50 lines stand in one.
PARTS_OF_A_CYCLE = 40
Choice = Literal["mine", "last", "scarce", "all"]
#: How the draft stands: being written, changing an order, under way, or nothing begun beside a live order.
Mode = Literal["writing", "amending", "under_way", "ordered"]


@dataclass(frozen=True)
class Row:
    """One item with its quantity; ``last_units`` is what the order before this window asked for.

    ``unsupplied``: the supply of this window holds none so far, as the server says. Limits are what is left of
    them beside the shop's other orders of the cycle, as the server counts them.
    """

    item: CatalogueItem
    scarce: bool
    unsupplied: bool
    quantity_units: int
    problem: Problem | None
    on_hand_units: int | None
    last_units: int
    suggestion: Suggestion | None
    can_add: bool


@dataclass(frozen=True)
class OrderScreen:
    """Everything that the order screen shows. ``rows`` are the chosen ones, ``lines`` the order's."""

    window: WindowView | None
    mode: Mode
    order: Order | None
    draft: Draft | None
    rows: list[Row]
    lines: list[Row]
    units: int
    amount_minor: int
    credit_minor: int | None
    elsewhere_minor: int
    currency: str
    refusal: Entry | None
    outdated: bool
    has_catalogue: bool
    counts: dict[str, int]

    @property
    def over_credit(self) -> bool:
        """Whether the order comes to more than what is left of the credit that was last heard of."""
        return self.left_minor is not None and self.left_minor < 0

    @property
    def left_minor(self) -> int | None:
        """What the credit leaves beside this order and the shop's others of the cycle; below zero, what is missing."""
        return None if self.credit_minor is None else self.credit_minor - self.elsewhere_minor - self.amount_minor

    @property
    def problems(self) -> int:
        """How many lines wait for a decision."""
        return sum(row.problem is not None for row in self.lines)

    @property
    def editable(self) -> bool:
        """Whether quantities can be changed at the moment."""
        return self.window is not None and self.window.phase == "open" and self.mode in ("writing", "amending")

    @property
    def can_submit(self) -> bool:
        """Whether the button is on."""
        return self.editable and bool(self.lines) and not self.problems and not self.outdated


def read(store: Store, clock: ServerClock, *, choice: Choice | None = None, query: str = "") -> OrderScreen:
    """Return the order screen of the current window."""
    window = windows.current(store, clock)
    known = catalogue.read(store)
    cycle = window.cycle if window else None
    of_cycle = orders.in_windows(store, [each.window for each in feed.windows(store) if each.cycle == cycle])
    here = [order for order in of_cycle if window is not None and order.window == window.window]
    live = next((order for order in here if order.live), None)
    draft = orders.draft_of(store, window.window) if window else None
    mode = _mode(draft, live)
    lines = live.lines if live else ()
    if draft is not None and mode in ("writing", "amending"):
        lines = draft.lines
    quantities = {line.sku: line.quantity_units for line in lines}
    others = _others(order for order in of_cycle if order is not live)
    known = _beside(known, others)
    facts = _facts(store, clock, window, _last(store, window))
    without = window.unsupplied if window else frozenset[str]()
    items = sorted(known.items.values(), key=lambda item: (item.sku not in known.scarce, item.sku in without, item.sku))
    rows = {item.sku: _row(known, item, without, quantities, facts) for item in items}
    for sku in quantities:
        rows.setdefault(sku, _row(known, known.item(sku), without, quantities, facts))
    chosen = choice or ("last" if facts.last else "all")
    mine = [rows[line.sku] for line in lines]
    return OrderScreen(
        window=window,
        mode=mode,
        order=live,
        draft=draft,
        rows=_chosen(rows.values(), chosen, query),
        lines=mine,
        units=sum(quantities.values()),
        amount_minor=sum(row.quantity_units * row.item.price_minor for row in mine),
        credit_minor=known.reference.credit_minor if known.reference else None,
        elsewhere_minor=sum(units * known.item(sku).price_minor for sku, units in others.items()),
        currency=known.currency,
        refusal=_refusal(store, draft),
        outdated=_outdated(draft, here),
        has_catalogue=bool(known.items),
        counts={
            "mine": len(mine),
            "last": sum(row.last_units > 0 for row in rows.values()),
            "scarce": sum(row.scarce for row in rows.values()),
            "suggested": sum(row.suggestion is not None for row in rows.values()),
            "all": len(rows),
        },
    )


def find_row(screen: OrderScreen, sku: str) -> Row | None:
    """Return the row of a SKU among those shown or ordered, or none."""
    return next((row for row in [*screen.rows, *screen.lines] if row.item.sku == sku), None)


def _mode(draft: Draft | None, live: Order | None) -> Mode:
    if draft is not None and draft.sent_as is not None:
        return "under_way"
    if draft is not None and draft.amends is not None:
        return "amending"
    if live is None or (draft is not None and draft.lines):
        return "writing"
    return "under_way" if live.state != "received" or live.change else "ordered"


@dataclass(frozen=True)
class _Facts:
    """What is known beside the catalogue, by SKU; the forecast by class."""

    last: dict[str, int]
    granted: dict[str, int]
    stock: dict[str, int]
    percent: dict[str, int]


def _facts(store: Store, clock: ServerClock, window: WindowView | None, last: dict[str, int]) -> _Facts:
    shown = forecasts.read(store, clock) if last else None
    day = (window.closes_at if window else clock.now()).date()
    classes = [one.known for one in shown.classes] if shown else []
    parts = feed.newest(store, Grants, PARTS_OF_A_CYCLE) if last else []
    return _Facts(
        last=last,
        granted={line.sku: line.granted_units for part in parts if part.cycle == parts[0].cycle for line in part.lines},
        stock={entry.sku: entry.on_hand_units for entry in feed.read(store, Stock)},
        percent=suggesting.percent_by_class(classes, date(day.year, day.month, 1)),
    )


def _others(other: Iterable[Order]) -> dict[str, int]:
    """Return the units per SKU of the shop's other live orders of the cycle: other terminals place orders, too."""
    found: dict[str, int] = {}
    for order in other:
        if order.live:
            for line in order.lines:
                found[line.sku] = found.get(line.sku, 0) + line.quantity_units
    return found


def _beside(known: catalogue.Catalogue, others: dict[str, int]) -> catalogue.Catalogue:
    """Return the catalogue with what other orders leave of the limits."""
    items = dict(known.items)
    for sku, units in others.items():
        item = items.get(sku)
        if item is not None and item.limit_units is not None:
            items[sku] = item.model_copy(update={"limit_units": max(0, item.limit_units - units)})
    return catalogue.Catalogue(known.reference, items, known.scarce)


def _row(
    known: catalogue.Catalogue, item: CatalogueItem, without: frozenset[str], quantities: dict[str, int], facts: _Facts
) -> Row:
    units = quantities.get(item.sku, 0)
    last, stock = facts.last.get(item.sku, 0), facts.stock.get(item.sku)
    suggested = None
    if last and item.sku not in without:
        heard = Known(last, facts.granted.get(item.sku), stock, facts.percent.get(item.product_class))
        suggested = suggesting.suggestion(item, heard)
    return Row(
        item=item,
        scarce=item.sku in known.scarce,
        unsupplied=item.sku in without,
        quantity_units=units,
        problem=order_rules.problem_of(item, units),
        on_hand_units=stock,
        last_units=last,
        suggestion=suggested,
        can_add=item.licensed and order_rules.next_units(item, units, up=True) != units,
    )


def _last(store: Store, window: WindowView | None) -> dict[str, int]:
    """Return the newest received order of another window."""
    elsewhere = (o for o in orders.newest(store) if window is None or o.window != window.window)
    before = next((order for order in elsewhere if order.state == "received"), None)
    return {line.sku: line.quantity_units for line in before.received_lines} if before else {}


def _chosen(rows: Iterable[Row], choice: Choice, query: str) -> list[Row]:
    if query.strip():
        return [row for row in rows if finding.found(row.item, query)]
    match choice:
        case "mine":
            return [row for row in rows if row.quantity_units]
        case "last":
            return [row for row in rows if row.last_units or row.quantity_units]
        case "scarce":
            return [row for row in rows if row.scarce]
        case "all":
            return list(rows)


def _refusal(store: Store, draft: Draft | None) -> Entry | None:
    """Return the open refusal of what this draft said last, to be read beside it."""
    if draft is None or draft.sent_as is not None:
        return None
    for entry in outbox.refused(store):
        same = entry.data.get("window") == str(draft.window) or (
            draft.amends is not None and entry.subject == orders.subject(draft.amends)
        )
        if same and entry.kind in ("order.place", "order.amend"):
            return entry
    return None


def _outdated(draft: Draft | None, here: Iterable[Order]) -> bool:
    """Whether the order that is being changed was changed elsewhere; a change on its way is the draft's own."""
    if draft is None or draft.amends is None or draft.sent_as is not None:
        return False
    known = next((order for order in here if order.id == draft.amends), None)
    return known is not None and known.revision != draft.revision
