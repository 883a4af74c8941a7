"""``/api/v1/scores``: everything that a person can do with scores, for programs."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Response

from contract.errors import Rejected
from server.kit import http, paging
from server.scores import decision_queries, decisions, exporting, policies, queries, service, shapes
from server.scores.appeal_rules import APPEAL_DAYS, APPEAL_DAYS_LEAST, APPEAL_DAYS_MOST

reading = http.router("/api/v1/scores", tag="scores", roles=())
planning = http.router("/api/v1/scores", tag="scores", roles=("planner",))
releasing = http.router("/api/v1/scores", tag="scores", roles=("releaser",))
acting = http.router("/api/v1/scores", tag="scores", roles=("planner", "releaser"))


@reading.get("/runs")
@http.of_shops
def list_runs(session: http.Db, page: paging.Paged) -> list[shapes.RunLine]:
    """Return runs, the newest first."""
    found = queries.runs(session, page.one_more, before=page.key(int))
    return [shapes.line_of(run) for run in page.rows(found, lambda run: (run.number,))]


@planning.post("/runs", status_code=201)
def ask_run(session: http.Db, operator: http.Person, clock: http.Now, settings: http.Config) -> shapes.Asked:
    """Have all retailers scored from the months that are over."""
    now = clock()
    return shapes.Asked(number=service.ask_run(session, operator, at=now, today=now.astimezone(settings.tz).date()))


@reading.get("/runs/{number}")
@http.of_shops
def run_status(number: int, session: http.Db) -> shapes.RunStatus:
    """Return a run: its components and the absent ones, what the guards changed and why."""
    return shapes.run_of(_run(session, number))


@reading.get("/runs/{number}/retailers")
@http.of_shops
def run_retailers(number: int, session: http.Db, page: paging.Paged) -> list[shapes.ScoreStatus]:
    """Return the retailers of a run with their parts, the highest score first."""
    found = _run(session, number)
    rows = page.of_fixed(lambda offset, limit: queries.scores(session, found, offset=offset, limit=limit))
    return [shapes.score_of(score) for score in rows]


@reading.get(
    "/runs/{number}/files",
    response_class=Response,
    responses={200: {"content": {exporting.MEDIA: {}}, "description": "A ZIP archive"}},
)
def run_files(number: int, session: http.Db) -> Response:
    """Return a run as files that ``evenhand verify-score`` checks: what it was computed from, and what it came to."""
    return files_response(session, number)


@releasing.post("/runs/{number}/publish", status_code=204)
def publish_run(
    number: int,
    session: http.Db,
    operator: http.Person,
    clock: http.Now,
    settings: http.Config,
    appeal_days: Annotated[int, Query(ge=APPEAL_DAYS_LEAST, le=APPEAL_DAYS_MOST)] = APPEAL_DAYS,
) -> None:
    """Put a draft in force as the second person; appeals are taken for so many days after today."""
    service.publish_run(session, number, operator, at=clock(), appeal_days=appeal_days, zone=settings.tz)


@planning.post("/runs/{number}/correct", status_code=201)
def correct_run(number: int, session: http.Db, operator: http.Person, clock: http.Now) -> shapes.Asked:
    """Have the scores in force computed anew from the figures that upheld appeals have corrected."""
    return shapes.Asked(number=service.ask_correction(session, number, operator, at=clock()))


@reading.get("/retailers/{retailer}")
@http.of_shops
def retailer_scores(retailer: str, session: http.Db) -> list[shapes.ScoreStatus]:
    """Return a retailer's published scores, the newest first."""
    return [shapes.score_of(score) for score in queries.scores_of(session, retailer)]


@reading.get("/policy")
@http.of_shops
def policy(session: http.Db) -> shapes.ScorePolicyStatus:
    """Return the policy that the next run counts by."""
    newest = queries.policy(session)
    if newest is not None:
        return shapes.policy_of(newest)
    return shapes.ScorePolicyStatus(
        version=None, text=policies.default_text(), text_sha256=None, author=None, reason=None, created_at=None
    )


@planning.post("/policy", status_code=201)
def write_policy(
    new: shapes.NewScorePolicy, session: http.Db, operator: http.Person, clock: http.Now
) -> shapes.ScorePolicyStatus:
    """Write the next version of the score policy."""
    return shapes.policy_of(policies.write_policy(session, new.text, operator, reason=new.reason, at=clock()))


@reading.get("/decisions")
@http.of_shops
def list_decisions(session: http.Db) -> list[shapes.DecisionStatus]:
    """Return the dated decisions, the newest first."""
    return [shapes.decision_of(decision) for decision in decision_queries.decisions(session)]


@planning.post("/decisions", status_code=201)
def propose_decision(
    new: shapes.NewDecision, session: http.Db, operator: http.Person, clock: http.Now
) -> shapes.Proposed:
    """Propose to suspend or to lower a retailer for some days."""
    proposed = decisions.propose_decision(
        session, new.retailer, new.decision, new.tier, new.since, new.until, operator, reason=new.reason, at=clock()
    )
    return shapes.Proposed(id=proposed)


@releasing.post("/decisions/{decision}/approve", status_code=204)
def approve_decision(
    decision: UUID, session: http.Db, operator: http.Person, clock: http.Now, settings: http.Config
) -> None:
    """Approve a decision as the second person; the shop is told."""
    now = clock()
    decisions.approve_decision(session, decision, operator, at=now, today=now.astimezone(settings.tz).date())


@acting.post("/decisions/{decision}/withdraw", status_code=204)
def withdraw_decision(decision: UUID, session: http.Db, operator: http.Person, clock: http.Now) -> None:
    """Take a decision back that nobody has approved."""
    decisions.withdraw_decision(session, decision, operator, at=clock())


@planning.post("/decisions/{decision}/ends", status_code=201)
def propose_end(
    decision: UUID,
    new: shapes.NewEnd,
    session: http.Db,
    operator: http.Person,
    clock: http.Now,
    settings: http.Config,
) -> shapes.Proposed:
    """Propose that a decision ends before its day."""
    now = clock()
    today = now.astimezone(settings.tz).date()
    return shapes.Proposed(
        id=decisions.propose_end(session, decision, new.ends, operator, reason=new.reason, at=now, today=today)
    )


@releasing.post("/decisions/ends/{end}/approve", status_code=204)
def approve_end(end: UUID, session: http.Db, operator: http.Person, clock: http.Now, settings: http.Config) -> None:
    """Let a decision end early, as the second person; the shop is told."""
    now = clock()
    decisions.approve_end(session, end, operator, at=now, today=now.astimezone(settings.tz).date())


@acting.post("/decisions/ends/{end}/withdraw", status_code=204)
def withdraw_end(end: UUID, session: http.Db, operator: http.Person, clock: http.Now) -> None:
    """Take back that a decision is to end early."""
    decisions.withdraw_end(session, end, operator, at=clock())


def files_response(session: http.Db, number: int) -> Response:
    """Return a run's archive as a file to keep."""
    return Response(
        exporting.archive(session, number),
        media_type=exporting.MEDIA,
        headers={
            "Content-Disposition": f'attachment; filename="scores-{number}.zip"',
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
        },
    )


def _run(session: http.Db, number: int) -> queries.Run:
    found = queries.run(session, number)
    if found is None:
        raise Rejected("not_found", what="score run", name=str(number))
    return found
