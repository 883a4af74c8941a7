"""Screens of scores: what is in force, the runs, one shop over time."""

from collections.abc import Mapping
from datetime import date, datetime
from functools import partial
from typing import Annotated, Any

from fastapi import Depends, Form, Request, Response
from sqlalchemy.orm import Session

from contract.errors import Conflict, Rejected
from server.forecasts import queries as forecasts
from server.kit import console, http
from server.kit.console import charts
from server.kit.console.cards import Card
from server.kit.console.tables import Column, Filter, TableView
from server.kit.console.texts import N_, language_of, texts
from server.kit.identity import Operator
from server.retailers import queries as retailers
from server.scores import appeal_queries, decision_queries, explaining, listing, queries, service

HOME = "/console/scores"
PLANNER = [Depends(http.needs("planner"))]
IN_E_FILE = 24
RELEASER = [Depends(http.needs("releaser"))]

scores = http.router(HOME, tag="console", roles=(), shops="reads")

COLUMNS = (
    Column("retailer", N_("Retailer"), "identifier"),
    Column("name", N_("Name")),
    Column("region", N_("Region")),
    Column("points", N_("Score"), "number"),
    Column("previous_tier", N_("Tier before"), "number"),
    Column("tier", N_("Tier"), "number"),
    Column("weight", N_("Weight"), "number"),
    Column("status", N_("Standing")),
)
STATES: dict[str, tuple[str, str]] = {
    "waiting": (N_("waits to be computed"), "idle"),
    "working": (N_("is being computed"), "wait"),
    "draft": (N_("draft"), "note"),
    "published": (N_("published"), "ok"),
    "failed": (N_("could not be computed"), "stop"),
    "stopped": (N_("was stopped"), "idle"),
}
STATUSES: dict[str, tuple[str, str]] = {
    "scored": (N_("scored"), "ok"),
    "lowered": (N_("lowered by decision"), "wait"),
    "suspended": (N_("suspended by decision"), "stop"),
}
APPEAL_STATES: dict[str, tuple[str, str]] = {
    "received": (N_("received"), "note"),
    "looked_at": (N_("being looked at"), "wait"),
    "proposed": (N_("waits for a second person"), "wait"),
    "upheld": (N_("upheld"), "ok"),
    "dismissed": (N_("dismissed"), "stop"),
}
STANDING = Filter("status", N_("Standing"), tuple((name, label) for name, (label, _) in STATUSES.items()))


@scores.get("")
def list_scores(request: Request, session: http.Db, clock: http.Now, config: http.Config) -> Response:
    """List the shops by the scores in force, and the runs; with ``format`` the list is a file."""
    found = queries.in_force(session)
    view = TableView.of(request, COLUMNS, filters=(STANDING,), sort="-points")
    asked = asked_of(view)
    if view.format:
        every = listing.every_shop(session, found, asked) if found else ()
        return console.download(request, COLUMNS, every, name="scores")
    rows, total = listing.shops(session, found, asked) if found else ([], 0)
    today = clock().astimezone(config.tz).date()
    return console.page(
        request,
        "scores/list.html",
        view=view,
        columns=COLUMNS,
        filters=(STANDING,),
        rows=rows,
        total=total,
        in_force=found,
        appeals=appeal_queries.totals(session),
        under_way=_under_way(session),
        draft=_draft(session, found),
        runs=queries.runs(session, 12),
        has_history=forecasts.history_number(session, today.replace(day=1)) > 0,
        states=STATES,
        statuses=STATUSES,
    )


@scores.post("/make", dependencies=PLANNER)
def make_scores(
    request: Request, session: http.Db, clock: http.Now, config: http.Config, operator: http.Person
) -> Response:
    """Have a draft computed; what keeps it from that is said on the next page."""
    now, gettext = clock(), texts(request).gettext
    try:
        service.ask_run(session, operator, at=now, today=now.astimezone(config.tz).date())
    except Conflict:
        session.rollback()
        said = gettext("Nothing was asked for: a run is being computed already, or there is no history.")
        return console.redirect(request, HOME, flash=said, tone="wait")
    return console.redirect(request, HOME, flash=gettext("Asked for. You may close this page; it is kept."))


