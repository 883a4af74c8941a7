"""Screens of webhooks: add one and show its secret once; what was delivered, what is parked; test, send again, stop."""

from collections.abc import Callable
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Form, Request, Response
from sqlalchemy.orm import Session

from contract.errors import Refusal, Rejected
from server.integrations import messages, telling
from server.integrations import webhooks as kept
from server.integrations.console_tokens import KEEPERS, READERS
from server.integrations.sending import allowed
from server.integrations.tokens import Bounds
from server.kit import console, http
from server.kit.console.texts import texts
from server.operators.console import words

KEEPING = [Depends(http.needs(*KEEPERS))]
PLACE = "/console/webhooks"
webhooks = http.router(PLACE, tag="console", roles=READERS)


@webhooks.get("")
def list_webhooks(request: Request, session: http.Db) -> Response:
    """List the webhooks, and offer to add one."""
    return _page(request, session)


@webhooks.post("", dependencies=KEEPING)
def add_webhook(
    request: Request,
    session: http.Db,
    clock: http.Now,
    config: http.Config,
    operator: http.Person,
    wanted: Annotated[list[str], Form(default_factory=list, max_length=100)],
    regions: Annotated[list[str], Form(default_factory=list, max_length=1000)],
    classes: Annotated[list[str], Form(default_factory=list, max_length=1000)],
    url: Annotated[str, Form(max_length=2000)] = "",
) -> Response:
    """Add a webhook and show its secret, once."""
    try:
        within = Bounds(tuple(regions), tuple(classes))
        made, secret = kept.make(session, url, wanted, allowed(config), by=operator, at=clock(), within=within)
    except Refusal as refusal:
        session.rollback()
        return _page(request, session, typed=(url, wanted, regions, classes), refusal=refusal)
    return _secret(request, kept.webhooks(session, made)[0], secret)


@webhooks.get("/{webhook}")
def show_webhook(request: Request, session: http.Db, webhook: UUID) -> Response:
    """Show one webhook with its last messages, parked ones first."""
    return _one(request, session, webhook)


@webhooks.post("/{webhook}/test", dependencies=KEEPING)
def test_webhook(request: Request, session: http.Db, clock: http.Now, operator: http.Person, webhook: UUID) -> Response:
    """Queue a message that says that it is a test."""

    def act() -> str:
        messages.test(session, webhook, by=operator, at=clock())
        return texts(request).gettext("A test is on its way; it stands in the list below.")

    return _change(request, session, webhook, act)


@webhooks.post("/{webhook}/secret", dependencies=KEEPING)
def renew_secret(request: Request, session: http.Db, clock: http.Now, operator: http.Person, webhook: UUID) -> Response:
    """Make a new secret and show it, once; the former one signs too for a day."""
    renewed, secret = kept.rotate(session, webhook, by=operator, at=clock())
    return _secret(request, renewed, secret)


@webhooks.post("/{webhook}/stop", dependencies=KEEPING)
def stop_webhook(request: Request, session: http.Db, clock: http.Now, operator: http.Person, webhook: UUID) -> Response:
    """Tell the address nothing more."""

    def act() -> str:
        kept.stop(session, webhook, by=operator, at=clock())
        return texts(request).gettext("The webhook is stopped; what waited is parked.")

    return _change(request, session, webhook, act)


@webhooks.post("/{webhook}/resume", dependencies=KEEPING)
def resume_webhook(
    request: Request, session: http.Db, clock: http.Now, operator: http.Person, webhook: UUID
) -> Response:
    """Tell the address again."""

    def act() -> str:
        kept.resume(session, webhook, by=operator, at=clock())
        return texts(request).gettext("The webhook is told again of what happens from now on.")

    return _change(request, session, webhook, act)


@webhooks.post("/{webhook}/messages/again", dependencies=KEEPING)
def send_parked_again(
    request: Request, session: http.Db, clock: http.Now, operator: http.Person, webhook: UUID
) -> Response:
    """Send all again that is parked."""

    def act() -> str:
        count = messages.send_parked_again(session, webhook, by=operator, at=clock())
        said = texts(request).ngettext("%(count)s message is sent again.", "%(count)s messages are sent again.", count)
        return said % {"count": count}

    return _change(request, session, webhook, act)


@webhooks.post("/{webhook}/messages/{message}/again", dependencies=KEEPING)
def send_again(
    request: Request, session: http.Db, clock: http.Now, operator: http.Person, webhook: UUID, message: UUID
) -> Response:
    """Send a message again."""

    def act() -> str:
        messages.send_again(session, webhook, message, by=operator, at=clock())
        return texts(request).gettext("It is sent again.")

    return _change(request, session, webhook, act)


def _change(request: Request, session: Session, webhook: UUID, act: Callable[[], str]) -> Response:
    try:
        said = act()
    except Refusal as refusal:
        session.rollback()
        return _one(request, session, webhook, refusal)
    return console.redirect(request, f"{PLACE}/{webhook}", flash=said)


def _secret(request: Request, webhook: kept.WebhookView, secret: str) -> Response:
    return console.page(request, "integrations/new_secret.html", webhook=webhook, secret=secret)


def _page(
    request: Request,
    session: Session,
    *,
    typed: tuple[str, list[str], list[str], list[str]] = ("", [], [], []),
    refusal: Refusal | None = None,
) -> Response:
    return console.page(
        request,
        "integrations/webhooks.html",
        status_code=200 if refusal is None else http.status_of(refusal),
        webhooks=kept.webhooks(session),
        choices=request.app.state.bound_choices(session),
        events=telling.EVENTS,
        keepers=KEEPERS,
        typed=typed,
        problem=None if refusal is None else words(request, refusal),
    )


def _one(request: Request, session: Session, webhook: UUID, refusal: Refusal | None = None) -> Response:
    found = kept.webhooks(session, webhook)
    if not found:
        raise Rejected("not_found", what="webhook", name=str(webhook))
    return console.page(
        request,
        "integrations/webhook.html",
        status_code=200 if refusal is None else http.status_of(refusal),
        webhook=found[0],
        messages=messages.messages(session, webhook),
        events={**telling.EVENTS, telling.TEST: telling.TEST_WORDS},
        attempts=messages.ATTEMPTS,
        keepers=KEEPERS,
        problem=None if refusal is None else words(request, refusal),
    )
