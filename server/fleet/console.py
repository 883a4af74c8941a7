"""The fleet's list and the page of one terminal, its part of a shop's e-file, and the card of the first page."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import Depends, Form, Request, Response
from sqlalchemy.orm import Session

from contract import signing
from contract.errors import Rejected
from server.devices import clones, enrolling
from server.devices import queries as devices
from server.devices import rules as device_rules
from server.devices import service as device_service
from server.devices.console import ROLES
from server.devices.http import KEEPERS
from server.fleet import alerts, groups, history, members, predicate, queries, ruling, showing
from server.fleet.console_alerts import name_of as alert_name
from server.fleet.predicate import RING_WORDS, STATE_WORDS, Condition
from server.kit import audit_trail, console, http
from server.kit.audit import AuditEntry
from server.kit.console.cards import Card
from server.kit.console.tables import Column, Filter, TableView
from server.kit.console.texts import N_, texts
from server.kit.fields import Invalid
from server.kit.identity import Operator
from server.retailers import queries as retailers

HOME: Final = "/console/devices"
KEEPING = [Depends(http.needs(*KEEPERS))]
HISTORY_MOST: Final = 50
LINKS_FOR: Final = timedelta(days=14)
CHARTS_FOR: Final = timedelta(days=1)
PART_WORDS: Final = {
    "ready": N_("ready"),
    "off": N_("none chosen"),
    "fault": N_("faulty"),
    "shared": N_("ready, its keys also go elsewhere"),
    "missing": N_("not there"),
    "no_permission": N_("may not be read"),
    "ethernet": N_("by cable"),
    "wifi": N_("by Wi-Fi"),
    "cellular": N_("by mobile network"),
    "other": N_("other"),
}
LINK_WORDS: Final = {
    "connected": N_("connected to the broker"),
    "signed_off": N_("said goodbye to the broker"),
    "lost": N_("the broker lost its connection"),
}

fleet = http.router(HOME, tag="console", roles=ROLES, shops="all")

COLUMNS = (
    Column("retailer", N_("Code of the shop"), "identifier"),
    Column("shop", N_("Shop"), sortable=False),
    Column("id", N_("Terminal"), "identifier"),
    Column("state", N_("State"), sortable=False),
    Column("last_seen_at", N_("Last seen"), "instant"),
    Column("queue_length", N_("Waiting on it"), "number"),
    Column("version", N_("Version")),
    Column("ring", N_("Ring")),
    Column("model", N_("Model")),
    Column("region", N_("Region")),
    Column("route", N_("Route")),
    Column("enrolled_at", N_("Enrolled"), "instant"),
)
#: What stands above the list and is a condition of the same name.
OF_CONDITIONS: Final = ("state", "version", "model", "region", "route", "ring", "tag")


@fleet.get("")
def list_devices(request: Request, session: http.Db, clock: http.Now) -> Response:
    """List the terminals; with ``format`` they come as a file."""
    now = clock()
    filters = _filters(session, now)
    view = TableView.of(request, COLUMNS, filters=filters, sort="retailer")
    group = view.filters.get("group")
    found, total = queries.search(
        session,
        at=now,
        text=view.search,
        conditions=[Condition(one, "is", (view.filters[one],)) for one in OF_CONDITIONS if one in view.filters],
        within=members.devices_in_group(session, group, at=now) if group else None,
        sort=view.sort,
        descending=view.descending,
        offset=0 if view.format else view.offset,
        limit=None if view.format else view.per_page,
    )
    if view.format:
        return console.download(request, COLUMNS, found, name="terminals")
    return console.page(
        request,
        "fleet/list.html",
        keepers=KEEPERS,
        view=view,
        columns=COLUMNS,
        filters=filters,
        rows=found,
        total=total,
        figures=devices.fleet(session, now),
        waiting=enrolling.count_waiting(session, now),
        offline_after=device_rules.OFFLINE_AFTER,
        state_words=STATE_WORDS,
        ring_words=RING_WORDS,
    )


def _filters(session: Session, now: datetime) -> tuple[Filter, ...]:
    known = queries.choices(session, at=now)

    def as_they_are(values: tuple[str, ...]) -> list[tuple[str, str]]:
        return [(value, value) for value in values]

    names = tuple(one.name for one in groups.groups(session))
    return (
        Filter("state", N_("State"), tuple(STATE_WORDS.items())),
        Filter("group", N_("Group"), as_they_are(names), translate=False),
        Filter("region", N_("Region"), as_they_are(known.regions), translate=False),
        Filter("route", N_("Route"), as_they_are(known.routes), translate=False),
        Filter("version", N_("Version"), as_they_are(known.versions), translate=False),
        Filter("model", N_("Model"), as_they_are(known.models), translate=False),
        Filter("ring", N_("Ring"), tuple(RING_WORDS.items())),
        Filter("tag", N_("Tag"), as_they_are(known.tags), translate=False),
    )


@fleet.get("/{device_id}")
def show_device(request: Request, session: http.Db, clock: http.Now, device_id: str) -> Response:
    """Show one terminal: identity, how it is, where it belongs, what was done with it."""
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
    device_service.revoke(session, device_id, reason.strip(), operator, at=clock())
    said = gettext("Terminal %(id)s is revoked: it is refused from now on.")
    return console.redirect(request, f"{HOME}/{device_id}", flash=said % {"id": device_id})


@fleet.post("/{device_id}/mark", dependencies=KEEPING)
def mark(
    request: Request,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    device_id: str,
    tags: Annotated[str, Form(max_length=1000)] = "",
    ring: Annotated[str, Form(max_length=20)] = members.LAST_RING,
) -> Response:
    """Give a terminal its tags and its ring."""
    gettext = texts(request).gettext
    try:
        groups.mark(session, device_id, tags.replace("，", ",").split(","), ring, operator, at=clock())
    except Invalid as refused:
        session.rollback()
        errors = {name: unfit.sentence(gettext) for name, unfit in refused.problems.items()}
        return _device_page(request, session, clock(), device_id, errors=errors, typed={"tags": tags, "ring": ring})
    return console.redirect(request, f"{HOME}/{device_id}", flash=gettext("Tags and ring are kept."))


def in_e_file(session: Session, retailer: str, now: datetime) -> dict[str, Any]:
    """Return a shop's terminals, for the page about it; the part offers to enrol one where there is none."""
    return {
        "devices": [(device, device.state(now)) for device in devices.devices(session, retailer=retailer)],
        "retailer": retailer,
        "roles": ROLES,
        "keepers": KEEPERS,
    }