@scores.post("/stop", dependencies=PLANNER)
def stop_scores(
    request: Request, session: http.Db, clock: http.Now, operator: http.Person, number: Annotated[int, Form()]
) -> Response:
    """Stop the run under way; where it is over by now, that is said."""
    act = partial(service.stop_run, session, number, operator, at=clock())
    return console.stopped(request, session, act, back=HOME)


@scores.get("/progress")
def progress(request: Request, session: http.Db) -> Response:
    """Say that a run is under way; once there is none, have the whole page loaded."""
    found = _under_way(session)
    if found is None:
        return Response(status_code=204, headers={"HX-Refresh": "true"})
    return console.fragment(request, "scores/_progress.html", one=found, states=STATES)


@scores.get("/shop")
def show_shop(request: Request, session: http.Db, code: str) -> Response:
    """Show a shop's published scores over time, why the last one is as it is, appeals, and the decisions on it."""
    return shop_page(request, session, code)


def in_e_file(session: Session, retailer: str, _now: datetime) -> Mapping[str, Any] | None:
    """Return a shop's last published scores, for its e-file."""
    known = queries.scores_of(session, retailer, limit=IN_E_FILE)
    return {"retailer": retailer, "scores": known, "bars": charts.bars, "statuses": STATUSES} if known else None


def shop_page(
    request: Request, session: Session, code: str, said: str = "", typed: Mapping[str, str] | None = None
) -> Response:
    """Show a shop, with what was refused where something was, and what had been typed."""
    shop = retailers.retailer(session, code)
    if shop is None:
        raise Rejected("not_found", what=texts(request).gettext("retailer"), name=code)
    known = queries.scores_of(session, code)
    return console.page(
        request,
        "scores/shop.html",
        status_code=422 if said else 200,
        said=said,
        typed=typed or {},
        shop=shop,
        scores=known,
        appeals=appeal_queries.appeals(session, retailer=code, limit=20),
        appeal_states=APPEAL_STATES,
        component_name=partial(explaining.component, language=language_of(request)),
        today=_today(request),
        decisions=decision_queries.decisions(session, [code]),
        bars=charts.bars,
        statuses=STATUSES,
        **_explained(request, session, known[0] if known else None),
    )


def _today(request: Request) -> date:
    running = http.runtime_of(request)
    return running.clock().astimezone(running.settings.tz).date()


def asked_of(view: TableView, moved: listing.Moves | None = None) -> listing.Asked:
    """Return what a person asked to see of a run's shops."""
    way = view.filters.get("move")
    return listing.Asked(
        words=view.search,
        status=view.filters.get("status", ""),
        order=view.sort_text,
        limit=view.per_page,
        offset=view.offset,
        pairs=None if moved is None or way is None else moved.pairs(way),
    )


def _explained(request: Request, session: Session, score: queries.Score | None) -> dict[str, Any]:
    if score is None:
        return {"why": "", "parts": []}
    found = queries.run(session, score.run)
    assert found is not None  # noqa: S101 - a foreign key holds it
    language = language_of(request)
    return {
        "why": explaining.why(found.certificate or {}, score, language),
        "parts": explaining.parts(score, language),
    }


def home_cards(session: Session, operator: Operator, _now: datetime) -> list[Card]:
    """Return what waits for a second person: a draft to be published, decisions on shops and their early ends."""
    if not operator.may("planner", "releaser"):
        return []
    draft = _draft(session, queries.in_force(session))
    if draft is not None and draft.asked_by == operator.name:
        draft = None
    waiting = [one for one in decision_queries.waiting(session) if one.may_be_decided_by(operator.name)]
    if draft is None and not waiting:
        return []
    return [
        Card(
            title=N_("Scores that wait for a second person"),
            template="scores/cards/waiting.html",
            context={"draft": draft, "decisions": waiting},
            order=54,
            href=HOME,
            tone="wait",
        )
    ]


def _draft(session: Session, in_force: queries.Run | None) -> queries.Run | None:
    """Return the newest run where it is a draft that can still be published."""
    newest = next(iter(queries.runs(session, 1)), None)
    stands = None if in_force is None else in_force.number
    return newest if newest is not None and newest.state == "draft" and newest.replaces == stands else None


def _under_way(session: Session) -> queries.Run | None:
    newest = queries.runs(session, 1)
    return newest[0] if newest and newest[0].state in {"waiting", "working"} else None
