"""Screens: signing in and out, the first page, one's own account."""

from datetime import datetime, timedelta
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Form, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy.orm import Session

from contract.errors import Refusal, Rejected, Unavailable
from contract.texts import refusal_text
from server.kit import attempts, audit_trail, console, http, live
from server.kit.console.cards import Card, Part
from server.kit.console.texts import N_, language_of, texts
from server.kit.identity import Actor, Operator, Role
from server.operators import kept_forms, queries, rules, second_factor, service
from server.operators.kept_forms import KeptForm
from server.operators.sessions import forget_session, keep_session, token_of

HOME = "/console/"
ROLE_NAMES: dict[Role, str] = {
    "planner": N_("Planner"),
    "releaser": N_("Releaser"),
    "manager": N_("Customer manager"),
    "dispatcher": N_("Dispatcher"),
    "inspector": N_("Licence inspector"),
    "regional": N_("Regional manager"),
    "fleet": N_("Fleet administrator"),
    "administrator": N_("Administrator"),
    "auditor": N_("Auditor"),
}

entrance = http.router("/console", tag="console", roles="everyone")
own = http.router("/console", tag="console", roles=(), shops="all")

Word = Annotated[str, Form(max_length=1000)]
Packed = Annotated[str, Form(max_length=4 * kept_forms.MOST_BYTES)]


@entrance.get("/sign-in")
def sign_in_page(request: Request, next: str = HOME) -> Response:  # noqa: A002 - the word of the address
    """Ask for name and password; who is signed in already goes on."""
    if request.state.operator is not None:
        return console.redirect(request, own_page(next))
    return sign_in_form(request, next=own_page(next))


@entrance.post("/sign-in")
def sign_in(
    request: Request,
    session: http.Db,
    clock: http.Now,
    config: http.Config,
    name: Word = "",
    password: Word = "",
    next: Word = HOME,  # noqa: A002 - the word of the form
    again_path: Word = "",
    again: Packed = "",
) -> Response:
    """Open a session for who knows the password; a failed attempt is counted, and the name stays typed."""
    tries, address = http.runtime_of(request).attempts, http.remote_of(request)
    account = name.strip().casefold()
    form = kept_forms.unpack(again_path, again)
    try:
        tries.check(attempts.PER_ADDRESS, address)
        tries.check(attempts.PER_ACCOUNT, account)
        opened = service.sign_in(session, name, password, remote=address, ttl_s=config.session_ttl_s, at=clock())
    except Unavailable as refusal:
        return sign_in_form(request, name=name, next=own_page(next), form=form, refusal=refusal)
    except Rejected as refusal:
        tries.failed(attempts.PER_ADDRESS, address)
        if tries.failed(attempts.PER_ACCOUNT, account):
            service.note_guessing(session, name, remote=address, at=clock())
        return sign_in_form(request, name=name, next=own_page(next), form=form, refusal=refusal)
    tries.forget(attempts.PER_ACCOUNT, account)
    return let_in(request, session, clock(), opened, own_page(next), form)


@entrance.get("/sign-in/link/{token}")
def link_page(request: Request, session: http.Db, clock: http.Now, token: str) -> Response:
    """Ask whether to sign in by a one-use link; looking at it does not use it up."""
    owner = queries.link_owner(session, token, clock())
    if owner is None:
        raise Rejected("link_spent")
    return console.page(request, "operators/link.html", owner=owner, token=token)


@entrance.post("/sign-in/link/{token}")
def use_link(request: Request, session: http.Db, clock: http.Now, config: http.Config, token: str) -> Response:
    """Open a session by a one-use link; without a password yet, choosing one comes first."""
    tries, address = http.runtime_of(request).attempts, http.remote_of(request)
    tries.check(attempts.PER_ADDRESS, address)
    try:
        opened = service.use_link(session, token, remote=address, ttl_s=config.session_ttl_s, at=clock())
    except Rejected:
        tries.failed(attempts.PER_ADDRESS, address)
        raise
    return let_in(request, session, clock(), opened, HOME, None)


