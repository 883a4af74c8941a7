"""Pure decisions about settings and commands: which may be asked for, what a difference is, which word stands."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Literal

from contract.errors import Rejected
from contract.steering import COMMAND_KINDS, SETTINGS

Open = Literal["sent", "in_progress"]
Ended = Literal["succeeded", "failed", "rejected", "interrupted", "expired", "cancelled", "timed_out"]
State = Open | Ended

OPEN: Final[tuple[Open, ...]] = ("sent", "in_progress")
ENDED: Final[tuple[Ended, ...]] = (
    "succeeded",
    "failed",
    "rejected",
    "interrupted",
    "expired",
    "cancelled",
    "timed_out",
)
BY_TIME: Final[tuple[Ended, ...]] = ("expired", "timed_out")
"""Ended by the time of the server, where the reason is one of its own: the terminal may be at it still."""
BY_TIME_REASONS: Final = ("not_heard", "not_finished")
RECALLED_FOR: Final = timedelta(days=30)
"""So long a terminal is told of what was called back after the server had ended it, unless it answers before."""
GRACE: Final = timedelta(seconds=60)
"""After its time is over, an answer may still be on its way; then a command ends without one."""
LEAST_MINUTES: Final = 1
MOST_MINUTES: Final = 7 * 24 * 60
USUAL_MINUTES: Final[Mapping[str, int]] = {"update": 2 * 24 * 60}
"""What a terminal has where nobody says more: an update waits for a night, else for a quiet half hour after a day."""
OTHERS_MINUTES: Final = 60
PARAMS: Final[Mapping[str, tuple[str, ...]]] = {"update": ("release",)}
"""What kinds take; the others take nothing."""


@dataclass(frozen=True)
class Wanted:
    """A setting as a person wants it; ``held``: the shop may not choose otherwise."""

    value: str
    held: bool = False


def check_settings(changes: Mapping[str, Wanted | None]) -> None:
    """Refuse what no terminal knows, ``setting_unknown`` or ``setting_value``; none lets a setting go."""
    for name, wanted in changes.items():
        setting = SETTINGS.get(name)
        if setting is None:
            raise Rejected("setting_unknown", name=name, known=", ".join(SETTINGS))
        if wanted is not None and wanted.value not in setting.values:
            raise Rejected("setting_value", name=name, value=wanted.value, possible=", ".join(setting.values))


def changed(desired: Mapping[str, Any], changes: Mapping[str, Wanted | None], version: int) -> dict[str, Any]:
    """Return the desired state after ``changes``, each under ``version``; a setting that is let go is gone."""
    after = {name: one for name, one in desired.items() if name not in changes}
    set_anew = {
        name: {"value": wanted.value, "held": wanted.held, "version": version}
        for name, wanted in changes.items()
        if wanted is not None
    }
    return after | set_anew


def delta(desired: Mapping[str, Any], reported: Mapping[str, Any]) -> dict[str, str]:
    """Return the settings that a terminal does not report as they are desired, with the desired value."""
    return {name: one["value"] for name, one in desired.items() if reported.get(name) != one["value"]}


Difference = Literal["as_wanted", "under_way", "own_choice", "refused", "free"]


def difference(
    name: str, desired: Mapping[str, Any], reported: Mapping[str, Any], applied: int, refused: Collection[str]
) -> Difference:
    """Return how a setting stands.

    ``under_way``: the terminal has not taken it yet; ``own_choice``: it took it, and the shop chose otherwise later;
    ``refused``: it cannot follow; ``free``: nothing is wanted.
    """
    one = desired.get(name)
    if one is None:
        return "free"
    if applied < one["version"]:
        return "under_way"
    if name in refused:
        return "refused"
    return "as_wanted" if reported.get(name) == one["value"] else "own_choice"


def check_command(kind: str, params: Mapping[str, str], minutes: int) -> None:
    """Refuse a command that no terminal could do: ``command_unknown``, ``command_params``, ``command_time``."""
    if kind not in COMMAND_KINDS:
        raise Rejected("command_unknown", name=kind, known=", ".join(COMMAND_KINDS))
    wanted = PARAMS.get(kind, ())
    if tuple(sorted(params)) != tuple(sorted(wanted)) or not all(params.values()):
        raise Rejected("command_params", name=kind, wanted=", ".join(wanted) or "-")
    if not LEAST_MINUTES <= minutes <= MOST_MINUTES:
        raise Rejected("command_time", least=LEAST_MINUTES, most=MOST_MINUTES)


def usual_minutes(kind: str) -> int:
    """Return how many minutes a terminal has for a kind where nobody says otherwise."""
    return USUAL_MINUTES.get(kind, OTHERS_MINUTES)


def may_call_back(stands: str, reason: str) -> bool:
    """Return whether a terminal may still be asked to leave a command be: its own last word has not come."""
    return stands in OPEN or (stands in BY_TIME and reason in BY_TIME_REASONS)


def word_counts(stands: State, said: State) -> bool:
    """Return whether what a terminal says of a command changes what stands.

    A last word of its own stays. The server's own endings, that nothing was heard in time, give way to it: the terminal
    knows what it did.
    """
    if stands in OPEN:
        return stands != said
    return said not in OPEN and stands in BY_TIME
