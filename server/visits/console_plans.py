"""Plans on the screen: asked for, how far they are, days and lists of managers, stops moved by hand, a day off."""

import re
from collections.abc import Mapping
from datetime import date
from itertools import chain
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from fastapi import Depends, Form, Query, Request, Response
from sqlalchemy.orm import Session

from contract.errors import Conflict, Refusal
from contract.texts import refusal_text
from server.kit import console, forms, http
from server.kit.changing import ChangedMeanwhileError
from server.kit.console.texts import N_, language_of, texts
from server.kit.fields import TOO_MANY, Choice, Day, Field, Text, Unfit, Whole
from server.kit.identity import Operator
from server.operators import queries as operators
from server.retailers import queries as retailers
from server.visits import planning, plans, ruling
from server.visits.console import HOME
from server.visits.http import PLANNERS, PLANNING, READERS
from server.visits.service import VISITORS

PLACE: Final = f"{HOME}/plans"
STATES: Final[Mapping[str, tuple[str, str]]] = {
    "waiting": (N_("waiting"), "wait"),
    "working": (N_("being made"), "wait"),
    "made": (N_("made"), "ok"),
    "failed": (N_("failed"), "stop"),
    "stopped": (N_("stopped"), "idle"),
}
FIELDS: Final = (
    Field("first_day", N_("First day"), Day()),
    Field("days", N_("Days in all"), Whole(1, 31), default=7),
    Field("stops_a_day", N_("Stops a day, at most"), Whole(1, 100), default=20),
    Field("minutes_a_day", N_("Minutes a day, at most"), Whole(10, 1440), default=480),
    Field(
        "speed_kmh",
        N_("Speed between shops"),
        Whole(planning.SPEED_KMH_LEAST, 120),
        default=25,
        hint=N_("Kilometres an hour; streets are reckoned 1.3 times the straight way."),
    ),
    Field("route", N_("Route"), Text(100, needed=False), default="", hint=N_("One route alone; empty for all.")),
    Field(
        "weekends",
        N_("Saturdays and Sundays"),
        Choice(("no", "yes"), (N_("nobody goes"), N_("are workdays"))),
        default="no",
    ),
)
MOVED_SHOWN: Final = 200
DAYS_OFF_MOST: Final = 31
DAY: Final = Day()

reading = http.router(PLACE, tag="console", roles=READERS, shops="all")
MOVING = [Depends(http.needs(*VISITORS))]

Typed = Annotated[str, Form(max_length=300)]
Seen = Annotated[int, Form(ge=0)]
OnDay = Annotated[date | Literal[""], Query()]


@reading.get("")
def list_plans(
    request: Request, session: http.Db, clock: http.Now, config: http.Config, operator: http.Person
) -> Response:
    """Show the last plans, and the form to ask for one."""
    first = clock().astimezone(config.tz).date()
    values = {**forms.empty_form(FIELDS, minor=_minor(request)), "first_day": first.isoformat()}
    return _list(request, session, operator, values, ())


@reading.post("", dependencies=PLANNING)
def ask(
    request: Request,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    manager: Annotated[list[str] | None, Form()] = None,
) -> Response:
    """Ask for a plan, and go to where it comes."""
    gettext, now = texts(request).gettext, clock()
    typed = {**dict.fromkeys((field.name for field in FIELDS), ""), **request.state.typed}
    record, errors = forms.read_form(FIELDS, typed, minor=_minor(request), gettext=gettext)
    people = {one.name: one for one in operators.operators(session, at=now) if one.disabled_at is None}
    names = [name for name in dict.fromkeys(manager or ()) if name in people]
    if not names:
        errors["manager"] = gettext("Nobody is chosen who goes.")
    days_off = {}
    for name in names:
        try:
            days_off[name] = _days(typed.get(f"away_{name}", ""))
        except Unfit as unfit:
            errors[f"away_{name}"] = unfit.sentence(gettext)
    if not ruling.in_force(session).version:
        errors["first_day"] = gettext("There are no rules yet, so that nothing is due. Write them first.")
    if errors:
        return _list(request, session, operator, typed, names, errors)
    going = tuple(
        planning.Manager(name, days_off[name], people[name].regions, people[name].classes) for name in sorted(names)
    )
    terms = planning.Terms(**{**record, "weekends": record["weekends"] == "yes"}, managers=going)
    made = plans.ask(session, terms, operator, at=now)
    return console.redirect(
        request, f"{PLACE}/{made}", flash=gettext("The plan is being made; it goes on when you leave.")
    )


@reading.get("/{plan}")
def show_plan(
    request: Request,
    session: http.Db,
    clock: http.Now,
    config: http.Config,
    operator: http.Person,
    plan: UUID,
    day: OnDay = "",
) -> Response:
    """Show how far a plan is; once it is made, a day of it: the lists of its managers."""
    return _page(request, session, operator, plan, clock().astimezone(config.tz).date(), day or None)


@reading.get("/{plan}/progress")
def progress(request: Request, session: http.Db, plan: UUID) -> Response:
    """Show how far a plan is, as a part of its page; once it is over the page is loaded anew."""
    found = plans.find(session, plan)
    if found.state in {"waiting", "working"}:
        return console.fragment(request, "visits/_plan_progress.html", plan=found, states=STATES, steps=_step(found))
    return console.redirect(request, f"{PLACE}/{plan}")


