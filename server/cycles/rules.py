"""Pure decisions about cycles: what may follow what, when a window stands, who is eligible."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from contract.errors import Conflict, Rejected
from contract.feed import Bar

State = Literal[
    "draft",
    "announced",
    "closed",
    "frozen",
    "solved",
    "verified",
    "refused",
    "in_review",
    "released",
    "published",
    "called_off",
]
Act = Literal[
    "announce", "close", "freeze", "solve", "pass", "refuse", "again", "send", "send_back", "release", "publish",
    "correct", "call_off",
]  # fmt: skip
Note = Literal["", "opens_missing", "opens_twice", "closes_missing", "closes_twice"]

#: From where an act starts, and where it leads. Nothing leads away from ``called_off``, and from ``published`` only
#: the correction of what was published.
MOVES: dict[Act, tuple[frozenset[State], State]] = {
    "announce": (frozenset({"draft"}), "announced"),
    "close": (frozenset({"announced"}), "closed"),
    "freeze": (frozenset({"closed"}), "frozen"),
    "solve": (frozenset({"frozen"}), "solved"),
    "pass": (frozenset({"solved"}), "verified"),
    "refuse": (frozenset({"solved"}), "refused"),
    "again": (frozenset({"frozen", "solved", "verified", "refused"}), "frozen"),
    "send": (frozenset({"verified"}), "in_review"),
    "send_back": (frozenset({"in_review"}), "verified"),
    "release": (frozenset({"in_review"}), "released"),
    "publish": (frozenset({"released"}), "published"),
    "correct": (frozenset({"published"}), "frozen"),
    "call_off": (
        frozenset({"draft", "announced", "closed", "frozen", "solved", "verified", "refused", "in_review"}),
        "called_off",
    ),
}

#: The machine's own step that is due in a state: the name of its job.
NEXT_STEP: dict[State, str] = {
    "closed": "cycles.freeze",
    "frozen": "cycles.solve",
    "solved": "cycles.verify",
    "released": "cycles.publish",
}

#: Where a step calculates for long.
STOPPABLE: frozenset[State] = frozenset[State]({"frozen", "solved"})

#: Where a new supply or a manual decision starts another attempt on the frozen book.
REDONE: frozenset[State] = MOVES["again"][0] | MOVES["correct"][0]
TAKES_SUPPLY: frozenset[State] = frozenset[State]({"draft", "announced", "closed"}) | REDONE


def advance(state: State, act: Act) -> State:
    """Return the state that ``act`` leads to.

    Raises
    ------
    Conflict
        ``wrong_state``, where ``act`` does not start from ``state``.
    """
    starts, end = MOVES[act]
    _check_state(state, starts)
    return end


def takes_supply(state: str) -> bool:
    """Return whether supply released in this state still counts: not while the result waits for its release."""
    return state in TAKES_SUPPLY or state == "open"


def check_takes_supply(state: State) -> None:
    """Refuse supply where it could no longer change anything, with ``wrong_state``."""
    _check_state(state, TAKES_SUPPLY)


def check_can_resume(state: State) -> None:
    """Refuse to resume where no step of the machine's own is due, with ``wrong_state``."""
    _check_state(state, frozenset[State]({"announced"}) | NEXT_STEP.keys())


def is_due(state: State, step: str) -> bool:
    """Return whether the machine's next step is this one."""
    return NEXT_STEP.get(state) == step


def check_can_stop(state: State) -> None:
    """Refuse to stop where the machine neither shares out nor checks, with ``wrong_state``."""
    _check_state(state, STOPPABLE)


def check_redone(state: State) -> Act:
    """Return the act by which another attempt starts from ``state``; elsewhere refuse with ``wrong_state``."""
    _check_state(state, REDONE)
    return "correct" if state in MOVES["correct"][0] else "again"


def check_not_published(published_attempt: int | None) -> None:
    """Refuse to call off what was published once, also while it is corrected, with ``wrong_state``."""
    if published_attempt is not None:
        raise Conflict("wrong_state", state="published", needed=" / ".join(sorted(MOVES["call_off"][0])))


def check_windows_closed(states: Iterable[str]) -> None:
    """Refuse while a window still takes orders, with ``wrong_state``."""
    if not all_closed(list(states)):
        raise Conflict("wrong_state", state="open", needed="closed")


def _check_state(state: State, needed: frozenset[State]) -> None:
    if state not in needed:
        raise Conflict("wrong_state", state=state, needed=" / ".join(sorted(needed)))


def check_second_person(sent_by: str | None, releaser: str) -> None:
    """Refuse the sender as releaser, with ``same_person``."""
    if sent_by is None or sent_by == releaser:
        raise Rejected("same_person", name=releaser)


# Corrections of what was published


def above(promised_units: Mapping[str, int], now_units: Mapping[str, int]) -> list[str]:
    """Return the SKUs of which there would be more than when the grants first went out, in byte order."""
    return sorted(sku for sku, units in now_units.items() if units > promised_units.get(sku, 0))


