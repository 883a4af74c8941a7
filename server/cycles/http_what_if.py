"""``/api/v1/…/what-ifs``: two policies side by side on one frozen book, for programs."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import Query
from pydantic import BaseModel

from contract.texts import Language
from server.cycles import shapes, what_if
from server.cycles.http import known
from server.kit import http

reading = http.router("/api/v1", tag="cycles", roles=())
planning = http.router("/api/v1", tag="cycles", roles=("planner", "releaser"))


class NewWhatIf(shapes.Body):
    """Two versions of policies to compare, or one and the baseline: first come, first served, in its limits."""

    first: shapes.PolicyChoice
    second: shapes.PolicyChoice | Literal["first_come"]


class WhatIfStatus(BaseModel):
    """A what-if: how far it is, and once it is done the figures as ``evenhand compare`` writes them."""

    id: UUID
    cycle: UUID
    attempt: int
    first: str
    second: str
    asked_by: str
    asked_at: datetime
    state: what_if.State
    steps_done: int
    steps: int
    trouble: str | None
    done_at: datetime | None
    figures: dict[str, Any] | None


class ExplainedStatus(BaseModel):
    """One line of a retailer under both policies; quantities in units."""

    sku: str
    requested_units: int
    first_units: int
    second_units: int
    first_text: str
    second_text: str


@planning.post("/cycles/{cycle}/what-ifs", status_code=201)
def ask(cycle: UUID, new: NewWhatIf, session: http.Db, operator: http.Person, clock: http.Now) -> shapes.Made:
    """Ask for a comparison; the solver does it, and no cycle changes."""
    first = what_if.PolicyName(new.first.name, new.first.version)
    second = what_if.BASELINE
    if new.second != "first_come":
        second = what_if.PolicyName(new.second.name, new.second.version)
    return shapes.Made(id=what_if.ask(session, cycle, first, second, by=operator, at=clock()))


@reading.get("/cycles/{cycle}/what-ifs")
def list_what_ifs(cycle: UUID, session: http.Db) -> list[WhatIfStatus]:
    """Return the last comparisons on a cycle's book, the newest first, without their figures."""
    known(session, cycle)
    return [_status(one, figures=False) for one in what_if.recent(session, cycle=cycle)]


@reading.get("/what-ifs/{comparison}")
def what_if_status(comparison: UUID, session: http.Db) -> WhatIfStatus:
    """Return one comparison."""
    return _status(what_if.find(session, comparison), figures=True)


@reading.get("/what-ifs/{comparison}/explain")
def explain(
    comparison: UUID,
    session: http.Db,
    retailer: Annotated[str, Query(max_length=64)],
    lang: Language = "en",
) -> list[ExplainedStatus]:
    """Return what a retailer gets under either policy, and why."""
    return [
        ExplainedStatus.model_validate(line, from_attributes=True)
        for line in what_if.explain(session, comparison, retailer, lang)
    ]


def _status(one: what_if.WhatIf, *, figures: bool) -> WhatIfStatus:
    return WhatIfStatus(
        id=one.id,
        cycle=one.cycle,
        attempt=one.attempt,
        first=str(one.first),
        second=str(one.second),
        asked_by=one.asked_by,
        asked_at=one.asked_at,
        state=one.state,
        steps_done=one.steps_done,
        steps=one.steps,
        trouble=one.trouble,
        done_at=one.done_at,
        figures=one.figures if figures else None,
    )
