"""Attempts to share out a frozen book.

The book never changes after the freeze; an attempt names the version of the supply and the text of the policy
that it uses, and the core's hash of all of it. Nothing here commits.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from allocation.errors import InputError
from allocation.hashing.canonical import input_sha256
from allocation.hashing.weights import weights_sha256
from server.cycles import moves, problems, queries, rules, supply_queries
from server.cycles.errors import ATTEMPT_REFUSED, StepStopped, invalid
from server.cycles.models import AllocationRun, BookLine, CycleRow
from server.kit import audit
from server.kit.identity import Actor

SHOWN_SKUS = 20


def start(session: Session, row: CycleRow, *, attempt: int) -> AllocationRun:
    """Write down what the attempt works on: newest supply, the cycle's policy, the hash of the whole input.

    The first one fixes the weights, too: their hash stands on the cycle.

    Raises
    ------
    StepStopped
        ``supply_missing`` or ``input_refused``.
    """
    check_supply(session, row.id, row.supply_version)
    policy = queries.policy(session, row.policy_name, row.policy_version)
    assert policy is not None  # noqa: S101 - a foreign key holds it
    basis = problems.Basis(row.id, row.supply_version, policy.text, attempt)
    try:
        problem = problems.problem(session, basis)
    except InputError as error:
        raise StepStopped("input_refused", what=str(error)) from None
    if attempt == 1:
        row.weights_sha256 = weights_sha256(problem)
    run = AllocationRun(
        cycle=row.id,
        attempt=attempt,
        supply_version=row.supply_version,
        policy_text=policy.text,
        input_sha256=input_sha256(problem),
    )
    session.add(run)
    row.attempt = attempt
    session.flush()
    return run


def try_again(
    session: Session, row: CycleRow, *, at: datetime, actor: Actor, reason: str | None = None, where: str = "supply"
) -> None:
    """Start another attempt on the frozen book with the newest supply and all manual decisions approved by now.

    The earlier attempt stays on record; a refusal names ``where``. Where the grants are out, this begins their
    correction (or goes on with it) and needs a ``reason``; they stay as they are until the correction is published.

    Raises
    ------
    Invalid
        Where supply of a requested SKU is missing, or the core refuses the input.
    """
    act = rules.check_redone(moves.state_of(row))
    if act == "correct":
        row.sent_by = row.released_by = row.released_at = None
    if row.published_attempt is not None:
        row.correction_reason = reason or row.correction_reason
    moves.move(session, row, act, at=at, actor=actor, detail={"supply_version": row.supply_version})
    if act == "correct":
        detail = {"attempt": row.attempt + 1, "reason": row.correction_reason}
        audit.record(
            session, actor=actor, action="cycle.correction_begun", subject=f"cycle:{row.id}", at=at, detail=detail
        )
    try:
        start(session, row, attempt=row.attempt + 1)
    except StepStopped as stopped:
        raise invalid(where, ATTEMPT_REFUSED, what=str(stopped)) from None
    moves.resume(session, row)


def check_supply(session: Session, cycle: UUID, supply_version: int) -> None:
    """Stop with ``supply_missing`` where the frozen book asks for a SKU that the supply does not name."""
    asked = session.execute(
        select(BookLine.sku, func.sum(BookLine.requested_units)).where(BookLine.cycle == cycle).group_by(BookLine.sku)
    )
    refuse_missing({sku: int(units) for sku, units in asked}, supply_queries.supply(session, cycle, supply_version))


def refuse_missing(asked: dict[str, int], supply: dict[str, supply_queries.Supply]) -> None:
    """Stop with ``supply_missing``, naming the SKUs that were asked for and are not in ``supply``."""
    missing = sorted(asked.keys() - supply.keys(), key=lambda sku: (-asked[sku], sku))
    if missing:
        shown = ", ".join(missing[:SHOWN_SKUS]) + (" …" if len(missing) > SHOWN_SKUS else "")
        raise StepStopped("supply_missing", count=len(missing), skus=shown)
