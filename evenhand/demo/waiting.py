"""Waiting for what the server computes in a job of its own: a forecast, scores, a plan of visits."""

import time
from collections.abc import Callable
from typing import Any

from firmware_sim.stage import StageError

COMPUTED_WITHIN_S = 300.0
LOOKS_EVERY_S = 0.1
UNDER_WAY = frozenset({"waiting", "working"})

Status = dict[str, Any]


def computed(what: str, look: Callable[[], Status], holds: Callable[[Status], bool] = lambda _: False) -> Status:
    """Return how ``what`` stands, once it is no longer under way, or ``holds`` says that it is far enough.

    Raises
    ------
    StageError
        Where it failed or does not come that far in time.
    """
    deadline = time.monotonic() + COMPUTED_WITHIN_S
    while time.monotonic() < deadline:
        status = look()
        if status["state"] == "failed":
            raise StageError(f"the {what} could not be computed: {status.get('trouble') or 'no reason was told'}")
        if holds(status) or status["state"] not in UNDER_WAY:
            return status
        time.sleep(LOOKS_EVERY_S)
    raise StageError(f"the {what} is not there within {COMPUTED_WITHIN_S:.0f} s: {status['state']}")


def looked_until(what: str, look: Callable[[], Status], holds: Callable[[Status], bool]) -> Status:
    """Return what is seen once it holds.

    Raises
    ------
    StageError
        Where it does not come in time, with what was seen last.
    """
    deadline = time.monotonic() + COMPUTED_WITHIN_S
    while not holds(status := look()):
        if time.monotonic() > deadline:
            raise StageError(f"the {what} is not there within {COMPUTED_WITHIN_S:.0f} s: {status}")
        time.sleep(LOOKS_EVERY_S)
    return status
