"""The named plays, each with its story."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from firmware_sim import window_rush
from firmware_sim.stage import Stage


@dataclass(frozen=True)
class Scenario:
    """A play: ``run`` gets a fresh installation, the number of devices and the seed, and returns figures.

    The figures hold ``balanced``; those whose names end in ``_seconds`` or ``_ms`` are wall time.
    """

    name: str
    story: str
    run: Callable[[Stage, int, int], dict[str, Any]]


class UnknownScenarioError(ValueError):
    """There is no play of that name; the message lists those that there are."""


SCENARIOS: Mapping[str, Scenario] = {
    one.name: one
    for one in (
        Scenario(
            "window-rush",
            "Every shop orders in the window's last seconds; some repeat, drop out, ask wrongly or come too late.",
            window_rush.run,
        ),
    )
}


def find(name: str) -> Scenario:
    """Return the play called ``name``; raise :class:`UnknownScenarioError` where there is none."""
    if name not in SCENARIOS:
        raise UnknownScenarioError(f"there is no scenario {name!r}; there are: {', '.join(SCENARIOS)}")
    return SCENARIOS[name]
