"""``/api/v1/cycles/…/adjustments``: manual decisions before release, proposed by one person and decided by another."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Header, Response
from pydantic import BaseModel

from server.cycles import adjusting, result_queries, shapes
from server.cycles.http import known
from server.kit import http

reading = http.router("/api/v1/cycles", tag="cycles", roles=(), shops="reads")
planning = http.router("/api/v1/cycles", tag="cycles", roles=("planner",))
releasing = http.router("/api/v1/cycles", tag="cycles", roles=("releaser",))

Seen = Annotated[
    str | None, Header(alias="If-Match", description="the ETag of the list of decisions that was seen", max_length=64)
]


class NewAdjustment(shapes.Body):
    """What a line is to get, in units of whole packs; none takes an earlier decision back."""

    retailer: str
    sku: str
    granted_units: int | None
    reason: str


class AdjustmentStatus(BaseModel):
    """A manual decision: who proposed it and why, who decided, and from which attempt it counts."""

    id: UUID
    retailer: str
    sku: str
    granted_units: int | None
    reason: str
    author: str
    proposed_at: datetime
    state: str
    decided_by: str | None
    decided_at: datetime | None
    decided_why: str | None
    from_attempt: int | None


@reading.get("/{cycle}/adjustments")
def list_adjustments(cycle: UUID, session: http.Db, response: Response) -> list[AdjustmentStatus]:
    """Return every manual decision of a cycle, the newest first; ``ETag`` is what ``If-Match`` says was seen."""
    known(session, cycle)
    response.headers["ETag"] = f'"{adjusting.seen_now(session, cycle)}"'
    return [
        AdjustmentStatus.model_validate(one, from_attributes=True) for one in result_queries.adjustments(session, cycle)
    ]


@planning.post("/{cycle}/adjustments", status_code=201)
def propose(
    cycle: UUID,
    new: NewAdjustment,
    session: http.Db,
    operator: http.Person,
    clock: http.Now,
    if_match: Seen = None,
) -> shapes.Made:
    """Propose what a line gets; nothing changes before a second person approves."""
    wanted = adjusting.Decision(new.retailer, new.sku, new.granted_units, new.reason)
    made = adjusting.propose(session, cycle, wanted, by=operator, at=clock(), seen=_stripped(if_match))
    return shapes.Made(id=made)


@releasing.post("/{cycle}/adjustments/{adjustment}/approve", status_code=204)
def approve(
    cycle: UUID,
    adjustment: UUID,
    session: http.Db,
    operator: http.Person,
    clock: http.Now,
    if_match: Seen = None,
) -> None:
    """Approve as the second person; the book is shared out again around it."""
    adjusting.approve(session, cycle, adjustment, by=operator, at=clock(), seen=_stripped(if_match))


@releasing.post("/{cycle}/adjustments/{adjustment}/decline", status_code=204)
def decline(
    cycle: UUID, adjustment: UUID, why: shapes.Reason, session: http.Db, operator: http.Person, clock: http.Now
) -> None:
    """Decline as the second person."""
    adjusting.decline(session, cycle, adjustment, reason=why.reason, by=operator, at=clock())


def _stripped(if_match: str | None) -> str | None:
    return if_match.strip('"') if if_match else None
