"""Screens on which announcements are written, sent, corrected and taken back."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import File, Form, Request, Response, UploadFile
from pydantic import ValidationError
from sqlalchemy.orm import Session
from starlette.datastructures import ImmutableMultiDict

from contract.feed import Text
from server.announcements import attached, queries, rules, service
from server.announcements.console import MEETINGS, SORTS, known_announcement
from server.audiences import forms as audience_forms
from server.audiences import queries as audiences
from server.audiences.rules import EVERYONE, HOLDINGS, Addressed
from server.kit import console, http
from server.kit.console.texts import texts
from server.kit.fields import Invalid
from server.kit.identity import Operator

Typed = Mapping[str, Any]
HOME = "/console/announcements"

writing = http.router(HOME, tag="console", roles=("planner",))


@writing.get("/new")
def new_announcement(request: Request, session: http.Db) -> Response:
    """Offer an empty announcement to be written."""
    return _form(request, session, {"sort": "notice", "audience": EVERYONE}, {}, None)


@writing.post("")
def save_announcement(
    request: Request, session: http.Db, clock: http.Now, config: http.Config, operator: http.Person
) -> Response:
    """Keep what was typed as a new draft, or show what does not fit beside it."""
    return _save(request, session, clock(), config.tz, operator, None)


@writing.get("/{announcement}/edit")
def edit_announcement(request: Request, session: http.Db, config: http.Config, announcement: UUID) -> Response:
    """Offer a draft to be changed."""
    found = known_announcement(request, session, announcement)
    if found.state != "draft":
        return console.redirect(request, f"{HOME}/{announcement}")
    return _form(request, session, _filled(found, config.tz) | {"seen": service.draft_seen(found)}, {}, announcement)


@writing.post("/{announcement}/edit")
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


@writing.post("/{announcement}/publish")
def publish_announcement(
    request: Request,
    session: http.Db,
    clock: http.Now,
    config: http.Config,
    operator: http.Person,
    announcement: UUID,
) -> Response:
    """Send a draft now or at its time, or show in the form why it cannot be sent."""
    found = texts(request)
    try:
        seen = request.state.typed.get("seen")
        sent = service.publish_announcement(session, announcement, operator, at=clock(), seen=seen)
    except Invalid as refusal:
        session.rollback()
        draft = known_announcement(request, session, announcement)
        values = _filled(draft, config.tz) | {"seen": service.draft_seen(draft)}
        return _form(request, session, values, _errors(request, refusal), announcement)
    if known_announcement(request, session, announcement).state == "scheduled":
        said = found.ngettext(
            "It is going to be sent to %(count)s shop.", "It is going to be sent to %(count)s shops.", sent
        )
    else:
        said = found.ngettext("It is sent to %(count)s shop.", "It is sent to %(count)s shops.", sent)
    return console.redirect(request, f"{HOME}/{announcement}", flash=said % {"count": sent})


@writing.post("/{announcement}/unschedule")
def unschedule_announcement(
    request: Request, session: http.Db, clock: http.Now, operator: http.Person, announcement: UUID
) -> Response:
    """Make a draft again of what was to be sent later."""
    service.unschedule_announcement(session, announcement, operator, at=clock())
    said = texts(request).gettext("It is a draft again, and is not sent.")
    return console.redirect(request, f"{HOME}/{announcement}", flash=said)


@writing.post("/{announcement}/attachments")
def attach(
    request: Request,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    announcement: UUID,
    file: Annotated[UploadFile, File()],
) -> Response:
    """Let a picture or a document go with a draft, or say why it cannot."""
    content = file.file.read(attached.SOURCE_MOST_BYTES + 1)
    try:
        attached.attach(session, announcement, file.filename or "", content, operator, at=clock())
    except Invalid as refusal:
        session.rollback()
        draft = known_announcement(request, session, announcement)
        return console.page(
            request,
            "announcements/attach.html",
            status_code=422,
            announcement=draft,
            errors=_errors(request, refusal),
            limits=attached,
        )
    said = texts(request).gettext("It goes with the announcement, drawn anew as terminals show it.")
    return console.redirect(request, f"{HOME}/{announcement}#attachments", flash=said)


@writing.post("/{announcement}/attachments/{attachment}/delete")
def take_away(
    request: Request, session: http.Db, clock: http.Now, operator: http.Person, announcement: UUID, attachment: UUID
) -> Response:
    """Take away what would have gone with a draft."""
    attached.take_away(session, announcement, attachment, operator, at=clock())
    return console.redirect(request, f"{HOME}/{announcement}#attachments")


@writing.get("/{announcement}/correct")
def correct_form(request: Request, session: http.Db, announcement: UUID) -> Response:
    """Offer the newest version's words to be put right."""
    found = known_announcement(request, session, announcement)
    newest = found.newest
    values = _words("title", newest.title) | _words("body", newest.body) | {"seen": service.draft_seen(found)}
    return _correction(request, session, found, values | {"ask_anew": "yes"}, {})


