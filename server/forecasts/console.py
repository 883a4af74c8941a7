"""Screens of forecasts: the shops with what they are going to sell, how far a version is, its history."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from functools import partial
from typing import Annotated, Any, cast

from fastapi import Depends, Form, Request, Response
from sqlalchemy.orm import Session

from contract.errors import Conflict
from server.forecasts import listing, queries, rules, service
from server.kit import console, http
from server.kit.console.tables import Column, Filter, TableView
from server.kit.console.texts import N_, texts
from server.kit.identity import Actor
from server.retailers import queries as retailers

HOME = "/console/forecasts"
PLANNER = [Depends(http.needs("planner"))]

forecasts = http.router(HOME, tag="console", roles=(), shops="reads")

COLUMNS = (
    Column("retailer", N_("Retailer"), "identifier"),
    Column("name", N_("Name")),
    Column("region", N_("Region")),
    Column("classes", N_("Classes"), "number"),
    Column("mean_units", N_("Forecast, next month"), "units"),
    Column("own", N_("Own figures"), "number"),
    Column("agreed", N_("Agreed figures"), "number"),
)
STATES: dict[str, tuple[str, str]] = {
    "waiting": (N_("waits to be computed"), "idle"),
    "working": (N_("is being computed"), "wait"),
    "done": (N_("done"), "ok"),
    "failed": (N_("could not be computed"), "stop"),
    "stopped": (N_("was stopped"), "idle"),
}
AGREED = Filter(
    "figures",
    N_("Figures"),
    (("none", N_("none agreed yet")), ("some", N_("some agreed")), ("alone", N_("agreed by one person only"))),
)


@forecasts.get("")
def list_forecasts(request: Request, session: http.Db, clock: http.Now, config: http.Config) -> Response:
    """List the shops with what they are going to sell next month; with ``format`` as a file."""
    regions = [(one, one) for one in retailers.audience_choices(session).regions if one]
    filters = (Filter("region", N_("Region"), regions, translate=False), AGREED)
    view = TableView.of(request, COLUMNS, filters=filters, sort="retailer")
    newest = queries.version(session, state="done")
    today = clock().astimezone(config.tz).date()
    month = None if newest is None else _next_month(newest, today)
    asked = listing.Asked(
        words=view.search,
        region=view.filters.get("region", ""),
        agreed=cast("listing.Agreed", view.filters.get("figures", "")),
        order=view.sort_text,
    )
    if view.format:
        every = listing.shops(session, newest, month, asked) if newest and month else ()
        return console.download(request, COLUMNS, every, name="forecasts")
    shown = replace(asked, limit=view.per_page, offset=view.offset)
    return console.page(
        request,
        "forecasts/list.html",
        view=view,
        columns=COLUMNS,
        filters=filters,
        rows=list(listing.shops(session, newest, month, shown)) if newest and month else [],
        total=listing.count(session, newest, month, asked) if newest and month else 0,
        newest=newest,
        month=month,
        under_way=_under_way(session),
        versions=queries.versions(session, 12),
        has_history=queries.history_number(session, rules.month_of(today)) > 0,
        states=STATES,
    )


@forecasts.post("/make", dependencies=PLANNER)
def make_forecasts(
    request: Request, session: http.Db, clock: http.Now, config: http.Config, operator: http.Person
) -> Response:
    """Have all forecasts computed anew; what keeps it from that is said on the next page."""
    now = clock()
    gettext = texts(request).gettext
    try:
        service.ask_version(session, Actor("operator", operator.name), at=now, today=now.astimezone(config.tz).date())
    except Conflict:
        session.rollback()
        said = gettext("Nothing was asked for: a version is being computed already, or there is no history.")
        return console.redirect(request, HOME, flash=said, tone="wait")
    return console.redirect(request, HOME, flash=gettext("Asked for. You may close this page; it is kept."))


@forecasts.post("/stop", dependencies=PLANNER)
def stop_forecasts(
    request: Request, session: http.Db, clock: http.Now, operator: http.Person, number: Annotated[int, Form()]
) -> Response:
    """Stop the version under way; where it is over by now, that is said."""
    act = partial(service.stop_version, session, number, operator, at=clock())
    return console.stopped(request, session, act, back=HOME)


@forecasts.get("/progress")
def progress(request: Request, session: http.Db) -> Response:
    """Return how far the version under way is; once there is none, have the whole page loaded."""
    found = _under_way(session)
    if found is None:
        return Response(status_code=204, headers={"HX-Refresh": "true"})
    return console.fragment(request, "forecasts/_progress.html", one=found, states=STATES)


def in_e_file(session: Session, retailer: str, now: datetime) -> Mapping[str, Any] | None:
    """Return what a shop is going to sell next month, for its e-file."""
    newest = queries.version(session, state="done")
    own = [] if newest is None else queries.series_of(session, newest.id, [retailer]).get(retailer, [])
    if newest is None or not own:
        return None
    month = _next_month(newest, now.date())
    place = rules.between(newest.cut_off, month)
    figures = queries.figures(session, [retailer], since=month)[retailer]
    return {
        "retailer": retailer,
        "month": month,
        "classes": [
            {
                "product_class": one.product_class,
                "mean": one.mean[place],
                "low": one.lo80[place],
                "high": one.hi80[place],
                "own": figures.get((one.product_class, month, "own")),
                "agreed": figures.get((one.product_class, month, "agreed")),
            }
            for one in own
        ],
    }


def _next_month(newest: queries.Version, today: date) -> date:
    """Return the month after today's, or the last one that the version reaches."""
    return min(rules.later(rules.month_of(today), 1), newest.periods[-1])


def _under_way(session: Session) -> queries.Version | None:
    newest = queries.version(session)
    return newest if newest is not None and newest.state in {"waiting", "working"} else None
