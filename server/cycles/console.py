"""Screens of cycles: the list, a new one, one cycle with its window room, what people do with it."""

import itertools
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import Form, Request, Response
from sqlalchemy.orm import Session

from server.catalogue import queries as catalogue
from server.cycles import (
    figures,
    policy_change_queries,
    queries,
    result_queries,
    rules,
    service,
    standing,
    supply_queries,
)
from server.cycles.errors import trouble_text
from server.cycles.http import Attempt, known, zipped
from server.kit import console, http
from server.kit.console.cards import Card
from server.kit.console.tables import Column, Filter, TableView
from server.kit.console.texts import N_, texts
from server.kit.fields import Invalid
from server.kit.identity import Operator
from server.orders import queries as orders
from server.retailers import queries as retailers
from server.retailers import trails

PLACE = "/console/cycles"

reading = http.router(PLACE, tag="console", roles=())
planning = http.router(PLACE, tag="console", roles=("planner",))

STATES: dict[str, str] = {
    "draft": N_("Draft"),
    "announced": N_("Announced"),
    "open": N_("Open"),
    "closed": N_("Closed"),
    "frozen": N_("Frozen"),
    "solved": N_("Solved"),
    "verified": N_("Checked"),
    "refused": N_("Refused by the checker"),
    "in_review": N_("In review"),
    "released": N_("Released"),
    "published": N_("Published"),
    "called_off": N_("Called off"),
}
#: The states in which the machine works by itself, so that the page looks again.
MOVING = frozenset({"announced", "open", "closed", "frozen", "solved", "released"})
LATE_AFTER = timedelta(minutes=3)
PATH = ("announced", "open", "closed", "frozen", "solved", "verified", "in_review", "released", "published")
NOTES: dict[str, str] = {
    "opens_missing": N_("The opening time does not exist that day: the window opens when the clocks jump over it."),
    "opens_twice": N_("The opening time comes twice that day: the window opens the first time."),
    "closes_missing": N_("The closing time does not exist that day: the window closes when the clocks jump over it."),
    "closes_twice": N_("The closing time comes twice that day: the window closes the first time."),
}
STEP_NAMES: dict[str, str] = {
    "freeze": N_("Freezing"),
    "solve": N_("Solving"),
    "verify": N_("Checking"),
    "publish": N_("Publishing"),
}

BEFORE_THE_CLOSE = frozenset({"announced", "open"})
"""While nothing can be shared out yet, the policy can be changed by two persons."""

#: What the audit calls an act -> how the page tells it.
ACTS: dict[str, str] = {
    "cycle.created": N_("made the draft"),
    "cycle.policy_chosen": N_("chose a policy"),
    "cycle.policy_change_proposed": N_("proposed another policy"),
    "cycle.policy_changed": N_("changed the policy after the announcement"),
    "cycle.policy_change_declined": N_("declined another policy"),
    "cycle.window_planned": N_("planned a window"),
    "cycle.windows_planned": N_("planned the windows of the week"),
    "cycle.window_dropped": N_("took a window out"),
    "cycle.announced": N_("announced the windows and the commitment"),
    "cycle.supply_released": N_("released supply"),
    "window.reminded": N_("reminded shops without an order"),
    "window.closed": N_("closed a window"),
    "cycle.frozen": N_("froze the order book"),
    "cycle.solved": N_("shared out the supply"),
    "cycle.verified": N_("checked the result: it holds"),
    "cycle.refused": N_("checked the result: it does not hold"),
    "cycle.step_stopped": N_("stopped a step"),
    "cycle.retried": N_("had a step tried again"),
    "cycle.adjustment_proposed": N_("proposed a manual decision"),
    "cycle.credited": N_("credited a shop whose dispute about a grant was upheld"),
    "cycle.credit_taken": N_("took in the credit of a shop"),
    "cycle.adjustment_approved": N_("approved a manual decision"),
    "cycle.adjustment_declined": N_("declined a manual decision"),
    "cycle.sent_for_release": N_("sent the result to a second person"),
    "cycle.sent_back": N_("gave the result back"),
    "cycle.released": N_("released the result"),
    "cycle.publication_asked": N_("had the result published"),
    "cycle.published": N_("published the grants"),
    "cycle.correction_begun": N_("began a correction of the published grants"),
    "cycle.window_postponed": N_("let a window close later"),
    "cycle.called_off": N_("called the cycle off"),
    "cycle.dispatched": N_("sent the goods out"),
}

