"""What people do with a cycle by hand: each act is a form of its page, and leads back to it with a sentence."""

from collections.abc import Callable
from datetime import date, datetime, time
from functools import partial
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import Form, Request, Response
from sqlalchemy.orm import Session

from server.cycles import queries, rules, service, window_planning
from server.cycles.console import PLACE, problems, show
from server.cycles.http import known
from server.kit import console, http
from server.kit.console.texts import texts
from server.kit.fields import Invalid

planning = http.router(PLACE, tag="console", roles=("planner",))
releasing = http.router(PLACE, tag="console", roles=("releaser",))

Seen = Annotated[int | None, Form()]


@planning.post("/{cycle}/windows")
def plan_window(
    request: Request,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    cycle: UUID,
    route: Annotated[str, Form()] = "*",
    opens: Annotated[str, Form()] = "",
    closes: Annotated[str, Form()] = "",
) -> Response:
    """Plan a window by its times, as the wall clock of the cycle's zone shows them."""
    gettext = texts(request).gettext
    zone = ZoneInfo(known(session, cycle).zone)
    values = {"route": route, "opens": opens, "closes": closes}
    try:
        opens_at, closes_at = (_instant(typed, zone) for typed in (opens, closes))
    except ValueError:
        errors = {"opens": gettext("Give both times, such as 2026-12-07 08:00.")}
        return show(request, session, cycle, errors=errors, values=values)
    return _perform(
        request,
        session,
        cycle,
        lambda: window_planning.plan_window(session, cycle, route, opens_at, closes_at, by=operator, at=clock()),
        done=gettext("The window is planned."),
        values=values,
    )


@planning.post("/{cycle}/windows/{window}/postpone")
def postpone_window(
    request: Request,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    cycle: UUID,
    window: UUID,
    closes: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "",
) -> Response:
    """Let a published window close later, by the wall clock of its zone."""
    gettext = texts(request).gettext
    planned = {one.id: one for one in queries.planned_windows(session, cycle)}.get(window)
    values = {"postponed": str(window), "later": closes, "reason": reason}
    try:
        closes_at = _instant(closes, ZoneInfo(planned.zone if planned else known(session, cycle).zone))
    except ValueError:
        errors = {"closes_at": gettext("Give the new close, such as 2026-12-07 18:00.")}
        return show(request, session, cycle, errors=errors, values=values)
    return _perform(
        request,
        session,
        cycle,
        lambda: window_planning.postpone_window(
            session, cycle, window, closes_at, reason=reason, by=operator, at=clock()
        ),
        done=gettext("The window closes later. Its terminals are told."),
        values=values,
    )


@planning.post("/{cycle}/windows/scheduled")
def plan_scheduled(request: Request, session: http.Db, clock: http.Now, operator: http.Person, cycle: UUID) -> Response:
    """Plan the windows of the cycle's week from the weekly schedules."""
    return _perform(
        request,
        session,
        cycle,
        lambda: window_planning.plan_scheduled_windows(session, cycle, by=operator, at=clock()),
        done=texts(request).gettext("The windows of that week are planned. Look at their times."),
    )


@planning.post("/{cycle}/windows/{window}/drop")
def drop_window(
    request: Request, session: http.Db, clock: http.Now, operator: http.Person, cycle: UUID, window: UUID
) -> Response:
    """Take a planned window out."""
    window_planning.drop_planned_window(session, cycle, window, by=operator, at=clock())
    return console.redirect(request, f"{PLACE}/{cycle}", flash=texts(request).gettext("The window is taken out."))


@planning.post("/{cycle}/policy")
def choose_policy(
    request: Request,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    cycle: UUID,
    policy: Annotated[str, Form()] = "",
) -> Response:
    """Choose the policy of a draft."""
    name, _, version = policy.rpartition("|")
    return _perform(
        request,
        session,
        cycle,
        lambda: service.choose_policy(
            session, cycle, name, int(version) if version.isdecimal() else 0, by=operator, at=clock()
        ),
        done=texts(request).gettext("The policy is chosen."),
    )


