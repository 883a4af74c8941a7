"""Screens of announcements: the list, one of them with its reach, to whom it was sent."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import Request, Response
from sqlalchemy.orm import Session

from contract.errors import Rejected
from server.announcements import attached, queries, reach, rules, service
from server.audiences import queries as audiences
from server.audiences.rules import HOLDINGS
from server.kit import audit_trail, console, http
from server.kit.console import time_chart
from server.kit.console.cards import Card
from server.kit.console.tables import Column, Filter, TableView
from server.kit.console.texts import N_, language_of, texts
from server.kit.identity import Operator

SORTS = {
    "urgent": N_("urgent"),
    "policy": N_("policy"),
    "regulation": N_("regulation"),
    "notice": N_("notice"),
    "promotion": N_("promotion"),
}
STATES = {
    "draft": N_("draft"),
    "scheduled": N_("scheduled"),
    "published": N_("published"),
    "withdrawn": N_("withdrawn"),
}
MEETINGS = {"meeting": N_("Meeting"), "training": N_("Training"), "contest": N_("Contest")}
A_DAY_S = 86_400

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
    Column("name", N_("Name")),
    Column("region", N_("Region")),
    Column("route", N_("Route")),
    Column("delivered_at", N_("Delivered"), "instant"),
    Column("displayed_at", N_("Displayed"), "instant"),
    Column("acknowledged_at", N_("Acknowledged"), "instant"),
)
FILTERS_OF_RECIPIENTS = (
    Filter("delivered", N_("Delivered"), (("yes", N_("delivered")), ("no", N_("not delivered")))),
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
        for one in queries.announcements(session, limit=5000, meetings_too=False)
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


@announcements.get("/{announcement}")
@http.of_shops
def show_announcement(
    request: Request, session: http.Db, clock: http.Now, config: http.Config, announcement: UUID
) -> Response:
    """Show an announcement as the terminals do, and whom it reached."""
    found = known_announcement(request, session, announcement)
    sent = found.sent_at is not None
    places = reach.places(session, found) if sent else []
    history = audit_trail.newest(session, audit_trail.Asked(subject=f"announcement:{found.number}"), limit=20)
    now = clock()
    curve = reach.over_time(session, found, now) if sent else None
    newest, files = found.newest, attached.attachments(session, announcement, earlier=True)
    return console.page(
        request,
        "announcements/announcement.html",
        announcement=found,
        seen=service.draft_seen(found),
        shown=rules.body_shown(newest.body, newest.version, newest.note),
        delivered=sum(place.delivered for place in places),
        regions=rules.shares(places, "region"),
        routes=rules.shares(places, "route"),
        chart=_chart(request, found, curve, config.tz) if curve else "",
        over=found.expires_at is not None and found.expires_at <= now,
        addressed=None if sent else len(audiences.codes_in(session, found.audience, now.date())),
        attachments=[one for one in files if one.until_version is None],
        went=[one for one in files if one.until_version is not None],
        limits=attached,
        minutes=queries.minutes_of(session, announcement) if found.meeting else [],
        now=now,
        sorts=SORTS,
        meetings=MEETINGS,
        holdings=HOLDINGS,
        history=history,
    )


@announcements.get("/{announcement}/pages/{sha256}")
@http.of_shops
def show_page(session: http.Db, announcement: UUID, sha256: str) -> Response:
    """Return a page of what goes with an announcement, as terminals show it."""
    content = attached.content_of(session, announcement, sha256)
    headers = {
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cache-Control": "private, max-age=86400, immutable",
    }
    return Response(content, media_type="image/jpeg", headers=headers)


@announcements.get("/{announcement}/recipients")
@http.of_shops
def list_recipients(request: Request, session: http.Db, announcement: UUID) -> Response:
    """List to whom it was sent, where it was displayed and who confirmed it; with ``format`` as a file."""
    found = known_announcement(request, session, announcement)
    regions = sorted({place.region for place in reach.places(session, found)}, key=str.encode)
    filters = (*FILTERS_OF_RECIPIENTS, Filter("region", N_("Region"), tuple((one, one) for one in regions)))
    view = TableView.of(request, RECIPIENT_COLUMNS, filters=filters, sort="retailer")
    delivered, displayed, acknowledged = (
        view.filters[key] == "yes" if key in view.filters else None
        for key in ("delivered", "displayed", "acknowledged")
    )
    region = view.filters.get("region")
    asked = reach.Asked(view.search, region, delivered, displayed, acknowledged, order=view.sort_text)
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
        filters=filters,
        rows=list(reach.recipients(session, found, shown)),
        total=reach.count(session, found, asked),
    )


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
        for one in queries.announcements(session, limit=20, meetings_too=False)
        if one.must_acknowledge
        and one.state == "published"
        and one.acknowledged < one.sent
        and (one.expires_at is None or one.expires_at > now)
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


def _chart(request: Request, found: queries.Announcement, curve: reach.Curve, zone: ZoneInfo) -> str:
    """Return the lines of what came over time; a label names no more of an instant than it takes to tell them apart."""
    gettext = texts(request).gettext
    first, last = curve.ends[0], curve.ends[-1]
    form = "%m-%d" if curve.step.total_seconds() >= A_DAY_S else "%d %H:%M" if (last - first).days else "%H:%M"
    lines = [
        time_chart.Line(gettext("Delivered"), curve.delivered, "line-0"),
        time_chart.Line(gettext("Displayed"), curve.displayed, "line-1"),
    ]
    if found.must_acknowledge:
        lines.append(time_chart.Line(gettext("Acknowledged"), curve.acknowledged, "line-2"))
    return time_chart.over_time(
        [end.astimezone(zone).strftime(form) for end in curve.ends],
        lines,
        None,
        title=gettext("Reach over time"),
        description=gettext("How many of %(count)s shops, at the end of each step.") % {"count": found.sent},
        table=gettext("Reach over time"),
        column=gettext("Until"),
    )


def known_announcement(request: Request, session: Session, announcement: UUID) -> queries.Announcement:
    """Return an announcement; ``not_found`` where there is none."""
    found = queries.announcement(session, announcement)
    if found is None:
        raise Rejected("not_found", what=texts(request).gettext("announcement"), name=str(announcement))
    return found
