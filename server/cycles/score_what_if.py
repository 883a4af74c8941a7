"""What if another score policy held? Two on one history, and what either would grant on the last book shared out.

Asked for by a person, worked out by the solver with no transaction held, stored, and explained for any retailer. It
reads the scores' history and the book, supply, policy and draw of a cycle, and changes nothing of them.
"""

import io
import json
import zipfile
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Literal, cast
from uuid import UUID

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

import allocation
from allocation.comparing import compare_results
from allocation.errors import AnswerRefusedError, InputError, WorkLimitError
from allocation.scoring import ScorePolicy, Scores
from allocation.scoring.explaining import Published
from allocation.scoring.explaining import explain as explain_score
from allocation.scoring.folders import certificate_of
from contract.errors import Rejected
from contract.ids import uuid7
from contract.texts import Language
from server.cycles import problems, queries, result_queries, score_figures, terms, what_if_files
from server.cycles.errors import SAME_SCORE_POLICY, invalid
from server.cycles.models import ScoreComparison
from server.cycles.what_if import Explained, explained_lines
from server.kit import audit, computations, jobs
from server.kit.db import transaction
from server.kit.identity import Operator
from server.kit.runtime import Runtime
from server.scores import facts, making, policies, policy_form
from server.scores import queries as scores
from server.scores import service as scoring

log = structlog.get_logger(__name__)
TASK: Final = "cycles.score_what_if"
STEPS: Final = 6
SIDES: Final = what_if_files.SIDES
_ROWS: Final = "retailers.json"

State = Literal["waiting", "working", "done", "failed", "stopped"]


@dataclass(frozen=True)
class Candidate:
    """A score policy that is asked about: a kept version (0: the default one), or a text that nobody kept."""

    version: int | None = None
    text: str = ""


@dataclass(frozen=True)
class ScoreWhatIf:
    """A what-if as screens and programs see it.

    ``first_version`` is 0 for the default policy; ``second_version`` is none for a text that nobody kept. ``cycle`` is
    none where no cycle was shared out yet: then scores alone are compared.
    """

    id: UUID
    first_version: int
    first_text: str
    second_version: int | None
    second_text: str
    as_of: date
    cycle: UUID | None
    attempt: int | None
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
class ExplainedRetailer:
    """A retailer under both policies: why its score is as it is, and what it would be granted line by line."""

    row: score_figures.Row
    first_score: str
    second_score: str
    lines: list[Explained]


@dataclass(frozen=True)
class _Side:
    scores: Scores
    certificate: dict[str, Any]
    weighed: dict[str, problems.Weighed]


def ask(session: Session, candidate: Candidate, *, by: Operator, at: datetime, today: date) -> UUID:
    """Ask what a policy would change against that of the scores in force; return its id. Commits nothing.

    Where no scores are in force the default policy stands for theirs.

    Raises
    ------
    Conflict, Rejected, Invalid
        ``wrong_state`` without history; ``not_found``; a text that is no policy, or says what is in force.
    """
    in_force = scores.in_force(session)
    first = None if in_force is None else in_force.policy_version
    first_text = _text(session, first)
    second = candidate.version or None
    text = candidate.text if candidate.version is None else _text(session, second)
    if policy_form.read_text(text) == policies.read(session, first):
        raise invalid("policy", SAME_SCORE_POLICY)
    as_of = today.replace(day=1)
    book = _last_book(session)
    row = ScoreComparison(
        id=uuid7(),
        first_version=first,
        first_text=first_text,
        second_version=second,
        second_text=text,
        as_of=as_of,
        history_number=scoring.history_of(session, as_of),
        facts_number=facts.newest(session),
        previous=None if in_force is None else in_force.number,
        cycle=None if book is None else book[0],
        attempt=None if book is None else book[1],
        asked_by=by.name,
        asked_at=at,
        state="waiting",
        steps_done=0,
        steps=STEPS if book else 3,
    )
    session.add(row)
    session.flush()
    jobs.defer(session, TASK, {"comparison": str(row.id)}, queue=jobs.SOLVING)
    audit.record(
        session,
        actor=by.actor,
        action="score_what_if.asked",
        subject=f"score_what_if:{row.id}",
        at=at,
        detail={"first": first, "second": second, "cycle": None if book is None else str(book[0])},
    )
    return row.id


