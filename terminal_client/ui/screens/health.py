"""What the boot chooser asks a release on trial: may the store be written, has the server been met. For programs."""

import json

import apsw
from werkzeug.routing import Rule
from werkzeug.wrappers import Request, Response

from terminal_client.ui.web import Desk

AT = "/health"
SETTING = "health"


def show(desk: Desk, _request: Request) -> Response:
    """Say how it is. ``exchanged`` also where there is nobody to meet, before the terminal is enrolled."""
    terminal = desk.terminal
    try:
        terminal.store.choose(SETTING, str(terminal.clock.now_ms()))
        store = terminal.engine.trouble is None
    except apsw.Error:
        store = False
    enrolled = terminal.store.identity() is not None
    told = {
        "version": terminal.version,
        "store": store,
        "enrolled": enrolled,
        "update": terminal.updates.reported(),
        "exchanged": not enrolled or terminal.clock.trusted,
    }
    return Response(json.dumps(told), mimetype="application/json")


RULES = (Rule(AT, endpoint=show, methods=["GET"]),)
