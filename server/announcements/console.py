"""Screens of announcements: the list, the draft, the reach, the correction."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import Depends, Request, Response
from sqlalchemy.orm import Session

from contract.errors import Rejected
from contract.feed import Text
from server.announcements import queries, reach, rules, service
from server.kit import audit_trail, console, http
from server.kit.console.cards import Card
from server.kit.console.tables import Column, Filter, TableView
from server.kit.console.texts import N_, language_of, texts
from server.kit.fields import Invalid
from server.kit.identity import Operator
from server.retailers import queries as retailers
from server.retailers.rules import Audience

SORTS = {
    "urgent": N_("urgent"),
    "policy": N_("policy"),
    "regulation": N_("regulation"),
    "notice": N_("notice"),
    "promotion": N_("promotion"),
}
STATES = {"draft": N_("draft"), "published": N_("published")}
A_DAY_S = 86_400

PLANNER = [Depends(http.needs("planner"))]
Typed = Mapping[str, Any]

announcements = http.router("/console/announcements", tag="console", roles=())

COLUMNS = (
    Column("number", N_("Number"), "number"),
    Column("title", N_("Title"), sortable=False),
    Column("sort", N_("Sort")),
    Column("state", N_("State")),
    Column("version", N_("Version"), "number"),
    Column("sent", N_("Sent"), "number"),
    Column("displayed", N_("Displayed"), "number"),
    Column("acknowledged", N_("Acknowledged"), "number"),
    Column("rate", N_("Reach"), "percent", sortable=False),
    Column("created_at", N_("Written"), "instant"),
)
FILTERS = (
    Filter("sort", N_("Sort"), tuple(SORTS.items())),
    Filter("state", N_("State"), tuple(STATES.items())),
)
RECIPIENT_COLUMNS = (
    Column("retailer", N_("Retailer"), "identifier"),
    Column("region", N_("Region")),
    Column("route", N_("Route")),
    Column("displayed_at", N_("Displayed"), "instant"),
    Column("acknowledged_at", N_("Acknowledged"), "instant"),
)
FILTERS_OF_RECIPIENTS = (
    Filter("displayed", N_("Displayed"), (("yes", N_("displayed")), ("no", N_("not displayed")))),
    Filter("acknowledged", N_("Acknowledged"), (("yes", N_("acknowledged")), ("no", N_("not acknowledged")))),
)


@announcements.get("")
@http.of_shops
def list_announcements(request: Request, session: http.Db) -> Response:
    """List the announcements; with ``format`` they come as a file."""
    view = TableView.of(request, COLUMNS, filters=FILTERS, sort="-number")
    words = view.search.casefold()
    zh = language_of(request) == "zh"
    rows: list[dict[str, Any]] = [
        {
            "id": one.id,
            "number": one.number,
            "title": one.newest.title.zh if zh else one.newest.title.en,
            "sort": one.sort,
            "state": one.state,
            "version": one.newest.version,
            "sent": one.sent,
            "displayed": one.displayed,
            "acknowledged": one.acknowledged if one.must_acknowledge else None,
            "rate": one.rate,
            "created_at": one.created_at,
        }
        for one in queries.announcements(session, limit=5000)
        if words in f"{one.newest.title.zh} {one.newest.title.en}".casefold()
        and all(getattr(one, key) == value for key, value in view.filters.items())
    ]
    rows.sort(key=lambda row: (row[view.sort] is not None, row[view.sort]), reverse=view.descending)
    if view.format:
        return console.download(request, COLUMNS, rows, name="announcements")
    return console.page(
        request,
        "announcements/list.html",
        view=view,
        columns=COLUMNS,
        filters=FILTERS,
        rows=rows[view.offset : view.offset + view.per_page],
        total=len(rows),
        sorts=SORTS,
    )


@announcements.get("/new", dependencies=PLANNER)
def new_announcement(request: Request, session: http.Db) -> Response:
    """Offer an empty announcement to be written."""
    return _form(request, session, {"sort": "notice", "audience": Audience()}, {}, None)


@announcements.post("", dependencies=PLANNER)
def save_announcement(
    request: Request, session: http.Db, clock: http.Now, config: http.Config, operator: http.Person
) -> Response:
    """Keep what was typed as a new draft, or show what does not fit beside it."""
    return _save(request, session, clock(), config.tz, operator, None)


@announcements.get("/{announcement}")
@http.of_shops
def show_announcement(
    request: Request, session: http.Db, clock: http.Now, config: http.Config, announcement: UUID
) -> Response:
    """Show an announcement as the terminals do, and whom it reached."""
    found = _known(request, session, announcement)
    places = reach.places(session, found)
    history = audit_trail.newest(session, audit_trail.Asked(subject=f"announcement:{found.number}"), limit=20)
    now = clock()
    instants = reach.instants(session, found) if found.sent_at else []
    newest = found.newest
    return console.page(
        request,
        "announcements/announcement.html",
        announcement=found,
        seen=service.draft_seen(found),
        shown=rules.body_shown(newest.body, newest.version, newest.note),
        regions=rules.shares(places, "region"),
        routes=rules.shares(places, "route"),
        curve=_curve(found.sent_at, instants, now, config.tz) if found.sent_at else [],
        over=found.expires_at is not None and found.expires_at <= now,
        sorts=SORTS,
        history=history,
    )


@announcements.get("/{announcement}/recipients")
@http.of_shops
def list_recipients(request: Request, session: http.Db, announcement: UUID) -> Response:
    """List to whom it was sent, where it was displayed and who confirmed it; with ``format`` as a file."""
    found = _known(request, session, announcement)
    view = TableView.of(request, RECIPIENT_COLUMNS, filters=FILTERS_OF_RECIPIENTS, sort="retailer")
    displayed, acknowledged = (
        view.filters[key] == "yes" if key in view.filters else None for key in ("displayed", "acknowledged")
    )
    asked = reach.Asked(view.search, displayed, acknowledged, order=view.sort_text)
    if view.format:
        every = reach.recipients(session, found, asked)
        return console.download(request, RECIPIENT_COLUMNS, every, name=f"reach-{found.number}")
    shown = replace(asked, limit=view.per_page, offset=view.offset)
    return console.page(
        request,
        "announcements/recipients.html",
        announcement=found,
        view=view,
        columns=RECIPIENT_COLUMNS,
        filters=FILTERS_OF_RECIPIENTS,
        rows=list(reach.recipients(session, found, shown)),
        total=reach.count(session, found, asked),
    )


@announcements.get("/{announcement}/edit", dependencies=PLANNER)
def edit_announcement(request: Request, session: http.Db, config: http.Config, announcement: UUID) -> Response:
    """Offer a draft to be changed."""
    found = _known(request, session, announcement)
    if found.state != "draft":
        return console.redirect(request, f"/console/announcements/{announcement}/correct")
    return _form(request, session, _filled(found, config.tz) | {"seen": service.draft_seen(found)}, {}, announcement)


@announcements.post("/{announcement}/edit", dependencies=PLANNER)
def rewrite_announcement(
    request: Request,
    session: http.Db,
    clock: http.Now,
    config: http.Config,
    operator: http.Person,
    announcement: UUID,
) -> Response:
    """Put a draft anew, or show what does not fit beside it."""
    return _save(request, session, clock(), config.tz, operator, announcement)


@announcements.post("/{announcement}/publish", dependencies=PLANNER)
def publish_announcement(
    request: Request,
    session: http.Db,
    clock: http.Now,
    config: http.Config,
    operator: http.Person,
    announcement: UUID,
) -> Response:
    """Send a draft, or show in the form why it cannot be sent."""
    found = texts(request)
    try:
        seen = request.state.typed.get("seen")
        sent = service.publish_announcement(session, announcement, operator, at=clock(), seen=seen)
    except Invalid as refusal:
        session.rollback()
        draft = _known(request, session, announcement)
        values = _filled(draft, config.tz) | {"seen": service.draft_seen(draft)}
        return _form(request, session, values, _errors(request, refusal), announcement)
    said = found.ngettext("It is sent to %(count)s shop.", "It is sent to %(count)s shops.", sent) % {"count": sent}
    return console.redirect(request, f"/console/announcements/{announcement}", flash=said)


@announcements.get("/{announcement}/correct", dependencies=PLANNER)
def correct_form(request: Request, session: http.Db, announcement: UUID) -> Response:
    """Offer the newest version's words to be put right."""
    found = _known(request, session, announcement)
    newest = found.newest
    values = _words("title", newest.title) | _words("body", newest.body) | {"seen": service.draft_seen(found)}
    return _correction(request, found, values, {})


