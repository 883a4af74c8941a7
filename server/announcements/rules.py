"""Pure decisions about announcements: can this be sent, what a correction's reader sees first, how reach adds up."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Literal

from pydantic import AwareDatetime, Field

from contract.envelope import MAX_BYTES
from contract.feed import Text
from contract.messages import Message
from server.audiences.rules import EVERYONE, Addressed
from server.kit.fields import EMPTY, TOO_LONG, Invalid, Reason, Unfit
from server.kit.marking import N_

Sort = Literal["policy", "regulation", "notice", "promotion", "urgent"]
#: What a shop's terminal tells of a version.
Sign = Literal["displayed", "acknowledged"]
State = Literal["draft", "scheduled", "published", "withdrawn"]
MeetingSort = Literal["meeting", "training", "contest"]
SORTS: tuple[Sort, ...] = ("urgent", "policy", "regulation", "notice", "promotion")

TITLE_MOST = 200
BODY_MOST = 4000
NOTE_MOST = 300
PLACE_MOST = 200
PLACES_MOST = 100_000
#: What an announcement may come to on the wire; the rest of an envelope is the feed's own.
WIRE_MOST = MAX_BYTES - 1024

OVER = Reason("over", N_("It would be over before it is sent."))
TOO_HEAVY = Reason("too_heavy", N_("The text has {size} bytes; terminals take {most}. Make it shorter."))
SENT_AFTER_END = Reason(
    "sent_after_end", N_("It would be over before it is sent. Let it end later, or send it earlier.")
)
ENDS_BEFORE = Reason("ends_before", N_("It ends before it begins."))
REGISTERED_AFTER = Reason("registered_after", N_("Registrations would be taken after it has begun."))
REASONS = (OVER, TOO_HEAVY, SENT_AFTER_END, ENDS_BEFORE, REGISTERED_AFTER)


class Invitation(Message):
    """To what an announcement invites; without ``register_until`` nobody need say whether he comes."""

    sort: MeetingSort
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    place: Text
    places: int | None = Field(default=None, ge=1, le=PLACES_MOST)
    register_until: AwareDatetime | None = None


class Draft(Message):
    """An announcement as it is written, before anybody reads it."""

    sort: Sort
    title: Text
    body: Text
    audience: Addressed = EVERYONE
    publish_at: AwareDatetime | None = None
    expires_at: AwareDatetime | None = None
    must_acknowledge: bool = False
    pinned: bool = False
    invitation: Invitation | None = None


class Correction(Message):
    """The words of a new version; ``note`` says what was put right.

    ``ask_anew``: who has acknowledged an earlier version is asked again.
    """

    title: Text
    body: Text
    note: Text
    ask_anew: bool = True


class Minutes(Message):
    """The minutes of a meeting, as all who were invited read them."""

    title: Text
    body: Text


@dataclass(frozen=True)
class Recipient:
    """To whom it was sent, when a terminal there said first that it has it, that it stood on the screen, was confirmed.

    What was confirmed stood on the screen, and what stood there was delivered, also where the word of that is still
    under way.
    """

    retailer: str
    name: str
    region: str
    route: str
    delivered_at: datetime | None
    displayed_at: datetime | None
    acknowledged_at: datetime | None


@dataclass(frozen=True)
class Reached:
    """How many recipients there are of a region and route, and what of them is known."""

    region: str
    route: str
    sent: int
    delivered: int
    displayed: int
    acknowledged: int


@dataclass(frozen=True)
class Share:
    """What is known of a part of the recipients: how many have it, saw it and confirmed it."""

    name: str
    sent: int
    delivered: int
    displayed: int
    acknowledged: int


def check_words(title: Text, body: Text, note: Text | None = None) -> None:
    """Refuse words that are missing in a language or too long.

    Raises
    ------
    Invalid
        Naming every field that does not fit.
    """
    wrong: dict[str, Unfit] = {}
    parts: list[tuple[str, Text, int]] = [("title", title, TITLE_MOST), ("body", body, BODY_MOST)]
    if note is not None:
        parts.append(("note", note, NOTE_MOST))
    for where, text, most in parts:
        for language, words in (("zh", text.zh), ("en", text.en)):
            if not words.strip():
                wrong[f"{where}.{language}"] = Unfit(EMPTY)
            elif len(words) > most:
                wrong[f"{where}.{language}"] = Unfit(TOO_LONG, length=len(words), most=most)
    size = sum(len(text.model_dump_json().encode()) for _, text, _ in parts)
    if size > WIRE_MOST:
        wrong["body"] = Unfit(TOO_HEAVY, size=size, most=WIRE_MOST)
    if wrong:
        raise Invalid(wrong)


def check_reason(why: Text) -> None:
    """Refuse a reason that is missing in a language or too long.

    Raises
    ------
    Invalid
        Naming every field that does not fit.
    """
    wrong: dict[str, Unfit] = {}
    for language, words in (("zh", why.zh), ("en", why.en)):
        if not words.strip():
            wrong[f"why.{language}"] = Unfit(EMPTY)
        elif len(words) > NOTE_MOST:
            wrong[f"why.{language}"] = Unfit(TOO_LONG, length=len(words), most=NOTE_MOST)
    if wrong:
        raise Invalid(wrong)


def check_times(draft: Draft) -> None:
    """Refuse instants that do not follow one another.

    Raises
    ------
    Invalid
        Naming every field that does not fit.
    """
    wrong: dict[str, Unfit] = {}
    if draft.publish_at is not None and draft.expires_at is not None and draft.expires_at <= draft.publish_at:
        wrong["expires_at"] = Unfit(SENT_AFTER_END)
    invited = draft.invitation
    if invited is not None:
        if invited.ends_at <= invited.starts_at:
            wrong["ends_at"] = Unfit(ENDS_BEFORE)
        if invited.register_until is not None and invited.register_until > invited.starts_at:
            wrong["register_until"] = Unfit(REGISTERED_AFTER)
        for language, words in (("zh", invited.place.zh), ("en", invited.place.en)):
            if not words.strip():
                wrong[f"place.{language}"] = Unfit(EMPTY)
            elif len(words) > PLACE_MOST:
                wrong[f"place.{language}"] = Unfit(TOO_LONG, length=len(words), most=PLACE_MOST)
    if wrong:
        raise Invalid(wrong)


def body_shown(body: Text, version: int, note: Text | None) -> Text:
    """Return the body as terminals show it: a correction says first that it is one, and what it puts right."""
    if note is None:
        return body
    return Text(
        zh=f"更正（第 {version} 版）：{note.zh}\n\n{body.zh}",
        en=f"Correction (version {version}): {note.en}\n\n{body.en}",
    )


def shares(places: Iterable[Reached], part: Literal["region", "route"]) -> list[Share]:
    """Return sent, delivered, displayed and acknowledged by region or route, by name."""
    summed: dict[str, Share] = {}
    for one in places:
        name = one.region if part == "region" else one.route
        held = summed.get(name, Share(name, 0, 0, 0, 0))
        summed[name] = Share(
            name,
            held.sent + one.sent,
            held.delivered + one.delivered,
            held.displayed + one.displayed,
            held.acknowledged + one.acknowledged,
        )
    return [summed[name] for name in sorted(summed, key=str.encode)]


#: Widths that the time since sending is cut into, the narrowest first.
_STEPS: Sequence[timedelta] = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(hours=1),
    timedelta(hours=6),
    timedelta(days=1),
    timedelta(days=7),
    timedelta(days=28),
)
BARS_MOST = 24


def steps_since(sent_at: datetime, now: datetime) -> tuple[timedelta, int]:
    """Return how wide the steps are that the time since the sending is cut into, and how many.

    The last step ends at or after ``now``; steps that would be more than :data:`BARS_MOST` are made wider.
    """
    span = max(now - sent_at, timedelta(0))
    step = next((one for one in _STEPS if span <= one * BARS_MOST), _STEPS[-1])
    while span > step * BARS_MOST:
        step *= 2
    return step, max(1, -(-span // step))


def over_time(came: Mapping[int, int], count: int) -> list[int]:
    """Return how many had come by the end of each of ``count`` steps, from how many came in which, counted from 0."""
    return list(accumulate(came.get(number, 0) for number in range(count)))