@own.post("/sign-out")
@http.of_own_account
def sign_out(request: Request, session: http.Db, clock: http.Now) -> Response:
    """End this session."""
    service.sign_out(session, token_of(request), at=clock())
    response = console.redirect(request, "/console/sign-in", flash=texts(request).gettext("You are signed out."))
    forget_session(request, response)
    return response


@own.get("/")
def home(request: Request, session: http.Db, clock: http.Now, operator: http.Person) -> Response:
    """Show today at one glance: what capabilities found worth it for this person; later parts come by themselves."""
    parts, now = _parts(request), clock()
    read = {part.key: part.read(session, operator, now) for part in parts if part.with_page}
    return console.page(request, "operators/home.html", parts=parts, read=read)


@own.get("/today/{part}")
def home_part(request: Request, session: http.Db, clock: http.Now, operator: http.Person, part: str) -> Response:
    """Show one part of the first page; within it, or as a page of its own."""
    found = next((one for one in _parts(request) if one.key == part), None)
    if found is None:
        raise Rejected("not_found", what="part", name=part)
    cards = found.read(session, operator, clock())
    if "HX-Request" in request.headers:
        return console.fragment(request, "operators/_cards.html", part=found, cards=cards)
    return console.page(request, "operators/home_part.html", part=found, cards=cards)


def _parts(request: Request) -> tuple[Part, ...]:
    found: tuple[Part, ...] = request.app.state.home_parts
    return found


@own.get("/events")
async def home_changes(request: Request, operator: http.Person) -> Response:
    """Say when the first page is to be looked at again."""
    return live.stream(request, operator, (live.EVERY_TOPIC,))


@own.get("/account")
@http.of_own_account
def account_page(request: Request, session: http.Db, clock: http.Now, operator: http.Person) -> Response:
    """Show one's own account: roles, password, where one is signed in."""
    return _account(request, session, clock(), operator, {})


@own.post("/account/password")
@http.of_own_account
def change_password(
    request: Request,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    new: Annotated[str, Form(max_length=4096)] = "",
    repeated: Annotated[str, Form(max_length=4096)] = "",
    present: Annotated[str, Form(max_length=4096)] = "",
) -> Response:
    """Give oneself a new password; every other session ends. Wrong guesses at the present one are counted."""
    tries, gettext = http.runtime_of(request).attempts, texts(request).gettext
    if new != repeated:
        return _account(request, session, clock(), operator, {"repeated": gettext("The two passwords differ.")})
    tries.check(attempts.PER_ACCOUNT, operator.name.casefold())
    try:
        service.change_password(session, operator, present=present, new=new, token=token_of(request), at=clock())
    except Rejected as refusal:
        wrong = refusal.code == "password_wrong"
        if wrong:
            tries.failed(attempts.PER_ACCOUNT, operator.name.casefold())
        return _account(request, session, clock(), operator, {"present" if wrong else "new": words(request, refusal)})
    return console.redirect(
        request, "/console/account", flash=gettext("The password is changed. Other sessions are ended.")
    )


@own.post("/account/end-sessions")
@http.of_own_account
def sign_out_elsewhere(request: Request, session: http.Db, clock: http.Now, operator: http.Person) -> Response:
    """End one's own sessions but this one."""
    actor = Actor("operator", operator.name)
    ended = service.end_sessions(session, operator.name, by=actor, at=clock(), keep=token_of(request))
    said = texts(request).ngettext("%(count)s other session is ended.", "%(count)s other sessions are ended.", ended)
    return console.redirect(request, "/console/account", flash=said % {"count": ended})


def signed_out_page(request: Request) -> Response:
    """Answer a request that needs a signed-in person: on to the sign-in, and back here afterwards.

    A form that was sent is not lost: the sign-in page carries it along.
    """
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    if "HX-Request" in request.headers:
        shown = request.headers.get("HX-Current-URL", "")
        here = shown[len(str(request.base_url).rstrip("/")) :] if shown.startswith(str(request.base_url)) else HOME
        return Response(status_code=204, headers={"HX-Redirect": _sign_in_address(here)})
    if request.method in http.READS:
        return RedirectResponse(_sign_in_address(here), status_code=303)
    form = kept_forms.of_request(request)
    return sign_in_form(request, next=own_page(None), form=form, refusal=Rejected("signed_out"))


