"""One shop's forecasts on the screen: chart, figures by month, how far past ones were off, who gave which figure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from math import ceil, floor
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, Form, Request, Response
from sqlalchemy.orm import Session

from contract.errors import Refusal, Rejected
from contract.texts import refusal_text
from server.forecasts import queries, rules, service, telling
from server.forecasts.console import HOME
from server.forecasts.http import AGREEING
from server.kit import console, http
from server.kit.console import time_chart
from server.kit.console.frame import Tone
from server.kit.console.texts import texts
from server.kit.fields import Unfit, Whole
from server.kit.identity import Actor, Role
from server.retailers import queries as retailers

PLACE = f"{HOME}/shop"
MONTHS_SHOWN = 30
PAST_SHOWN = 12
UNITS = Whole(most=telling.UNITS_MOST)
FAR = 3  # times above or below the interval: asked whether it was a slip
LOOKERS: tuple[Role, ...] = ("planner", "releaser", "manager", "regional")
LOOKING = [Depends(http.needs(*LOOKERS))]

shop_screens = http.router(PLACE, tag="console", roles=(), shops="all")

Code = Annotated[str, Form(max_length=100)]


@dataclass(frozen=True)
class Month:
    """A month to come as the table shows it."""

    period: date
    mean: float | None
    low: float | None
    high: float | None
    own: queries.Figure | None
    agreed: queries.Figure | None
    open: bool


@shop_screens.get("")
def show_shop(
    request: Request,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    code: str,
    product_class: str | None = None,
) -> Response:
    """Show a shop's forecast of a class, of the one that it sells most of where none is named."""
    return _page(request, session, clock(), operator.name, code, product_class)


@shop_screens.post("/figure", dependencies=[Depends(http.needs(*AGREEING))])
def keep_figure(
    request: Request,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    code: Code,
    period: Annotated[date, Form()],
    product_class: Code = "",
    kind: Annotated[str, Form(pattern="^(own|agreed)$")] = "agreed",
    units: Annotated[str, Form(max_length=20)] = "",
    note: Annotated[str, Form(max_length=service.NOTE_MOST)] = "",
) -> Response:
    """Keep a figure: agreed on with the shop, or the shop's own as it said it on the telephone."""
    now = clock()
    today = rules.day_of_figures(now)
    gettext = texts(request).gettext
    try:
        number = UNITS.read(units.strip())
        if kind == "own":
            by = Actor("operator", operator.name)
            service.give_own_figure(session, code, product_class, period, number, by, at=now, today=today, note=note)
        else:
            service.agree_figure(session, code, product_class, period, number, operator, at=now, today=today, note=note)
    except (Unfit, Refusal) as refused:
        session.rollback()
        typed = {"period": str(period), "units": units, "kind": kind, "note": note}
        return _refused(request, session, now, operator.name, code, product_class, refused, typed)
    said = gettext("The figure is kept, and the shop is told.")
    far = _far_from(session, code, product_class, period, number)
    if far is None:
        return _back(request, code, product_class, said)
    doubt = gettext("It is far from what is forecast, {low} to {high}: keep another one if it was a slip.")
    between = {"low": f"{floor(far[0]):,}", "high": f"{ceil(far[1]):,}"}
    return _back(request, code, product_class, f"{said} {doubt.format(**between)}", tone="wait")


@shop_screens.post("/confirm", dependencies=LOOKING)
def confirm_figure(
    request: Request,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    code: Code,
    period: Annotated[date, Form()],
    version: Annotated[int, Form(ge=1)],
    product_class: Code = "",
) -> Response:
    """Take a second person's look at an agreed figure."""
    now = clock()
    today = rules.day_of_figures(now)
    try:
        service.confirm_figure(session, code, product_class, period, version, operator, at=now, today=today)
    except Refusal as refused:
        session.rollback()
        return _refused(request, session, now, operator.name, code, product_class, refused)
    return _back(request, code, product_class, texts(request).gettext("Two persons stand behind the figure now."))


def _back(request: Request, code: str, product_class: str, said: str, tone: Tone = "ok") -> Response:
    place = f"{PLACE}?{urlencode({'code': code, 'product_class': product_class})}"
    return console.redirect(request, place, flash=said, tone=tone)


def _far_from(session: Session, code: str, product_class: str, period: date, units: int) -> tuple[float, float] | None:
    """Return the interval that is forecast where a figure is far outside of it."""
    newest = queries.version(session, state="done")
    if newest is None or period not in newest.periods:
        return None
    for one in queries.series_of(session, newest.id, [code]).get(code, []):
        if one.product_class == product_class:
            place = newest.periods.index(period)
            low, high = one.lo80[place], one.hi80[place]
            return None if low / FAR <= units <= max(high * FAR, 1) else (low, high)
    return None


