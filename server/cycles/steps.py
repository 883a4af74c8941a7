"""The machine's own steps: freeze, solve, verify, publish. Each may be called again at any time.

A step looks at the cycle's state under its lock and does nothing where it is done already. What stops a step is
written on the cycle, with what to do; nothing of the step is stored then. Solving and checking hold no
transaction.
"""

import hashlib
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pyarrow as pa
import structlog
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, sessionmaker

import allocation
from allocation import seeding
from allocation.carrying import left_out
from allocation.carrying.entitling import entitled_thousandths
from allocation.errors import AnswerRefusedError, InputError, WorkLimitError
from allocation.hashing.canonical import input_sha256
from allocation.tables.columns import IntArray
from server.cycles import copying, exporting, freezing, moves, problems, publishing, rules, supply_queries
from server.cycles.errors import StepStopped
from server.cycles.models import AllocationRun, CycleRow, GrantRow
from server.kit import audit
from server.kit.clock import Clock
from server.kit.db import transaction
from server.kit.identity import SYSTEM
from server.kit.runtime import Runtime

log = structlog.get_logger(__name__)


def run_freeze(runtime: Runtime, *, cycle: str) -> None:
    """Freeze the order book."""

    def act() -> None:
        with transaction(runtime.sessions) as session:
            freezing.freeze(session, UUID(cycle), at=runtime.clock())

    _guarded(runtime, UUID(cycle), "freeze", act)


def run_solve(runtime: Runtime, *, cycle: str) -> None:
    """Share out the frozen book."""
    _guarded(runtime, UUID(cycle), "solve", lambda: solve(runtime.sessions, UUID(cycle), runtime.clock))


def run_verify(runtime: Runtime, *, cycle: str) -> None:
    """Let the checker read the result's files."""
    _guarded(runtime, UUID(cycle), "verify", lambda: verify(runtime.sessions, UUID(cycle), runtime.clock))


def run_publish(runtime: Runtime, *, cycle: str) -> None:
    """Publish what was released."""

    def act() -> None:
        with transaction(runtime.sessions) as session:
            publishing.publish(session, UUID(cycle), at=runtime.clock())

    _guarded(runtime, UUID(cycle), "publish", act)


def solve(sessions: sessionmaker[Session], cycle: UUID, clock: Clock) -> None:
    """Read the frozen book, share it out with no transaction open, check its hash again, store the grants.

    Raises
    ------
    StepStopped
        Where the book no longer has its hash, or the core gives no answer that can be stored.
    """
    with transaction(sessions) as session:
        row = moves.locked(session, cycle)
        if row.state != "frozen" or moves.is_stopped(row):
            return
        attempt = row.attempt
        run = _run(session, row)
        problem = _unchanged(session, run)
        policy = problems.policy(session, _basis(run))
        assert row.commitment is not None  # noqa: S101 - a constraint holds it
        assert row.book_root is not None  # noqa: S101 - frozen
        proof = seeding.SeedProof(
            bytes.fromhex(row.commitment),
            freezing.secret_of(session, cycle),
            bytes.fromhex(row.book_root),
            hashlib.sha256(run.policy_text.encode()).digest(),
            None if row.weights_sha256 is None else bytes.fromhex(row.weights_sha256),
        )
    started = time.monotonic()
    try:
        result = allocation.solve(problem, policy, seed_proof=proof)
        entitled = entitled_thousandths(problem)
    except InputError as error:
        raise StepStopped("input_refused", what=str(error)) from None
    except WorkLimitError as error:
        raise StepStopped("not_proven", what=str(error)) from None
    except AnswerRefusedError as error:
        raise StepStopped("answer_refused", what=str(error)) from None
    solving_ms = round((time.monotonic() - started) * 1000)
    with transaction(sessions) as session:
        row = moves.locked(session, cycle)
        if row.state != "frozen" or row.attempt != attempt or moves.is_stopped(row):
            return
        run = _run(session, row)
        _unchanged(session, run)
        at = clock()
        run.seed = proof.seed.hex()
        run.result_sha256 = result.certificate["result_sha256"]
        run.certificate = json.dumps(result.certificate, ensure_ascii=False)
        run.report = json.dumps(result.report, ensure_ascii=False)
        run.solving_ms = solving_ms
        run.solved_at = at
        grants = _grants(result, entitled)
        copying.insert_columns(session, GrantRow, grants, cycle=row.id, attempt=row.attempt)
        _check_supply_held(session, row)
        detail: dict[str, Any] = {
            "attempt": attempt,
            "result_sha256": run.result_sha256,
            "milliseconds": solving_ms,
            "versions": result.certificate["versions"],
        }
        moves.move(session, row, "solve", at=at, actor=SYSTEM, detail=detail)
        audit.record(session, actor=SYSTEM, action="cycle.solved", subject=f"cycle:{cycle}", at=at, detail=detail)
        moves.resume(session, row)


