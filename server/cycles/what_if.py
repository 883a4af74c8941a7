"""What if another policy held? Two policies on one frozen book, solved beside the cycle and never for it.

In place of the second policy may stand the baseline: first come, first served, within the limits of the first.

Asked for by a person, done by the solver with no transaction held, stored, and explained for any retailer. It reads
the book, the supply and the manual decisions of a cycle's last attempt and its seed, and changes nothing of them.
"""

import io
import zipfile
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Literal, cast
from uuid import UUID

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

import allocation
from allocation.comparing import compare, compare_results
from allocation.comparing.first_come import fill_first_come
from allocation.errors import AnswerRefusedError, InputError, WorkLimitError
from allocation.policy import FirstCome
from allocation.result import Row
from allocation.tables.columns import IntArray
from contract.errors import Conflict, Rejected
from contract.ids import uuid7
from contract.texts import Language, translations
from server.cycles import problems, queries, result_queries, what_if_files
from server.cycles.errors import SAME_POLICY, invalid
from server.cycles.models import Comparison
from server.kit import audit, computations, jobs
from server.kit.db import transaction
from server.kit.identity import Operator
from server.kit.marking import N_
from server.kit.runtime import Runtime
from server.orders import queries as orders

log = structlog.get_logger(__name__)
TASK: Final = "cycles.what_if"
STEPS: Final = 4
SIDES: Final = what_if_files.SIDES

State = Literal["waiting", "working", "done", "failed", "stopped"]


@dataclass(frozen=True)
class PolicyName:
    """A version of a policy."""

    name: str
    version: int

    def __str__(self) -> str:
        """Return it as it is published."""
        return f"{self.name} v{self.version}" if self.version else self.name


BASELINE: Final = PolicyName("first come, first served", 0)
BASELINE_WHY: Final = N_(
    "Whoever asked first gets all that there is room for. When this line's turn came, there was room for {units}."
)


@dataclass(frozen=True)
class WhatIf:
    """A what-if as screens and programs see it; ``figures`` is the core's comparison once it is done."""

    id: UUID
    cycle: UUID
    attempt: int
    first: PolicyName
    second: PolicyName
    asked_by: str
    asked_at: datetime
    state: State
    steps_done: int
    steps: int
    figures: dict[str, Any] | None
    trouble: str | None
    done_at: datetime | None
    stopped_by: str | None


@dataclass(frozen=True)
class Explained:
    """One line of a retailer under both policies; quantities in units."""

    sku: str
    requested_units: int
    first_units: int
    second_units: int
    first_text: str
    second_text: str


def ask(session: Session, cycle: UUID, first: PolicyName, second: PolicyName, *, by: Operator, at: datetime) -> UUID:
    """Ask for a comparison on the book of a cycle that was shared out; return its id. Commits nothing.

    Raises
    ------
    Conflict
        ``wrong_state``, before the cycle is solved.
    Invalid
        Where both are the same version of one policy.
    """
    found = queries.cycle(session, cycle)
    if found is None:
        raise Rejected("not_found", what="cycle", name=str(cycle))
    run = result_queries.run(session, cycle)
    if run is None or run.seed is None:
        raise Conflict("wrong_state", state=found.state, needed="solved")
    for policy in (first, *(() if second == BASELINE else (second,))):
        if queries.policy(session, policy.name, policy.version) is None:
            raise Rejected("not_found", what="policy", name=str(policy))
    if first == second:
        raise invalid("second", SAME_POLICY, policy=str(first))
    row = Comparison(
        id=uuid7(),
        cycle=cycle,
        attempt=run.attempt,
        first_policy=first.name,
        first_version=first.version,
        second_policy=None if second == BASELINE else second.name,
        second_version=None if second == BASELINE else second.version,
        asked_by=by.name,
        asked_at=at,
        state="waiting",
        steps_done=0,
        steps=STEPS,
    )
    session.add(row)
    session.flush()
    jobs.defer(session, TASK, {"comparison": str(row.id)}, queue=jobs.SOLVING)
    audit.record(
        session,
        actor=by.actor,
        action="what_if.asked",
        subject=f"what_if:{row.id}",
        at=at,
        detail={"cycle": str(cycle), "first": str(first), "second": str(second)},
    )
    return row.id


def find(session: Session, comparison: UUID) -> WhatIf:
    """Return one what-if; refuse with ``not_found``."""
    row = session.get(Comparison, comparison)
    if row is None:
        raise Rejected("not_found", what="what-if", name=str(comparison))
    return _shown(row)


def stop(session: Session, comparison: UUID, *, by: Operator, at: datetime) -> None:
    """Stop one that is not over; refuse with ``not_found`` or ``wrong_state``."""
    computations.stop(session, Comparison, comparison, f"what_if:{comparison}", by=by, at=at)


def recent(session: Session, *, cycle: UUID | None = None, limit: int = 20) -> list[WhatIf]:
    """Return the last what-ifs, of one cycle where it is named, the newest first."""
    query = select(Comparison).order_by(Comparison.id.desc()).limit(limit)
    if cycle is not None:
        query = query.where(Comparison.cycle == cycle)
    return [_shown(row) for row in session.scalars(query)]