def home_cards(session: Session, operator: Operator, now: datetime) -> list[Card]:
    """Return the fleet at one glance, the terminals that are silent longest first."""
    if not operator.may(*ROLES):
        return []
    figures = devices.fleet(session, now)
    silent = devices.silent_longest(session, now, limit=5)
    return [
        Card(
            title=N_("Terminals"),
            template="fleet/cards/fleet.html",
            context={
                "figures": figures,
                "silent": silent,
                "shops": retailers.retailers(session, {device.retailer for device in silent}),
            },
            order=40,
            href=f"{HOME}?state=offline" if figures.offline else HOME,
            tone="wait" if figures.offline else "ok",
        )
    ]


def _parts(device: devices.Device, gettext: Callable[[str], str]) -> list[tuple[str, str]]:
    """Return how printer, scanner and network are, of what the terminal told."""
    told = device.health
    if told is None:
        return []
    parts = ((N_("Printer"), told.printer), (N_("Scanner"), told.scanner), (N_("Network"), told.network))
    return [(gettext(label), gettext(PART_WORDS[value])) for label, value in parts if value in PART_WORDS]


def _moments(
    acts: Sequence[AuditEntry],
    links: Sequence[history.Connection],
    alarms: Sequence[alerts.Alert],
    gettext: Callable[[str], str],
) -> list[tuple[datetime, str, Any]]:
    """Return what happened to a terminal, the newest first: acts of people, connections with their cause, alerts."""
    moments: list[tuple[datetime, str, Any]] = [(one.at, "act", one) for one in acts]
    moments += [(one.at, "link", gettext(LINK_WORDS[one.state])) for one in links]
    for one in alarms:
        named = (one.number, alert_name(one, gettext))
        moments.append((one.opened_at, "alert", named))
        if one.closed_at is not None:
            moments.append((one.closed_at, "over", named))
    return sorted(moments, key=lambda moment: moment[0], reverse=True)[:HISTORY_MOST]


def _device_page(
    request: Request,
    session: Session,
    now: datetime,
    device_id: str,
    *,
    errors: Mapping[str, str] | None = None,
    typed: Mapping[str, str] | None = None,
) -> Response:
    device = devices.device(session, device_id)
    place = queries.row(session, device_id, at=now)
    if device is None or place is None:
        raise Rejected("not_found", what=texts(request).gettext("terminal"), name=device_id)
    tags = groups.tags_of(session, [device_id]).get(device_id, [])
    gettext = texts(request).gettext
    rules = ruling.in_force(session).rules
    certificate = enrolling.newest_certificate(session, device_id)
    term = (certificate.issued_at, certificate.expires_at) if certificate else None
    acts = audit_trail.newest(session, audit_trail.Asked(words=f"device:{device_id}"), limit=HISTORY_MOST)
    links = history.connections(session, device_id, since=now - LINKS_FOR, limit=HISTORY_MOST)
    alarms = alerts.before(session, at=now, shown="all", device=device_id, limit=HISTORY_MOST)
    points = history.points(session, device_id, since=now - CHARTS_FOR)
    return console.page(
        request,
        "fleet/device.html",
        keepers=KEEPERS,
        status_code=422 if errors else 200,
        device=device,
        place=place,
        state=device.state(now),
        shop=retailers.retailer(session, device.retailer),
        why=STATE_WORDS[place.why] if place.why else None,
        certificate=certificate,
        clone=clones.clone(session, device_id),
        shown=signing.shown,
        measured=showing.measured(device, rules, now, term, gettext),
        parts=_parts(device, gettext),
        charts=showing.over_hours(points, http.runtime_of(request).settings.tz, gettext),
        moments=_moments(acts, links, alarms, gettext),
        tags=tags,
        typed=typed or {"tags": ", ".join(tags), "ring": place.ring},
        ring_options=[(one, texts(request).gettext(RING_WORDS[one])) for one in predicate.RINGS],
        ring_words=RING_WORDS,
        state_words=STATE_WORDS,
        errors=errors or {},
    )
