"""The programs' interface of announcements."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import Depends, File, Form, UploadFile
from pydantic import BaseModel, Field, Json

from contract.errors import Rejected
from contract.feed import Text
from server.announcements import attached, meetings, queries, reach, rules, service
from server.audiences import queries as audiences
from server.audiences.rules import Addressed
from server.kit import http, paging

announcements = http.router("/api/v1/announcements", tag="announcements", roles=(), shops="reads")

taking = http.router(
    "/api/v1/announcements", tag="announcements", roles=("planner", "manager", "regional"), shops="all"
)

PLANNER = [Depends(http.needs("planner"))]


class Written(BaseModel):
    """The new announcement's id."""

    id: UUID


class Published(BaseModel):
    """To how many retailers it was sent."""

    sent: int


class Corrected(BaseModel):
    """The number of the new version."""

    version: int


class AttachedPage(BaseModel):
    """One page as terminals show it: a JPEG."""

    ordinal: int
    sha256: str
    size_bytes: int
    width_px: int
    height_px: int


class Attached(BaseModel):
    """What goes, or went, with an announcement: with the versions from `since_version` to `until_version`, if any."""

    id: UUID
    ordinal: int
    name: str
    kind: Literal["picture", "document"]
    source_bytes: int = Field(description="Of the file as it was brought in")
    since_version: int
    until_version: int | None
    pages: list[AttachedPage]


class Reach(BaseModel):
    """Of the newest version: sent to, delivered to, displayed at, acknowledged by; in all, by region and by route."""

    sent: int
    delivered: int
    displayed: int
    acknowledged: int
    regions: list[rules.Share]
    routes: list[rules.Share]


class Addressees(BaseModel):
    """How many retailers an audience holds now."""

    retailers: int


class Registered(BaseModel):
    """What a shop said by telephone."""

    retailer: str
    coming: bool


class Attended(BaseModel):
    """Whether a shop was there."""

    retailer: str
    attended: bool


@announcements.post("/audience", dependencies=PLANNER)
def count_audience(wanted: Addressed, session: http.Db, clock: http.Now) -> Addressees:
    """Return how many retailers an audience holds."""
    audiences.check(session, wanted)
    return Addressees(retailers=len(audiences.codes_in(session, wanted, clock().date())))


@announcements.get("")
def list_announcements(session: http.Db, page: paging.Paged) -> list[queries.Announcement]:
    """Return announcements, the newest first."""
    found = queries.announcements(session, before=page.key(int), limit=page.one_more)
    return page.rows(found, lambda announcement: (announcement.number,))


@announcements.post("", status_code=201, dependencies=PLANNER)
def write_announcement(draft: rules.Draft, session: http.Db, operator: http.Person, clock: http.Now) -> Written:
    """Keep a new draft."""
    return Written(id=service.write_announcement(session, draft, operator, at=clock()))


@announcements.get("/{announcement}")
def show_announcement(announcement: UUID, session: http.Db) -> queries.Announcement:
    """Return one announcement with its versions."""
    return _known(session, announcement)


@announcements.put("/{announcement}", status_code=204, dependencies=PLANNER)
def rewrite_announcement(
    announcement: UUID, draft: rules.Draft, session: http.Db, operator: http.Person, clock: http.Now
) -> None:
    """Put a draft anew."""
    service.rewrite_announcement(session, announcement, draft, operator, at=clock())


@announcements.post("/{announcement}/publish", dependencies=PLANNER)
def publish_announcement(announcement: UUID, session: http.Db, operator: http.Person, clock: http.Now) -> Published:
    """Send a draft to its audience."""
    return Published(sent=service.publish_announcement(session, announcement, operator, at=clock()))


@announcements.post("/{announcement}/correct", dependencies=PLANNER)
def correct_announcement(
    announcement: UUID, correction: rules.Correction, session: http.Db, operator: http.Person, clock: http.Now
) -> Corrected:
    """Send a new version that says what it puts right."""
    return Corrected(version=service.correct_announcement(session, announcement, correction, operator, at=clock()))


@announcements.post("/{announcement}/correct-with-files", dependencies=PLANNER)
def correct_with_files(
    announcement: UUID,
    correction: Annotated[Json[rules.Correction], Form()],
    session: http.Db,
    operator: http.Person,
    clock: http.Now,
    gone: Annotated[list[UUID] | None, Form(max_length=attached.FILES_MOST)] = None,
    file: Annotated[UploadFile | None, File()] = None,
) -> Corrected:
    """Send a new version with which a picture or a PDF document comes, files go, or both; the earlier ones keep theirs.

    `correction` is the JSON of `correct`, `file` what comes, and each `gone` the id of a file that goes.
    """
    name, content = "", None
    if file is not None:
        name, content = file.filename or "", file.file.read(attached.SOURCE_MOST_BYTES + 1)
    files = attached.Changed(name, content, frozenset(gone or ()))
    made = service.correct_announcement(session, announcement, correction, operator, at=clock(), files=files)
    return Corrected(version=made)


