"""Programs' interface of demand, forecasts and figures."""

from datetime import date
from typing import Annotated, Literal

from fastapi import Path
from pydantic import BaseModel, Field

from contract.errors import Rejected
from server.forecasts import queries, rules, service, telling
from server.kit import http, paging
from server.kit.identity import Role

PLACE = "/api/v1/forecasts"
reading = http.router(PLACE, tag="forecasts", roles=(), shops="reads")
planning = http.router(PLACE, tag="forecasts", roles=("planner",))
AGREEING: tuple[Role, ...] = ("planner", "manager")
agreeing = http.router(PLACE, tag="forecasts", roles=AGREEING, shops="all")

Retailer = Annotated[str, Path(max_length=64)]


class Asked(BaseModel):
    """The number of the version that was asked for."""

    number: int


class FigureBody(BaseModel):
    """A figure for a month to come, which its first day names."""

    product_class: str = Field(max_length=100)
    period: date
    kind: Literal["own", "agreed"] = "agreed"
    units: int = Field(ge=0, le=telling.UNITS_MOST)
    note: str = Field(default="", max_length=service.NOTE_MOST)


class Forecasts(BaseModel):
    """A retailer's series of the newest version, and the figures that count."""

    version: queries.Version
    series: list[queries.Series]
    figures: list[queries.Figure]


@reading.get("/versions")
def list_versions(session: http.Db, page: paging.Paged) -> list[queries.Version]:
    """Return versions, the newest first."""
    found = queries.versions(session, page.one_more, before=page.key(int))
    return page.rows(found, lambda version: (version.number,))


@planning.post("/versions", status_code=201)
def ask_version(session: http.Db, operator: http.Person, clock: http.Now, config: http.Config) -> Asked:
    """Have all forecasts computed anew from the months before this one."""
    now = clock()
    by = operator.actor
    return Asked(number=service.ask_version(session, by, at=now, today=now.astimezone(config.tz).date()))


@reading.get("/retailers/{retailer}")
def show_retailer(retailer: Retailer, session: http.Db) -> Forecasts:
    """Return a retailer's forecasts by the newest version that is done."""
    newest = queries.version(session, state="done")
    if newest is None:
        raise Rejected("not_found", what="forecast", name=retailer)
    return Forecasts(
        version=newest,
        series=queries.series_of(session, newest.id, [retailer]).get(retailer, []),
        figures=list(queries.figures(session, [retailer])[retailer].values()),
    )


@reading.get("/retailers/{retailer}/history")
def show_history(retailer: Retailer, session: http.Db) -> list[queries.Cell]:
    """Return what is known of a retailer's months by now."""
    return [cell for cells in queries.history(session, retailer).values() for cell in cells]


@agreeing.post("/retailers/{retailer}/figures", status_code=201)
def keep_figure(
    retailer: Retailer,
    body: FigureBody,
    session: http.Db,
    operator: http.Person,
    clock: http.Now,
) -> queries.Figure:
    """Keep a figure that was agreed on, or that the retailer gave by telephone."""
    now = clock()
    today = rules.day_of_figures(now)
    if body.kind == "own":
        by = operator.actor
        return service.give_own_figure(
            session, retailer, body.product_class, body.period, body.units, by, at=now, today=today, note=body.note
        )
    return service.agree_figure(
        session, retailer, body.product_class, body.period, body.units, operator, at=now, today=today, note=body.note
    )
