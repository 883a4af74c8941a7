"""Manual decisions on lines of a frozen book: a planner proposes, a second person decides, and it is solved anew.

An approved decision is part of the input: the others are filled around it, the checker checks it, and it stays
marked for ever. Nothing here commits.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from contract.errors import Conflict, Rejected
from contract.ids import uuid7
from server.cycles import attempts, moves, result_queries, rules, shipping, standing, supply_queries
from server.cycles.errors import (
    ABOVE_ELIGIBLE,
    LINE_SHIPPED,
    NO_SUCH_LINE,
    NOT_WHOLE_PACKS,
    NOTHING_TO_TAKE_BACK,
    invalid,
)
from server.cycles.models import Adjustment, BookLine, CycleRow
from server.kit import audit
from server.kit.changing import ChangedMeanwhileError, Standing
from server.kit.identity import Operator
from server.kit.marking import N_


@dataclass(frozen=True)
class Decision:
    """What is proposed for a line: units in whole packs, or none where an earlier decision is taken back."""

    retailer: str
    sku: str
    granted_units: int | None
    reason: str


def seen_now(session: Session, cycle: UUID) -> str:
    """Return what a person sees of a cycle's decisions: the attempt that counts, and how many decisions there are."""
    attempt = session.scalar(select(CycleRow.attempt).where(CycleRow.id == cycle))
    return as_seen(attempt or 0, session.scalar(select(func.count()).where(Adjustment.cycle == cycle)) or 0)


def as_seen(attempt: int, decisions: int) -> str:
    """Return what :func:`seen_now` does, of an attempt and a number of decisions that were read already."""
    return f"{attempt}/{decisions}"


def propose(
    session: Session, cycle: UUID, wanted: Decision, *, by: Operator, at: datetime, seen: str | None = None
) -> UUID:
    """Propose a decision on a line of the frozen book, while its result does not wait for its release; return its id.

    Where the grants are out, the approval begins their correction. ``seen`` is the :func:`seen_now` that the person
    looked at, none to propose whatever stands there.

    Raises
    ------
    Invalid
        Where there is no such line, or it could not get that much, or part of a pack is given, or less than has left.
    Conflict
        ``changed_meanwhile``, where the book was shared out again since, or another decision is on the line.
    """
    row = moves.locked(session, cycle)
    rules.check_redone(moves.state_of(row))
    _check_seen(session, row, seen, wanted)
    line = session.get(BookLine, (cycle, wanted.retailer, wanted.sku))
    if line is None:
        raise invalid("sku", NO_SUCH_LINE, retailer=wanted.retailer, sku=wanted.sku)
    if wanted.granted_units is None:
        counted = result_queries.counted_adjustments(session, cycle, row.attempt)
        if all((one.retailer, one.sku) != (wanted.retailer, wanted.sku) for one in counted):
            raise invalid("granted_units", NOTHING_TO_TAKE_BACK, retailer=wanted.retailer, sku=wanted.sku)
    else:
        _check_units(session, line, wanted.granted_units)
    made = Adjustment(
        id=uuid7(),
        cycle=cycle,
        retailer=wanted.retailer,
        sku=wanted.sku,
        granted_units=wanted.granted_units,
        reason=standing.named("reason", wanted.reason),
        author=by.name,
        proposed_at=at,
        state="proposed",
    )
    session.add(made)
    session.flush()
    _note(session, made, "cycle.adjustment_proposed", by, at, made.reason)
    return made.id


def approve(
    session: Session, cycle: UUID, adjustment: UUID, *, by: Operator, at: datetime, seen: str | None = None
) -> None:
    """Approve a proposal as a second person; another attempt starts, with the decision in its input.

    ``seen`` as for :func:`propose`.

    Raises
    ------
    Rejected
        ``same_person``, where the one who proposed it tries; as Invalid, where the core refuses the input, or the line
        could not get that much by now, or more has left.
    Conflict
        ``wrong_state``, where it was decided; ``changed_meanwhile``, where the book was shared out again since.
    """
    row = moves.locked(session, cycle)
    found = _proposed(session, cycle, adjustment)
    rules.check_second_person(found.author, by.name)
    rules.check_redone(moves.state_of(row))
    _check_seen(session, row, seen)
    if found.granted_units is not None:
        line = session.get_one(BookLine, (cycle, found.retailer, found.sku))
        _check_units(session, line, found.granted_units)
    found.state, found.decided_by, found.decided_at, found.from_attempt = "approved", by.name, at, row.attempt + 1
    session.flush()
    _note(session, found, "cycle.adjustment_approved", by, at, found.reason)
    attempts.try_again(session, row, at=at, actor=by.actor, reason=found.reason, where="granted_units")


