"""The terminal's own software: what runs, what comes, and when. The owner may look for it, hasten and postpone it."""

from collections.abc import Iterator
from typing import Literal

from werkzeug.routing import Rule
from werkzeug.wrappers import Request, Response

from contract.update_words import REASONS, STATES
from terminal_client.core import updating
from terminal_client.ui.show import N_
from terminal_client.ui.web import Desk, go

AT = "/updates"
MB = 1_000_000
TONES: dict[str, Literal["ok", "wait", "stop"]] = {
    "confirmed": "ok",
    "bringing": "wait",
    "waiting": "wait",
    "switching": "wait",
    "trial": "wait",
    "returned": "stop",
    "failed": "stop",
}


def told(desk: Desk) -> tuple[str, Literal["", "ok", "wait", "stop"]]:
    """Return in one line how an update stands, and how bad that is."""
    if not desk.terminal.updates.possible:
        return desk.pages.text(REASONS["no_slots"]), ""
    return " ".join(_sentences(desk)), TONES.get(desk.terminal.updates.state.phase, "")


def _sentences(desk: Desk) -> Iterator[str]:
    state, text = desk.terminal.updates.state, desk.pages.text
    if state.version and state.version != state.running:
        yield f"{state.version}:"
    yield text(STATES[state.phase])
    if state.reason:
        yield text(REASONS[state.reason])
    if state.phase == "bringing" and state.size_bytes:
        fields = {"done": f"{state.done_bytes / MB:.1f}", "size": f"{state.size_bytes / MB:.1f}"}
        yield text(N_("{done} of {size} MB"), **fields)


def show(desk: Desk, _request: Request) -> Response:
    """Show the page."""
    updates = desk.terminal.updates
    said, tone = told(desk)
    return desk.pages.page(
        "updates.html",
        here="settings",
        undo=None,
        version=desk.terminal.version,
        said=said,
        tone=tone,
        possible=updates.possible and desk.terminal.store.identity() is not None,
        waiting=updates.state.phase == "waiting",
        busy=updates.state.phase in ("bringing", "switching", "trial"),
        may_postpone=updating.may_postpone(updates.state),
    )


def look(desk: Desk, _request: Request) -> Response:
    """Look for the newest release that suits, also one that did not work before."""
    desk.terminal.updates.ask("", by="shop", again=True)
    return go(AT)


def hasten(desk: Desk, _request: Request) -> Response:
    """Change as soon as no order is at risk."""
    desk.terminal.updates.at_once()
    return go(AT)


def postpone(desk: Desk, _request: Request) -> Response:
    """Change a day later."""
    desk.terminal.updates.postpone()
    return go(AT)


RULES = (
    Rule(AT, endpoint=show, methods=["GET"]),
    Rule("/updates/look", endpoint=look, methods=["POST"]),
    Rule("/updates/now", endpoint=hasten, methods=["POST"]),
    Rule("/updates/later", endpoint=postpone, methods=["POST"]),
)