@announcements.get("/{announcement}/attachments")
def list_attachments(announcement: UUID, session: http.Db) -> list[Attached]:
    """Return what goes with the newest version, and what went with earlier ones."""
    _known(session, announcement)
    return [
        Attached.model_validate(one, from_attributes=True)
        for one in attached.attachments(session, announcement, earlier=True)
    ]


@announcements.get("/{announcement}/reach")
def show_reach(announcement: UUID, session: http.Db) -> Reach:
    """Return whom the newest version reached."""
    shown = _known(session, announcement)
    places = reach.places(session, shown)
    return Reach(
        sent=shown.sent,
        delivered=sum(place.delivered for place in places),
        displayed=shown.displayed,
        acknowledged=shown.acknowledged,
        regions=rules.shares(places, "region"),
        routes=rules.shares(places, "route"),
    )


@announcements.post("/{announcement}/unschedule", status_code=204, dependencies=PLANNER)
def unschedule_announcement(announcement: UUID, session: http.Db, operator: http.Person, clock: http.Now) -> None:
    """Make a draft again of what was to be sent later."""
    service.unschedule_announcement(session, announcement, operator, at=clock())


@announcements.post("/{announcement}/withdraw", status_code=204, dependencies=PLANNER)
def withdraw_announcement(
    announcement: UUID, why: Text, session: http.Db, operator: http.Person, clock: http.Now
) -> None:
    """Take back what was sent, for a reason that the shops read in its place."""
    service.withdraw_announcement(session, announcement, why, operator, at=clock())


@announcements.post("/{announcement}/attachments", status_code=201, dependencies=PLANNER)
def attach(
    announcement: UUID,
    file: Annotated[UploadFile, File()],
    session: http.Db,
    operator: http.Person,
    clock: http.Now,
) -> Written:
    """Let a picture or a PDF document go with a draft; it is drawn anew."""
    content = file.file.read(attached.SOURCE_MOST_BYTES + 1)
    return Written(id=attached.attach(session, announcement, file.filename or "", content, operator, at=clock()))


@announcements.post("/{announcement}/minutes", status_code=201, dependencies=PLANNER)
def publish_minutes(
    announcement: UUID, minutes: rules.Minutes, session: http.Db, operator: http.Person, clock: http.Now
) -> Written:
    """Send the minutes of a meeting to all who were invited, as an announcement of their own."""
    return Written(id=service.publish_minutes(session, announcement, minutes, operator, at=clock()))


@announcements.post("/{announcement}/call-off", status_code=204, dependencies=PLANNER)
def call_off(announcement: UUID, session: http.Db, operator: http.Person, clock: http.Now) -> None:
    """Call a meeting off."""
    service.call_off_meeting(session, announcement, operator, at=clock())


@announcements.get("/{announcement}/guests")
def list_guests(announcement: UUID, session: http.Db, page: paging.Paged) -> list[meetings.Guest]:
    """Return who was invited to a meeting, what they said and who was there, in the order of the shops' codes."""
    _known(session, announcement)
    after = page.key(str) or ""
    found = [one for one in meetings.guests(session, announcement) if one.retailer > after]
    return page.rows(sorted(found, key=lambda one: one.retailer), lambda one: (one.retailer,))


@taking.post("/{announcement}/registrations", status_code=204)
def register_for(
    announcement: UUID, said: Registered, session: http.Db, operator: http.Person, clock: http.Now
) -> None:
    """Note what a shop said by telephone."""
    meetings.register_for(session, announcement, said.retailer, coming=said.coming, operator=operator, at=clock())


@taking.post("/{announcement}/attendance", status_code=204)
def take_attendance(
    announcement: UUID, came: Attended, session: http.Db, operator: http.Person, clock: http.Now
) -> None:
    """Note whether a shop was there; the newest word counts."""
    meetings.take_attendance(
        session, announcement, came.retailer, attended=came.attended, how="tick", operator=operator, at=clock()
    )


def _known(session: http.Db, announcement: UUID) -> queries.Announcement:
    found = queries.announcement(session, announcement)
    if found is None:
        raise Rejected("not_found", what="announcement", name=str(announcement))
    return found