@announcements.post("/{announcement}/correct", dependencies=PLANNER)
def correct_announcement(
    request: Request, session: http.Db, clock: http.Now, operator: http.Person, announcement: UUID
) -> Response:
    """Send a new version, or show what does not fit beside it."""
    found = _known(request, session, announcement)
    typed: Typed = request.state.typed
    correction = rules.Correction(title=_text(typed, "title"), body=_text(typed, "body"), note=_text(typed, "note"))
    try:
        service.correct_announcement(session, announcement, correction, operator, at=clock(), seen=typed.get("seen"))
    except Invalid as refusal:
        session.rollback()
        return _correction(request, found, typed, _errors(request, refusal))
    said = texts(request).gettext("The correction is sent. It says so itself, and is read anew.")
    return console.redirect(request, f"/console/announcements/{announcement}", flash=said)


def in_e_file(session: Session, retailer: str, _now: datetime) -> Mapping[str, Any] | None:
    """Return what a shop was told, and its receipts, for its e-file."""
    received = queries.received(session, retailer, limit=10)
    return {"received": received} if received else None


def home_cards(session: Session, operator: Operator, now: datetime) -> list[Card]:
    """Return the latest announcements that must be acknowledged and are not by all."""
    if not operator.may("planner", "releaser", "administrator", "manager", "regional", "auditor"):
        return []
    waiting = [
        one
        for one in queries.announcements(session, limit=20)
        if one.must_acknowledge and one.acknowledged < one.sent and (one.expires_at is None or one.expires_at > now)
    ]
    if not waiting:
        return []
    return [
        Card(
            title=N_("Announcements to be acknowledged"),
            template="announcements/cards/reach.html",
            context={"waiting": waiting[:3]},
            order=61,
            href="/console/announcements",
            tone="note",
        )
    ]


