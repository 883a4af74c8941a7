"""``/api/v1/scores/what-ifs``: two score policies side by side, on one history and the last book, for programs."""

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query
from pydantic import BaseModel, Field, model_validator

from contract.errors import Rejected
from contract.texts import Language
from server.cycles import score_what_if, shapes
from server.cycles.http_what_if import ExplainedStatus
from server.kit import http, paging

reading = http.router("/api/v1/scores/what-ifs", tag="scores", roles=())
asking = http.router("/api/v1/scores/what-ifs", tag="scores", roles=("planner", "releaser"))


class NewScoreWhatIf(shapes.Body):
    """A kept version of the score policy (0: the default one), or a text that is not kept."""

    version: int | None = Field(default=None, ge=0)
    text: str | None = None

    @model_validator(mode="after")
    def _one_of_both(self) -> "NewScoreWhatIf":
        if (self.version is None) == (self.text is None):
            raise ValueError("give either version or text")
        return self


class ScoreWhatIfStatus(BaseModel):
    """A what-if beside the policy of the scores in force: how far it is, and once it is done the figures.

    ``first_version`` 0 is the default policy; without a ``second_version`` the second is a text that nobody kept.
    Without a ``cycle`` none was shared out yet, and scores alone are compared.
    """

    id: UUID
    first_version: int
    first_text: str
    second_version: int | None
    second_text: str
    as_of: date
    cycle: UUID | None
    asked_by: str
    asked_at: datetime
    state: score_what_if.State
    steps_done: int
    steps: int
    trouble: str | None
    done_at: datetime | None
    figures: dict[str, Any] | None


class RetailerUnderBoth(BaseModel):
    """A retailer under both policies; ``guard`` changed its weight under the second one."""

    retailer: str
    first_score_milli: int | None
    second_score_milli: int | None
    first_tier: int | None
    second_tier: int | None
    first_weight: int | None
    second_weight: int | None
    guard: str | None
    requested_units: int | None
    first_units: int | None
    second_units: int | None


class RetailerExplained(BaseModel):
    """Why a retailer's score is as it is under either policy, and what it would be granted."""

    first_score: str
    second_score: str
    lines: list[ExplainedStatus]


@asking.post("", status_code=201)
def ask(
    new: NewScoreWhatIf, session: http.Db, operator: http.Person, clock: http.Now, settings: http.Config
) -> shapes.Made:
    """Ask what a policy would change; the solver works it out, nothing is published."""
    now = clock()
    candidate = score_what_if.Candidate(new.version, new.text or "")
    today = now.astimezone(settings.tz).date()
    return shapes.Made(id=score_what_if.ask(session, candidate, by=operator, at=now, today=today))


@reading.get("")
def list_what_ifs(session: http.Db) -> list[ScoreWhatIfStatus]:
    """Return the last what-ifs, the newest first, without their figures."""
    return [_status(one, figures=False) for one in score_what_if.recent(session)]


@reading.get("/{comparison}")
def what_if_status(comparison: UUID, session: http.Db) -> ScoreWhatIfStatus:
    """Return one what-if."""
    return _status(score_what_if.find(session, comparison), figures=True)


@reading.get("/{comparison}/retailers")
def retailers_under_both(
    comparison: UUID,
    session: http.Db,
    page: paging.Paged,
) -> list[RetailerUnderBoth]:
    """Return the retailers under both policies, in byte order of their codes."""
    every = score_what_if.rows(session, comparison)
    rows = page.of_fixed(lambda offset, limit: every[offset : offset + limit])
    return [RetailerUnderBoth.model_validate(row, from_attributes=True) for row in rows]


@reading.get("/{comparison}/explain")
def explain(
    comparison: UUID,
    session: http.Db,
    retailer: Annotated[str, Query(max_length=64)],
    lang: Language = "en",
) -> RetailerExplained:
    """Return why a retailer's score is as it is under either policy, and what it would be granted."""
    said = score_what_if.explain(session, comparison, retailer, lang)
    if said is None:
        raise Rejected("not_found", what="retailer", name=retailer)
    return RetailerExplained.model_validate(said, from_attributes=True)


def _status(one: score_what_if.ScoreWhatIf, *, figures: bool) -> ScoreWhatIfStatus:
    shown = ScoreWhatIfStatus.model_validate(one, from_attributes=True)
    return shown if figures else shown.model_copy(update={"figures": None})