COLUMNS = (
    Column("number", N_("No."), "number"),
    Column("name", N_("Cycle"), sortable=False),
    Column("week", N_("Week of"), "date"),
    Column("state", N_("State"), sortable=False),
    Column("policy", N_("Policy"), sortable=False),
    Column("changed_at", N_("Last change"), "instant"),
)
FILTERS = (Filter("state", N_("State"), tuple(STATES.items())),)


@dataclass(frozen=True)
class Line:
    """One row of the list."""

    id: UUID
    number: int
    name: str
    week: date
    state: str
    policy: str
    changed_at: datetime


@dataclass(frozen=True)
class ShownWindow:
    """A window as the page shows it; its times are read on its own zone's clocks."""

    id: UUID
    route: str
    opens: datetime
    closes: datetime
    zone: str
    state: str
    notes: tuple[str, ...]
    too_late: bool
    """Only planned, and its opening time is past."""


@reading.get("")
@http.of_shops
def list_cycles(request: Request, session: http.Db) -> Response:
    """List the cycles; with ``format`` they come as a file."""
    view = TableView.of(request, COLUMNS, filters=FILTERS, sort="-number")
    lines = [
        Line(c.id, c.number, named(request, c), c.week, c.state, c.policy, c.changed_at)
        for c in queries.cycles(session, limit=10_000)
    ]
    text, state = view.search.casefold(), view.filters.get("state")
    found = [line for line in lines if text in line.name.casefold() and state in {None, line.state}]
    found.sort(key=lambda line: getattr(line, view.sort), reverse=view.descending)
    if view.format:
        return console.download(request, COLUMNS, found, name="cycles")
    rows = found[view.offset : view.offset + view.per_page]
    return console.page(
        request,
        "cycles/list.html",
        view=view,
        columns=COLUMNS,
        filters=FILTERS,
        rows=rows,
        total=len(found),
        states=STATES,
        waiting=[cycle for cycle in queries.cycles(session, limit=50) if cycle.state in {"verified", "in_review"}],
    )


@planning.get("/new")
def new_form(request: Request, session: http.Db, clock: http.Now, settings: http.Config) -> Response:
    """Ask for what a cycle is called and which week it is for."""
    today = clock().astimezone(settings.tz).date()
    week = rules.monday(today).isoformat()
    values = {"name_zh": "", "name_en": "", "week": week, "policy": f"{standing.DEFAULT_POLICY}|"}
    return _new_form(request, session, values, {})


@planning.post("/new")
def create_cycle(
    request: Request,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    settings: http.Config,
    name_zh: Annotated[str, Form()] = "",
    name_en: Annotated[str, Form()] = "",
    week: Annotated[str, Form()] = "",
    policy: Annotated[str, Form()] = "",
) -> Response:
    """Make a draft and go to it."""
    gettext = texts(request).gettext
    values = {"name_zh": name_zh, "name_en": name_en, "week": week, "policy": policy}
    try:
        day = date.fromisoformat(week)
    except ValueError:
        return _new_form(request, session, values, {"week": gettext("Choose a day of the week it is for.")}, 422)
    name, _, version = policy.rpartition("|")
    taken = _names_in_week(session, day)
    errors = {
        field: gettext("Another cycle of that week has this name. Choose another one.")
        for field, typed in (("name_zh", name_zh), ("name_en", name_en))
        if typed.strip() in taken
    }
    if errors:
        return _new_form(request, session, values, errors, 422)
    number = rules.monday(day).isocalendar().week
    new = service.NewCycle(
        name_zh.strip() or _free_name(f"第{number}周", taken),
        name_en.strip() or _free_name(f"Week {number}", taken),
        day,
        settings.zone,
        settings.grace_s,
        name or standing.DEFAULT_POLICY,
        int(version) if version.isdecimal() else None,
    )
    try:
        made = service.create_cycle(session, new, by=operator, at=clock())
    except Invalid as refused:
        session.rollback()
        return _new_form(request, session, values, problems(refused, gettext), 422)
    return console.redirect(request, f"{PLACE}/{made}", flash=gettext("The draft is made. Plan its windows next."))


