"""My orders: where each one stands, changing and cancelling while the window is open, and refusals."""

from functools import partial
from urllib.parse import urlencode
from uuid import UUID

from werkzeug.exceptions import NotFound
from werkzeug.routing import Rule
from werkzeug.wrappers import Request, Response

from terminal_client.core import orders, outbox, use_cases
from terminal_client.core.drafts import Draft
from terminal_client.core.outbox import Entry
from terminal_client.core.views import catalogue, order_list
from terminal_client.ui.show import N_
from terminal_client.ui.web import Desk, go

#: Orders that are shown at first, and by how many more at a time.
AT_ONCE, MOST = 20, 2_000
#: What a message was, for the list of refusals and the queue.
KINDS = {
    "order.place": N_("Order"),
    "order.amend": N_("Change of an order"),
    "order.cancel": N_("Cancelling of an order"),
    "delivery.confirm": N_("Confirmation of a delivery"),
    "survey.answer": N_("Answers to a survey"),
    "announcement.displayed": N_("Notice shown"),
    "announcement.read": N_("Read receipt"),
    "forecast.figure": N_("Own figure for a month"),
    "score.appeal": N_("Appeal against my score"),
    "feedback.send": N_("Complaint, suggestion or question"),
    "feedback.rate": N_("What I said of an answer"),
    "stock.move": N_("Stock entry"),
    "device.shadow": N_("Settings of this terminal"),
    "command.state": N_("Answer to the distributor"),
}


def show(desk: Desk, request: Request, order: UUID | None = None) -> Response:
    """Show the newest orders, the older ones on demand, and one of them in full."""
    store, clock = desk.terminal.store, desk.terminal.clock
    asked = request.args.get("most", "")
    most = min(int(asked[:6]), MOST) if asked.isascii() and asked.isdecimal() else AT_ONCE
    views = order_list.newest(store, clock, most)
    chosen = (views[0] if views else None) if order is None else order_list.read(store, clock, order)
    if order is not None and chosen is None:
        raise NotFound
    return desk.pages.page(
        "orders.html",
        here="orders",
        undo=desk.undo_offered(),
        views=views,
        chosen=chosen,
        opened=order is not None,
        most=most,
        more=f"?most={most}" if most != AT_ONCE else "",
        all=orders.count(store),
        step=AT_ONCE,
        goods=catalogue.read(desk.terminal.store),
        refusals=len(outbox.refused(desk.terminal.store)),
    )


def ask_cancel(desk: Desk, _request: Request, order: UUID) -> Response:
    """Ask whether the order is to go: a deliberate second tap, in another place."""
    view = order_list.read(desk.terminal.store, desk.terminal.clock, order)
    if view is None:
        raise NotFound
    if not view.changeable:
        return go(f"/orders/{order}")
    return desk.pages.page("cancel.html", here="orders", undo=None, view=view)


def cancel(desk: Desk, _request: Request, order: UUID) -> Response:
    """Queue the cancelling; taken back, the same lines stand as a draft, to be submitted anew."""
    shop = desk.terminal.shop
    known = orders.read(shop.store, order)
    use_cases.cancel_order(shop, order)
    if known is not None:
        again = Draft(known.window, known.lines)
        said = partial(desk.pages.text, N_("The order is being cancelled."))

        def under_way() -> bool:
            now = orders.read(shop.store, order)
            return now is not None and now.cancelling

        desk.offer_undo(said, lambda: use_cases.replace_draft(shop, again), then="/order?show=mine", holds=under_way)
    return go(f"/orders/{order}")


def refused(desk: Desk, _request: Request) -> Response:
    """Show what was refused and not yet dealt with."""
    entries = outbox.refused(desk.terminal.store)
    return desk.pages.page(
        "refused.html",
        here="orders",
        undo=desk.undo_offered(),
        entries=entries,
        kinds=KINDS,
        leads_to=_leads_to,
    )


def deal_with(desk: Desk, _request: Request, message: UUID) -> Response:
    """Take a refusal off the list, for the taking back."""
    shop = desk.terminal.shop
    use_cases.deal_with(shop, message)
    desk.offer_undo(
        partial(desk.pages.text, N_("Taken off the list.")), lambda: use_cases.deal_with(shop, message, done=False)
    )
    return go("/refused")


def _leads_to(entry: Entry) -> str:
    """Return the page where a refused thing can be mended."""
    sort, _, name = entry.subject.partition(":")
    match sort:
        case "order":
            return "/order?show=mine" if entry.kind != "order.cancel" else f"/orders/{name}"
        case "delivery" | "survey":
            return f"/{'deliveries' if sort == 'delivery' else 'surveys'}/{name}"
        case "stock":
            return f"/stock?{urlencode({'sku': name})}" if name else "/stock/count"
        case "feedback" | "appeal":
            return "/say" if sort == "feedback" else "/score"
        case "forecast":
            month, _, product_class = name.partition(":")
            return f"/forecast?{urlencode({'class': product_class, 'month': month})}"
        case _:
            return "/notices"


RULES = (
    Rule("/orders", endpoint=show, methods=["GET"]),
    Rule("/orders/<uuid:order>", endpoint=show, methods=["GET"]),
    Rule("/orders/<uuid:order>/cancel", endpoint=ask_cancel, methods=["GET"]),
    Rule("/orders/<uuid:order>/cancel", endpoint=cancel, methods=["POST"]),
    Rule("/refused", endpoint=refused, methods=["GET"]),
    Rule("/refused/<uuid:message>/done", endpoint=deal_with, methods=["POST"]),
)