def find(session: Session, comparison: UUID) -> ScoreWhatIf:
    """Return one what-if; refuse with ``not_found``."""
    row = session.get(ScoreComparison, comparison)
    if row is None:
        raise Rejected("not_found", what="what-if", name=str(comparison))
    return _shown(row)


def stop(session: Session, comparison: UUID, *, by: Operator, at: datetime) -> None:
    """Stop one that is not over; refuse with ``not_found`` or ``wrong_state``."""
    computations.stop(session, ScoreComparison, comparison, f"score_what_if:{comparison}", by=by, at=at)


def recent(session: Session, limit: int = 20) -> list[ScoreWhatIf]:
    """Return the last what-ifs, the newest first."""
    return [
        _shown(row) for row in session.scalars(select(ScoreComparison).order_by(ScoreComparison.id.desc()).limit(limit))
    ]


def rows(session: Session, comparison: UUID) -> list[score_figures.Row]:
    """Return every retailer under both policies, in byte order of the codes."""
    with _archive(session, comparison) as archive:
        return _listed(archive)


def run(runtime: Runtime, *, comparison: str) -> None:
    """Score, share out, compare, store. Called again after a crash it begins anew; where it is over it does nothing."""
    with computations.until_stopped(f"score_what_if:{comparison}"):
        _run(runtime, UUID(comparison))


def _run(runtime: Runtime, chosen: UUID) -> None:
    with transaction(runtime.sessions) as session:
        row = computations.begin(session, ScoreComparison, chosen)
        if row is None:
            return
        row.steps_done = 0
        asked = _shown(row)
        questions = [
            making.Question(ScorePolicy.from_toml(text), row.as_of, row.history_number, row.facts_number, row.previous)
            for text in (row.first_text, row.second_text)
        ]
    try:
        content, figures = _worked_out(runtime, asked, questions)
    except (InputError, WorkLimitError, AnswerRefusedError) as error:
        log.warning("score_what_if_failed", comparison=str(chosen), why=str(error))
        _note(runtime, chosen, state="failed", trouble=str(error), done_at=runtime.clock())
        return
    ended = {"state": "done", "figures": figures, "results": content, "steps_done": asked.steps}
    _note(runtime, chosen, **ended, done_at=runtime.clock())


def _note(runtime: Runtime, comparison: UUID, **values: Any) -> None:
    with transaction(runtime.sessions) as session:
        computations.note(session, ScoreComparison, comparison, **values)


def explain(session: Session, comparison: UUID, retailer: str, language: Language) -> ExplainedRetailer | None:
    """Return a retailer under both policies, and why; none where it is neither scored nor on the book."""
    with _archive(session, comparison) as archive:
        found = next((row for row in _listed(archive) if row.retailer == retailer), None)
        if found is None:
            return None
        said = [_why(archive, side, retailer, language) for side in SIDES]
        lines = []
        if found.requested_units is not None:
            lines = explained_lines(archive, retailer, language)
    return ExplainedRetailer(found, said[0], said[1], lines)


def _worked_out(runtime: Runtime, asked: ScoreWhatIf, questions: list[making.Question]) -> tuple[bytes, dict[str, Any]]:
    with transaction(runtime.sessions) as session:
        bases = [making.basis(session, question) for question in questions]
    sides = []
    for done, basis in enumerate(bases, start=1):
        _note(runtime, asked.id, steps_done=done)
        sides.append(_side(basis))
    first, second = sides
    figures: dict[str, Any] = {"scores": score_figures.figures(first.scores, second.scores), "book": None}
    results, units = [], None
    if asked.cycle is not None:
        both, policy, seed = _problems(runtime, asked, first, second)
        for done, problem in enumerate(both, start=3):
            _note(runtime, asked.id, steps_done=done)
            results.append(allocation.solve(problem, policy, seed=seed))
        _note(runtime, asked.id, steps_done=5)
        units = score_figures.granted(*results)
        compared = compare_results(both[0], *map(score_figures.without_tiers, results), names=SIDES)
        figures["book"] = compared.as_dict() | {
            "tiers": {
                side: score_figures.fill_by_tier(result.report) for side, result in zip(SIDES, results, strict=True)
            }
        }
    listed = score_figures.rows(first.scores, second.scores, units)
    return _packed(listed, sides, results), figures