def _save(
    request: Request, session: Session, at: datetime, zone: ZoneInfo, operator: Operator, announcement: UUID | None
) -> Response:
    form = request.state.typed
    audience = Audience.typed(form.getlist("regions"), form.getlist("routes"), form.getlist("tiers"))
    values = {**form, "audience": audience}
    gettext = texts(request).gettext
    expires_at = None
    try:
        if form.get("expires_at"):
            expires_at = datetime.fromisoformat(form["expires_at"]).replace(tzinfo=zone)
        draft = rules.Draft(
            sort=form.get("sort", "notice"),
            title=_text(form, "title"),
            body=_text(form, "body"),
            audience=audience,
            expires_at=expires_at,
            must_acknowledge=form.get("must_acknowledge") == "yes",
        )
    except ValueError:
        errors = {"expires_at": gettext("This is no day and time.")}
        return _form(request, session, values, errors, announcement)
    try:
        if announcement is None:
            announcement = service.write_announcement(session, draft, operator, at=at)
        else:
            service.rewrite_announcement(session, announcement, draft, operator, at=at, seen=form.get("seen"))
    except Invalid as refusal:
        session.rollback()
        return _form(request, session, values, _errors(request, refusal), announcement)
    said = gettext("The draft is kept. Nobody has read it yet.")
    return console.redirect(request, f"/console/announcements/{announcement}", flash=said)


def _form(
    request: Request, session: Session, values: Typed, errors: dict[str, str], announcement: UUID | None
) -> Response:
    return console.page(
        request,
        "announcements/form.html",
        status_code=422 if errors else 200,
        values=values,
        errors=errors,
        announcement=announcement,
        sorts=SORTS,
        choices=retailers.audience_choices(session),
    )


def _correction(request: Request, found: queries.Announcement, values: Typed, errors: dict[str, str]) -> Response:
    return console.page(
        request,
        "announcements/correct.html",
        status_code=422 if errors else 200,
        announcement=found,
        values=values,
        errors=errors,
    )


def _curve(sent_at: datetime, instants: list[datetime], now: datetime, zone: ZoneInfo) -> list[tuple[str, int]]:
    """Return how many there were by when; the label names no more of the instant than it takes to tell them apart."""
    steps = rules.over_time(sent_at, instants, now)
    step_s = (steps[0][0] - sent_at).total_seconds()
    form = "%m-%d" if step_s >= A_DAY_S else "%d %H:%M" if (now - sent_at).days else "%H:%M"
    return [(at.astimezone(zone).strftime(form), count) for at, count in steps]


def _filled(found: queries.Announcement, zone: ZoneInfo) -> dict[str, Any]:
    expires_at = "" if found.expires_at is None else found.expires_at.astimezone(zone).strftime("%Y-%m-%dT%H:%M")
    return {
        "sort": found.sort,
        "audience": found.audience,
        "expires_at": expires_at,
        "must_acknowledge": "yes" if found.must_acknowledge else "",
        **_words("title", found.newest.title),
        **_words("body", found.newest.body),
    }


def _words(name: str, text: Text) -> dict[str, str]:
    return {f"{name}_zh": text.zh, f"{name}_en": text.en}


def _text(typed: Typed, name: str) -> Text:
    return Text(zh=typed.get(f"{name}_zh", "").strip(), en=typed.get(f"{name}_en", "").strip())


def _errors(request: Request, refusal: Invalid) -> dict[str, str]:
    gettext = texts(request).gettext
    return {where.replace(".", "_"): unfit.sentence(gettext) for where, unfit in refusal.problems.items()}


def _known(request: Request, session: Session, announcement: UUID) -> queries.Announcement:
    found = queries.announcement(session, announcement)
    if found is None:
        raise Rejected("not_found", what=texts(request).gettext("announcement"), name=str(announcement))
    return found