@reading.get("/{cycle}")
@http.of_shops
def cycle_page(request: Request, session: http.Db, cycle: UUID) -> Response:
    """Show one cycle: its steps, windows, what has come in, and what can be done now."""
    return show(request, session, cycle)


@reading.get("/{cycle}/live")
@http.of_shops
def live(request: Request, session: http.Db, cycle: UUID, state: str = "", trouble: str = "") -> Response:
    """Return the window room anew; where the cycle has moved on since ``state``, have the whole page loaded."""
    found = known(session, cycle)
    if found.state != state or (found.trouble is not None) != (trouble == "yes"):
        return Response(status_code=204, headers={"HX-Refresh": "true"})
    return console.fragment(
        request,
        "cycles/_live.html",
        cycle=found,
        room=figures.room(session, cycle),
        moving=found.state in MOVING and found.trouble is None,
    )


@reading.get("/{cycle}/export.zip")
def export_zip(request: Request, session: http.Db, cycle: UUID, attempt: Attempt = None) -> Response:
    """Return the folder that an auditor checks with ``evenhand verify``, of one attempt."""
    return zipped(request, session, cycle, attempt)


def home_cards(session: Session, operator: Operator, _now: datetime) -> list[Card]:
    """Return what waits for this person's decision."""
    latest = queries.cycles(session, limit=50)
    due = [cycle for cycle in latest if waits_for(cycle, operator)]
    proposed = result_queries.waiting_for(session, operator.name) if operator.may("releaser") else {}
    if not due and not proposed:
        return []
    return [
        Card(
            N_("Waiting for you"),
            "cycles/cards/due.html",
            {"cycles": due, "states": STATES, "proposed": [(c, proposed[c.id]) for c in latest if c.id in proposed]},
            order=20,
            href=PLACE,
            tone="wait",
        )
    ]


def waits_for(cycle: queries.Cycle, operator: Operator) -> bool:
    """Return whether the cycle stands still until this person decides."""
    if operator.may("planner") and (cycle.trouble is not None or cycle.state in {"draft", "verified", "refused"}):
        return True
    return operator.may("releaser") and cycle.state == "in_review" and cycle.sent_by != operator.name


def show(
    request: Request,
    session: Session,
    cycle: UUID,
    *,
    errors: dict[str, str] | None = None,
    values: dict[str, str] | None = None,
) -> Response:
    """Return the page of a cycle; with ``errors`` and what was typed where something did not fit."""
    found = known(session, cycle)
    gettext = texts(request).gettext
    policies = queries.policies(session)
    stated = (found.policy_name, found.policy_version)
    taken = queries.steps(session, cycle)
    room = figures.room(session, cycle)
    now = http.runtime_of(request).clock()
    unsupplied = supply_queries.unsupplied(session, cycle) if found.state in {"open", "closed"} else {}
    return console.page(
        request,
        "cycles/cycle.html",
        status_code=422 if errors else 200,
        cycle=found,
        name=named(request, found),
        states=STATES,
        moving=found.state in MOVING and found.trouble is None,
        stoppable=rules.STOPPABLE,
        stepper=stepper(found, taken, room.opens_at),
        room=room,
        windows=_windows(session, found, room.windows, now),
        routes=retailers.routes(session) if found.state == "draft" else [],
        schedules=queries.schedules(session) if found.state == "draft" else [],
        policies=policies,
        policy=next((one for one in policies if (one.name, one.version) == stated), None),
        policy_changes=policy_change_queries.changes(session, cycle) if found.state in BEFORE_THE_CLOSE else [],
        supplies=supply_queries.supply_versions(session, cycle)[:1],
        unsupplied=unsupplied,
        skus=catalogue.skus(session, unsupplied, withdrawn=True) if unsupplied else {},
        run=None if found.state in BEFORE_THE_CLOSE else result_queries.run(session, cycle),
        trouble=trouble(found, gettext),
        late=_is_late(found, room, now),
        history=trails.newest(session, f"cycle:{cycle}", limit=60),
        errors=errors or {},
        values={"route": "*", "opens": "", "closes": "", "postponed": "", "change_reason": ""} | (values or {}),
    )