@planning.post("/{cycle}/announce")
def announce(request: Request, session: http.Db, clock: http.Now, operator: http.Person, cycle: UUID) -> Response:
    """Publish commitment, policy and windows."""
    return _perform(
        request,
        session,
        cycle,
        lambda: service.announce_cycle(session, cycle, by=operator, at=clock()),
        done=texts(request).gettext("Announced: the windows and the commitment stand on every terminal."),
    )


@planning.post("/{cycle}/retry")
def retry(request: Request, session: http.Db, clock: http.Now, operator: http.Person, cycle: UUID) -> Response:
    """Do the step that stopped again."""
    return _perform(
        request,
        session,
        cycle,
        lambda: service.retry(session, cycle, by=operator, at=clock()),
        done=texts(request).gettext("The step is tried again."),
    )


@planning.post("/{cycle}/stop")
def stop(request: Request, session: http.Db, clock: http.Now, operator: http.Person, cycle: UUID) -> Response:
    """Stop the step under way; where it is over by now, that is said."""
    act = partial(service.stop_step, session, cycle, by=operator, at=clock())
    return console.stopped(request, session, act, back=f"/console/cycles/{cycle}")


@planning.post("/{cycle}/call-off")
def call_off(
    request: Request,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    cycle: UUID,
    reason: Annotated[str, Form()] = "",
) -> Response:
    """End the cycle without a result."""
    return _perform(
        request,
        session,
        cycle,
        lambda: service.call_off(session, cycle, reason=reason, by=operator, at=clock()),
        done=texts(request).gettext("The cycle is called off."),
    )


@planning.post("/{cycle}/send")
def send_for_release(
    request: Request, session: http.Db, clock: http.Now, operator: http.Person, cycle: UUID, seen: Seen = None
) -> Response:
    """Send the result that was looked at to a second person."""
    return _perform(
        request,
        session,
        cycle,
        lambda: service.send_for_release(session, cycle, by=operator, at=clock(), seen=seen),
        done=texts(request).gettext("Sent. A second person can release it now."),
        to=f"{PLACE}/{cycle}/review",
    )


@releasing.post("/{cycle}/send-back")
def send_back(
    request: Request,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    cycle: UUID,
    reason: Annotated[str, Form()] = "",
) -> Response:
    """Give the result back to the planner."""
    return _perform(
        request,
        session,
        cycle,
        lambda: service.send_back(session, cycle, reason=reason, by=operator, at=clock()),
        done=texts(request).gettext("Given back to the planner."),
        to=f"{PLACE}/{cycle}/review",
    )


@releasing.post("/{cycle}/release")
def release(
    request: Request, session: http.Db, clock: http.Now, operator: http.Person, cycle: UUID, seen: Seen = None
) -> Response:
    """Release and publish what was looked at, as the second person."""
    return _perform(
        request,
        session,
        cycle,
        lambda: service.release(session, cycle, by=operator, at=clock(), seen=seen),
        done=texts(request).gettext("Released. The grants are on their way to the terminals."),
    )


@releasing.post("/{cycle}/publish")
def publish(request: Request, session: http.Db, clock: http.Now, operator: http.Person, cycle: UUID) -> Response:
    """Publish what was released."""
    return _perform(
        request,
        session,
        cycle,
        lambda: service.publish(session, cycle, by=operator, at=clock()),
        done=texts(request).gettext("The grants are on their way to the terminals."),
    )


def _perform(
    request: Request,
    session: Session,
    cycle: UUID,
    act: Callable[[], object],
    *,
    done: str,
    values: dict[str, str] | None = None,
    to: str | None = None,
) -> Response:
    """Do ``act`` and go on with a sentence; where it does not fit, undo it and show the cycle with the reason."""
    try:
        act()
    except Invalid as refused:
        session.rollback()
        return show(request, session, cycle, errors=problems(refused, texts(request).gettext), values=values)
    return console.redirect(request, to or f"{PLACE}/{cycle}", flash=done)


def _instant(typed: str, zone: ZoneInfo) -> datetime:
    """Return the instant of a wall time as a form sends it; where clocks change, by the one rule of schedules."""
    day, _, at = typed.strip().replace(" ", "T").partition("T")
    return rules.wall_instant(date.fromisoformat(day), time.fromisoformat(at), zone)[0]
