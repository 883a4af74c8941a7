"""A day's summary of the stock, on the screen and on paper; and which goods expire when."""

from datetime import date, timedelta
from functools import partial

from werkzeug.exceptions import NotFound
from werkzeug.routing import Rule
from werkzeug.wrappers import Request, Response

from terminal_client.core import stock_use_cases
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
    Rule("/stock/expiring", endpoint=gone, methods=["POST"]),
)
