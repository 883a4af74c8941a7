"""What people do with cycles. Nothing here commits; the machine's own steps stand in ``steps``.

Locks: every act holds the cycle's row for update, and so acts on one cycle come one after the other.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.orm import Session

from allocation import seeding
from contract.errors import Conflict, Rejected
from contract.ids import uuid7
from server.cycles import attempts, correcting, moves, queries, result_queries, rules, secrets, standing, supply_queries
from server.cycles.errors import (
    ALL_BESIDE_ONE,
    ALL_OPEN_TOO_SOON,
    NO_WINDOW,
    OPENS_TOO_SOON,
    UNDECIDED,
    invalid,
)
from server.cycles.models import (
    CycleRow,
    SupplyLine,
    SupplyVersion,
)
from server.cycles.supply import Line
from server.kit import audit
from server.kit.changing import ChangedMeanwhileError, Standing
from server.kit.fields import OUT_OF_RANGE
from server.kit.identity import Operator
from server.kit.marking import N_
from server.orders import queries as orders
from server.orders import windows as order_windows
from server.scores import queries as scores

GRACE_MOST_S = 600
CHANGED_NAMED: Final = 50
"""Of how many SKUs that a correction changes the audit says so, each by itself."""


@dataclass(frozen=True)
class NewCycle:
    """A cycle to be made. ``week`` is any day of its week; ``policy`` the newest default where absent."""

    name_zh: str
    name_en: str
    week: date
    zone: str
    grace_s: int
    policy: str = standing.DEFAULT_POLICY
    policy_version: int | None = None


# A cycle from its draft to its announcement


def create_cycle(session: Session, new: NewCycle, *, by: Operator, at: datetime) -> UUID:
    """Make a draft; return its id."""
    standing.check_zone(new.zone)
    if not 0 <= new.grace_s <= GRACE_MOST_S:
        raise invalid("grace_s", OUT_OF_RANGE, value=new.grace_s, least=0, most=GRACE_MOST_S)
    if new.policy == standing.DEFAULT_POLICY:
        standing.default_policy(session, at=at)
    policy = queries.policy(session, new.policy, new.policy_version)
    if policy is None:
        raise Rejected("not_found", what="policy", name=f"{new.policy} {new.policy_version or ''}".strip())
    row = CycleRow(
        id=uuid7(),
        name_zh=standing.named("name_zh", new.name_zh),
        name_en=standing.named("name_en", new.name_en),
        week=rules.monday(new.week),
        zone=new.zone,
        grace_s=new.grace_s,
        state="draft",
        policy_name=policy.name,
        policy_version=policy.version,
        supply_version=0,
        attempt=0,
        created_by=by.name,
        created_at=at,
        changed_at=at,
    )
    session.add(row)
    session.flush()
    moves.record_step(session, row, at=at, actor=moves.actor_of(by))
    moves.note(session, by, "cycle.created", f"cycle:{row.id}", at, name=row.name_en, policy=policy.name)
    return row.id


def choose_policy(session: Session, cycle: UUID, name: str, version: int, *, by: Operator, at: datetime) -> None:
    """Choose the policy of a draft. After the announcement two persons change it (:mod:`.policy_changing`)."""
    row = moves.locked(session, cycle)
    rules.advance(moves.state_of(row), "announce")
    if queries.policy(session, name, version) is None:
        raise Rejected("not_found", what="policy", name=f"{name} {version}")
    row.policy_name, row.policy_version, row.changed_at = name, version, at
    moves.note(session, by, "cycle.policy_chosen", f"cycle:{cycle}", at, name=name, version=version)


def announce_cycle(
    session: Session,
    cycle: UUID,
    *,
    by: Operator,
    at: datetime,
    draw: Callable[[], bytes] = seeding.draw_secret,
) -> str:
    """Draw the secret, publish its commitment with the policy, the scores meant and the windows; return the commitment.

    Every window must open later than ``at``, so that the commitment always stands before.
    """
    row = moves.locked(session, cycle)
    rules.advance(moves.state_of(row), "announce")
    planned = queries.planned_windows(session, cycle)
    _check_plan(planned, at)
    policy = queries.policy(session, row.policy_name, row.policy_version)
    assert policy is not None  # noqa: S101 - a foreign key holds it
    secret = draw()
    secrets.keep(session, cycle, secret.hex(), at=at)
    row.commitment = seeding.commitment(secret).hex()
    meant = scores.in_force(session)
    row.announced_scores = None if meant is None else meant.score_version
    moves.move(session, row, "announce", at=at, actor=moves.actor_of(by), detail={"commitment": row.commitment})
    scarce, unsupplied = supply_queries.scarce_skus(session, cycle), supply_queries.skus_without_supply(session, cycle)
    for window in planned:
        order_windows.announce_window(
            session,
            order_windows.NewWindow(
                id=window.id,
                cycle=cycle,
                name_zh=row.name_zh,
                name_en=row.name_en,
                route=window.route,
                opens_at=window.opens_at,
                closes_at=window.closes_at,
                grace_s=row.grace_s,
                zone=window.zone,
                commitment=row.commitment,
                policy=moves.policy_label(policy),
                policy_sha256=policy.text_sha256,
                score_version=row.announced_scores,
                scarce=scarce,
                unsupplied=unsupplied,
            ),
            at=at,
        )
    moves.note(session, by, "cycle.announced", f"cycle:{cycle}", at, commitment=row.commitment, windows=len(planned))
    return row.commitment


# Supply


def release_supply(
    session: Session,
    cycle: UUID,
    lines: Sequence[Line],
    *,
    reason: str,
    by: Operator,
    at: datetime,
    seen: int | None = None,
) -> int:
    """Set all supply of a cycle anew; return its version.

    ``seen`` is the version that the person looked at, none to write after whatever is the newest.

    Before the book is frozen this is all. Afterwards, and until the result is sent for release, it starts
    another attempt on the same book, and the earlier attempt stays on record. Once the grants are out, it begins
    their correction: by the same policy and draw, with what has left as a floor.

    Raises
    ------
    Invalid
        Of a correction, where there would be more than was promised, or less than has left already.
    Conflict
        ``changed_meanwhile``, where somebody released a version since.
    """
    row = moves.locked(session, cycle)
    _check_supply_seen(session, row, seen)
    state = moves.state_of(row)
    redo = state in rules.REDONE
    rules.check_takes_supply(state)
    if row.published_attempt is not None:
        correcting.check_supply(session, row, lines)
    before = {sku: old.supply_units for sku, old in supply_queries.supply(session, cycle).items()}
    version = row.supply_version + 1
    session.add(
        SupplyVersion(
            cycle=cycle, version=version, author=by.name, reason=standing.named("reason", reason), created_at=at
        )
    )
    session.flush()
    session.execute(
        insert(SupplyLine),
        [
            {
                "cycle": cycle,
                "version": version,
                "sku": line.sku,
                "supply_units": line.supply_units,
                "pack_units": line.pack_units,
                "reserve_units": line.reserve_units,
                "minimum_units": line.minimum_units,
                "marked_scarce": line.scarce,
            }
            for line in lines
        ],
    )
    row.supply_version = version
    row.changed_at = at
    _note_supply(session, row, lines, before, reason=reason, by=by, at=at)
    if state == "announced":
        order_windows.mark_supply(
            session,
            cycle,
            scarce=supply_queries.scarce_skus(session, cycle),
            unsupplied=supply_queries.skus_without_supply(session, cycle),
            at=at,
        )
    if redo:
        attempts.try_again(session, row, at=at, actor=moves.actor_of(by), reason=reason.strip())
    elif row.state == "closed":
        moves.resume(session, row)
    return version


def _note_supply(
    session: Session,
    row: CycleRow,
    lines: Sequence[Line],
    before: Mapping[str, int],
    *,
    reason: str,
    by: Operator,
    at: datetime,
) -> None:
    """Write down a version of the supply; of a correction also which SKUs it changed, in the history of each."""
    after = {line.sku: line.supply_units for line in lines}
    changed = [sku for sku in sorted(before.keys() | after.keys()) if before.get(sku, 0) != after.get(sku, 0)]
    detail: dict[str, Any] = {"version": row.supply_version, "skus": len(lines), "reason": reason}
    if before:
        detail["changed_skus"] = changed[:CHANGED_NAMED]
    subject = f"cycle:{row.id}"
    audit.record(session, actor=by.actor, action="cycle.supply_released", subject=subject, at=at, detail=detail)
    for sku in changed[:CHANGED_NAMED] if before else ():
        told = {
            "cycle": str(row.id),
            "supply_units": {"before": before.get(sku, 0), "after": after.get(sku, 0)},
            "reason": reason,
        }
        audit.record(session, actor=by.actor, action="sku.supply_corrected", subject=f"sku:{sku}", at=at, detail=told)


def _check_supply_seen(session: Session, row: CycleRow, seen: int | None, sku: str | None = None) -> None:
    """Refuse where another version counts than was seen, with what it says of the SKU that was to be changed."""
    if seen is None or seen == row.supply_version:
        return
    newest = supply_queries.supply_versions(session, row.id)[0]
    line = None if sku is None else supply_queries.supply(session, row.id).get(sku)
    of_the_sku = (
        ()
        if line is None
        else (
            Standing("supply_units", N_("Supply"), str(line.supply_units)),
            Standing("reserve_units", N_("Reserve"), str(line.reserve_units or "")),
            Standing("minimum_units", N_("Smallest grant"), str(line.minimum_units or "")),
        )
    )
    raise ChangedMeanwhileError(
        f"{row.name_en} v{seen}",
        (
            *of_the_sku,
            Standing("version", N_("Version"), str(newest.version)),
            Standing("author", N_("Released by"), newest.author),
            Standing("their_reason", N_("Their reason"), newest.reason),
        ),
    )


def correct_supply(
    session: Session,
    cycle: UUID,
    changed: Iterable[Line],
    *,
    reason: str,
    by: Operator,
    at: datetime,
    seen: int | None = None,
) -> int:
    """Set some SKUs anew and keep the others as they were; return the new version. ``seen`` as for all supply."""
    row, lines = moves.locked(session, cycle), list(changed)
    _check_supply_seen(session, row, seen, lines[0].sku if len(lines) == 1 else None)
    merged = {
        old.sku: Line(
            old.sku, old.supply_units, old.pack_units, old.reserve_units, old.minimum_units, old.marked_scarce
        )
        for old in supply_queries.supply(session, cycle).values()
    }
    merged |= {line.sku: line for line in lines}
    return release_supply(session, cycle, list(merged.values()), reason=reason, by=by, at=at, seen=seen)


# After the window


def retry(session: Session, cycle: UUID, *, by: Operator, at: datetime) -> None:
    """Do the step that stopped again. A refused result is solved anew from the frozen book."""
    row = moves.locked(session, cycle)
    if row.state == "refused":
        attempts.try_again(session, row, at=at, actor=moves.actor_of(by))
    else:
        rules.check_can_resume(moves.state_of(row))
        if row.state == "announced":
            rules.check_windows_closed(window.state for window in orders.windows(session, cycle=cycle))
            moves.move(session, row, "close", at=at, actor=moves.actor_of(by))
        moves.resume(session, row)
    moves.note(session, by, "cycle.retried", f"cycle:{cycle}", at, state=row.state)


def stop_step(session: Session, cycle: UUID, *, by: Operator, at: datetime) -> None:
    """Stop the sharing out or the checking that is due or under way: nothing of it is stored until it is retried.

    Raises
    ------
    Conflict
        ``wrong_state``, where neither is due, or something has stopped it before.
    """
    row = moves.locked(session, cycle)
    rules.check_can_stop(moves.state_of(row))
    if row.trouble is not None:
        raise Conflict("wrong_state", state="stopped", needed=row.state)
    step = rules.NEXT_STEP[moves.state_of(row)].rpartition(".")[2]
    moves.stop(row, step, by.name, at)
    moves.note(session, by, "cycle.stopped", f"cycle:{cycle}", at, step=step)


def send_for_release(session: Session, cycle: UUID, *, by: Operator, at: datetime, seen: int | None = None) -> None:
    """Send the verified result to a second person. ``seen`` is the attempt that was looked at, none for any.

    Raises
    ------
    Conflict
        ``changed_meanwhile``, where another attempt counts by now.
    """
    row = moves.locked(session, cycle)
    rules.advance(moves.state_of(row), "send")
    _check_seen(row, seen)
    undecided = sum(one.state == "proposed" for one in result_queries.adjustments(session, cycle))
    if undecided:
        raise invalid("adjustments", UNDECIDED, count=undecided)
    moves.move(session, row, "send", at=at, actor=moves.actor_of(by))
    row.sent_by = by.name
    moves.note(session, by, "cycle.sent_for_release", f"cycle:{cycle}", at)


def send_back(session: Session, cycle: UUID, *, reason: str, by: Operator, at: datetime) -> None:
    """Give the result back to the planner, with a reason."""
    row = moves.locked(session, cycle)
    moves.move(
        session, row, "send_back", at=at, actor=moves.actor_of(by), detail={"reason": standing.named("reason", reason)}
    )
    row.sent_by = None
    moves.note(session, by, "cycle.sent_back", f"cycle:{cycle}", at, reason=reason)


def release(
    session: Session, cycle: UUID, *, by: Operator, at: datetime, publish: bool = True, seen: int | None = None
) -> None:
    """Release the result as the second person, and have it published. ``seen`` is the attempt that was looked at.

    Raises
    ------
    Rejected
        ``same_person``, where the one who sent it tries.
    Conflict
        ``changed_meanwhile``, where another attempt counts by now.
    """
    row = moves.locked(session, cycle)
    rules.advance(moves.state_of(row), "release")
    rules.check_second_person(row.sent_by, by.name)
    _check_seen(row, seen)
    row.released_by, row.released_at = by.name, at
    moves.move(session, row, "release", at=at, actor=moves.actor_of(by), detail={"sent_by": row.sent_by})
    moves.note(session, by, "cycle.released", f"cycle:{cycle}", at, sent_by=row.sent_by or "")
    if publish:
        moves.resume(session, row)


def publish(session: Session, cycle: UUID, *, by: Operator, at: datetime) -> None:
    """Have a released result published."""
    row = moves.locked(session, cycle)
    rules.advance(moves.state_of(row), "publish")
    moves.resume(session, row)
    moves.note(session, by, "cycle.publication_asked", f"cycle:{cycle}", at)


def call_off(session: Session, cycle: UUID, *, reason: str, by: Operator, at: datetime) -> None:
    """End a cycle without a result; its retailers are told. What was published cannot be called off."""
    row = moves.locked(session, cycle)
    rules.check_not_published(row.published_attempt)
    announced = row.state != "draft"
    moves.move(
        session, row, "call_off", at=at, actor=moves.actor_of(by), detail={"reason": standing.named("reason", reason)}
    )
    row.trouble = None
    if announced:
        order_windows.move_windows(session, cycle, "called_off", at=at)
    moves.note(session, by, "cycle.called_off", f"cycle:{cycle}", at, reason=reason)


def _check_seen(row: CycleRow, seen: int | None) -> None:
    if seen is not None and seen != row.attempt:
        raise ChangedMeanwhileError(f"{row.name_en} ({row.attempt})")


def _check_plan(planned: Sequence[queries.Planned], at: datetime) -> None:
    if not planned:
        raise invalid("windows", NO_WINDOW)
    routes = {window.route for window in planned}
    if "*" in routes and len(routes) > 1:
        raise invalid("windows", ALL_BESIDE_ONE, route=min(routes - {"*"}))
    for window in planned:
        if window.opens_at <= at:
            opens_at = rules.wall_time(window.opens_at, window.zone)
            if window.route == "*":
                raise invalid("windows", ALL_OPEN_TOO_SOON, opens_at=opens_at)
            raise invalid("windows", OPENS_TOO_SOON, route=window.route, opens_at=opens_at)
