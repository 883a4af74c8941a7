"""``/api/v1/visits``: what is due, what was kept, and keeping more, for programs."""

from datetime import date, datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query
from pydantic import BaseModel

from contract.errors import Rejected
from server.kit import http, paging
from server.kit.identity import Role
from server.visits import plans, queries, rules, ruling, service
from server.visits.service import VISITORS
from server.visits.shapes import KeptVisit, Receipt

READERS: tuple[Role, ...] = (*VISITORS, "auditor")
PLANNERS: tuple[Role, ...] = ("planner", "regional")
RULERS: tuple[Role, ...] = ("planner", "administrator")
VISITING = [Depends(http.needs(*VISITORS))]
PLANNING = [Depends(http.needs(*PLANNERS))]

visits = http.router("/api/v1/visits", tag="visits", roles=READERS, shops="all")


class DueContact(BaseModel):
    """A contact that is due: ``after`` is the day of the last one, or of the claim; none where there was none."""

    retailer: str
    rule: str
    sort: rules.Sort
    due_on: date
    after: date | None
    claim: int | None
    try_on: date | None


class PlannedStop(BaseModel):
    """A stop of a plan; without manager, day and place it found no room."""

    id: UUID
    retailer: str
    rule: str
    due_on: date
    manager: str | None
    day: date | None
    place: int | None
    travel_m: int | None
    done_at: datetime | None


class MadePlan(BaseModel):
    """A plan and its stops, those that the asker may see."""

    id: UUID
    number: int
    state: plans.State
    first_day: date
    days: int
    revision: int
    stops: list[PlannedStop]


@visits.get("")
def list_visits(
    session: http.Db,
    page: paging.Paged,
    retailer: Annotated[str, Query(max_length=64)] = "",
    employee: Annotated[str, Query(max_length=100)] = "",
    since: date | None = None,
    until: date | None = None,
) -> list[queries.Visit]:
    """Return visits and calls, the last received first."""
    found, _ = queries.visits(
        session,
        retailer=retailer,
        employee=employee,
        since=since,
        until=until,
        before=page.key(int),
        limit=page.one_more,
    )
    return page.rows(found, lambda visit: (visit.number,))


@visits.get("/due")
def list_due(
    session: http.Db, clock: http.Now, config: http.Config, page: paging.Paged, until: date | None = None
) -> list[DueContact]:
    """Return what is due by the rules in force until a day (in two weeks where none is named), the earliest first."""
    today = clock().astimezone(config.tz).date()
    last = min(until or today + queries.AHEAD, today + timedelta(days=366))
    after = page.key(date, str, str)
    found = [
        DueContact(
            retailer=one.retailer,
            rule=one.rule.key,
            sort=one.rule.sort,
            due_on=one.due_on,
            after=one.after,
            claim=one.number,
            try_on=one.try_on,
        )
        for one in queries.due(session, today=today, until=last, zone=config.tz)
    ]
    left = sorted((one for one in found if after is None or _place(one) > after), key=_place)
    return page.rows(left, _place)


def _place(one: DueContact) -> tuple[date, str, str]:
    return one.due_on, one.retailer, one.rule


@visits.get("/rules")
def rules_in_force(session: http.Db) -> ruling.RuleSet:
    """Return the rules in force; version 0 where there are none yet."""
    return ruling.in_force(session)


@visits.get("/plans/{plan}")
def one_plan(session: http.Db, plan: UUID) -> MadePlan:
    """Return one plan with its stops."""
    found = plans.find(session, plan)
    return MadePlan(
        id=found.id,
        number=found.number,
        state=found.state,
        first_day=found.terms.first_day,
        days=found.terms.days,
        revision=found.revision,
        stops=[
            PlannedStop(**{name: getattr(one, name) for name in PlannedStop.model_fields})
            for one in plans.stops(session, plan)
        ],
    )


@visits.get("/{visit}")
def one_visit(session: http.Db, visit: UUID) -> queries.Visit:
    """Return one visit or call."""
    found = queries.visit(session, visit)
    if found is None:
        raise Rejected("not_found", what="visit", name=str(visit))
    return found


@visits.post("", dependencies=VISITING)
def keep_visit(
    session: http.Db, clock: http.Now, config: http.Config, operator: http.Person, body: KeptVisit
) -> Receipt:
    """Keep a visit or a call; its ``id`` is the key: sent again it counts once, and gets the same receipt."""
    return service.keep_visit(session, body, operator, at=clock(), zone=config.tz)