def own_page(address: str | None) -> str:
    """Return ``address`` if it is a page of the console, else the first page."""
    kept = console.local_path(address)
    return kept if kept is not None and kept.startswith("/console/") else HOME


def words(request: Request, refusal: Refusal) -> str:
    """Return a refusal's sentence in the request's language."""
    return refusal_text(refusal.code, refusal.params, language_of(request))


def home_cards(session: Session, operator: Operator, now: datetime) -> list[Card]:
    """Return the alerts of the last day, for those who may read the audit."""
    if not operator.may(*audit_trail.READERS):
        return []
    found, total = audit_trail.search(session, audit_trail.Asked(alerts=True, since=now - timedelta(days=1)), limit=5)
    return [
        Card(
            title=N_("Alerts of the last 24 hours"),
            template="operators/cards/alerts.html",
            context={"alerts": found, "total": total},
            order=90,
            href="/console/audit?alert=yes",
            tone="stop" if total else "ok",
        )
    ]


def let_in(
    request: Request,
    session: Session,
    now: datetime,
    opened: service.SignedIn,
    onward: str,
    form: KeptForm | None,
) -> Response:
    """Answer a sign-in: the old session of this browser ends, a form that was kept is offered again.

    Who has no password yet is led to choosing one; in a demonstration, whose people only look around, to the first
    page.
    """
    service.sign_out(session, token_of(request), at=now)
    if opened.waits_for_second_factor:
        response = second_step_form(request, next=onward, form=form)
        keep_session(request, response, opened)
        return response
    request.state.operator, request.state.csrf = opened.operator, opened.csrf
    if form is not None:
        response = console.page(request, "operators/again.html", form=form)
    elif not opened.has_password and not (onward == HOME and http.runtime_of(request).settings.demo):
        said = texts(request).gettext("Choose a password, so that you can sign in without a link next time.")
        response = console.redirect(request, "/console/account" if onward == HOME else onward, flash=said, tone="note")
    else:
        response = console.redirect(request, onward)
    keep_session(request, response, opened)
    return response


def second_step_form(
    request: Request,
    *,
    next: str,  # noqa: A002 - the word of the form
    form: KeptForm | None = None,
    refusal: Refusal | None = None,
) -> Response:
    """Ask for the second factor."""
    return console.page(
        request,
        "operators/second_step.html",
        status_code=200 if refusal is None else http.status_of(refusal),
        next=own_page(next),
        form=form,
        problem=None if refusal is None else words(request, refusal),
    )


def sign_in_form(
    request: Request,
    *,
    next: str,  # noqa: A002 - the word of the form
    name: str = "",
    form: KeptForm | None = None,
    refusal: Refusal | None = None,
) -> Response:
    """Ask for name and password."""
    return console.page(
        request,
        "operators/sign_in.html",
        status_code=200 if refusal is None else http.status_of(refusal),
        next=next,
        name=name,
        form=form,
        problem=None if refusal is None else words(request, refusal),
    )


def _account(request: Request, session: Session, now: datetime, operator: Operator, errors: dict[str, str]) -> Response:
    return console.page(
        request,
        "operators/account.html",
        status_code=422 if errors else 200,
        me=queries.operator(session, operator.name, at=now),
        browsers=queries.browsers(session, operator.id, token=token_of(request), at=now),
        role_names=ROLE_NAMES,
        minimum=rules.PASSWORD_MIN,
        app=queries.has_app(session, operator.id),
        passkeys=queries.passkeys(session, operator.id),
        codes_left=second_factor.codes_left(session, operator.id),
        asked=operator.needs_second_factor,
        errors=errors,
    )


def _sign_in_address(onward: str) -> str:
    return "/console/sign-in?" + urlencode({"next": own_page(onward)})