def decline(session: Session, cycle: UUID, adjustment: UUID, *, reason: str, by: Operator, at: datetime) -> None:
    """Decline a proposal as a second person, with a reason."""
    moves.locked(session, cycle)
    found = _proposed(session, cycle, adjustment)
    rules.check_second_person(found.author, by.name)
    found.state, found.decided_by, found.decided_at = "declined", by.name, at
    found.decided_why = standing.named("reason", reason)
    session.flush()
    _note(session, found, "cycle.adjustment_declined", by, at, found.decided_why)


def _check_units(session: Session, line: BookLine, granted_units: int) -> None:
    """Refuse what a line could not get, part of a pack, or less than has left; the cycle is held."""
    pack = supply_queries.supply(session, line.cycle)[line.sku].pack_units
    most = line.requested_units if line.cap_units is None else min(line.requested_units, line.cap_units)
    if granted_units < 0 or granted_units % pack:
        raise invalid("granted_units", NOT_WHOLE_PACKS, units=granted_units, pack=pack)
    if granted_units > most // pack * pack:
        raise invalid("granted_units", ABOVE_ELIGIBLE, units=granted_units, most=most // pack * pack)
    shipped = shipping.shipped_of_line(session, line.cycle, line.retailer, line.sku)
    if granted_units < shipped:
        raise invalid("granted_units", LINE_SHIPPED, shipped=shipped)


def _check_seen(session: Session, row: CycleRow, seen: str | None, wanted: Decision | None = None) -> None:
    """Raise ``changed_meanwhile`` where another attempt counts than was seen, or the line has one decision more."""
    if seen is None or seen == seen_now(session, row.id):
        return
    same_attempt = seen.partition("/")[0] == str(row.attempt)
    if same_attempt and wanted is None:
        return
    changed = func.coalesce(Adjustment.decided_at, Adjustment.proposed_at)
    query = select(Adjustment).where(Adjustment.cycle == row.id).order_by(changed.desc(), Adjustment.id.desc()).limit(1)
    if wanted is not None:
        query = query.where(Adjustment.retailer == wanted.retailer, Adjustment.sku == wanted.sku)
    newest = session.scalars(query).one_or_none()
    if newest is None and same_attempt:
        return
    raise ChangedMeanwhileError(f"{row.name_en} ({row.attempt})", () if newest is None else _stands(newest))


def _stands(one: Adjustment) -> tuple[Standing, ...]:
    units = "" if one.granted_units is None else str(one.granted_units)
    return (
        Standing("retailer", N_("Retailer's code"), one.retailer),
        Standing("sku", N_("SKU"), one.sku),
        Standing("granted_units", N_("Gets"), units),
        Standing("reason", N_("Reason"), one.reason),
        Standing("author", N_("Proposed by"), one.author),
    )


def _proposed(session: Session, cycle: UUID, adjustment: UUID) -> Adjustment:
    found = session.scalars(
        select(Adjustment).where(Adjustment.cycle == cycle, Adjustment.id == adjustment).with_for_update()
    ).one_or_none()
    if found is None:
        raise Rejected("not_found", what="manual decision", name=str(adjustment))
    if found.state != "proposed":
        raise Conflict("wrong_state", state=found.state, needed="proposed")
    return found


def _note(session: Session, one: Adjustment, action: str, by: Operator, at: datetime, reason: str) -> None:
    detail = {"retailer": one.retailer, "sku": one.sku, "granted_units": one.granted_units, "reason": reason}
    audit.record(session, actor=by.actor, action=action, subject=f"cycle:{one.cycle}", at=at, detail=detail)
