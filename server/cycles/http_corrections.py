"""``/api/v1/cycles/…/publications``: every time that a cycle's grants went out, and what a correction changed."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Path as PathPart
from pydantic import BaseModel

from contract.errors import Rejected
from server.cycles import correcting
from server.cycles.http import known
from server.kit import http, paging

reading = http.router("/api/v1/cycles", tag="cycles", roles=())


class PublicationStatus(BaseModel):
    """One publication: a reason where it corrected the one before; its attempt names its export."""

    number: int
    attempt: int
    supply_version: int
    reason: str | None
    sent_by: str
    released_by: str
    released_at: datetime
    published_at: datetime
    input_sha256: str
    result_sha256: str


class ChangedLine(BaseModel):
    """A line that a publication grants otherwise than the one before, in units."""

    retailer: str
    sku: str
    before_units: int
    after_units: int
    reason: str
    bound_by: str


@reading.get("/{cycle}/publications")
def list_publications(cycle: UUID, session: http.Db) -> list[PublicationStatus]:
    """Return every publication of a cycle, the first one first."""
    known(session, cycle)
    return [
        PublicationStatus.model_validate(one, from_attributes=True) for one in correcting.publications(session, cycle)
    ]


@reading.get("/{cycle}/publications/{number}/changes")
def publication_changes(
    cycle: UUID,
    number: Annotated[int, PathPart(ge=1)],
    session: http.Db,
    page: paging.Paged,
) -> list[ChangedLine]:
    """Return the lines that a publication changed, those that lose most first; none for the first publication."""
    known(session, cycle)
    out = correcting.publications(session, cycle)
    if number > len(out):
        raise Rejected("not_found", what="publication", name=str(number))
    if number == 1:
        return []
    before, after = out[number - 2].attempt, out[number - 1].attempt
    rows = page.of_fixed(
        lambda offset, limit: correcting.changes(session, cycle, before, after, offset=offset, limit=limit)
    )
    return [ChangedLine.model_validate(one, from_attributes=True) for one in rows]
