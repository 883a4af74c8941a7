"""Coverage, lateness and outcome by employee; everybody sees his own, and what is recorded of him."""

from datetime import date, timedelta
from typing import Annotated, Any, Literal

from fastapi import Query, Request, Response
from sqlalchemy.orm import Session

from server.kit import console, http
from server.kit.console.tables import Column, TableView
from server.kit.console.texts import N_
from server.kit.identity import Operator, Role
from server.visits import coverage, queries, ruling
from server.visits.console import HOME, OUTCOMES
from server.visits.http import READERS

SEES_OTHERS: tuple[Role, ...] = ("regional", "planner", "administrator", "auditor")
WINDOW = timedelta(days=27)
LAST_SHOWN = 20

figures = http.router(f"{HOME}/coverage", tag="console", roles=READERS, shops="all")

COLUMNS = (
    Column("name", N_("Employee")),
    Column("planned", N_("Planned stops"), "number"),
    Column("done", N_("Done"), "number"),
    Column("late", N_("Done late"), "number"),
    Column("missed", N_("Not done"), "number"),
    Column("visits", N_("Visits"), "number"),
    Column("shut", N_("Shop was shut"), "number"),
    Column("calls", N_("Calls"), "number"),
    Column("reached", N_("Reached"), "number"),
    Column("shops", N_("Different shops"), "number"),
    Column("promises", N_("Promises due"), "number"),
    Column("promises_late", N_("Promises open and late"), "number"),
)
OnDay = Annotated[date | Literal[""], Query()]


@figures.get("")
def show_coverage(
    request: Request,
    session: http.Db,
    clock: http.Now,
    config: http.Config,
    operator: http.Person,
    since: OnDay = "",
    until: OnDay = "",
) -> Response:
    """Show how far rules and plans were met between two days, the last four weeks where none are named."""
    today = clock().astimezone(config.tz).date()
    last = until or today
    first = since or last - WINDOW
    own = "" if operator.may(*SEES_OTHERS) else operator.name
    found = coverage.people(session, since=first, until=last, today=today, employee=own)
    view = TableView.of(request, COLUMNS, sort="name")
    rows = sorted(found, key=lambda one: getattr(one, view.sort), reverse=view.descending)
    if view.format:
        return console.download(request, COLUMNS, rows, name="visit-coverage")
    return console.page(
        request,
        "visits/coverage.html",
        view=view,
        columns=COLUMNS,
        rows=rows[view.offset : view.offset + view.per_page],
        total=len(rows),
        since=first,
        until=last,
        own=own,
        **_rest(session, operator, today, config),
    )


def _rest(session: Session, operator: Operator, today: date, config: http.Config) -> dict[str, Any]:
    rule_set = ruling.in_force(session)
    due = queries.due(session, today=today, until=today, zone=config.tz, rule_set=rule_set)
    mine, _ = queries.visits(session, employee=operator.name, limit=LAST_SHOWN)
    names = {rule.key: rule.name for rule in rule_set.rules}
    return {"by_rule": coverage.by_rule(due, today), "rule_names": names, "mine": mine, "outcomes": OUTCOMES}
