"""What people do with the dated decisions on a shop, on its page of scores."""

from collections.abc import Mapping
from datetime import date
from typing import Annotated
from urllib.parse import urlencode
from uuid import UUID

from fastapi import Depends, Form, Request, Response
from sqlalchemy.orm import Session

from contract.errors import Refusal
from contract.texts import refusal_text
from server.kit import console, http
from server.kit.console.texts import language_of, texts
from server.kit.fields import Invalid
from server.scores import decisions, rules
from server.scores.console import HOME, shop_page

PLANNER = [Depends(http.needs("planner"))]
RELEASER = [Depends(http.needs("releaser"))]
EITHER = [Depends(http.needs("planner", "releaser"))]

acts = http.router(f"{HOME}/shop", tag="console", roles=())

Code = Annotated[str, Form(max_length=100)]
Words = Annotated[str, Form(max_length=1000)]


@acts.post("/decision", dependencies=PLANNER)
def propose_decision(
    request: Request,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    code: Code,
    since: Annotated[date, Form()],
    until: Annotated[date, Form()],
    decision: Annotated[rules.DecisionKind, Form()],
    tier: Annotated[str, Form(max_length=4, pattern="^[0-9]*$")] = "",
    reason: Words = "",
) -> Response:
    """Propose to suspend or lower a shop for some days."""
    best = int(tier) if tier and decision == "lowered" else None
    try:
        decisions.propose_decision(session, code, decision, best, since, until, operator, reason=reason, at=clock())
    except Refusal as refused:
        typed = {"decision": decision, "tier": tier, "since": str(since), "until": str(until), "reason": reason}
        return _refused(request, session, code, refused, typed)
    return _back(
        request, code, texts(request).gettext("Proposed. It has no effect before a second person approves it.")
    )


@acts.post("/approve", dependencies=RELEASER)
def approve_decision(
    request: Request,
    session: http.Db,
    clock: http.Now,
    config: http.Config,
    operator: http.Person,
    code: Code,
    decision: Annotated[UUID, Form()],
) -> Response:
    """Let a decision have its effect, as the second person."""
    now = clock()
    try:
        decisions.approve_decision(session, decision, operator, at=now, today=now.astimezone(config.tz).date())
    except Refusal as refused:
        return _refused(request, session, code, refused)
    said = texts(request).gettext("Approved: it has its effect from its first day on, and the shop is told.")
    return _back(request, code, said)


@acts.post("/withdraw", dependencies=EITHER)
def withdraw_decision(
    request: Request,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    code: Code,
    decision: Annotated[UUID, Form()],
) -> Response:
    """Take a proposal back."""
    try:
        decisions.withdraw_decision(session, decision, operator, at=clock())
    except Refusal as refused:
        return _refused(request, session, code, refused)
    return _back(request, code, texts(request).gettext("Withdrawn. It stays in the list, without effect."))


@acts.post("/end", dependencies=PLANNER)
def propose_end(
    request: Request,
    session: http.Db,
    clock: http.Now,
    config: http.Config,
    operator: http.Person,
    code: Code,
    decision: Annotated[UUID, Form()],
    ends: Annotated[date, Form()],
    reason: Words = "",
) -> Response:
    """Propose that a decision ends before its day."""
    now = clock()
    today = now.astimezone(config.tz).date()
    try:
        decisions.propose_end(session, decision, ends, operator, reason=reason, at=now, today=today)
    except Refusal as refused:
        return _refused(request, session, code, refused)
    return _back(
        request, code, texts(request).gettext("Proposed. It has no effect before a second person approves it.")
    )


@acts.post("/end/approve", dependencies=RELEASER)
def approve_end(
    request: Request,
    session: http.Db,
    clock: http.Now,
    config: http.Config,
    operator: http.Person,
    code: Code,
    end: Annotated[UUID, Form()],
) -> Response:
    """Let a decision end early, as the second person."""
    now = clock()
    try:
        decisions.approve_end(session, end, operator, at=now, today=now.astimezone(config.tz).date())
    except Refusal as refused:
        return _refused(request, session, code, refused)
    return _back(request, code, texts(request).gettext("Approved: the decision ends on that day; the shop is told."))


@acts.post("/end/withdraw", dependencies=EITHER)
def withdraw_end(
    request: Request,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    code: Code,
    end: Annotated[UUID, Form()],
) -> Response:
    """Take back that a decision is to end early."""
    try:
        decisions.withdraw_end(session, end, operator, at=clock())
    except Refusal as refused:
        return _refused(request, session, code, refused)
    return _back(request, code, texts(request).gettext("Withdrawn. The decision holds as it was made."))


def _back(request: Request, code: str, said: str) -> Response:
    return console.redirect(request, f"{HOME}/shop?{urlencode({'code': code})}", flash=said)


def _refused(
    request: Request, session: Session, code: str, refused: Refusal, typed: Mapping[str, str] | None = None
) -> Response:
    session.rollback()
    told = refused.told(texts(request).gettext) if isinstance(refused, Invalid) else refused
    return shop_page(request, session, code, refusal_text(told.code, told.params, language_of(request)), typed)