def run(runtime: Runtime, *, comparison: str) -> None:
    """Solve both, compare, store. Called again after a crash it begins anew; where it is over it does nothing."""
    with computations.until_stopped(f"what_if:{comparison}"):
        _run(runtime, UUID(comparison))


def _run(runtime: Runtime, chosen: UUID) -> None:
    with transaction(runtime.sessions) as session:
        row = computations.begin(session, Comparison, chosen)
        if row is None:
            return
        row.steps_done = 0
        solved = _attempt(session, row)
        first, second = _first(row), _second(row)
        names = (str(first), str(second))
        arrived = orders.arrivals(session, row.cycle) if second == BASELINE else None
        texts = [_text(session, policy) for policy in (first, second) if policy != BASELINE]
        bases = [problems.Basis(row.cycle, solved.supply_version, text, row.attempt) for text in texts]
        both = [problems.problem(session, basis, arrived=arrived) for basis in bases]
        policies = [problems.policy(session, basis) for basis in bases]
    try:
        results = []
        for done, (problem, policy) in enumerate(zip(both, policies, strict=True), start=1):
            _note(runtime, chosen, steps_done=done)
            results.append(allocation.solve(problem, policy, seed=solved.seed))
        _note(runtime, chosen, steps_done=3)
        if arrived is None:
            compared, granted = compare_results(both[0], *results, names=names), None
        else:
            compared = compare(both[0], results[0], FirstCome(), names=names)
            granted = fill_first_come(both[0]).granted * both[0].lines.pack
        figures = compared.as_dict()
    except (InputError, WorkLimitError, AnswerRefusedError) as error:
        log.warning("what_if_failed", comparison=str(chosen), why=str(error))
        _note(runtime, chosen, state="failed", trouble=str(error), done_at=runtime.clock())
        return
    packed = _packed(results, granted)
    _note(runtime, chosen, state="done", figures=figures, results=packed, steps_done=STEPS, done_at=runtime.clock())


def _note(runtime: Runtime, comparison: UUID, **values: Any) -> None:
    with transaction(runtime.sessions) as session:
        computations.note(session, Comparison, comparison, **values)


def explain(session: Session, comparison: UUID, retailer: str, language: Language) -> list[Explained]:
    """Return what a retailer gets under either policy, line by line, and why; none where it asked for nothing."""
    row = session.scalars(
        select(Comparison).where(Comparison.id == comparison).options(undefer(Comparison.results))
    ).one_or_none()
    if row is None or row.results is None:
        raise Rejected("not_found", what="what-if", name=str(comparison))
    with zipfile.ZipFile(io.BytesIO(row.results)) as archive:
        return explained_lines(archive, retailer, language)


def explained_lines(archive: zipfile.ZipFile, retailer: str, language: Language) -> list[Explained]:
    """Return a retailer's lines in both results of an archive, and why."""
    first, second = (what_if_files.of_retailer(archive, side, retailer) for side in SIDES)
    why = translations("server", language).gettext(BASELINE_WHY)

    def told(result: allocation.Result, line: Row) -> str:
        if not result.certificate:
            return why.format(units=line.granted)
        return allocation.explain(result, retailer, line.sku, lang=language)

    return [
        Explained(a.sku, int(a.requested), int(a.granted), int(b.granted), told(first, a), told(second, b))
        for a, b in zip(first.rows(), second.rows(), strict=True)
    ]


def _attempt(session: Session, row: Comparison) -> result_queries.Run:
    """Return the attempt that the comparison works on."""
    found = result_queries.run(session, row.cycle, row.attempt)
    assert found is not None  # noqa: S101 - a foreign key holds it
    return found


def _first(row: Comparison) -> PolicyName:
    return PolicyName(row.first_policy, row.first_version)


def _second(row: Comparison) -> PolicyName:
    if row.second_policy is None or row.second_version is None:
        return BASELINE
    return PolicyName(row.second_policy, row.second_version)


def _text(session: Session, named: PolicyName) -> str:
    policy = queries.policy(session, named.name, named.version)
    assert policy is not None  # noqa: S101 - a foreign key holds it
    return policy.text


def _packed(results: list[allocation.Result], baseline: IntArray | None) -> bytes:
    """Return both results as a compressed archive.

    Of the baseline nothing explains a line but what was granted, in the order of the first result's lines.
    """
    if baseline is not None:
        results = [*results, replace(results[0], granted=baseline, certificate={}, report={})]
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for side, result in zip(SIDES, results, strict=True):
            what_if_files.add_result(archive, side, result)
    return content.getvalue()


def _shown(row: Comparison) -> WhatIf:
    return WhatIf(
        row.id,
        row.cycle,
        row.attempt,
        _first(row),
        _second(row),
        row.asked_by,
        row.asked_at,
        cast("State", row.state),
        row.steps_done,
        row.steps,
        row.figures,
        row.trouble,
        row.done_at,
        row.stopped_by,
    )
