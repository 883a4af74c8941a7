"""When an alert begins and ends: figures, thresholds with hysteresis, storms. Pure.

A rule has two thresholds and two times. A terminal is *pending* while its figure is beyond the first one, and *open*
once it was so for the first time without a break. It is *clearing* while the figure is back at the second one or
better, and quiet once that held for the second time. Between both thresholds nothing changes, so that a figure that
trembles opens one alert and not a hundred. What is not known changes nothing either.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from server.fleet.predicate import version_key

Figure = Literal[
    "offline",
    "offline_ordering",
    "queue_age",
    "certificate_left",
    "clock_off",
    "disk_free",
    "temperature",
    "storage",
    "version",
]
Severity = Literal["critical", "warning"]
State = Literal["quiet", "pending", "open", "clearing"]
#: Figures that are bad below the threshold.
BAD_BELOW: Final[frozenset[Figure]] = frozenset({"certificate_left", "disk_free"})
STORM_LEAST: Final = 50
STORM_SHARE: Final = 0.2
STORM_WITHIN: Final = timedelta(minutes=10)
STORM_OVER_SHARE: Final = 0.25
"""A storm is over once no more than this share of what made it one is left."""


@dataclass(frozen=True)
class Rule:
    """What is watched of which terminals. ``value`` and ``clear`` are in the figure's unit; ``group`` is empty for all.

    ``least`` is the oldest version that is new enough, for the figure ``version`` alone.
    """

    key: str
    name: str
    figure: Figure
    value: int
    minutes: int
    clear: int
    clear_minutes: int
    group: str = ""
    severity: Severity = "warning"
    who: str = "fleet"
    least: str = ""


@dataclass(frozen=True)
class Stand:
    """How a terminal stands to a rule, and since when."""

    state: State = "quiet"
    since: datetime | None = None


QUIET: Final = Stand()


@dataclass(frozen=True)
class Told:
    """What is known of a terminal at an instant; ``offline_s`` is 0 while it is online, none where never heard."""

    offline_s: float | None = None
    ordering: bool = False
    queue_age_s: int | None = None
    certificate_from: datetime | None = None
    certificate_until: datetime | None = None
    clock_offset_ms: int | None = None
    disk_free_percent: float | None = None
    temperature_c: float | None = None
    storage_errors: int | None = None
    version: str | None = None


def figure(rule: Rule, told: Told, now: datetime) -> float | None:
    """Return the figure of a rule: minutes, percent, seconds, degrees or a count; none where it is not known."""
    if rule.figure == "version":
        return None if told.version is None else float(version_key(told.version) < version_key(rule.least))
    return _FIGURES[rule.figure](told, now)


def step(rule: Rule, stand: Stand, value: float | None, now: datetime) -> Stand:
    """Return how a terminal stands to a rule after its figure was looked at."""
    if value is None:
        return stand
    sign = -1 if rule.figure in BAD_BELOW else 1
    bad, good = sign * value > sign * rule.value, sign * value <= sign * rule.clear
    if stand.state in {"quiet", "pending"}:
        if not bad:
            return QUIET
        since = stand.since or now
        held = now - since >= timedelta(minutes=rule.minutes)
        return Stand("open", now) if held else Stand("pending", since)
    if not good:
        return Stand("open", stand.since) if stand.state == "open" else Stand("open", now)
    since = now if stand.state == "open" or stand.since is None else stand.since
    return QUIET if now - since >= timedelta(minutes=rule.clear_minutes) else Stand("clearing", since)


def is_storm(opening: int, watched: int) -> bool:
    """Return whether so many alerts of one rule in :data:`STORM_WITHIN` are one matter and not many."""
    return opening >= STORM_LEAST and opening >= STORM_SHARE * watched


def storm_is_over(left: int, most: int) -> bool:
    """Return whether what is left of a storm is again a matter of single terminals."""
    return left <= STORM_OVER_SHARE * most and left < STORM_LEAST


def offline_s(state: str, last_seen_at: datetime | None, now: datetime) -> float | None:
    """Return for how long a terminal has not been there."""
    if last_seen_at is None:
        return None
    return 0.0 if state == "online" else max(0.0, (now - last_seen_at).total_seconds())


def _left_percent(told: Told, now: datetime) -> float | None:
    if told.certificate_from is None or told.certificate_until is None:
        return None
    life = (told.certificate_until - told.certificate_from).total_seconds()
    return 100 * (told.certificate_until - now).total_seconds() / life if life > 0 else None


def fitting(rule: Rule) -> str | None:
    """Return the field of a rule that does not fit the others, or none."""
    sign = -1 if rule.figure in BAD_BELOW else 1
    if sign * rule.clear > sign * rule.value:
        return "clear"
    if rule.figure == "version" and not version_key(rule.least):
        return "least"
    return None


#: What counts as long as nobody wrote rules.
BUILT_IN: Final[Mapping[str, tuple[Figure, int, int, int, int, Severity]]] = {
    "offline-ordering": ("offline_ordering", 15, 0, 0, 2, "critical"),
    "offline-long": ("offline", 24 * 60, 0, 0, 5, "warning"),
    "queue-old": ("queue_age", 30, 5, 5, 5, "critical"),
    "certificate-ends": ("certificate_left", 20, 0, 33, 0, "warning"),
    "clock-off": ("clock_off", 60, 5, 30, 5, "warning"),
    "disk-full": ("disk_free", 5, 5, 10, 15, "critical"),
    "hot": ("temperature", 80, 10, 70, 10, "warning"),
    "storage-errors": ("storage", 0, 0, 0, 30, "critical"),
}


def _scaled(value: float | None, divisor: float) -> float | None:
    return None if value is None else abs(value) / divisor


_FIGURES: Final[Mapping[Figure, Callable[[Told, datetime], float | None]]] = {
    "offline": lambda told, _: _scaled(told.offline_s, 60),
    "offline_ordering": lambda told, _: _scaled(told.offline_s, 60) if told.ordering or told.offline_s is None else 0.0,
    "queue_age": lambda told, _: _scaled(told.queue_age_s, 60),
    "certificate_left": _left_percent,
    "clock_off": lambda told, _: _scaled(told.clock_offset_ms, 1000),
    "disk_free": lambda told, _: told.disk_free_percent,
    "temperature": lambda told, _: told.temperature_c,
    "storage": lambda told, _: told.storage_errors,
}
