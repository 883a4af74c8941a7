"""The weekly schedules, with the weeks to come."""

from collections.abc import Callable
from datetime import date, time
from typing import Annotated

from fastapi import Form, Request, Response
from sqlalchemy.orm import Session

from server.cycles import queries, rules, shapes, standing
from server.cycles.console import NOTES, problems
from server.kit import console, http
from server.kit.console.texts import N_, texts
from server.kit.fields import Invalid
from server.retailers import queries as retailers

PLACE = "/console/standing"
WEEKS_SHOWN = 6
WEEKDAYS = (N_("Monday"), N_("Tuesday"), N_("Wednesday"), N_("Thursday"), N_("Friday"), N_("Saturday"), N_("Sunday"))

reading = http.router(PLACE, tag="console", roles=(), shops="reads")
planning = http.router(PLACE, tag="console", roles=("planner",))


@reading.get("")
def standing_page(request: Request, session: http.Db, clock: http.Now, settings: http.Config) -> Response:
    """Show the schedules."""
    return _page(request, session, settings.zone, clock().astimezone(settings.tz).date())


@planning.post("/schedules")
def set_schedule(
    request: Request,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    settings: http.Config,
    route: Annotated[str, Form()] = "*",
    opens_weekday: Annotated[str, Form()] = "",
    opens_time: Annotated[str, Form()] = "",
    closes_weekday: Annotated[str, Form()] = "",
    closes_time: Annotated[str, Form()] = "",
    zone: Annotated[str, Form()] = "",
    seen: Annotated[str, Form()] = "",
) -> Response:
    """Set a route's weekly window."""
    gettext = texts(request).gettext
    values = {
        "route": route,
        "opens_weekday": opens_weekday,
        "opens_time": opens_time,
        "closes_weekday": closes_weekday,
        "closes_time": closes_time,
        "zone": zone,
        "seen": seen,
    }
    today = clock().astimezone(settings.tz).date()
    try:
        schedule = rules.Schedule(
            route,
            int(opens_weekday),
            time.fromisoformat(opens_time),
            int(closes_weekday),
            time.fromisoformat(closes_time),
            zone.strip() or settings.zone,
        )
    except ValueError:
        errors = {"opens_time": gettext("Give both weekdays and both times, such as 08:00.")}
        return _page(request, session, settings.zone, today, errors, values)
    return _perform(
        request,
        session,
        settings.zone,
        today,
        lambda: standing.set_schedule(session, schedule, by=operator, at=clock(), seen=seen or None),
        gettext("The schedule stands. Look at the weeks to come."),
        values,
    )


@planning.post("/schedules/remove")
def remove_schedule(
    request: Request,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    route: Annotated[str, Form()] = "",
    seen: Annotated[str, Form()] = "",
) -> Response:
    """Take a weekly window away."""
    standing.remove_schedule(session, route, by=operator, at=clock(), seen=seen or None)
    return console.redirect(request, PLACE, flash=texts(request).gettext("The schedule is taken away."))


def _perform(
    request: Request,
    session: Session,
    zone: str,
    today: date,
    act: Callable[[], object],
    done: str,
    values: dict[str, str],
) -> Response:
    try:
        act()
    except Invalid as refused:
        session.rollback()
        return _page(request, session, zone, today, problems(refused, texts(request).gettext), values)
    return console.redirect(request, PLACE, flash=done)


def _page(
    request: Request,
    session: Session,
    zone: str,
    today: date,
    errors: dict[str, str] | None = None,
    values: dict[str, str] | None = None,
) -> Response:
    return console.page(
        request,
        "cycles/standing.html",
        status_code=422 if errors else 200,
        schedules=[shapes.schedule_of(schedule, today, WEEKS_SHOWN) for schedule in queries.schedules(session)],
        routes=retailers.routes(session),
        weekdays=WEEKDAYS,
        notes=NOTES,
        zone=zone,
        errors=errors or {},
        values=values or {},
        seen=standing.schedules_seen(session),
    )