def _refused(
    request: Request,
    session: Session,
    now: datetime,
    person: str,
    code: str,
    product_class: str,
    why: Unfit | Refusal,
    typed: Mapping[str, str] | None = None,
) -> Response:
    if isinstance(why, Unfit):
        said = why.sentence(texts(request).gettext)
    else:
        said = refusal_text(why.code, why.params, console.language_of(request))
    return _page(request, session, now, person, code, product_class, said, typed)


def _page(
    request: Request,
    session: Session,
    now: datetime,
    person: str,
    code: str,
    product_class: str | None,
    said: str = "",
    typed: Mapping[str, str] | None = None,
) -> Response:
    shop = retailers.retailer(session, code)
    if shop is None:
        raise Rejected("not_found", what=texts(request).gettext("retailer"), name=code)
    newest = queries.version(session, state="done")
    series = (
        {}
        if newest is None
        else {one.product_class: one for one in queries.series_of(session, newest.id, [code]).get(code, [])}
    )
    history = queries.history(session, code)
    figures = queries.figures(session, [code])[code]
    classes = sorted({*series, *history, *(name for name, _, _ in figures)}, key=str.encode)
    chosen = product_class if product_class in classes else _sold_most(classes, series)
    today = rules.month_of(rules.day_of_figures(now))
    past: list[rules.Past] = []
    if newest is not None and chosen is not None:
        since = rules.later(newest.cut_off, -PAST_SHOWN)
        past = queries.past(session, [code], since=since).get(code, {}).get(chosen, [])
    months = [] if chosen is None else _months(newest, series.get(chosen), figures, chosen, today)
    return console.page(
        request,
        "forecasts/shop.html",
        agreers=AGREEING,
        lookers=LOOKERS,
        status_code=422 if said else 200,
        shop=shop,
        newest=newest,
        classes=classes,
        chosen=chosen,
        series=None if chosen is None else series.get(chosen),
        months=months,
        past=list(reversed(past)),
        mean_error=rules.mean_error(past),
        hit_rate=rules.hit_rate(past),
        given=[one for one in queries.figure_versions(session, code) if one.product_class == chosen],
        chart=None
        if chosen is None
        else _rows_of_chart(_over(history.get(chosen, []), today), series.get(chosen), months),
        over_time=time_chart.over_time,
        Line=time_chart.Line,
        Band=time_chart.Band,
        person=f"operator:{person}",
        said=said,
        typed=typed or {},
    )


def _sold_most(classes: list[str], series: dict[str, queries.Series]) -> str | None:
    """Return the class of which most is forecast, the first of those that are equal; none where there is no class."""
    return max(classes, key=lambda name: sum(series[name].mean) if name in series else 0.0, default=None)


def _over(cells: list[queries.Cell], month: date) -> list[queries.Cell]:
    """Return the months that are over: what is known of one that goes on is a part of it."""
    return [cell for cell in cells if cell.period < month]


def _months(
    newest: queries.Version | None,
    series: queries.Series | None,
    figures: dict[tuple[str, date, queries.FigureKind], queries.Figure],
    product_class: str,
    today: date,
) -> list[Month]:
    """Return the months from today's on: those that the version reaches, and those for which figures are taken."""
    periods = {rules.later(today, ahead) for ahead in range(rules.MONTHS_AHEAD)}
    reached: dict[date, int] = {}
    if newest is not None and series is not None:
        reached = {period: place for place, period in enumerate(newest.periods)}
        periods |= reached.keys()
    months = []
    for period in sorted(periods):
        place = reached.get(period)
        mean, low, high = (
            (None, None, None)
            if series is None or place is None
            else (series.mean[place], series.lo80[place], series.hi80[place])
        )
        own, agreed = (figures.get((product_class, period, kind)) for kind in ("own", "agreed"))
        is_open = today < period <= rules.later(today, rules.MONTHS_AHEAD - 1)
        months.append(Month(period, mean, low, high, own, agreed, is_open))
    return months


def _rows_of_chart(
    cells: list[queries.Cell], series: queries.Series | None, months: list[Month]
) -> dict[str, list[Any]] | None:
    """Return what the chart draws, a value or none a month: the last months that are over, and those to come."""
    demand: dict[date, float | None] = {}
    if series is not None:
        demand = {rules.later(series.first_period, at): value for at, value in enumerate(series.demand)}
    came = {cell.period: cell.came_units for cell in cells}
    ahead = {month.period: month for month in months}
    known = sorted({*demand, *came, *ahead})
    if not known or not (demand or came):
        return None
    every = [rules.later(known[0], at) for at in range(rules.between(known[0], known[-1]) + 1)]
    shown = every[-(MONTHS_SHOWN + len(months)) :]
    at = [ahead.get(period) for period in shown]
    return {
        "periods": shown,
        "came": [came.get(period) for period in shown],
        "demand": [demand.get(period) for period in shown],
        "mean": [month and month.mean for month in at],
        "low": [month and month.low for month in at],
        "high": [month and month.high for month in at],
        "own": [month.own.units if month and month.own else None for month in at],
        "agreed": [month.agreed.units if month and month.agreed else None for month in at],
    }
