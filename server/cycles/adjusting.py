"""Manual decisions on lines of a frozen book: a planner proposes, a second person decides, and it is solved anew.

An approved decision is part of the input: the others are filled around it, the checker checks it, and it stays
marked for ever. Nothing here commits.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
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
from server.cycles.models import Adjustment, BookLine
from server.kit import audit
from server.kit.identity import Operator


@dataclass(frozen=True)
class Decision:
    """What is proposed for a line: units in whole packs, or none where an earlier decision is taken back."""

    retailer: str
    sku: str
    granted_units: int | None
    reason: str


def propose(session: Session, cycle: UUID, wanted: Decision, *, by: Operator, at: datetime) -> UUID:
    """Propose a decision on a line of the frozen book, while its result does not wait for its release; return its id.

    Where the grants are out, the approval begins their correction.

    Raises
    ------
    Invalid
        Where there is no such line, or it could not get that much, or part of a pack is given, or less than has left.
    """
    row = moves.locked(session, cycle)
    rules.check_redone(moves.state_of(row))
    line = session.get(BookLine, (cycle, wanted.retailer, wanted.sku))
    if line is None:
        raise invalid("sku", NO_SUCH_LINE, retailer=wanted.retailer, sku=wanted.sku)
    if wanted.granted_units is None:
        counted = result_queries.counted_adjustments(session, cycle, row.attempt)
        if all((one.retailer, one.sku) != (wanted.retailer, wanted.sku) for one in counted):
            raise invalid("granted_units", NOTHING_TO_TAKE_BACK, retailer=wanted.retailer, sku=wanted.sku)
    else:
        pack = supply_queries.supply(session, cycle)[wanted.sku].pack_units
        most = line.requested_units if line.cap_units is None else min(line.requested_units, line.cap_units)
        if wanted.granted_units < 0 or wanted.granted_units % pack:
            raise invalid("granted_units", NOT_WHOLE_PACKS, units=wanted.granted_units, pack=pack)
        if wanted.granted_units > most // pack * pack:
            raise invalid("granted_units", ABOVE_ELIGIBLE, units=wanted.granted_units, most=most // pack * pack)
        shipped = shipping.shipped_of_line(session, cycle, wanted.retailer, wanted.sku)
        if wanted.granted_units < shipped:
            raise invalid("granted_units", LINE_SHIPPED, shipped=shipped)
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


def approve(session: Session, cycle: UUID, adjustment: UUID, *, by: Operator, at: datetime) -> None:
    """Approve a proposal as a second person; another attempt starts, with the decision in its input.

    Raises
    ------
    Rejected
        ``same_person``, where the one who proposed it tries; as Invalid, where the core refuses the input.
    """
    row = moves.locked(session, cycle)
    found = _proposed(session, cycle, adjustment)
    rules.check_second_person(found.author, by.name)
    rules.check_redone(moves.state_of(row))
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
