"""Plans as people work with them: asked for, stopped, read, moved by hand, replanned. Nothing here commits.

Who changes a plan says which revision he saw; the second of two is told. A stop that was done is never moved. A person
with bounds moves stops of his shops alone; places, ways and limits are those of the whole plan, with what he does not
see.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Literal, cast
from uuid import UUID

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from contract.errors import Conflict, Rejected
from contract.ids import uuid7
from server.kit import audit, computations, jobs
from server.kit.changing import ChangedMeanwhileError
from server.kit.db import EVERYTHING, acting_for
from server.kit.fields import Field, Text, require
from server.kit.identity import Operator
from server.kit.marking import N_
from server.retailers import queries as retailers
from server.visits import planning, replanning, ruling
from server.visits.distances import Spot
from server.visits.models import PlanRow, StopMoveRow, StopRow
from server.visits.planning import Plan, Stop, Terms, Tour

TASK: Final = "visits.plan"
STEPS_BESIDE: Final = 2
"""Reading what is due, and storing."""
WHY: Final = (Field("why", N_("Reason"), Text(200)),)

State = Literal["waiting", "working", "made", "failed", "stopped"]


@dataclass(frozen=True)
class PlanView:
    """A plan; ``figures`` are of the whole plan as it was computed, and there once it is made."""

    id: UUID
    number: int
    state: State
    rules_version: int
    terms: Terms
    within: tuple[tuple[str, ...], tuple[str, ...]]
    asked_by: str
    asked_at: datetime
    steps_done: int
    steps: int
    figures: Mapping[str, Any] | None
    trouble: str | None
    stopped_by: str | None
    done_at: datetime | None
    revision: int


@dataclass(frozen=True)
class StopView:
    """A stop of a plan; without manager, day and place it found no room."""

    id: UUID
    plan: UUID
    retailer: str
    rule: str
    due_on: date
    manager: str | None
    day: date | None
    place: int | None
    travel_m: int | None
    done_at: datetime | None


@dataclass(frozen=True)
class Move:
    """That a stop went from one list to another, or within one, and why."""

    revision: int
    retailer: str
    from_manager: str | None
    from_day: date | None
    to_manager: str | None
    to_day: date | None
    why: str
    author: str
    at: datetime


def ask(session: Session, terms: Terms, operator: Operator, *, at: datetime) -> UUID:
    """Have a plan made by the rules in force, of the shops that the person sees; return its id.

    Raises
    ------
    Conflict
        ``wrong_state``, where there are no rules.
    """
    in_force = ruling.in_force(session)
    if not in_force.version:
        raise Conflict("wrong_state", state="no rules", needed="rules")
    within = {"within": [sorted(operator.regions), sorted(operator.classes)]}
    row = PlanRow(
        id=uuid7(),
        rules_version=in_force.version,
        first_day=terms.first_day,
        days=terms.days,
        terms={**planning.stored_terms(terms), **within},
        asked_by=operator.name,
        asked_at=at,
        state="waiting",
        steps_done=0,
        steps=STEPS_BESIDE + 1 + len(terms.managers),
        revision=0,
    )
    session.add(row)
    session.flush()
    jobs.defer(session, TASK, {"plan": str(row.id)}, queue=jobs.SOLVING)
    audit.record(
        session,
        actor=operator.actor,
        action="visit_plan.asked",
        subject=f"visit_plan:{row.id}",
        at=at,
        detail={"rules": in_force.version, "first_day": terms.first_day.isoformat(), "days": terms.days},
    )
    return row.id


def stop(session: Session, plan: UUID, *, by: Operator, at: datetime) -> None:
    """Stop one that is not over; refuse with ``not_found`` or ``wrong_state``."""
    computations.stop(session, PlanRow, plan, f"visit_plan:{plan}", by=by, at=at)


def find(session: Session, plan: UUID) -> PlanView:
    """Return one plan; refuse with ``not_found``."""
    row = session.get(PlanRow, plan)
    if row is None:
        raise Rejected("not_found", what="visit plan", name=str(plan))
    return _view(row)


def recent(session: Session, limit: int = 20) -> list[PlanView]:
    """Return the last plans, the newest first."""
    return [_view(row) for row in session.scalars(select(PlanRow).order_by(PlanRow.number.desc()).limit(limit))]


def stops(session: Session, plan: UUID, *, manager: str = "", day: date | None = None) -> list[StopView]:
    """Return the stops of a plan by day, manager and place; those without room stand last, the earliest due first."""
    where = [StopRow.plan == plan]
    where += [StopRow.manager == manager] if manager else []
    where += [] if day is None else [StopRow.day == day]
    order = (StopRow.day.nulls_last(), StopRow.manager, StopRow.place, StopRow.due_on, StopRow.retailer)
    return [_stop(row) for row in session.scalars(select(StopRow).where(*where).order_by(*order))]


def stops_of(session: Session, manager: str, *, first: date, last: date) -> list[StopView]:
    """Return what a manager has to do between two days, by day and place; of several plans the newest counts a day."""
    query = (
        select(StopRow)
        .join(PlanRow, PlanRow.id == StopRow.plan)
        .where(StopRow.manager == manager, StopRow.day.between(first, last), PlanRow.state == "made")
        .order_by(StopRow.day, PlanRow.number, StopRow.place)
    )
    found = [_stop(row) for row in session.scalars(query)]
    seen: dict[tuple[date | None, str], StopView] = {}
    for one in found:
        seen[one.day, one.retailer] = one
    return list(seen.values())


def moves(session: Session, plan: UUID, *, limit: int = 500) -> list[Move]:
    """Return what was moved in a plan, the last change first."""
    query = select(StopMoveRow).where(StopMoveRow.plan == plan).order_by(StopMoveRow.id.desc()).limit(limit)
    return [
        Move(
            row.revision,
            row.retailer,
            row.from_manager,
            row.from_day,
            row.to_manager,
            row.to_day,
            row.why,
            row.author,
            row.at,
        )
        for row in session.scalars(query)
    ]


def move_stop(
    session: Session,
    plan: UUID,
    retailer: str,
    manager: str,
    day: date,
    place: int,
    operator: Operator,
    *,
    at: datetime,
    seen: int,
) -> int:
    """Put a stop to a manager's day, before what stands there as the ``place``-th now; return the revision then.

    A person may put more into a day than fits by the terms: what he sees is said, and he decides.

    Raises
    ------
    Rejected, Conflict
        ``not_found`` for plan, shop and manager; ``changed_meanwhile``; ``wrong_state`` where it was done;
        ``not_allowed`` for a manager who moves what is not his, or away from himself.
    """
    row = _held(session, plan, seen)
    own = StopRow.plan == plan
    moved = session.scalars(select(StopRow).where(own, StopRow.retailer == retailer)).one_or_none()
    if moved is None:
        raise Rejected("not_found", what="stop", name=retailer)
    terms = _view(row).terms
    if manager not in {one.name for one in terms.managers}:
        raise Rejected("not_found", what="manager", name=manager)
    if day not in terms.calendar():
        raise Rejected("not_found", what="day", name=day.isoformat())
    if not operator.may("planner", "regional") and {moved.manager, manager} != {operator.name}:
        raise Rejected("not_allowed", role="planner / regional")
    _check_open(moved)
    before = (moved.manager, moved.day)
    with acting_for(session, scope=EVERYTHING):
        in_order = select(StopRow).where(own).order_by(StopRow.place)
        there = session.scalars(in_order.where(StopRow.manager == manager, StopRow.day == day))
        target = [one for one in there if one is not moved]
        at_place = min(max(place - 1, 0), len(target))
        target.insert(at_place, moved)
        moved.manager, moved.day = manager, day
        left: list[StopRow] = []
        if before != (manager, day) and before[1] is not None:
            same = (StopRow.manager == before[0], StopRow.day == before[1], StopRow.id != moved.id)
            left = list(session.scalars(in_order.where(*same)))
        _renumber(session, target)
        _renumber(session, left)
    one = replanning.Moved(_bare(moved), before[0], before[1], manager, day)
    _note(session, row, [one], "by hand", operator, at=at)
    return row.revision


def replan(
    session: Session,
    plan: UUID,
    off: Collection[tuple[str, date]],
    why: str,
    operator: Operator,
    *,
    at: datetime,
    today: date,
    seen: int,
) -> list[replanning.Moved]:
    """Let others do, or do on another day, what managers were to do on the days ``off``; return where each stop went.

    What was done stays, and what the person does not see; so does everything else, in its order. Nothing is put on a
    day before ``today``, and what was left undone on such days is found new room for, too.

    Raises
    ------
    Rejected, Conflict, Invalid
        ``not_found``; ``wrong_state``, where the plan is not made; ``changed_meanwhile``; no reason.
    """
    require(WHY, {"why": why.strip()})
    row = _held(session, plan, seen)
    view = _view(row)
    names = {one.name for one in view.terms.managers}
    for name, _ in off:
        if name not in names:
            raise Rejected("not_found", what="manager", name=name)
    visible = frozenset(session.scalars(select(StopRow.retailer).where(StopRow.plan == plan)))
    with acting_for(session, scope=EVERYTHING):
        told, over = _replanned(session, plan, view.terms, off, movable=visible, today=today)
    _note(session, row, told, why.strip(), operator, at=at)
    audit.record(
        session,
        actor=operator.actor,
        action="visit_plan.replanned",
        subject=f"visit_plan:{plan}",
        at=at,
        detail={"moved": len(told), "without_room": over, "why": why.strip()},
    )
    return told


def _replanned(
    session: Session,
    plan: UUID,
    terms: Terms,
    off: Collection[tuple[str, date]],
    *,
    movable: Collection[str],
    today: date,
) -> tuple[list[replanning.Moved], int]:
    """Find other room for the ``movable`` shops of days that are off or over, in the whole plan.

    Returns where each went, and how many of them have none.
    """
    rows = {one.retailer: one for one in session.scalars(select(StopRow).where(StopRow.plan == plan))}
    done = {code for code, one in rows.items() if one.done_at is not None}
    standing = _plan_of(session, rows.values(), on=today)
    past = {(tour.manager, tour.day) for tour in standing.tours if tour.day < today}
    before_today = {(one.name, day) for one in terms.managers for day in terms.calendar() if day < today}
    kept, homeless = replanning.without(standing, past | set(off), done | (rows.keys() - set(movable)))
    homeless += [replanning.Moved(one, None, None, None, None) for one in kept.left if one.retailer in movable]
    others = tuple(one for one in kept.left if one.retailer not in movable)
    first = {
        (tour.manager, tour.day): max(
            (at for at, one in enumerate(tour.stops, start=1) if one.retailer in done), default=0
        )
        for tour in kept.tours
    }
    closed = past | set(off) | before_today
    made, moved = replanning.place(Plan(kept.tours, others), homeless, terms, closed=closed, first=first)
    _write(session, rows, made)
    told = [one for one in moved if (one.from_manager, one.from_day) != (one.to_manager, one.to_day)]
    return told, len(made.left) - len(others)


def store(session: Session, plan: UUID, made: Plan) -> None:
    """Store the stops of a plan that was just made."""
    rows = [*_rows_of(plan, made)]
    if rows:
        session.execute(insert(StopRow), rows)


def planned_already(session: Session, *, today: date) -> frozenset[str]:
    """Return the shops that stand undone in a plan on this day or a later one."""
    query = (
        select(StopRow.retailer)
        .join(PlanRow, PlanRow.id == StopRow.plan)
        .where(PlanRow.state == "made", StopRow.done_at.is_(None), StopRow.day >= today)
    )
    return frozenset(session.scalars(query))


def _rows_of(plan: UUID, made: Plan) -> Iterable[dict[str, Any]]:
    for tour in made.tours:
        before = None
        for place, stop_made in enumerate(tour.stops, start=1):
            travel = planning.travel_m(before, stop_made)
            where = {"manager": tour.manager, "day": tour.day, "place": place, "travel_m": travel}
            yield {"id": uuid7(), "plan": plan, **_what(stop_made), **where}
            before = stop_made
    for stop_made in made.left:
        where_not = dict.fromkeys(("manager", "day", "place", "travel_m"))
        yield {"id": uuid7(), "plan": plan, **_what(stop_made), **where_not}


def _what(one: Stop) -> dict[str, Any]:
    return {"retailer": one.retailer, "rule": one.rule, "due_on": one.due_on}


def _write(session: Session, rows: Mapping[str, StopRow], made: Plan) -> None:
    for values in _rows_of(UUID(int=0), made):
        row = rows[values["retailer"]]
        for name in ("manager", "day", "place", "travel_m"):
            setattr(row, name, values[name])
    session.flush()


def _plan_of(session: Session, rows: Iterable[StopRow], *, on: date) -> Plan:
    """Return stored stops as a plan, with where their shops are now and what their rules say."""
    rows = list(rows)
    shops = {one.code: one for one in retailers.outlets(session, on=on, wanted=[row.retailer for row in rows])}
    minutes = {rule.key: rule.minutes for rule in ruling.in_force(session).rules}
    tours: dict[tuple[str, date], list[tuple[int, Stop]]] = {}
    left = []
    for row in rows:
        one = _bare(row, shops.get(row.retailer), minutes.get(row.rule, 0))
        if row.manager is None or row.day is None or row.place is None:
            left.append(one)
        else:
            tours.setdefault((row.manager, row.day), []).append((row.place, one))
    ordered = [
        Tour(name, day, tuple(one for _, one in sorted(placed, key=lambda each: each[0])))
        for (name, day), placed in sorted(tours.items())
    ]
    return Plan(tuple(ordered), tuple(left))


def _bare(row: StopRow, shop: retailers.Outlet | None = None, minutes: int = 0) -> Stop:
    if shop is None:
        return Stop(row.retailer, row.rule, row.due_on, minutes)
    spot = None if shop.latitude is None or shop.longitude is None else Spot(shop.latitude, shop.longitude)
    return Stop(row.retailer, row.rule, row.due_on, minutes, shop.region, shop.market_type, spot)


def _renumber(session: Session, rows: Sequence[StopRow]) -> None:
    shops = {one.code: one for one in retailers.outlets(session, on=date.min, wanted=[row.retailer for row in rows])}
    before = None
    for place, row in enumerate(rows, start=1):
        one = _bare(row, shops.get(row.retailer))
        row.place, row.travel_m = place, planning.travel_m(before, one)
        before = one
    session.flush()


def _held(session: Session, plan: UUID, seen: int) -> PlanRow:
    row = session.get(PlanRow, plan, with_for_update=True, populate_existing=True)
    if row is None:
        raise Rejected("not_found", what="visit plan", name=str(plan))
    if row.state != "made":
        raise Conflict("wrong_state", state=row.state, needed="made")
    if row.revision != seen:
        raise ChangedMeanwhileError(f"#{row.number}")
    return row


def _check_open(row: StopRow) -> None:
    if row.done_at is not None:
        raise Conflict("wrong_state", state="done", needed="planned")


def _note(
    session: Session, row: PlanRow, moved: Sequence[replanning.Moved], why: str, operator: Operator, *, at: datetime
) -> None:
    row.revision += 1
    if moved:
        session.execute(
            insert(StopMoveRow),
            [
                {
                    "plan": row.id,
                    "revision": row.revision,
                    "retailer": one.stop.retailer,
                    "from_manager": one.from_manager,
                    "from_day": one.from_day,
                    "to_manager": one.to_manager,
                    "to_day": one.to_day,
                    "why": why,
                    "author": operator.name,
                    "at": at,
                }
                for one in moved
            ],
        )
    session.flush()


def tally(session: Session, plans: Collection[UUID]) -> dict[UUID, tuple[int, int, int]]:
    """Return by plan how many stops the person sees, how many are done, and how many found no room."""
    query = (
        select(
            StopRow.plan,
            func.count(),
            func.count().filter(StopRow.done_at.is_not(None)),
            func.count().filter(StopRow.day.is_(None)),
        )
        .where(StopRow.plan.in_(plans))
        .group_by(StopRow.plan)
    )
    return {plan: (count, done, left) for plan, count, done, left in session.execute(query)}


def _view(row: PlanRow) -> PlanView:
    stored = {name: value for name, value in row.terms.items() if name != "within"}
    regions, markets = row.terms["within"]
    return PlanView(
        row.id,
        row.number,
        cast("State", row.state),
        row.rules_version,
        planning.read_terms(row.first_day, row.days, stored),
        (tuple(regions), tuple(markets)),
        row.asked_by,
        row.asked_at,
        row.steps_done,
        row.steps,
        row.figures,
        row.trouble,
        row.stopped_by,
        row.done_at,
        row.revision,
    )


def _stop(row: StopRow) -> StopView:
    return StopView(
        row.id,
        row.plan,
        row.retailer,
        row.rule,
        row.due_on,
        row.manager,
        row.day,
        row.place,
        row.travel_m,
        row.done_at,
    )
