"""Another policy after the announcement: a reason, a second person, and a notice to every terminal concerned.

Possible until the first window is over: whoever could read the whole book may not choose by it any more. Nothing here
commits.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from contract.errors import Conflict, Rejected
from contract.ids import uuid7
from server.cycles import moves, queries, rules, standing
from server.cycles.events import PolicyChanged
from server.cycles.models import PolicyChange
from server.kit import events
from server.kit.identity import Operator
from server.orders import queries as orders
from server.orders import windows as order_windows

WINDOWS_TO_COME = frozenset({"announced", "open"})


def propose(session: Session, cycle: UUID, name: str, version: int, *, reason: str, by: Operator, at: datetime) -> UUID:
    """Propose another policy for an announced cycle; return the proposal's id. Nothing changes by it.

    Raises
    ------
    Rejected, Conflict, Invalid
        ``not_found``; ``wrong_state``, where no window is announced, one is over, or a proposal waits already;
        ``already_exists``, where the policy is that of the cycle; no reason.
    """
    row = moves.locked(session, cycle)
    _check_open(session, cycle, moves.state_of(row), at)
    if queries.policy(session, name, version) is None:
        raise Rejected("not_found", what="policy", name=f"{name} {version}")
    if (row.policy_name, row.policy_version) == (name, version):
        raise Rejected("already_exists", what="policy", name=f"{name} v{version}")
    waits = session.scalar(select(PolicyChange.id).where(PolicyChange.cycle == cycle, PolicyChange.state == "proposed"))
    if waits is not None:
        raise Conflict("wrong_state", state="proposed", needed="approved / declined")
    made = PolicyChange(
        id=uuid7(),
        cycle=cycle,
        name=name,
        version=version,
        from_name=row.policy_name,
        from_version=row.policy_version,
        reason=standing.named("reason", reason),
        author=by.name,
        proposed_at=at,
        state="proposed",
    )
    session.add(made)
    session.flush()
    _note(session, made, "cycle.policy_change_proposed", by, at, made.reason)
    return made.id


def approve(session: Session, cycle: UUID, change: UUID, *, by: Operator, at: datetime) -> None:
    """Approve as a second person: the policy and its hash are published with the windows, and the shops are told.

    Raises
    ------
    Rejected, Conflict
        ``same_person``; ``wrong_state``, where it was decided, or a window is over by now.
    """
    row = moves.locked(session, cycle)
    found = _proposed(session, cycle, change)
    rules.check_second_person(found.author, by.name)
    _check_open(session, cycle, moves.state_of(row), at)
    policy = queries.policy(session, found.name, found.version)
    assert policy is not None  # noqa: S101 - a foreign key holds it
    found.state, found.decided_by, found.decided_at = "approved", by.name, at
    row.policy_name, row.policy_version, row.changed_at = found.name, found.version, at
    session.flush()
    order_windows.mark_policy(session, cycle, moves.policy_label(policy), policy.text_sha256, at=at)
    _note(session, found, "cycle.policy_changed", by, at, found.reason)
    events.publish(session, PolicyChanged(found.id, at))


def decline(session: Session, cycle: UUID, change: UUID, *, reason: str, by: Operator, at: datetime) -> None:
    """Decline as a second person, with a reason."""
    moves.locked(session, cycle)
    found = _proposed(session, cycle, change)
    rules.check_second_person(found.author, by.name)
    found.state, found.decided_by, found.decided_at = "declined", by.name, at
    found.decided_why = standing.named("reason", reason)
    session.flush()
    _note(session, found, "cycle.policy_change_declined", by, at, found.decided_why)


def _check_open(session: Session, cycle: UUID, state: rules.State, at: datetime) -> None:
    windows = orders.windows(session, cycle=cycle)
    over = any(one.state not in WINDOWS_TO_COME or at >= one.rule().deadline for one in windows)
    if state != "announced" or over:
        raise Conflict("wrong_state", state="closed" if state == "announced" else state, needed="announced / open")


def _proposed(session: Session, cycle: UUID, change: UUID) -> PolicyChange:
    found = session.scalars(
        select(PolicyChange).where(PolicyChange.cycle == cycle, PolicyChange.id == change).with_for_update()
    ).one_or_none()
    if found is None:
        raise Rejected("not_found", what="policy", name=str(change))
    if found.state != "proposed":
        raise Conflict("wrong_state", state=found.state, needed="proposed")
    return found


def _note(session: Session, one: PolicyChange, action: str, by: Operator, at: datetime, reason: str) -> None:
    moves.note(
        session,
        by,
        action,
        f"cycle:{one.cycle}",
        at,
        policy=f"{one.name} v{one.version}",
        before=f"{one.from_name} v{one.from_version}",
        reason=reason,
    )
