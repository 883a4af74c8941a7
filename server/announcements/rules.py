"""Pure decisions about announcements: can this be sent, what a correction's reader sees first, how reach adds up."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from pydantic import AwareDatetime

from contract.envelope import MAX_BYTES
from contract.feed import Text
from contract.messages import Message
from server.kit.fields import EMPTY, TOO_LONG, Invalid, Reason, Unfit
from server.kit.marking import N_
from server.retailers.rules import Audience

Sort = Literal["policy", "regulation", "notice", "promotion", "urgent"]
#: What a shop's terminal tells of a version.
Sign = Literal["displayed", "acknowledged"]
SORTS: tuple[Sort, ...] = ("urgent", "policy", "regulation", "notice", "promotion")

TITLE_MOST = 200
BODY_MOST = 4000
NOTE_MOST = 300
#: What an announcement may come to on the wire; the rest of an envelope is the feed's own.
WIRE_MOST = MAX_BYTES - 1024

OVER = Reason("over", N_("It would be over before it is sent."))
NOT_ADDRESSED = Reason("not_addressed", N_("No retailer is in this audience."))
TOO_HEAVY = Reason("too_heavy", N_("The text has {size} bytes; terminals take {most}. Make it shorter."))
REASONS = (OVER, NOT_ADDRESSED, TOO_HEAVY)


class Draft(Message):
    """An announcement as it is written, before anybody reads it."""

    sort: Sort
    title: Text
    body: Text
    audience: Audience = Audience()
    expires_at: AwareDatetime | None = None
    must_acknowledge: bool = False


class Correction(Message):
    """The words of a new version; ``note`` says what was put right."""

    title: Text
    body: Text
    note: Text


@dataclass(frozen=True)
class Recipient:
    """To whom it was sent, when it stood on that shop's screen first, and when somebody there confirmed it first.

    What was confirmed stood on the screen, also where the word of that is still under way.
    """

    retailer: str
    region: str
    route: str
    displayed_at: datetime | None
    acknowledged_at: datetime | None


@dataclass(frozen=True)
class Reached:
    """How many recipients there are of a region and route, on how many screens it stood, and how many confirmed it."""

    region: str
    route: str
    sent: int
    displayed: int
    acknowledged: int


@dataclass(frozen=True)
class Share:
    """On how many screens of a part of the recipients it stood, and how many of them confirmed it."""

    name: str
    sent: int
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


def body_shown(body: Text, version: int, note: Text | None) -> Text:
    """Return the body as terminals show it: a correction says first that it is one, and what it puts right."""
    if note is None:
        return body
    return Text(
        zh=f"更正（第 {version} 版）：{note.zh}\n\n{body.zh}",
        en=f"Correction (version {version}): {note.en}\n\n{body.en}",
    )


def shares(places: Iterable[Reached], part: Literal["region", "route"]) -> list[Share]:
    """Return sent, displayed and acknowledged by region or route, by name."""
    summed: dict[str, Share] = {}
    for one in places:
        name = one.region if part == "region" else one.route
        held = summed.get(name, Share(name, 0, 0, 0))
        summed[name] = Share(
            name, held.sent + one.sent, held.displayed + one.displayed, held.acknowledged + one.acknowledged
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


def over_time(sent_at: datetime, instants: Iterable[datetime], now: datetime) -> list[tuple[datetime, int]]:
    """Return how many instants had come at the end of each step since the sending, at most :data:`BARS_MOST` steps.

    The last step ends at or after ``now``; steps that would be too many are made wider.
    """
    span = max(now - sent_at, timedelta(0))
    step = next((one for one in _STEPS if span <= one * BARS_MOST), _STEPS[-1])
    while span > step * BARS_MOST:
        step *= 2
    ends = [sent_at + step * (number + 1) for number in range(max(1, -(-span // step)))]
    ordered = sorted(instants)
    curve = []
    place = 0
    for end in ends:
        while place < len(ordered) and ordered[place] <= end:
            place += 1
        curve.append((end, place))
    return curve
