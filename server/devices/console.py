"""Screens of the fleet: all terminals, one terminal, codes for new ones."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import segno
from fastapi import Depends, Form, Request, Response
from markupsafe import Markup
from sqlalchemy.orm import Session

from contract.errors import Rejected
from contract.texts import refusal_text
from server.devices import queries, rules, service
from server.devices.http import KEEPERS
from server.kit import audit_trail, console, http
from server.kit.console.cards import Card
from server.kit.console.tables import Column, Filter, TableView
from server.kit.console.texts import N_, language_of, texts
from server.kit.identity import Operator, Role
from server.retailers import queries as retailers

ROLES: tuple[Role, ...] = (*KEEPERS, "regional", "manager", "auditor")
KEEPING = [Depends(http.needs(*KEEPERS))]
CODES_MOST = 300
STATES: tuple[tuple[queries.State, str], ...] = (
    ("online", N_("online")),
    ("offline", N_("offline")),
    ("revoked", N_("revoked")),
)

fleet = http.router("/console/devices", tag="console", roles=ROLES, shops="all")


@dataclass(frozen=True)
class Line:
    """One row of the list."""

    retailer: str
    shop: str
    id: str
    model: str
    version: str | None
    state: queries.State
    last_seen_at: datetime | None
    queue_length: int | None
    enrolled_at: datetime


COLUMNS = (
    Column("retailer", N_("Retailer"), "identifier"),
    Column("shop", N_("Shop"), sortable=False),
    Column("id", N_("Terminal"), "identifier"),
    Column("state", N_("State"), sortable=False),
    Column("last_seen_at", N_("Last seen"), "instant"),
    Column("queue_length", N_("Waiting on it"), "number"),
    Column("version", N_("Version")),
    Column("model", N_("Model")),
    Column("enrolled_at", N_("Enrolled"), "instant"),
)


@dataclass(frozen=True)
class IssuedCode:
    """One code as the sheet shows it."""

    retailer: str
    shop: str
    shown: str
    picture: Markup


@fleet.get("")
def list_devices(request: Request, session: http.Db, clock: http.Now) -> Response:
    """List the terminals; with ``format`` they come as a file."""
    now = clock()
    filters = (
        Filter("state", N_("State"), STATES),
        Filter("version", N_("Version"), [(v, v) for v in queries.versions(session)], translate=False),
    )
    view = TableView.of(request, COLUMNS, filters=filters, sort="retailer")
    called_so = retailers.search(session, text=view.search, limit=1000)[0] if view.search else []
    found, total = queries.search(
        session,
        now,
        text=view.search,
        retailers=[shop.code for shop in called_so],
        state=next((state for state, _ in STATES if state == view.filters.get("state")), None),
        version=view.filters.get("version"),
        sort=view.sort,
        descending=view.descending,
        offset=0 if view.format else view.offset,
        limit=None if view.format else view.per_page,
    )
    shops = retailers.retailers(session, {device.retailer for device in found})
    lines = [
        Line(
            retailer=device.retailer,
            shop=shops[device.retailer].name,
            id=device.id,
            model=device.model,
            version=device.version,
            state=device.state(now),
            last_seen_at=device.last_seen_at,
            queue_length=device.queue_length,
            enrolled_at=device.enrolled_at,
        )
        for device in found
    ]
    if view.format:
        return console.download(request, COLUMNS, lines, name="terminals")
    return console.page(
        request,
        "devices/list.html",
        keepers=KEEPERS,
        view=view,
        columns=COLUMNS,
        filters=filters,
        rows=lines,
        total=total,
        figures=queries.fleet(session, now),
        offline_after=rules.OFFLINE_AFTER,
    )


@fleet.get("/enrol", dependencies=KEEPING)
def enrol_form(request: Request, session: http.Db, retailer: str = "") -> Response:
    """Ask for which retailers codes are to be issued."""
    return _enrol_form(request, session, typed=retailer)


@fleet.post("/enrol", dependencies=KEEPING)
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
    return console.page(
        request,
        "devices/codes.html",
        issued=[
            IssuedCode(retailer, shops[retailer].name, _grouped(code), _picture(code)) for retailer, code in issued
        ],
        expires_at=now + rules.CODE_TTL,
        server=http.runtime_of(request).settings.public_url or str(request.base_url),
    )


@fleet.get("/{device_id}")
def show_device(request: Request, session: http.Db, clock: http.Now, device_id: str) -> Response:
    """Show one terminal: identity, what it last said of itself, what was done with it."""
    return _device_page(request, session, clock(), device_id)


@fleet.post("/{device_id}/revoke", dependencies=KEEPING)
def revoke(
    request: Request,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    device_id: str,
    reason: Annotated[str, Form(max_length=500)] = "",
) -> Response:
    """Shut a terminal out, with a reason that stays in the audit."""
    gettext = texts(request).gettext
    if not reason.strip():
        said = gettext("Say why; the reason stays in the audit.")
        return _device_page(request, session, clock(), device_id, errors={"reason": said})
    service.revoke(session, device_id, reason.strip(), operator, at=clock())
    said = gettext("Terminal %(id)s is revoked: it is refused from now on.")
    return console.redirect(request, f"/console/devices/{device_id}", flash=said % {"id": device_id})


def in_e_file(session: Session, retailer: str, now: datetime) -> dict[str, Any]:
    """Return a shop's terminals, for the page about it; the part offers to enrol one where there is none."""
    return {
        "devices": [(device, device.state(now)) for device in queries.devices(session, retailer=retailer)],
        "retailer": retailer,
        "roles": ROLES,
        "keepers": KEEPERS,
    }


def home_cards(session: Session, operator: Operator, now: datetime) -> list[Card]:
    """Return the fleet at one glance, the terminals that are silent longest first."""
    if not operator.may(*ROLES):
        return []
    figures = queries.fleet(session, now)
    silent = queries.silent_longest(session, now, limit=5)
    return [
        Card(
            title=N_("Terminals"),
            template="devices/cards/fleet.html",
            context={
                "figures": figures,
                "silent": silent,
                "shops": retailers.retailers(session, {device.retailer for device in silent}),
            },
            order=40,
            href="/console/devices?state=offline" if figures.offline else "/console/devices",
            tone="wait" if figures.offline else "ok",
        )
    ]


def _device_page(
    request: Request, session: Session, now: datetime, device_id: str, errors: dict[str, str] | None = None
) -> Response:
    device = queries.device(session, device_id)
    if device is None:
        raise Rejected("not_found", what=texts(request).gettext("terminal"), name=device_id)
    history = audit_trail.newest(session, audit_trail.Asked(words=f"device:{device_id}"), limit=50)
    return console.page(
        request,
        "devices/device.html",
        keepers=KEEPERS,
        status_code=422 if errors else 200,
        device=device,
        state=device.state(now),
        shop=retailers.retailer(session, device.retailer),
        history=history,
        errors=errors or {},
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


def _picture(code: str) -> Markup:
    """Return the code as a QR picture for the terminal's scanner: exactly what would be typed."""
    return Markup(segno.make_qr(code, error="q").svg_inline(scale=5, border=3, light="#fff"))  # noqa: S704 - drawn here
