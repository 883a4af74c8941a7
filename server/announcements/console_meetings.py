"""Screens of meetings: who comes and who waits, the list for the door, attendance by tick or by scan."""

from typing import Annotated
from uuid import UUID

from fastapi import Form, Request, Response

from contract.errors import Rejected
from server.announcements import meetings
from server.announcements.console import MEETINGS, known_announcement
from server.kit import console, http
from server.kit.console.tables import Column
from server.kit.console.texts import N_, texts
from server.kit.identity import Role

TAKERS: tuple[Role, ...] = ("planner", "manager", "regional")
COLUMNS = (
    Column("retailer", N_("Retailer"), "identifier"),
    Column("name", N_("Name")),
    Column("region", N_("Region")),
    Column("route", N_("Route")),
    Column("state", N_("Said")),
    Column("said_at", N_("Said at"), "instant"),
    Column("said_by", N_("Said by")),
    Column("attended", N_("Was there")),
)
STATES = {"registered": N_("comes"), "waiting": N_("waits for a place"), "not_coming": N_("does not come")}
Code = Annotated[str, Form(max_length=128)]

reading = http.router("/console/announcements", tag="console", roles=(), shops="all")
taking = http.router("/console/announcements", tag="console", roles=TAKERS, shops="all")


@reading.get("/{announcement}/guests")
def list_guests(request: Request, session: http.Db, operator: http.Person, announcement: UUID) -> Response:
    """List who was invited, what they said and who was there; with ``format`` as a file."""
    found = known_announcement(request, session, announcement)
    if found.meeting is None:
        raise Rejected("no_meeting")
    everyone = request.query_params.get("all") == "yes"
    guests = meetings.guests(session, announcement, said_something=not everyone)
    form = request.query_params.get("format", "")
    if form in ("csv", "xlsx"):
        return console.download(request, COLUMNS, guests, name=f"guests-{found.number}")
    return console.page(
        request,
        "announcements/guests.html",
        announcement=found,
        meeting=found.meeting,
        guests=guests,
        everyone=everyone,
        states=STATES,
        sorts=MEETINGS,
        may_take=operator.may(*TAKERS),
    )


@taking.post("/{announcement}/attendance")
def take_attendance(
    request: Request,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    announcement: UUID,
    retailer: Code = "",
    scanned: Code = "",
    attended: Annotated[str, Form(max_length=3)] = "yes",
) -> Response:
    """Note whether a shop was there, ticked in the list or scanned at the door."""
    code = (scanned or retailer).strip()
    how: meetings.How = "scan" if scanned else "tick"
    meetings.take_attendance(
        session, announcement, code, attended=attended == "yes", how=how, operator=operator, at=clock()
    )
    gettext = texts(request).gettext
    said = gettext("%(shop)s is there.") if attended == "yes" else gettext("%(shop)s is not there.")
    return console.redirect(request, f"/console/announcements/{announcement}/guests", flash=said % {"shop": code})


@taking.post("/{announcement}/guests")
def register_for(
    request: Request,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    announcement: UUID,
    retailer: Code = "",
    coming: Annotated[str, Form(max_length=3)] = "yes",
) -> Response:
    """Note what a shop said by telephone."""
    code = retailer.strip()
    meetings.register_for(session, announcement, code, coming=coming == "yes", operator=operator, at=clock())
    said = texts(request).gettext("It is noted for %(shop)s, and its terminal is told.") % {"shop": code}
    return console.redirect(request, f"/console/announcements/{announcement}/guests", flash=said)