@writing.post("/{announcement}/correct")
def correct_announcement(
    request: Request,
    session: http.Db,
    clock: http.Now,
    operator: http.Person,
    announcement: UUID,
    gone: Annotated[list[UUID], Form(default_factory=list, max_length=attached.FILES_MOST)],
    file: Annotated[UploadFile | None, File()] = None,
) -> Response:
    """Send a new version, with files that come and go, or show what does not fit beside it."""
    found = known_announcement(request, session, announcement)
    typed: Typed = request.state.typed
    correction = rules.Correction(
        title=_text(typed, "title"),
        body=_text(typed, "body"),
        note=_text(typed, "note"),
        ask_anew=typed.get("ask_anew") == "yes",
    )
    name = "" if file is None else file.filename or ""
    content = file.file.read(attached.SOURCE_MOST_BYTES + 1) if file is not None and name else None
    files = attached.Changed(name, content, frozenset(gone))
    now, seen = clock(), typed.get("seen")
    try:
        service.correct_announcement(session, announcement, correction, operator, at=now, seen=seen, files=files)
    except Invalid as refusal:
        session.rollback()
        return _correction(request, session, found, typed, _errors(request, refusal), gone)
    said = texts(request).gettext("The correction is sent. It says so itself, and is read anew.")
    return console.redirect(request, f"{HOME}/{announcement}", flash=said)


@writing.get("/{announcement}/withdraw")
def withdraw_form(request: Request, session: http.Db, announcement: UUID) -> Response:
    """Ask for the reason for which an announcement is taken back."""
    return _withdrawal(request, known_announcement(request, session, announcement), {}, {})


@writing.post("/{announcement}/withdraw")
def withdraw_announcement(
    request: Request, session: http.Db, clock: http.Now, operator: http.Person, announcement: UUID
) -> Response:
    """Take an announcement back, or show what does not fit."""
    typed: Typed = request.state.typed
    try:
        service.withdraw_announcement(session, announcement, _text(typed, "why"), operator, at=clock())
    except Invalid as refusal:
        session.rollback()
        found = known_announcement(request, session, announcement)
        return _withdrawal(request, found, typed, _errors(request, refusal))
    said = texts(request).gettext("It is taken back. The terminals say so in its place.")
    return console.redirect(request, f"{HOME}/{announcement}", flash=said)


@writing.get("/{announcement}/minutes")
def minutes_form(request: Request, session: http.Db, announcement: UUID) -> Response:
    """Offer the minutes of a meeting to be written."""
    found = known_announcement(request, session, announcement)
    title = found.newest.title
    values = {"title_zh": f"会议纪要：{title.zh}", "title_en": f"Minutes: {title.en}"}
    return _minutes(request, found, values, {})


@writing.post("/{announcement}/minutes")
def publish_minutes(
    request: Request, session: http.Db, clock: http.Now, operator: http.Person, announcement: UUID
) -> Response:
    """Send the minutes to all who were invited, or show what does not fit."""
    typed: Typed = request.state.typed
    minutes = rules.Minutes(title=_text(typed, "title"), body=_text(typed, "body"))
    try:
        sent = service.publish_minutes(session, announcement, minutes, operator, at=clock())
    except Invalid as refusal:
        session.rollback()
        return _minutes(request, known_announcement(request, session, announcement), typed, _errors(request, refusal))
    said = texts(request).gettext("The minutes are sent to all who were invited.")
    return console.redirect(request, f"{HOME}/{sent}", flash=said)


@writing.post("/{announcement}/call-off")
def call_off(
    request: Request, session: http.Db, clock: http.Now, operator: http.Person, announcement: UUID
) -> Response:
    """Call a meeting off and tell all who were invited."""
    service.call_off_meeting(session, announcement, operator, at=clock())
    said = texts(request).gettext("The meeting is called off. The terminals say so.")
    return console.redirect(request, f"{HOME}/{announcement}", flash=said)