@reading.post("/{plan}/stop", dependencies=PLANNING)
def stop(request: Request, session: http.Db, clock: http.Now, operator: http.Person, plan: UUID) -> Response:
    """Stop making a plan."""
    return console.stopped(
        request, session, lambda: plans.stop(session, plan, by=operator, at=clock()), back=f"{PLACE}/{plan}"
    )


@reading.post("/{plan}/move", dependencies=MOVING)
def move(
    request: Request,
    session: http.Db,
    clock: http.Now,
    config: http.Config,
    operator: http.Person,
    plan: UUID,
    seen: Seen,
    manager: Typed,
    day: Annotated[date, Form()],
    retailer: Typed = "",
    place: Annotated[int, Form(ge=1, le=10_000)] = 1,
    to: Typed = "",
) -> Response:
    """Move a stop: to a manager's day and a place there; ``to`` says shop and place in one, ``R1 3``."""
    code, _, at_place = to.rpartition(" ")
    if code and at_place.isdigit():
        retailer, place = code, int(at_place)
    now = clock()
    try:
        plans.move_stop(session, plan, retailer, manager, day, place, operator, at=now, seen=seen)
    except (ChangedMeanwhileError, Conflict) as refused:
        session.rollback()
        return _page(request, session, operator, plan, now.astimezone(config.tz).date(), day, _said(request, refused))
    return console.redirect(request, f"{PLACE}/{plan}?day={day.isoformat()}")


@reading.post("/{plan}/away", dependencies=PLANNING)
def away(
    request: Request,
    session: http.Db,
    clock: http.Now,
    config: http.Config,
    operator: http.Person,
    plan: UUID,
    seen: Seen,
    manager: Typed,
    day: Annotated[date, Form()],
    why: Typed = "",
) -> Response:
    """Let others do, or do later, what a manager who is away was to do that day."""
    now = clock()
    today = now.astimezone(config.tz).date()
    try:
        moved = plans.replan(session, plan, {(manager, day)}, why, operator, at=now, today=today, seen=seen)
    except Refusal as refused:
        if refused.code == "not_found":
            raise
        session.rollback()
        return _page(request, session, operator, plan, today, day, _said(request, refused))
    gettext = texts(request).gettext
    over = sum(one.to_day is None for one in moved)
    said = gettext("%(moved)s stops were moved; %(over)s found no room.") % {"moved": len(moved) - over, "over": over}
    return console.redirect(request, f"{PLACE}/{plan}?day={day.isoformat()}", flash=said, tone="wait" if over else "ok")


def _days(typed: str) -> tuple[date, ...]:
    """Return the days of a line of them, parted by commas or spaces, in order and once.

    Raises
    ------
    Unfit
        For what is no day, and for more than a month of them.
    """
    days = sorted({DAY.read(one) for one in re.split(r"[,，、;；\s]+", typed) if one})
    if len(days) > DAYS_OFF_MOST:
        raise Unfit(TOO_MANY, count=len(days), most=DAYS_OFF_MOST)
    return tuple(days)


def _list(
    request: Request,
    session: Session,
    operator: Operator,
    values: Mapping[str, Any],
    chosen: Any,
    errors: Mapping[str, str] | None = None,
) -> Response:
    found = plans.recent(session)
    return console.page(
        request,
        "visits/plans.html",
        status_code=422 if errors else 200,
        plans=found,
        tally=plans.tally(session, [one.id for one in found]),
        states=STATES,
        fields=FIELDS,
        values=values,
        chosen=chosen,
        errors=errors or {},
        people=operators.names_with(session, ("manager",)) if operator.may(*PLANNERS) else [],
        planning=operator.may(*PLANNERS),
        ruled=bool(ruling.in_force(session).version),
    )


def _page(
    request: Request,
    session: Session,
    operator: Operator,
    plan: UUID,
    today: date,
    day: date | None,
    said: str = "",
) -> Response:
    found = plans.find(session, plan)
    calendar = found.terms.calendar()
    shown = day if day in calendar else today if today in calendar else next(iter(calendar), found.terms.first_day)
    every = plans.stops(session, plan) if found.state == "made" else []
    on_day: dict[str, list[plans.StopView]] = {one.name: [] for one in found.terms.managers}
    for one in every:
        if one.day == shown and one.manager is not None:
            on_day.setdefault(one.manager, []).append(one)
    left = [one for one in every if one.day is None]
    moved = plans.moves(session, plan, limit=MOVED_SHOWN) if found.revision else []
    codes = {one.retailer for one in (*chain(*on_day.values()), *left)} | {one.retailer for one in moved}
    return console.page(
        request,
        "visits/plan.html",
        status_code=409 if said else 200,
        plan=found,
        states=STATES,
        steps=_step(found),
        calendar=calendar,
        counts={each: sum(one.day == each for one in every) for each in calendar},
        day=shown,
        lists=on_day,
        left=left,
        moved=moved,
        done=sum(one.done_at is not None for one in every),
        stops=len(every),
        shops=retailers.retailers(session, codes),
        planning=operator.may(*PLANNERS),
        moving=operator.may(*VISITORS),
        said=said,
    )


def _step(plan: plans.PlanView) -> str:
    if plan.steps_done == 0:
        return N_("reading what is due")
    if plan.steps_done == 1:
        return N_("giving each manager an area")
    return N_("finding the days and ways of each manager")


def _said(request: Request, refused: Refusal) -> str:
    return refusal_text(refused.code, refused.params, language_of(request))


def _minor(request: Request) -> Any:
    return forms.minor_units(request.app.state.console.currency)
