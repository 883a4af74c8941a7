"""Said without a name: the sending, the code that is shown once, and the answer to who types it."""

from uuid import UUID

from werkzeug.routing import Rule
from werkzeug.wrappers import Request, Response

from contract.device_api import Unnamed
from contract.errors import Refusal
from terminal_client.core import unnamed
from terminal_client.core.ports import NotReachedError
from terminal_client.ui.show import N_
from terminal_client.ui.web import Desk, go

CODE_MOST = 40


def begin(desk: Desk, _request: Request) -> Response:
    """Take what was written, and send it without a name."""
    try:
        unnamed.begin(desk.terminal.store)
    except Refusal:
        return go("/say/send")
    return send(desk, _request)


def show(desk: Desk, _request: Request) -> Response:
    """Show what is not sent yet, and the codes that are not written down yet."""
    return _page(desk)


def send(desk: Desk, _request: Request) -> Response:
    """Send what the server does not have yet."""
    try:
        unnamed.send(desk.terminal.store, desk.terminal.unnamed_wire)
    except NotReachedError:
        return _page(desk, desk.pages.text(N_("The server cannot be reached. It is kept here; send it again later.")))
    except Refusal as refused:
        return _page(desk, desk.pages.refusal(refused.code, refused.params))
    return go("/say/unnamed")


def forget(desk: Desk, _request: Request, said: UUID) -> Response:
    """Forget it here: the code is written down."""
    unnamed.forget(desk.terminal.store, said)
    return go("/say")


def throw_away(desk: Desk, _request: Request, said: UUID) -> Response:
    """Throw away what was not sent."""
    unnamed.throw_away(desk.terminal.store, said)
    return go("/say")


def ask(desk: Desk, _request: Request) -> Response:
    """Ask for a code."""
    return _answer(desk)


def look(desk: Desk, request: Request) -> Response:
    """Show the answer to a code."""
    code = request.form.get("code", "").strip()[:CODE_MOST]
    try:
        found = desk.terminal.unnamed_wire.look(code) if code else None
    except NotReachedError:
        return _answer(desk, code, desk.pages.text(N_("The server cannot be reached. Try again later.")))
    except Refusal as refused:
        return _answer(desk, code, desk.pages.refusal(refused.code, refused.params))
    return _answer(desk, code, found=found)


def _page(desk: Desk, said: str = "") -> Response:
    found = unnamed.read_all(desk.terminal.store)
    return desk.pages.page("unnamed.html", here="notices", undo=None, found=found, said=said)


def _answer(desk: Desk, code: str = "", said: str = "", found: Unnamed | None = None) -> Response:
    return desk.pages.page(
        "unnamed_answer.html", here="notices", undo=None, code=code, said=said, answered=found, most=CODE_MOST
    )


RULES = (
    Rule("/say/unnamed", endpoint=show, methods=["GET"]),
    Rule("/say/unnamed/begin", endpoint=begin, methods=["POST"]),
    Rule("/say/unnamed/send", endpoint=send, methods=["POST"]),
    Rule("/say/unnamed/<uuid:said>/forget", endpoint=forget, methods=["POST"]),
    Rule("/say/unnamed/<uuid:said>/throw-away", endpoint=throw_away, methods=["POST"]),
    Rule("/say/code", endpoint=ask, methods=["GET"]),
    Rule("/say/code", endpoint=look, methods=["POST"]),
)
