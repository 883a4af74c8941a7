"""The windows of a cycle: planned in its draft, made to close later once published. Nothing here commits.

Locks: every act holds the cycle's row for update, and so acts on one cycle come one after the other.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.orm import Session

from contract.errors import Rejected
from contract.ids import uuid7
from server.cycles import moves, queries, rules, standing
from server.cycles.errors import (
    CLOSES_FIRST,
    NO_OFFSET,
    NO_ROUTE,
    NO_SCHEDULE,
    NOT_LATER,
    OPENS_IN_THE_PAST,
    WEEK_IS_PAST,
    invalid,
)
from server.cycles.models import CycleRow, PlannedWindow
from server.kit.identity import Operator
from server.orders import windows as order_windows
from server.retailers import queries as retailers


def plan_window(
    session: Session,
    cycle: UUID,
    route: str,
    opens_at: datetime,
    closes_at: datetime,
    *,
    by: Operator,
    at: datetime,
) -> UUID:
    """Plan a window of a draft by its instants; it takes the place of the route's planned one."""
    row = moves.locked(session, cycle)
    rules.advance(moves.state_of(row), "announce")
    if opens_at.tzinfo is None or closes_at.tzinfo is None:
        raise invalid("opens_at", NO_OFFSET)
    if closes_at <= opens_at:
        raise invalid("closes_at", CLOSES_FIRST)
    if opens_at <= at:
        raise invalid("opens_at", OPENS_IN_THE_PAST, opens_at=rules.wall_time(opens_at, row.zone))
    planned = _plan(session, row, route, rules.Span(opens_at, closes_at), row.zone)
    moves.note(session, by, "cycle.window_planned", f"cycle:{cycle}", at, route=route)
    return planned


def plan_scheduled_windows(session: Session, cycle: UUID, *, by: Operator, at: datetime) -> list[UUID]:
    """Plan the windows of the cycle's week from the weekly schedules, in place of what was planned.

    Where some routes have a schedule of their own, that of ``*`` is planned for each of the others.
    """
    row = moves.locked(session, cycle)
    rules.advance(moves.state_of(row), "announce")
    weekly = {schedule.route: schedule for schedule in queries.schedules(session)}
    if not weekly:
        raise invalid("windows", NO_SCHEDULE)
    rest = weekly.pop("*", None)
    spans = list(weekly.items())
    if rest is not None and not weekly:
        spans.append(("*", rest))
    elif rest is not None:
        others = set(retailers.routes(session)) - weekly.keys()
        spans += [(route, rest) for route in sorted(others)]
    windows = [(route, rules.span_of_week(schedule, row.week), schedule.zone) for route, schedule in spans]
    if all(span.opens_at <= at for _, span, _ in windows):
        raise invalid("windows", WEEK_IS_PAST)
    session.execute(delete(PlannedWindow).where(PlannedWindow.cycle == cycle))
    planned = [_plan(session, row, route, span, zone) for route, span, zone in windows]
    moves.note(session, by, "cycle.windows_planned", f"cycle:{cycle}", at, windows=len(planned))
    return planned


def drop_planned_window(session: Session, cycle: UUID, window: UUID, *, by: Operator, at: datetime) -> None:
    """Take a planned window out of a draft."""
    row = moves.locked(session, cycle)
    rules.advance(moves.state_of(row), "announce")
    dropped = session.execute(
        delete(PlannedWindow)
        .where(PlannedWindow.cycle == cycle, PlannedWindow.id == window)
        .returning(PlannedWindow.id)
    )
    if dropped.first() is None:
        raise Rejected("not_found", what="window", name=str(window))
    moves.note(session, by, "cycle.window_dropped", f"cycle:{cycle}", at, window=str(window))


def postpone_window(
    session: Session, cycle: UUID, window: UUID, closes_at: datetime, *, reason: str, by: Operator, at: datetime
) -> None:
    """Let a published window close later; its retailers are told at once, and the reason stays on record.

    Raises
    ------
    Rejected
        ``window_closed``, where the window is over.
    Invalid
        Where the new close is not later than the published one, or no reason is given.
    """
    row = moves.locked(session, cycle)
    planned = session.get(PlannedWindow, window)
    if planned is None or planned.cycle != row.id:
        raise Rejected("not_found", what="window", name=str(window))
    if closes_at.tzinfo is None:
        raise invalid("closes_at", NO_OFFSET)
    if closes_at <= planned.closes_at:
        raise invalid("closes_at", NOT_LATER, closes=rules.wall_time(planned.closes_at, planned.zone))
    said = standing.named("reason", reason)
    order_windows.postpone_window(session, window, closes_at, at=at)
    earlier, planned.closes_at = planned.closes_at, closes_at
    session.flush()
    moves.note(
        session,
        by,
        "cycle.window_postponed",
        f"cycle:{cycle}",
        at,
        route=planned.route,
        reason=said,
        published=earlier.isoformat(),
        closes_at=closes_at.isoformat(),
    )


def _plan(session: Session, row: CycleRow, route: str, span: rules.Span, zone: str) -> UUID:
    if route != "*" and route not in retailers.routes(session):
        raise invalid("route", NO_ROUTE, route=route)
    session.execute(delete(PlannedWindow).where(PlannedWindow.cycle == row.id, PlannedWindow.route == route))
    planned = PlannedWindow(
        id=uuid7(),
        cycle=row.id,
        route=route,
        opens_at=span.opens_at,
        closes_at=span.closes_at,
        zone=zone,
        note=" ".join(span.notes),
    )
    session.add(planned)
    session.flush()
    return planned.id