def problems(refused: Invalid, gettext: Callable[[str], str]) -> dict[str, str]:
    """Return the sentences of a refusal by field."""
    return {where: unfit.sentence(gettext) for where, unfit in refused.problems.items()}


def named(request: Request, cycle: queries.Cycle) -> str:
    """Return the cycle's name in the language of the request."""
    return cycle.name_zh if console.language_of(request) == "zh" else cycle.name_en


def trouble(cycle: queries.Cycle, gettext: Callable[[str], str]) -> dict[str, str] | None:
    """Return what stopped the cycle in words: its step, when, and what to do."""
    if cycle.trouble is None:
        return None
    step = cycle.trouble["step"]
    return {
        "step": gettext(STEP_NAMES.get(step, step)),
        "code": cycle.trouble["code"],
        "at": cycle.trouble["at"],
        "text": trouble_text(cycle.trouble["code"], cycle.trouble["params"], gettext),
    }


def stepper(cycle: queries.Cycle, taken: Sequence[queries.Step], opens_at: datetime | None) -> list[dict[str, object]]:
    """Return the way of a cycle: each state with when it was reached, by whom, and how it stands.

    Windows open by the clock alone, at ``opens_at``.
    """
    last = {step.state: step for step in taken}
    here = "verified" if cycle.state == "refused" else cycle.state
    reached = -1 if cycle.state in {"draft", "called_off"} else PATH.index(here)
    stopped = cycle.trouble is not None or cycle.state == "refused"
    shown: list[dict[str, object]] = []
    for place, state in enumerate(PATH):
        step = last.get(state)
        done = place < reached or cycle.state == "published"
        condition = "done" if done else "todo" if place > reached else "failed" if stopped else "now"
        at = opens_at if state == "open" else step.at if step is not None else None
        actor = "" if step is None else step.actor
        shown.append({"state": state, "at": at, "actor": actor, "condition": condition})
    return shown


def _is_late(cycle: queries.Cycle, room: figures.Room, now: datetime) -> bool:
    """Return whether a step of the machine's own is due for longer than any takes."""
    if cycle.state == "announced":
        return rules.all_closed([window.state for window in room.windows]) and now - cycle.changed_at > LATE_AFTER
    return cycle.state in rules.NEXT_STEP and cycle.trouble is None and now - cycle.changed_at > LATE_AFTER


def _new_form(
    request: Request, session: Session, values: dict[str, str], errors: dict[str, str], status_code: int = 200
) -> Response:
    return console.page(
        request,
        "cycles/new.html",
        status_code=status_code,
        values=values,
        errors=errors,
        policies=queries.policies(session),
        default=standing.DEFAULT_POLICY,
    )


def _names_in_week(session: Session, day: date) -> frozenset[str]:
    """Return what the cycles of a day's week are called, those called off left out."""
    week = rules.monday(day)
    found = (c for c in queries.cycles(session) if c.week == week and c.state != "called_off")
    return frozenset(name for cycle in found for name in (cycle.name_zh, cycle.name_en))


def _free_name(name: str, taken: Collection[str]) -> str:
    """Return the name, counted on where it is taken: ``Week 49 (2)``."""
    counted = (name if number == 1 else f"{name} ({number})" for number in itertools.count(1))
    return next(free for free in counted if free not in taken)


def _windows(
    session: Session, cycle: queries.Cycle, announced: Sequence[orders.WindowView], now: datetime
) -> list[ShownWindow]:
    states = {window.id: window.state for window in announced}
    return [
        ShownWindow(
            id=planned.id,
            route=planned.route,
            opens=planned.opens_at,
            closes=planned.closes_at,
            zone=planned.zone,
            state=states.get(planned.id, "planned"),
            notes=tuple(NOTES[note] for note in planned.notes),
            too_late=cycle.state == "draft" and planned.opens_at <= now,
        )
        for planned in queries.planned_windows(session, cycle.id)
    ]
