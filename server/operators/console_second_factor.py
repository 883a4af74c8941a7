"""Screens of the second factor: the second step of signing in, and setting it up in the own account."""

from typing import Annotated

import segno
from fastapi import Form, Request, Response
from markupsafe import Markup

from contract.errors import Rejected
from server.kit import attempts, console, http
from server.kit.console.texts import texts
from server.operators import console as entrance_screens
from server.operators import queries, second_factor, service
from server.operators.kept_forms import MOST_BYTES, unpack
from server.operators.sessions import token_of

entrance = http.router("/console/sign-in", tag="console", roles="everyone")
own = http.router("/console/account/second-factor", tag="console", roles=(), shops="all")

Code = Annotated[str, Form(max_length=100)]


@entrance.post("/second")
def second_step(
    request: Request,
    session: http.Db,
    clock: http.Now,
    config: http.Config,
    code: Code = "",
    next: Annotated[str, Form(max_length=1000)] = entrance_screens.HOME,  # noqa: A002 - the word of the form
    again_path: Annotated[str, Form(max_length=1000)] = "",
    again: Annotated[str, Form(max_length=4 * MOST_BYTES)] = "",
) -> Response:
    """Open the session of who shows a second factor after the password; wrong codes are counted."""
    tries, address, now = http.runtime_of(request).attempts, http.remote_of(request), clock()
    form = unpack(again_path, again)
    waiting = queries.waiting_for_second_factor(session, token_of(request), now)
    if waiting is None:
        return entrance_screens.sign_in_form(request, next=next, form=form, refusal=Rejected("signed_out"))
    account = f"second:{waiting.id}"
    tries.check(attempts.PER_ADDRESS, address)
    tries.check(attempts.PER_ACCOUNT, account)
    try:
        opened = service.second_step(
            session, token_of(request), code, remote=address, ttl_s=config.session_ttl_s, at=now
        )
    except Rejected as refusal:
        tries.failed(attempts.PER_ADDRESS, address)
        if tries.failed(attempts.PER_ACCOUNT, account):
            service.note_guessing(session, waiting.name, remote=address, at=now)
        return entrance_screens.second_step_form(request, next=next, form=form, refusal=refusal)
    tries.forget(attempts.PER_ACCOUNT, account)
    return entrance_screens.let_in(request, session, now, opened, entrance_screens.own_page(next), form)


@own.post("/begin")
@http.of_own_account
def set_up(request: Request, session: http.Db, clock: http.Now, config: http.Config, operator: http.Person) -> Response:
    """Show the picture that an app reads, and ask for its first code."""
    return _set_up(request, session, clock, config, operator)


@own.post("")
@http.of_own_account
def confirm(
    request: Request,
    session: http.Db,
    clock: http.Now,
    config: http.Config,
    operator: http.Person,
    code: Code = "",
) -> Response:
    """Let the app count, and show the recovery codes once."""
    if queries.has_app(session, operator.id):
        return console.redirect(request, "/console/account")
    try:
        codes = second_factor.confirm(session, operator.id, code, at=clock())
    except Rejected as refusal:
        return _set_up(request, session, clock, config, operator, refusal)
    return console.page(request, "operators/recovery_codes.html", codes=codes)


@own.post("/recovery-codes")
@http.of_own_account
def renew_codes(
    request: Request, session: http.Db, clock: http.Now, operator: http.Person, code: Code = ""
) -> Response:
    """Show new recovery codes to who shows a code; the old ones are void."""
    tries, account = http.runtime_of(request).attempts, f"second:{operator.id}"
    tries.check(attempts.PER_ACCOUNT, account)
    try:
        codes = second_factor.renew_codes(session, operator.id, code, at=clock())
    except Rejected as refusal:
        tries.failed(attempts.PER_ACCOUNT, account)
        said = entrance_screens.words(request, refusal)
        return console.redirect(request, "/console/account", flash=said, tone="stop")
    return console.page(request, "operators/recovery_codes.html", codes=codes)


@own.post("/remove")
@http.of_own_account
def remove(request: Request, session: http.Db, clock: http.Now, operator: http.Person, code: Code = "") -> Response:
    """Take the own second factor away, shown a code of it."""
    tries, account = http.runtime_of(request).attempts, f"second:{operator.id}"
    tries.check(attempts.PER_ACCOUNT, account)
    try:
        second_factor.check(session, operator.id, code, at=clock())
    except Rejected as refusal:
        tries.failed(attempts.PER_ACCOUNT, account)
        said = entrance_screens.words(request, refusal)
        return console.redirect(request, "/console/account", flash=said, tone="stop")
    second_factor.remove(session, operator.id, by=operator.actor, at=clock())
    said = texts(request).gettext("The second factor is removed.")
    return console.redirect(request, "/console/account", flash=said)


def _set_up(
    request: Request,
    session: http.Db,
    clock: http.Now,
    config: http.Config,
    operator: http.Person,
    refusal: Rejected | None = None,
) -> Response:
    if queries.has_app(session, operator.id):
        return console.redirect(request, "/console/account")
    begun = second_factor.begin(session, operator.id, issuer=config.network_name, at=clock())
    picture = segno.make_qr(begun.address, error="m").svg_inline(scale=5, border=3, light="#fff")
    return console.page(
        request,
        "operators/set_up_second_factor.html",
        status_code=200 if refusal is None else http.status_of(refusal),
        picture=Markup(picture),  # noqa: S704 - drawn here
        secret=" ".join(begun.secret[at : at + 4] for at in range(0, len(begun.secret), 4)),
        problem=None if refusal is None else entrance_screens.words(request, refusal),
    )
