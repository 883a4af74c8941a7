"""The programs' interface of announcements."""

from uuid import UUID

from fastapi import Depends
from pydantic import BaseModel

from contract.errors import Rejected
from server.announcements import queries, reach, rules, service
from server.kit import http, paging

announcements = http.router("/api/v1/announcements", tag="announcements", roles=(), shops="reads")

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


class Reach(BaseModel):
    """Of the newest version: sent to, displayed at, acknowledged by; in all, by region and by route."""

    sent: int
    displayed: int
    acknowledged: int
    regions: list[rules.Share]
    routes: list[rules.Share]


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


@announcements.get("/{announcement}/reach")
def show_reach(announcement: UUID, session: http.Db) -> Reach:
    """Return whom the newest version reached."""
    shown = _known(session, announcement)
    places = reach.places(session, shown)
    return Reach(
        sent=shown.sent,
        displayed=shown.displayed,
        acknowledged=shown.acknowledged,
        regions=rules.shares(places, "region"),
        routes=rules.shares(places, "route"),
    )


def _known(session: http.Db, announcement: UUID) -> queries.Announcement:
    found = queries.announcement(session, announcement)
    if found is None:
        raise Rejected("not_found", what="announcement", name=str(announcement))
    return found
