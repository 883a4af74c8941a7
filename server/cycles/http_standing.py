"""``/api/v1/schedules`` and ``/api/v1/policies``: what stands for all cycles."""

from datetime import date
from typing import Annotated

from fastapi import Query

from server.cycles import queries, rules, shapes, standing
from server.kit import http

reading = http.router("/api/v1", tag="cycles", roles=(), shops="reads")
planning = http.router("/api/v1", tag="cycles", roles=("planner",))


@reading.get("/schedules")
def list_schedules(
    session: http.Db,
    clock: http.Now,
    settings: http.Config,
    week: date | None = None,
    weeks: Annotated[int, Query(ge=1, le=60)] = 4,
) -> list[shapes.ScheduleStatus]:
    """Return the weekly windows with their instants of some weeks; every change of clocks is shown beforehand."""
    first = week or clock().astimezone(settings.tz).date()
    return [shapes.schedule_of(schedule, first, weeks) for schedule in queries.schedules(session)]


@planning.put("/schedules/{route}", status_code=204)
def set_schedule(
    route: str,
    body: shapes.ScheduleBody,
    session: http.Db,
    operator: http.Person,
    clock: http.Now,
    settings: http.Config,
) -> None:
    """Set the weekly window of a route, ``*`` for the routes without one of their own."""
    schedule = rules.Schedule(
        route, body.opens_weekday, body.opens_time, body.closes_weekday, body.closes_time, body.zone or settings.zone
    )
    standing.set_schedule(session, schedule, by=operator, at=clock())


@planning.delete("/schedules/{route}", status_code=204)
def remove_schedule(route: str, session: http.Db, operator: http.Person, clock: http.Now) -> None:
    """Take a route's weekly window away."""
    standing.remove_schedule(session, route, by=operator, at=clock())


@reading.get("/policies")
def list_policies(session: http.Db) -> list[shapes.PolicyStatus]:
    """Return every version of every policy, the newest first."""
    return [shapes.PolicyStatus.model_validate(policy, from_attributes=True) for policy in queries.policies(session)]


@planning.post("/policies", status_code=201)
def write_policy(
    new: shapes.NewPolicy, session: http.Db, operator: http.Person, clock: http.Now
) -> shapes.PolicyStatus:
    """Add a version of a policy; the same text again is no new version."""
    written = standing.write_policy(
        session,
        new.name,
        new.text,
        reason=new.reason,
        author=operator.name,
        actor=operator.actor,
        at=clock(),
    )
    return shapes.PolicyStatus.model_validate(written, from_attributes=True)
