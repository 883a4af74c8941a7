"""My forecast: what the shop is going to sell by class and month, and its own figure by a stepper."""

from datetime import date
from urllib.parse import urlencode

from werkzeug.routing import Rule
from werkzeug.wrappers import Request, Response

from contract.errors import Refusal
from terminal_client.core import forecasts, use_cases
from terminal_client.core.forecasts import ClassView, MonthView, Shown
from terminal_client.ui.web import Desk, go

UNITS_MOST = 2**31 - 1


def show(desk: Desk, request: Request) -> Response:
    """Show every class, one of them in full, with the figure that stands on the stepper."""
    return _page(desk, request.args.get("class"), _month(request.args.get("month")), request.args.get("units"))


def give(desk: Desk, request: Request) -> Response:
    """Queue the figure that stands on the stepper."""
    product_class, month = request.form.get("class", ""), _month(request.form.get("month"))
    units = _units(request.form.get("units"))
    if month is None or units is None:
        return go("/forecast")
    try:
        use_cases.give_figure(desk.terminal.shop, product_class, month, units)
    except Refusal as refused:
        return _page(desk, product_class, month, str(units), desk.pages.refusal(refused.code, refused.params))
    return go(f"/forecast?{urlencode({'class': product_class, 'month': month.isoformat()})}")


def _page(desk: Desk, product_class: str | None, month: date | None, units: str | None, said: str = "") -> Response:
    shown = forecasts.read(desk.terminal.store, desk.terminal.clock)
    chosen = None if shown is None else _chosen(shown, product_class)
    view = None if chosen is None else chosen.month(month)
    return desk.pages.page(
        "forecast.html",
        here="stock",
        undo=None,
        shown=shown,
        chosen=chosen,
        view=view,
        step=1 if view is None else forecasts.step_units(view.month.mean_units),
        units=_on_stepper(view, units),
        most=UNITS_MOST,
        said=said,
    )


def _chosen(shown: Shown, product_class: str | None) -> ClassView | None:
    named = (one for one in shown.classes if one.known.product_class == product_class)
    return next(named, shown.classes[0] if shown.classes else None)


def _on_stepper(view: MonthView | None, asked: str | None) -> int:
    if view is None:
        return 0
    units = _units(asked)
    if units is not None:
        return units
    return view.month.mean_units if view.own_units is None else view.own_units


def _units(text: str | None) -> int | None:
    if text is None or not (text.isascii() and text.isdecimal()) or len(text) > 10:  # noqa: PLR2004 - digits of 2³¹
        return None
    return min(int(text), UNITS_MOST)


def _month(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None


RULES = (
    Rule("/forecast", endpoint=show, methods=["GET"]),
    Rule("/forecast", endpoint=give, methods=["POST"]),
)
