"""``/api/v1/signals``: findings for programs, and what a person says of them."""

from typing import Annotated

from fastapi import Depends, Path
from pydantic import BaseModel, ConfigDict, StringConstraints

from contract.errors import Rejected
from server.kit import http, paging
from server.kit.identity import Role
from server.signals import queries, rules, service
from server.signals.service import REVIEWERS

READERS: tuple[Role, ...] = (*REVIEWERS, "auditor")
REVIEWING = [Depends(http.needs(*REVIEWERS))]
Number = Annotated[int, Path(ge=1, lt=2**63)]

signals = http.router("/api/v1/signals", tag="signals", roles=READERS, shops="all")


class Said(BaseModel):
    """What a finding is, in words; ``owner`` looks at it from now on, without one whoever says it."""

    model_config = ConfigDict(extra="forbid")

    verdict: rules.Verdict
    words: Annotated[str, StringConstraints(max_length=4 * service.WORDS_MOST)]
    owner: str = ""


@signals.get("")
def list_findings(
    session: http.Db,
    page: paging.Paged,
    kind: rules.Kind | None = None,
    state: rules.State | None = None,
    retailer: str | None = None,
) -> list[queries.Finding]:
    """Return findings with their evidence, the newest first."""
    found, _ = queries.findings(
        session,
        kind=kind or "",
        state=state or "",
        retailer=retailer or "",
        before=page.key(int),
        limit=page.one_more,
    )
    return page.rows(found, lambda finding: (finding.number,))


@signals.get("/{number}")
def show_finding(number: Number, session: http.Db) -> queries.Finding:
    """Return one finding."""
    found = queries.finding(session, number)
    if found is None:
        raise Rejected("not_found", what="finding", name=str(number))
    return found


@signals.get("/{number}/notes")
def list_notes(number: Number, session: http.Db) -> list[queries.Note]:
    """Return what was said of a finding, the last word first."""
    return queries.notes(session, show_finding(number, session).id)


@signals.post("/{number}/notes", status_code=204, dependencies=REVIEWING)
def say(number: Number, body: Said, session: http.Db, operator: http.Person, clock: http.Now) -> None:
    """Say what a finding is; it changes nothing else."""
    service.say(session, number, body.verdict, body.words, operator, owner=body.owner, at=clock())
