"""A day's summary of the stock, on the screen and on paper; and which goods expire when."""

from datetime import date, timedelta
from functools import partial
from urllib.parse import quote

from werkzeug.exceptions import NotFound
from werkzeug.routing import Rule
from werkzeug.wrappers import Request, Response

from contract.errors import Rejected
from terminal_client.core import stock_rules, stock_use_cases
from terminal_client.core.views import stock
from terminal_client.core.views.stock import Day
from terminal_client.ui import scanning, slips
from terminal_client.ui.screens.slips import FAULTS, square
from terminal_client.ui.screens.stock import WORDS
from terminal_client.ui.show import N_
from terminal_client.ui.web import Desk, go


def show(desk: Desk, request: Request) -> Response:
    """Show what was entered on a day, today's where none is named."""
    view = _day(desk, request.args.get("day", ""))
    today = scanning.today(desk)
    return desk.pages.page(
        "day.html",
        here="stock",
        undo=desk.undo_offered(),
        view=view,
        words=WORDS,
        today=today,
        before=view.day - timedelta(days=1),
        after=view.day + timedelta(days=1) if view.day < today else None,
    )


def slip(desk: Desk, request: Request) -> Response:
    """Show a day as it is printed, and what became of printing it."""
    view = _day(desk, request.args.get("day", ""))
    made = slips.of_day(desk, view)
    return desk.pages.page(
        "slip.html",
        here="stock",
        undo=None,
        slip=made,
        square=square,
        job=desk.terminal.counter.prints.about(made.subject),
        has_printer=desk.terminal.counter.device() is not None,
        faults=FAULTS,
        path=f"/stock/day/slip?day={view.day}",
        back=f"/stock/day?day={view.day}",
    )


def print_(desk: Desk, request: Request) -> Response:
    """Hand the day's slip to the printer."""
    view = _day(desk, request.args.get("day", ""))
    desk.terminal.counter.prints.submit(slips.of_day(desk, view))
    return go(f"/stock/day/slip?day={view.day}")


def expiring(desk: Desk, _request: Request) -> Response:
    """Show the batches whose day is known, the first to expire first."""
    rows = stock.batches(desk.terminal.store, scanning.today(desk))
    return desk.pages.page("expiring.html", here="stock", undo=desk.undo_offered(), rows=rows)


def ask_expires(desk: Desk, request: Request, said: str = "") -> Response:
    """Ask for the day that stands on the pack of goods whose code names none."""
    row = stock.find(desk.terminal.store, request.values.get("sku", ""))
    if row is None:
        raise NotFound
    here = [each for each in stock.batches(desk.terminal.store, scanning.today(desk)) if each.batch.sku == row.item.sku]
    typed = request.form.get("day", "")
    return desk.pages.page("expires.html", here="stock", undo=None, row=row, known=here, typed=typed, said=said)


def expires(desk: Desk, request: Request) -> Response:
    """Keep a day of expiry that was typed; what is no day is said, and stays typed."""
    sku, shop = request.form.get("sku", ""), desk.terminal.shop
    row = stock.find(desk.terminal.store, sku)
    if row is None:
        raise NotFound
    try:
        day = stock_rules.printed_day(request.form.get("day", ""))
    except Rejected as refused:
        return ask_expires(desk, request, desk.pages.refusal(refused.code, refused.params))
    stock_use_cases.see_batch(shop, sku, "", day)
    back = f"/stock?sku={quote(sku, safe='')}"
    desk.offer_undo(
        lambda: desk.pages.text(N_("{name}: good until {day}."), name=desk.pages.name(row.item), day=day.isoformat()),
        lambda: stock_use_cases.batch_gone(shop, sku, "", day),
        back,
    )
    return go(back)


def gone(desk: Desk, request: Request) -> Response:
    """Note that nothing of a batch is left, for the taking back."""
    form, shop = request.form, desk.terminal.shop
    sku, batch, expires = form.get("sku", ""), form.get("batch", ""), _date(form.get("expires", ""))
    stock_use_cases.batch_gone(shop, sku, batch, expires)
    desk.offer_undo(
        partial(desk.pages.text, N_("Taken off the list. The stock is not changed.")),
        lambda: stock_use_cases.batch_gone(shop, sku, batch, expires, gone=False),
        "/stock/expiring",
    )
    return go("/stock/expiring")


def _day(desk: Desk, named: str) -> Day:
    today = scanning.today(desk)
    on = _date(named) if named else today
    return stock.day(desk.terminal.store, min(on, today), desk.pages.zone())


def _date(written: str) -> date:
    try:
        return date.fromisoformat(written)
    except ValueError:
        raise NotFound from None


RULES = (
    Rule("/stock/day", endpoint=show, methods=["GET"]),
    Rule("/stock/day/slip", endpoint=slip, methods=["GET"]),
    Rule("/stock/day/slip", endpoint=print_, methods=["POST"]),
    Rule("/stock/expiring", endpoint=expiring, methods=["GET"]),
    Rule("/stock/expires", endpoint=ask_expires, methods=["GET"]),
    Rule("/stock/expires", endpoint=expires, methods=["POST"]),
    Rule("/stock/expiring", endpoint=gone, methods=["POST"]),
)