def short_of_shipped(shipped_units: Mapping[str, int], offered_units: Mapping[str, int]) -> list[str]:
    """Return the SKUs of which more has left already than would be offered, in byte order."""
    return sorted(sku for sku, units in shipped_units.items() if units > offered_units.get(sku, 0))


# When a window stands


@dataclass(frozen=True)
class Schedule:
    """A route's weekly window in the wall time of ``zone``; weekdays are ISO, Monday 1."""

    route: str
    opens_weekday: int
    opens_time: time
    closes_weekday: int
    closes_time: time
    zone: str


@dataclass(frozen=True)
class Span:
    """A window's instants (UTC), and what was decided where the zone's clocks change.

    ``opens_missing``/``closes_missing``: the wall time did not exist that day; ``..._twice``: it came twice.
    """

    opens_at: datetime
    closes_at: datetime
    notes: tuple[Note, ...] = ()


def monday(day: date) -> date:
    """Return the Monday of the day's week."""
    return day - timedelta(days=day.weekday())


def span_of_week(schedule: Schedule, week: date) -> Span:
    """Return the window of the week that begins on the Monday ``week``.

    It opens in that week; it closes at the next time that the closing weekday and time come round.
    """
    opens_day = week + timedelta(days=schedule.opens_weekday - 1)
    closes_day = week + timedelta(days=schedule.closes_weekday - 1)
    if (closes_day, schedule.closes_time) <= (opens_day, schedule.opens_time):
        closes_day += timedelta(weeks=1)
    zone = ZoneInfo(schedule.zone)
    opens_at, opens_kind = wall_instant(opens_day, schedule.opens_time, zone)
    closes_at, closes_kind = wall_instant(closes_day, schedule.closes_time, zone)
    notes: list[Note] = []
    if opens_kind != "plain":
        notes.append("opens_missing" if opens_kind == "missing" else "opens_twice")
    if closes_kind != "plain":
        notes.append("closes_missing" if closes_kind == "missing" else "closes_twice")
    return Span(opens_at, closes_at, tuple(notes))


def wall_instant(day: date, at: time, zone: ZoneInfo) -> tuple[datetime, Literal["plain", "missing", "twice"]]:
    """Return the first instant (UTC) of ``day`` at which the zone's wall clock shows ``at`` or has passed it.

    One rule for all days: a time that comes twice means its first coming; a time that the clocks jump over
    means the jump. So every day has exactly one such instant.
    """
    first = datetime.combine(day, at, tzinfo=zone)
    second = first.replace(fold=1)
    earlier, later = sorted((first.astimezone(UTC), second.astimezone(UTC)))
    if earlier == later:
        return earlier, "plain"
    if earlier.astimezone(zone).replace(tzinfo=None) == first.replace(tzinfo=None):
        return earlier, "twice"
    return _jump(earlier, later, zone), "missing"


def _jump(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """Return the instant between two at which the zone's offset changes, to the second."""
    old = before.astimezone(zone).utcoffset()
    low, high = before, after
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) // 2
        middle = middle.replace(microsecond=0) if middle.replace(microsecond=0) > low else middle
        if middle.astimezone(zone).utcoffset() == old:
            low = middle
        else:
            high = middle
    return high


def wall_time(instant: datetime, zone: str) -> str:
    """Return an instant as the zone's wall clock shows it, with its UTC offset: ``2027-03-14 03:00 UTC-04:00``."""
    local = instant.astimezone(ZoneInfo(zone))
    offset = local.strftime("%z")
    seconds = f":{local.second:02d}" if local.second else ""
    return f"{local:%Y-%m-%d %H:%M}{seconds} UTC{offset[:3]}:{offset[3:5]}"


def all_closed(states: Collection[str]) -> bool:
    """Return whether no window of a cycle takes orders any more, so that its book may be frozen."""
    return bool(states) and all(state in {"closed", "frozen", "published"} for state in states)


# Who may be granted something


def bar(why: str | None) -> Bar:
    """Return in a word what ``ineligible_why`` said of a line; one that it let pass was smaller than a box."""
    match (why or "").partition(":")[0]:
        case "":
            return "pack"
        case "suspended":
            return "standing"
        case "withdrawn":
            return "withdrawn"
        case _:
            return "licence"


def ineligible_why(
    *,
    standing: str,
    standing_reason: str | None,
    withdrawn: bool,
    licence_class: str | None,
    classes_held: Collection[str],
) -> str | None:
    """Return why a line gets nothing whatever it asked for, or none.

    ``suspended: ...`` for the shop, ``withdrawn`` for the SKU, ``licence: CLASS`` where that is not held.
    """
    if standing != "good":
        return f"suspended: {standing_reason or ''}".rstrip(": ")
    if withdrawn:
        return "withdrawn"
    if licence_class is not None and licence_class not in classes_held:
        return f"licence: {licence_class}"
    return None