def _save(
    request: Request, session: Session, at: datetime, zone: ZoneInfo, operator: Operator, announcement: UUID | None
) -> Response:
    form: ImmutableMultiDict[str, str] = request.state.typed
    gettext = texts(request).gettext
    wanted = audience_forms.typed(form)
    values = {**form, "audience": wanted}
    times = ("publish_at", "expires_at", "starts_at", "ends_at", "register_until")
    instants = {name: _instant(form.get(name, ""), zone) for name in times}
    errors = {name: gettext("This is no day and time.") for name in times if form.get(name) and instants[name] is None}
    invited = form.get("invites", "") in MEETINGS
    if invited:
        needed = [name for name in ("starts_at", "ends_at") if not form.get(name)]
        errors |= {name: gettext("Nothing is given here, and it is needed.") for name in needed}
        places = form.get("places", "").strip()
        if places and not (places.isascii() and places.isdigit() and 0 < int(places) <= rules.PLACES_MOST):
            errors["places"] = gettext("Write how many places there are, in digits.")
    if errors:
        return _form(request, session, values, errors, announcement)
    try:
        draft = _draft(form, wanted, instants, invited=invited)
    except ValidationError:
        return _form(request, session, values, {"sort": gettext("Choose one of these.")}, announcement)
    try:
        if announcement is None:
            announcement = service.write_announcement(session, draft, operator, at=at)
        else:
            service.rewrite_announcement(session, announcement, draft, operator, at=at, seen=form.get("seen"))
    except Invalid as refusal:
        session.rollback()
        return _form(request, session, values, _errors(request, refusal), announcement)
    said = gettext("The draft is kept. Nobody has read it yet.")
    return console.redirect(request, f"{HOME}/{announcement}", flash=said)


def _draft(
    form: ImmutableMultiDict[str, str],
    wanted: Addressed,
    instants: Mapping[str, datetime | None],
    *,
    invited: bool,
) -> rules.Draft:
    invitation = None
    if invited:
        invitation = rules.Invitation.model_validate(
            {
                "sort": form.get("invites"),
                "starts_at": instants["starts_at"],
                "ends_at": instants["ends_at"],
                "place": _text(form, "place"),
                "places": int(form.get("places", "").strip() or 0) or None,
                "register_until": instants["register_until"],
            }
        )
    return rules.Draft.model_validate(
        {
            "sort": form.get("sort", "notice"),
            "title": _text(form, "title"),
            "body": _text(form, "body"),
            "audience": wanted,
            "publish_at": instants["publish_at"],
            "expires_at": instants["expires_at"],
            "must_acknowledge": form.get("must_acknowledge") == "yes",
            "pinned": form.get("pinned") == "yes",
            "invitation": invitation,
        }
    )


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
        meetings=MEETINGS,
        holdings=HOLDINGS,
        choices=audiences.choices(session),
    )


def _correction(
    request: Request,
    session: Session,
    found: queries.Announcement,
    values: Typed,
    errors: dict[str, str],
    gone: Collection[UUID] = (),
) -> Response:
    return console.page(
        request,
        "announcements/correct.html",
        status_code=422 if errors else 200,
        announcement=found,
        values=values,
        errors=errors,
        attachments=attached.attachments(session, found.id),
        gone=gone,
        limits=attached,
    )


def _withdrawal(request: Request, found: queries.Announcement, values: Typed, errors: dict[str, str]) -> Response:
    status = 422 if errors else 200
    return console.page(
        request, "announcements/withdraw.html", status_code=status, announcement=found, values=values, errors=errors
    )


def _minutes(request: Request, found: queries.Announcement, values: Typed, errors: dict[str, str]) -> Response:
    status = 422 if errors else 200
    return console.page(
        request, "announcements/minutes.html", status_code=status, announcement=found, values=values, errors=errors
    )


def _filled(found: queries.Announcement, zone: ZoneInfo) -> dict[str, Any]:
    meeting = found.meeting
    filled: dict[str, Any] = {
        "sort": found.sort,
        "audience": found.audience,
        "publish_at": _typed(found.publish_at, zone),
        "expires_at": _typed(found.expires_at, zone),
        "must_acknowledge": "yes" if found.must_acknowledge else "",
        "pinned": "yes" if found.pinned else "",
        **_words("title", found.newest.title),
        **_words("body", found.newest.body),
    }
    if meeting is not None:
        filled |= {
            "invites": meeting.sort,
            "starts_at": _typed(meeting.starts_at, zone),
            "ends_at": _typed(meeting.ends_at, zone),
            "register_until": _typed(meeting.register_until, zone),
            "places": "" if meeting.places is None else str(meeting.places),
            **_words("place", meeting.place),
        }
    return filled


def _typed(at: datetime | None, zone: ZoneInfo) -> str:
    return "" if at is None else at.astimezone(zone).strftime("%Y-%m-%dT%H:%M")


def _instant(words: str, zone: ZoneInfo) -> datetime | None:
    try:
        return datetime.fromisoformat(words).replace(tzinfo=zone) if words else None
    except ValueError:
        return None


def _words(name: str, text: Text) -> dict[str, str]:
    return {f"{name}_zh": text.zh, f"{name}_en": text.en}


def _text(typed: Typed, name: str) -> Text:
    return Text(zh=typed.get(f"{name}_zh", "").strip(), en=typed.get(f"{name}_en", "").strip())


def _errors(request: Request, refusal: Invalid) -> dict[str, str]:
    gettext = texts(request).gettext
    return {where.replace(".", "_"): unfit.sentence(gettext) for where, unfit in refusal.problems.items()}
