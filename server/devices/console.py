"""Screens of enrolment: codes for new terminals. The list and the page of one are the fleet's."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

import segno
from fastapi import Depends, Form, Request, Response
from markupsafe import Markup
from sqlalchemy.orm import Session

from contract import signing
from contract.errors import Rejected
from contract.texts import refusal_text
from server.devices import enrolling, queries, rules, service
from server.devices.http import KEEPERS
from server.kit import console, http
from server.kit.console.texts import language_of, texts
from server.kit.identity import Role
from server.retailers import queries as retailers

ROLES: tuple[Role, ...] = (*KEEPERS, "regional", "manager", "auditor")
KEEPING = [Depends(http.needs(*KEEPERS))]
CODES_MOST = 300
WAITING_SHOWN = 50

letting_in = http.router("/console/devices", tag="console", roles=ROLES, shops="all")


@dataclass(frozen=True)
class IssuedCode:
    """One code as the sheet shows it."""

    retailer: str
    shop: str
    shown: str
    picture: Markup
    link: str
    linked: Markup


@letting_in.get("/enrol", dependencies=KEEPING)
def enrol_form(request: Request, session: http.Db, retailer: str = "") -> Response:
    """Ask for which retailers codes are to be issued."""
    return _enrol_form(request, session, typed=retailer)


@letting_in.post("/enrol", dependencies=KEEPING)
def issue_codes(
    request: Request,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    codes: Annotated[str, Form(max_length=100_000)] = "",
    route: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """Issue one code for each retailer that was named or stands on the route without a terminal; show them once."""
    wanted = list(dict.fromkeys(re.split(r"[\s,;，；、]+", codes.strip()))) if codes.strip() else []
    if route:
        served = queries.retailers_with_device(session)
        wanted += [code for code in retailers.codes_on_route(session, route) if code not in {*served, *wanted}]
    gettext = texts(request).gettext
    if not wanted and route:
        return _enrol_form(
            request, session, typed=codes, route=route, errors={"route": gettext("Every shop of the route has one.")}
        )
    if not wanted:
        return _enrol_form(request, session, errors={"codes": gettext("Name at least one retailer, or a route.")})
    if len(wanted) > CODES_MOST:
        said = gettext("%(count)s codes at once are too many; at most %(most)s. Take one route after the other.")
        return _enrol_form(
            request,
            session,
            typed=codes,
            route=route,
            errors={"codes": said % {"count": len(wanted), "most": CODES_MOST}},
        )
    now = clock()
    try:
        issued = service.issue_codes(session, wanted, operator, at=now)
    except Rejected as refusal:
        session.rollback()
        said = refusal_text(refusal.code, refusal.params, language_of(request))
        return _enrol_form(request, session, typed=codes, route=route, errors={"codes": said})
    shops = retailers.retailers(session, wanted)
    server = http.runtime_of(request).settings.public_url or str(request.base_url)
    return console.page(
        request,
        "devices/codes.html",
        issued=[_shown(retailer, shops[retailer].name, code, server) for retailer, code in issued],
        expires_at=now + rules.CODE_TTL,
        server=server,
    )


@letting_in.get("/waiting", dependencies=KEEPING)
def list_waiting(request: Request, session: http.Db, clock: http.Now) -> Response:
    """Show the terminals that wait for somebody to compare their fingerprints."""
    return _waiting_page(request, session, clock())


@letting_in.post("/waiting/{key}/confirm", dependencies=KEEPING)
def confirm(request: Request, session: http.Db, clock: http.Now, operator: http.Person, key: str) -> Response:
    """Let a terminal in whose fingerprint was compared."""
    device = enrolling.confirm(session, [key], operator, at=clock())[0]
    said = texts(request).gettext("The terminal is let in as %(id)s.")
    return console.redirect(request, "/console/devices/waiting", flash=said % {"id": device.id})


@letting_in.post("/waiting/{key}/refuse", dependencies=KEEPING)
def refuse(
    request: Request,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    key: str,
    reason: Annotated[str, Form(max_length=300)] = "",
) -> Response:
    """Turn a terminal away; it shows why."""
    gettext = texts(request).gettext
    if not reason.strip():
        return _waiting_page(request, session, clock(), wrong=key)
    enrolling.refuse(session, key, reason.strip(), operator, at=clock())
    return console.redirect(request, "/console/devices/waiting", flash=gettext("The terminal is turned away."))


def _waiting_page(request: Request, session: Session, now: datetime, *, wrong: str = "") -> Response:
    waiting = enrolling.waiting_longest(session, now, limit=WAITING_SHOWN)
    return console.page(
        request,
        "devices/waiting.html",
        status_code=422 if wrong else 200,
        waiting=[(one, signing.shown(one.key)) for one in waiting],
        shops=retailers.retailers(session, {one.retailer for one in waiting}),
        total=enrolling.count_waiting(session, now),
        hours=int(rules.WAITING_TTL.total_seconds() // 3600),
        wrong=wrong,
    )


def _enrol_form(
    request: Request,
    session: Session,
    *,
    typed: str = "",
    route: str = "",
    errors: dict[str, str] | None = None,
) -> Response:
    return console.page(
        request,
        "devices/enrol.html",
        status_code=422 if errors else 200,
        typed=typed,
        route=route,
        routes=retailers.routes(session),
        minutes=int(rules.CODE_TTL.total_seconds() // 60),
        errors=errors or {},
    )


def _grouped(code: str) -> str:
    """Return a code in groups of four, as people read it aloud."""
    return "-".join(code[start : start + 4] for start in range(0, len(code), 4))


def _shown(retailer: str, shop: str, code: str, server: str) -> IssuedCode:
    """Return a code for a terminal's scanner, and the address by which a tablet's browser brings it along.

    The code stands in the fragment, which browsers keep to themselves: it is in no log.
    """
    link = f"{server.rstrip('/')}/tablet/#code={code}"
    return IssuedCode(retailer, shop, _grouped(code), _picture(code), link, _picture(link))


def _picture(code: str) -> Markup:
    """Return what would be typed as a QR picture."""
    return Markup(segno.make_qr(code, error="q").svg_inline(scale=5, border=3, light="#fff"))  # noqa: S704 - drawn here
