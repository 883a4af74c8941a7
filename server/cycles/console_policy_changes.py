"""Another policy after the announcement, on the cycle's page: a form to propose, two buttons for the second person."""

from typing import Annotated
from uuid import UUID

from fastapi import Form, Request, Response

from server.cycles import policy_changing
from server.cycles.console import PLACE, problems, show
from server.kit import console, http
from server.kit.console.texts import texts
from server.kit.fields import Invalid

planning = http.router(PLACE, tag="console", roles=("planner",))
releasing = http.router(PLACE, tag="console", roles=("releaser",))

Reason = Annotated[str, Form(max_length=1000)]


@planning.post("/{cycle}/policy-changes")
def propose(
    request: Request,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    cycle: UUID,
    policy: Annotated[str, Form()] = "",
    reason: Reason = "",
) -> Response:
    """Propose another policy; nothing changes before a second person approves."""
    name, _, version = policy.rpartition("|")
    number = int(version) if version.isdecimal() else 0
    gettext = texts(request).gettext
    try:
        policy_changing.propose(session, cycle, name, number, reason=reason, by=operator, at=clock())
    except Invalid as refused:
        session.rollback()
        errors = {f"change_{where}": words for where, words in problems(refused, gettext).items()}
        return show(request, session, cycle, errors=errors, values={"change_reason": reason})
    return console.redirect(request, f"{PLACE}/{cycle}", flash=gettext("Proposed. A second person decides on it."))


@releasing.post("/{cycle}/policy-changes/{change}/approve")
def approve(
    request: Request, session: http.Db, clock: http.Now, operator: http.Person, cycle: UUID, change: UUID
) -> Response:
    """Approve as the second person."""
    policy_changing.approve(session, cycle, change, by=operator, at=clock())
    said = texts(request).gettext("The policy is changed. Every terminal of the windows gets a notice.")
    return console.redirect(request, f"{PLACE}/{cycle}", flash=said)


@releasing.post("/{cycle}/policy-changes/{change}/decline")
def decline(
    request: Request,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    cycle: UUID,
    change: UUID,
    reason: Reason = "",
) -> Response:
    """Decline as the second person."""
    gettext = texts(request).gettext
    try:
        policy_changing.decline(session, cycle, change, reason=reason, by=operator, at=clock())
    except Invalid as refused:
        session.rollback()
        return show(request, session, cycle, errors=problems(refused, gettext))
    return console.redirect(request, f"{PLACE}/{cycle}", flash=gettext("Declined. The policy stays as it is."))