def verify(sessions: sessionmaker[Session], cycle: UUID, clock: Clock) -> None:
    """Write the problem and the result as an outsider gets them, run the checker on the files, store its verdict.

    A verdict against the result stops the cycle in ``refused``, with the checker's words.
    """
    with tempfile.TemporaryDirectory(prefix="evenhand-verify-") as folder:
        with transaction(sessions) as session:
            row = moves.locked(session, cycle)
            if row.state != "solved" or moves.is_stopped(row):
                return
            attempt = row.attempt
            exporting.write(session, cycle, Path(folder))
        verdict = exporting.check(Path(folder))
    with transaction(sessions) as session:
        row = moves.locked(session, cycle)
        if row.state != "solved" or row.attempt != attempt or moves.is_stopped(row):
            return
        at = clock()
        run = _run(session, row)
        run.verdict = verdict.stored()
        run.verified_at = at
        detail = {"attempt": attempt, "lines": verdict.lines, "faults": verdict.found}
        moves.move(session, row, "pass" if verdict.holds else "refuse", at=at, actor=SYSTEM, detail=detail)
        audit.record(
            session,
            actor=SYSTEM,
            action="cycle.verified" if verdict.holds else "cycle.refused",
            subject=f"cycle:{cycle}",
            at=at,
            detail=detail,
            alert=not verdict.holds,
        )


def _guarded(runtime: Runtime, cycle: UUID, step: str, act: Callable[[], None]) -> None:
    """Do a step; write on the cycle what stopped it. A database that is away is left to the queue's retry.

    What stopped a step of an attempt that is over, or one that another has done meanwhile, is only logged.
    """
    with transaction(runtime.sessions) as session:
        attempt = session.scalar(select(CycleRow.attempt).where(CycleRow.id == cycle))
    try:
        act()
    except StepStopped as stopped:
        log.warning("step_stopped", cycle=str(cycle), step=step, code=stopped.code)
        _note_trouble(runtime, cycle, attempt, step, stopped)
    except OperationalError:
        raise
    except Exception as error:  # whatever it is, the cycle must say so instead of standing still
        log.exception("step_failed", cycle=str(cycle), step=step)
        words = str(error).splitlines()
        what = f"{type(error).__name__}: {words[0] if words else ''}"
        _note_trouble(runtime, cycle, attempt, step, StepStopped("unexpected", what=what[:300]))


def _note_trouble(runtime: Runtime, cycle: UUID, attempt: int | None, step: str, stopped: StepStopped) -> None:
    with transaction(runtime.sessions) as session:
        row = moves.locked(session, cycle)
        if row.attempt != attempt or not rules.is_due(moves.state_of(row), f"cycles.{step}") or moves.is_stopped(row):
            return
        at = runtime.clock()
        row.trouble = {"step": step, "code": stopped.code, "params": stopped.params, "at": at.isoformat()}
        row.changed_at = at
        audit.record(
            session,
            actor=SYSTEM,
            action="cycle.step_stopped",
            subject=f"cycle:{cycle}",
            at=at,
            detail={"step": step, "code": stopped.code},
            alert=stopped.code != "supply_missing",
        )


def _run(session: Session, row: CycleRow) -> AllocationRun:
    return session.scalars(
        select(AllocationRun).where(AllocationRun.cycle == row.id, AllocationRun.attempt == row.attempt)
    ).one()


def _unchanged(session: Session, run: AllocationRun) -> allocation.Problem:
    """Return the problem, made again of the stored rows, if it still has the hash that it was frozen with."""
    problem = problems.problem(session, _basis(run))
    found = input_sha256(problem)
    if found != run.input_sha256:
        raise StepStopped("input_changed", expected=run.input_sha256, found=found)
    return problem


def _basis(run: AllocationRun) -> problems.Basis:
    return problems.Basis(run.cycle, run.supply_version, run.policy_text, run.attempt)


def _grants(result: allocation.Result, entitled: IntArray) -> pa.Table:
    """Return the rows of the grants, in the order of the lines; entitlements in whole thousandths of a pack.

    A line that another one of its bundle leaves out is entitled to nothing: its retailer wanted one of them.
    """
    return pa.table(
        {
            "retailer": copying.texts(result.retailer),
            "sku": copying.texts(result.sku),
            "requested_units": result.requested,
            "eligible_units": result.eligible,
            "granted_units": result.granted,
            "share": copying.texts(result.share),
            "reason": copying.texts(result.reason),
            "bound_by": copying.texts(result.bound_by),
            "entitled_thousandths": np.where(left_out(result), 0, entitled),
        }
    )


def _check_supply_held(session: Session, row: CycleRow) -> None:
    """Stop where a SKU was granted beyond its supply less the reserve."""
    supply = supply_queries.supply(session, row.id, row.supply_version)
    granted = session.execute(
        select(GrantRow.sku, func.sum(GrantRow.granted_units))
        .where(GrantRow.cycle == row.id, GrantRow.attempt == row.attempt)
        .group_by(GrantRow.sku)
        .order_by(GrantRow.sku.collate("C"))
    )
    for sku, units in granted:
        if units > supply[sku].supply_units - supply[sku].reserve_units:
            raise StepStopped("over_granted", sku=sku)
