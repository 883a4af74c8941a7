"""What can be done with rollouts, and their time. Nothing here commits.

A tick costs a fixed number of statements a rollout, and some more a thousand terminals that it begins. It decides by
what stands in the database alone: a worker that is killed loses nothing, the next one goes on.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy import case, func, select, text, update
from sqlalchemy.orm import Session

from contract.errors import Rejected
from contract.ids import uuid7
from server.kit import audit, live
from server.kit.identity import SYSTEM, Operator
from server.rollouts import audience, rules
from server.rollouts.audience import Target
from server.rollouts.models import RolloutDevice, RolloutRow
from server.rollouts.rules import Plan, Ring, Standing, Tally
from server.steering import queries as steering_queries
from server.steering import rules as steering_rules
from server.steering import service as steering

TOPIC: Final = "rollout"
MINUTE: Final = timedelta(minutes=1)
HEARD_LATE: Final = timedelta(days=7)
"""So long after all of a rollout has ended, terminals that the time ended are still listened to, once a minute."""
Act = Literal["pause", "resume", "advance", "cancel"]
_ADD = text(
    """
    INSERT INTO rollout_devices (rollout, device, retailer, ring, place, state)
    SELECT :rollout, one.device, one.retailer, one.ring, one.place, 'queued'
    FROM unnest(CAST(:devices AS text[]), CAST(:retailers AS text[]), CAST(:rings AS integer[]),
        CAST(:places AS integer[])) AS one (device, retailer, ring, place)
    ON CONFLICT (rollout, device) DO NOTHING
    """
)
_BEGUN = text(
    """
    UPDATE rollout_devices SET state = 'sent', reason = '', detail = '', attempt = attempt + 1, command = one.command,
        begun_at = :at
    FROM unnest(CAST(:devices AS text[]), CAST(:commands AS uuid[])) AS one (device, command)
    WHERE rollout = :rollout AND rollout_devices.device = one.device
    """
)


def propose(
    session: Session,
    name: str,
    kind: str,
    params: Mapping[str, str],
    target: Target,
    plan: Plan,
    operator: Operator,
    *,
    at: datetime,
    device_minutes: int,
    deadline_hours: int,
    continuous: bool = False,
) -> UUID:
    """Write a rollout down; one that needs no second person runs at once. Its terminals are fixed when it is released.

    ``continuous``: terminals that come to fit the query while it runs join it, in the last ring, until its deadline,
    or until a group that it names is removed.

    Raises
    ------
    Rejected
        What the rules of commands and plans refuse; ``rollout_name``; ``rollout_empty``, where no terminal fits;
        ``rollout_list``, where a list is to be continuous; ``not_found``, where there is no such group.
    """
    steering_rules.check_command(kind, params, device_minutes)
    rules.check_plan(plan, device_minutes, deadline_hours)
    if not name.strip():
        raise Rejected("rollout_name")
    if continuous and target.devices:
        raise Rejected("rollout_list")
    if not audience.terminals(session, target, at=at):
        raise Rejected("rollout_empty")
    row = RolloutRow(
        id=uuid7(),
        name=name.strip(),
        kind=kind,
        params=dict(params),
        target=target.model_dump(mode="json"),
        continuous=continuous,
        rings=[vars(ring) for ring in plan.rings],
        rate_per_minute=plan.rate_per_minute,
        abort_percent=plan.abort_percent,
        abort_minimum=plan.abort_minimum,
        device_minutes=device_minutes,
        deadline_hours=deadline_hours,
        state="proposed",
        proposed_by=operator.name,
        proposed_at=at,
    )
    session.add(row)
    session.flush()
    _record(session, row, operator, "proposed", at, command=kind, **dict(params))
    if kind not in rules.BY_TWO:
        release(session, row.id, operator, at=at)
    return row.id


def release(session: Session, rollout: UUID, operator: Operator, *, at: datetime) -> None:
    """Fix which terminals are meant, put them into rings, and let it run.

    Raises
    ------
    Rejected, Conflict
        ``not_found``; ``same_person``; ``wrong_state``; ``rollout_empty``, where no terminal fits any more.
    """
    row = _held(session, rollout)
    after = rules.released(standing(row), kind=row.kind, by=operator.name, proposed_by=row.proposed_by)
    found = audience.terminals(session, Target.model_validate(row.target), at=at)
    if not found:
        raise Rejected("rollout_empty")
    plan, salt = plan_of(row), str(row.id)
    ordered = sorted(found, key=lambda one: rules.order_of(salt, one[0], one[2]))
    rings = [rules.ring_of(place, len(ordered), plan.rings) for place in range(len(ordered))]
    _add(session, rollout, [(device, retailer) for device, retailer, _ in ordered], rings, first=0)
    row.released_by, row.released_at, row.joined_at = operator.name, at, at
    row.deadline_at = at + timedelta(hours=row.deadline_hours)
    _stand(row, after, at)
    _record(session, row, operator, "released", at, devices=len(ordered))


def act(session: Session, rollout: UUID, what: Act, operator: Operator, *, at: datetime, again: bool = False) -> None:
    """Pause, resume, go on with the next ring, or stop for good; ``again``: those that failed are tried once more.

    Raises
    ------
    Rejected, Conflict
        ``not_found``; ``wrong_state``.
    """
    row = _held(session, rollout)
    before = standing(row)
    if what == "pause":
        after = rules.paused(before)
    elif what == "advance":
        after = rules.advanced(before, len(row.rings))
    elif what == "resume":
        after, forgiven = rules.resumed(before)
        if forgiven:
            _forgive(session, rollout)
        if again:
            _queue_again(session, rollout)
    else:
        after = rules.cancelled(before)
        _end_rest(session, row, "stopped", at)
    _stand(row, after, at)
    _settle(session, row, at)
    _record(
        session, row, operator, {"pause": "paused", "resume": "resumed", "advance": "advanced"}.get(what, "stopped"), at
    )


def keep_time(session: Session, now: datetime) -> None:
    """Take what terminals said, begin what may be begun, advance, halt and end: one look at each rollout under way."""
    open_ones = session.scalars(
        select(RolloutRow)
        .where(RolloutRow.settled_at.is_(None), RolloutRow.state != "proposed")
        .order_by(RolloutRow.number)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()
    for row in open_ones:
        _look(session, row, now)
    in_turn = RolloutRow.number % 60 == now.second
    settled = session.scalars(select(RolloutRow.id).where(RolloutRow.settled_at > now - HEARD_LATE, in_turn)).all()
    if settled and _hear(session, settled, now):
        live.tell(session, TOPIC)


def _look(session: Session, row: RolloutRow, now: datetime) -> None:
    changed = _hear(session, [row.id], now)
    if row.continuous and row.state in rules.GOING_ON and row.joined_at is not None and now - row.joined_at >= MINUTE:
        _join(session, row, now)
    before = standing(row)
    step = rules.step(
        plan_of(row),
        before,
        tallies(session, row),
        begun_last_minute=steering_queries.given_since(session, row.id, now - MINUTE),
        now=now,
        deadline=row.deadline_at or now,
        continuous=row.continuous,
    )
    if step.cancel:
        _end_rest(session, row, "deadline", now)
    if step.begin:
        _begin(session, row, step.standing.ring, step.begin, now)
    _stand(row, step.standing, now)
    _settle(session, row, now)
    if changed or step.begin or step.standing != before:
        live.tell(session, TOPIC)
    if step.standing.state != before.state:
        audit.record(
            session,
            actor=SYSTEM,
            action=f"rollout.{'halted' if step.standing.state == 'halted' else 'moved'}",
            subject=f"rollout:{row.number}",
            at=now,
            detail={"state": step.standing.state, "why": step.standing.why},
            alert=step.standing.state == "halted",
        )


def _hear(session: Session, rollouts: Sequence[UUID], now: datetime) -> int:
    """Take over how the commands stand, all at once; return how many have changed.

    What the time ended is listened to on: a terminal that is back says itself how it went.
    """
    said = steering_queries.outcomes(rollouts).subquery()
    becomes = case(
        (said.c.state == "interrupted", "failed"),
        ((said.c.state == "expired") & said.c.begun_at.is_not(None), "timed_out"),
        (said.c.state == "expired", "unreachable"),
        else_=said.c.state,
    )
    ended = becomes.in_(rules.DEVICE_ENDED)
    query = (
        update(RolloutDevice)
        .where(
            RolloutDevice.rollout.in_(rollouts),
            RolloutDevice.command == said.c.id,
            RolloutDevice.state.in_((*rules.UNDER_WAY, *rules.BY_TIME)),
            RolloutDevice.state != becomes,
        )
        .values(
            state=becomes,
            reason=said.c.reason,
            detail=said.c.detail,
            ended_at=case((ended, func.coalesce(said.c.ended_at, now))),
        )
        .returning(RolloutDevice.device)
        .execution_options(synchronize_session=False)
    )
    return len(session.execute(query).all())


def _begin(session: Session, row: RolloutRow, ring: int, count: int, now: datetime) -> None:
    chosen = session.execute(
        select(RolloutDevice.device, RolloutDevice.retailer)
        .where(RolloutDevice.rollout == row.id, RolloutDevice.state == "queued", RolloutDevice.ring <= ring)
        .order_by(RolloutDevice.ring, RolloutDevice.place)
        .limit(count)
        .with_for_update()
    ).all()
    commands = steering.give(
        session,
        [(device, retailer) for device, retailer in chosen],
        row.kind,
        row.params,
        by=row.released_by or row.proposed_by,
        at=now,
        expires_at=now + timedelta(minutes=row.device_minutes),
        batch=row.id,
    )
    session.execute(
        _BEGUN,
        {"rollout": row.id, "devices": [device for device, _ in chosen], "commands": commands, "at": now},
    )


def _join(session: Session, row: RolloutRow, now: datetime) -> None:
    row.joined_at = now
    known = set(session.scalars(select(RolloutDevice.device).where(RolloutDevice.rollout == row.id)))
    try:
        meant = audience.terminals(session, Target.model_validate(row.target), at=now)
    except Rejected:
        return
    fresh = [one for one in meant if one[0] not in known]
    if fresh:
        pairs = [(device, retailer) for device, retailer, _ in fresh]
        _add(session, row.id, pairs, [len(row.rings) - 1] * len(fresh), first=len(known))


def _add(
    session: Session, rollout: UUID, pairs: Sequence[tuple[str, str]], rings: Sequence[int], *, first: int
) -> None:
    session.execute(
        _ADD,
        {
            "rollout": rollout,
            "devices": [device for device, _ in pairs],
            "retailers": [retailer for _, retailer in pairs],
            "rings": list(rings),
            "places": list(range(first, first + len(pairs))),
        },
    )


def _queue_again(session: Session, rollout: UUID) -> None:
    session.execute(
        update(RolloutDevice)
        .where(RolloutDevice.rollout == rollout, RolloutDevice.state.in_((*rules.FAILURES, "unreachable")))
        .values(state="queued", reason="", detail="", ended_at=None, command=None, forgiven=False)
        .execution_options(synchronize_session=False)
    )


def _forgive(session: Session, rollout: UUID) -> None:
    session.execute(
        update(RolloutDevice)
        .where(RolloutDevice.rollout == rollout, RolloutDevice.state.in_(rules.JUDGED))
        .values(forgiven=True)
        .execution_options(synchronize_session=False)
    )


def _end_rest(session: Session, row: RolloutRow, reason: str, at: datetime) -> None:
    """Never begin what was not begun; call back what is under way, which ends in its own time at the latest.

    Also what the time ended: the terminal may have begun it and be at it still.
    """
    session.execute(
        update(RolloutDevice)
        .where(RolloutDevice.rollout == row.id, RolloutDevice.state == "queued")
        .values(state="cancelled", reason=reason, ended_at=at)
        .execution_options(synchronize_session=False)
    )
    under_way = session.scalars(
        select(RolloutDevice.command).where(
            RolloutDevice.rollout == row.id,
            RolloutDevice.state.in_((*rules.UNDER_WAY, *rules.BY_TIME)),
            RolloutDevice.command.is_not(None),
        )
    )
    steering.call_back(session, [command for command in under_way if command is not None], at=at)


def _settle(session: Session, row: RolloutRow, at: datetime) -> None:
    if row.state in rules.ENDED and all(tally.over for tally in tallies(session, row)):
        row.settled_at = at


def _stand(row: RolloutRow, after: Standing, at: datetime) -> None:
    row.state, row.ring, row.why = after.state, after.ring, after.why
    if row.state in rules.ENDED and row.ended_at is None:
        row.ended_at = at


def tallies(session: Session, row: RolloutRow) -> list[Tally]:
    """Return how the terminals of each ring stand."""
    state = RolloutDevice.state
    groups = {
        "queued": state == "queued",
        "under_way": state.in_(rules.UNDER_WAY),
        "succeeded": state == "succeeded",
        "failures": state.in_(rules.FAILURES),
        "other": state.in_(("cancelled", "unreachable")),
        "forgiven_judged": state.in_(rules.JUDGED) & RolloutDevice.forgiven,
        "forgiven_failures": state.in_(rules.FAILURES) & RolloutDevice.forgiven,
    }
    counts = [func.count().filter(fits) for fits in groups.values()]
    rows = session.execute(
        select(RolloutDevice.ring, *counts).where(RolloutDevice.rollout == row.id).group_by(RolloutDevice.ring)
    )
    found = {ring: Tally(**dict(zip(groups, numbers, strict=True))) for ring, *numbers in rows}
    return [found.get(ring, Tally()) for ring in range(len(row.rings))]


def plan_of(row: RolloutRow) -> Plan:
    """Return a rollout's plan."""
    rings = tuple(Ring(**ring) for ring in row.rings)
    return Plan(rings, row.rate_per_minute, row.abort_percent, row.abort_minimum)


def standing(row: RolloutRow) -> Standing:
    """Return where a rollout stands."""
    state: Any = row.state
    why: Any = row.why
    return Standing(state, row.ring, why)


def _held(session: Session, rollout: UUID) -> RolloutRow:
    row = session.get(RolloutRow, rollout, with_for_update=True, populate_existing=True)
    if row is None:
        raise Rejected("not_found", what="rollout", name=str(rollout))
    return row


def _record(session: Session, row: RolloutRow, operator: Operator, did: str, at: datetime, **detail: Any) -> None:
    audit.record(
        session,
        actor=operator.actor,
        action=f"rollout.{did}",
        subject=f"rollout:{row.number}",
        at=at,
        detail={"name": row.name, **detail},
    )