def _side(basis: making.Basis) -> _Side:
    scored = making.scores_of(basis)
    columns = (scored.tier.tolist(), scored.weight.tolist(), scored.suspended.tolist())
    weighed = {name: problems.Weighed(*cells) for name, *cells in zip(scored.retailer, *columns, strict=True)}
    return _Side(scored, certificate_of(scored, {}, basis.previous), weighed)


def _problems(
    runtime: Runtime, asked: ScoreWhatIf, first: _Side, second: _Side
) -> tuple[list[allocation.Problem], allocation.Policy, str]:
    """Return the book as either scores would weigh it, the cycle's own policy, and its draw."""
    assert asked.cycle is not None  # noqa: S101 - asked for with a book
    with transaction(runtime.sessions) as session:
        solved = result_queries.run(session, asked.cycle, asked.attempt)
        assert solved is not None  # noqa: S101 - a foreign key holds it
        assert solved.seed is not None  # noqa: S101 - it was shared out
        basis = problems.Basis(asked.cycle, solved.supply_version, solved.policy_text, solved.attempt)
        both = [problems.problem(session, basis, weighed=side.weighed) for side in (first, second)]
    return both, terms.read(solved.policy_text).policy, solved.seed


def _last_book(session: Session) -> tuple[UUID, int] | None:
    """Return the newest cycle that was shared out and the number of its last attempt, or none."""
    for cycle in queries.cycles(session, limit=100_000):
        found = result_queries.run(session, cycle.id) if cycle.attempt else None
        if found is not None and found.seed is not None:
            return cycle.id, found.attempt
    return None


def _text(session: Session, version: int | None) -> str:
    if version is None:
        return policies.default_text()
    found = scores.policy(session, version)
    if found is None:
        raise Rejected("not_found", what="score policy", name=str(version))
    return found.text


def _packed(listed: list[score_figures.Row], sides: list[_Side], results: list[allocation.Result]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr(_ROWS, json.dumps(listed, ensure_ascii=False))
        for name, side in zip(SIDES, sides, strict=True):
            archive.writestr(f"{name}/scores.csv", side.scores.scores_csv)
            archive.writestr(f"{name}/breakdown.csv", side.scores.breakdown_csv())
            archive.writestr(f"{name}/certificate.json", json.dumps(side.certificate, ensure_ascii=False))
        for name, result in zip(SIDES, results, strict=False):
            what_if_files.add_result(archive, name, result)
    return content.getvalue()


def _archive(session: Session, comparison: UUID) -> zipfile.ZipFile:
    row = session.scalars(
        select(ScoreComparison).where(ScoreComparison.id == comparison).options(undefer(ScoreComparison.results))
    ).one_or_none()
    if row is None or row.results is None:
        raise Rejected("not_found", what="what-if", name=str(comparison))
    return zipfile.ZipFile(io.BytesIO(row.results))


def _listed(archive: zipfile.ZipFile) -> list[score_figures.Row]:
    return [score_figures.Row._make(cells) for cells in json.loads(archive.read(_ROWS))]


def _why(archive: zipfile.ZipFile, side: str, retailer: str, language: Language) -> str:
    scored = what_if_files.rows_of(archive.read(f"{side}/scores.csv"), retailer)
    if not scored:
        return ""
    parts = what_if_files.rows_of(archive.read(f"{side}/breakdown.csv"), retailer)
    certificate = json.loads(archive.read(f"{side}/certificate.json"))
    return explain_score(Published({retailer: scored[0]}, {retailer: parts}, certificate), retailer, language)


def _shown(row: ScoreComparison) -> ScoreWhatIf:
    # A kept version with this text is the second's; version 0 is the default one, which has no row.
    default = row.second_version is None and row.second_text == policies.default_text()
    return ScoreWhatIf(
        row.id,
        row.first_version or 0,
        row.first_text,
        0 if default else row.second_version,
        row.second_text,
        row.as_of,
        row.cycle,
        row.attempt,
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
