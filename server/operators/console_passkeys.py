"""Screens of passkeys: signing in by one, keeping them in the own account. The browser's part is ``passkeys.js``."""

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Form, Request, Response
from sqlalchemy.orm import Session

from contract.errors import Rejected
from server.kit import attempts, console, http
from server.kit.console.texts import texts
from server.kit.identity import Operator
from server.operators import console as entrance_screens
from server.operators import passkeys, service
from server.operators.kept_forms import MOST_BYTES, unpack

entrance = http.router("/console/sign-in/passkey", tag="console", roles="everyone")
own = http.router("/console/account/passkeys", tag="console", roles=(), shops="all")

Credential = Annotated[str, Form(max_length=16_384)]
Name = Annotated[str, Form(max_length=200)]
Password = Annotated[str, Form(max_length=4096)]
JSON = "application/json"


@entrance.post("/options")
def ask(request: Request, session: http.Db, clock: http.Now) -> Response:
    """Answer a challenge that a passkey may sign, whoever's it is."""
    http.runtime_of(request).attempts.take(attempts.ASKED_PER_ADDRESS, "passkey", http.remote_of(request))
    return Response(passkeys.ask(session, _place(request), at=clock()), media_type=JSON)


@entrance.post("")
def sign_in(
    request: Request,
    session: http.Db,
    clock: http.Now,
    config: http.Config,
    credential: Credential = "",
    next: Annotated[str, Form(max_length=1000)] = entrance_screens.HOME,  # noqa: A002 - the word of the form
    again_path: Annotated[str, Form(max_length=1000)] = "",
    again: Annotated[str, Form(max_length=4 * MOST_BYTES)] = "",
) -> Response:
    """Open a session for who shows a passkey; wrong ones are counted."""
    tries, address = http.runtime_of(request).attempts, http.remote_of(request)
    onward, form = entrance_screens.own_page(next), unpack(again_path, again)
    tries.check(attempts.PER_ADDRESS, address)
    try:
        opened = service.sign_in_by_passkey(
            session, _place(request), credential, remote=address, ttl_s=config.session_ttl_s, at=clock()
        )
    except Rejected as refusal:
        tries.failed(attempts.PER_ADDRESS, address)
        return entrance_screens.sign_in_form(request, next=onward, form=form, refusal=refusal)
    return entrance_screens.let_in(request, session, clock(), opened, onward, form)


@own.post("/options")
@http.of_own_account
def begin(
    request: Request, session: http.Db, clock: http.Now, operator: http.Person, present: Password = ""
) -> Response:
    """Answer what a browser needs to make a passkey, to who knows the own password."""
    _check_password(request, session, operator, present)
    return Response(passkeys.begin(session, operator, _place(request), at=clock()), media_type=JSON)


@own.post("")
@http.of_own_account
def add(
    request: Request,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    credential: Credential = "",
    name: Name = "",
) -> Response:
    """Keep a passkey; recovery codes are shown once where there were none."""
    try:
        codes = passkeys.register(session, operator, _place(request), credential, name=name, at=clock())
    except Rejected as refusal:
        return _back(request, entrance_screens.words(request, refusal), ok=False)
    if codes is not None:
        return console.page(request, "operators/recovery_codes.html", codes=codes)
    return _back(request, texts(request).gettext("The passkey is added."), ok=True)


@own.post("/remove")
@http.of_own_account
def remove(
    request: Request,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    credential: Credential = "",
    present: Password = "",
) -> Response:
    """Forget one of the own passkeys, for who knows the own password."""
    try:
        _check_password(request, session, operator, present)
        passkeys.remove(session, operator, _bytes(credential), at=clock())
    except Rejected as refusal:
        return _back(request, entrance_screens.words(request, refusal), ok=False)
    return _back(request, texts(request).gettext("The passkey is removed."), ok=True)


def _check_password(request: Request, session: Session, operator: Operator, present: str) -> None:
    """Let who knows the own password pass; wrong ones are counted as at the sign-in."""
    tries, account = http.runtime_of(request).attempts, operator.name.casefold()
    tries.check(attempts.PER_ACCOUNT, account)
    try:
        service.check_password(session, operator, present)
    except Rejected:
        tries.failed(attempts.PER_ACCOUNT, account)
        raise


def _place(request: Request) -> passkeys.Place:
    """Return where this server's passkeys hold, as browsers see it."""
    runtime = http.runtime_of(request)
    parts = urlsplit(runtime.settings.public_url or str(request.base_url))
    return passkeys.Place(f"{parts.scheme}://{parts.netloc}", runtime.settings.network_name)


def _bytes(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise Rejected("not_found", what="passkey", name=text[:16]) from None


def _back(request: Request, said: str, *, ok: bool) -> Response:
    return console.redirect(request, "/console/account", flash=said, tone="ok" if ok else "stop")
