"""The score policy on the screen: its versions, one of them in words and as text, and a form for the next."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Form, Query, Request, Response
from sqlalchemy.orm import Session

from allocation.scoring import ScorePolicy
from allocation.scoring.policy import COMPONENTS
from contract.errors import Rejected
from server.kit import console, http
from server.kit.console import step_chart
from server.kit.console.texts import language_of, texts
from server.kit.fields import Invalid
from server.scores import explaining, policies, policy_form, policy_words, queries
from server.scores.policy_form import PolicyForm

PLACE = "/console/scores/policies"

reading = http.router(PLACE, tag="console", roles=(), shops="reads")
planning = http.router(PLACE, tag="console", roles=("planner",))


@reading.get("")
def list_policies(request: Request, session: http.Db) -> Response:
    """Show every version, the newest first, and which of them counts."""
    return console.page(
        request,
        "scores/policies.html",
        versions=queries.policies(session),
        **_standing(session),
    )


@planning.get("/new")
def policy_page(request: Request, session: http.Db, base: Annotated[int | None, Query(ge=0)] = None) -> Response:
    """Show the form, filled with what a version says: the newest, or the one that is named (0: the default)."""
    newest = queries.policy(session)
    number = base if base is not None else 0 if newest is None else newest.version
    filled = policy_form.filled(policies.read(session, number or None))
    seen = "0" if newest is None else str(newest.version)
    return form_page(request, session, filled.model_copy(update={"seen": seen}))


@planning.post("/new")
def write_policy(
    request: Request, session: http.Db, clock: http.Now, operator: http.Person, typed: Annotated[PolicyForm, Form()]
) -> Response:
    """Keep a version, or show with act ``show`` what it would change."""
    gettext = texts(request).gettext
    if typed.act == "show":
        return form_page(request, session, policy_form.laid_out(typed), checked=True)
    try:
        _, text = policy_form.read(typed)
        written = policies.write_policy(session, text, operator, reason=typed.reason, at=clock(), seen=_seen(typed))
    except Invalid as refused:
        session.rollback()
        return form_page(request, session, typed, said(request, refused))
    done = gettext("Version %(number)s is kept. The next run that is asked for counts by it.")
    return console.redirect(request, f"{PLACE}/{written.version}", flash=done % {"number": written.version})


@reading.get("/{number}")
def show_policy(request: Request, session: http.Db, number: int) -> Response:
    """Show what a version says in words and as text, and what it changes; 0 is the default policy."""
    found = queries.policy(session, number) if number else None
    if number and found is None:
        raise Rejected("not_found", what=texts(request).gettext("score policy"), name=str(number))
    policy = policies.read(session, number or None)
    standing = _standing(session)
    return console.page(
        request,
        "scores/policy.html",
        number=number,
        found=found,
        policy=policy,
        text=policies.default_text() if found is None else found.text,
        changes=_changes(request, session, policy),
        steps=step_chart.steps,
        **standing,
        **words(request),
    )


def form_page(
    request: Request,
    session: Session,
    typed: PolicyForm,
    errors: Mapping[str, str] | None = None,
    *,
    checked: bool = False,
) -> Response:
    """Show the form as it was typed, each fault at its field; ``checked`` shows what it would change."""
    changes: list[dict[str, Any]] | None = None
    found = dict(errors or {})
    drawn: ScorePolicy | None = None
    try:
        drawn, text = policy_form.read(typed)
        changes = _changes(request, session, drawn)
        if typed.act != "text":
            typed = typed.model_copy(update={"text": text})
    except Invalid as refused:
        if checked:
            found |= said(request, refused)
    return console.page(
        request,
        "scores/policy_form.html",
        status_code=422 if found else 200,
        typed=typed,
        errors=found,
        drawn=drawn,
        changes=changes,
        checked=checked,
        steps=step_chart.steps,
        **_standing(session),
        **words(request),
    )


def words(request: Request) -> dict[str, Any]:
    """Return what templates need to tell a policy in words."""
    language = language_of(request)
    return {
        "history_keys": policy_words.HISTORY,
        "moving_keys": policy_words.MOVING,
        "guard_keys": policy_words.GUARDS,
        "components": {name: explaining.component(name, language) for name in COMPONENTS},
        "meanings": {name: policy_words.COMPONENT_MEANINGS[name] for name in COMPONENTS},
    }


def said(request: Request, refused: Invalid) -> dict[str, str]:
    """Return each fault of a form in the reader's language, by its field."""
    gettext = texts(request).gettext
    return {where: unfit.sentence(gettext) for where, unfit in refused.problems.items()}


def _seen(typed: PolicyForm) -> int | None:
    return int(typed.seen) if typed.seen.isdecimal() else None


def _standing(session: Session) -> dict[str, Any]:
    """Return which version the next run counts by, and which those in force; 0 is the default one, none: no scores."""
    newest, in_force = queries.policy(session), queries.in_force(session)
    return {
        "next_version": 0 if newest is None else newest.version,
        "in_force_version": None if in_force is None else in_force.policy_version or 0,
    }


def _changes(request: Request, session: Session, policy: ScorePolicy) -> list[dict[str, Any]]:
    """Return what a policy changes against the one of the scores in force, the default one where there are none."""
    in_force = queries.in_force(session)
    before = policies.read(session, None if in_force is None else in_force.policy_version)
    return policy_words.told(policy_words.changes(before, policy), texts(request).gettext, language_of(request))
