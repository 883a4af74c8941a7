"""The lock: enter a PIN, lock at once, say that somebody is there, and the way back without a PIN."""

from typing import Any

from werkzeug.routing import Rule
from werkzeug.wrappers import Request, Response

from contract.errors import Rejected
from terminal_client.adapters.http import UnreachableError
from terminal_client.adapters.keys import KeyUnusableError
from terminal_client.app import OtherRetailerError
from terminal_client.core.pins import FREE_TRIES, PinError
from terminal_client.ui import access
from terminal_client.ui.screens.enrol import NO_KEY
from terminal_client.ui.show import N_
from terminal_client.ui.web import Desk, go

WRONG = N_("This PIN is wrong.")
OWNER_WANTED = N_("This is the clerk's PIN; the owner's is needed here.")


def show(desk: Desk, request: Request, said: str = "") -> Response:
    """Ask for a PIN."""
    door = desk.terminal.door
    back = access.inside(request.values.get("back", ""))
    owner = bool(request.values.get("owner"))
    if request.method == "GET" and not door.standing().locked and not owner:
        return go(back)
    left = FREE_TRIES - door.wrong_tries()
    tries = left if 0 < left < FREE_TRIES else None
    context: dict[str, Any] = {"said": said, "back": back, "owner": owner, "wait_ms": door.wait_ms(), "tries": tries}
    return desk.pages.page("lock.html", here="lock", undo=None, **context)


def enter(desk: Desk, request: Request) -> Response:
    """Open with a PIN, or say why not."""
    try:
        role = desk.terminal.door.enter(request.form.get("pin", ""))
    except PinError as error:
        return show(desk, request, desk.pages.text(WRONG) if error.reason == "wrong" else "")
    if request.form.get("owner") and role != "owner":
        return show(desk, request, desk.pages.text(OWNER_WANTED))
    return go(access.inside(request.form.get("back", "")))


def lock_now(desk: Desk, _request: Request) -> Response:
    """Lock, or step back from owner to clerk."""
    desk.terminal.door.lock()
    return go("/order")


def still_here(desk: Desk, _request: Request) -> Response:
    """Note that somebody is there."""
    desk.terminal.door.touch()
    return Response(status=204)


def forgotten(desk: Desk, request: Request) -> Response:
    """Clear the PINs of a terminal that is enrolled anew: who has a fresh code was let in by the distributor."""
    said = code = ""
    if request.method == "POST":
        code = "".join(c for c in request.form.get("code", "").upper() if c.isalnum())
        try:
            asked = desk.terminal.enrol(code, clears_pins=True)
        except Rejected as refused:
            said = desk.pages.refusal(refused.code, refused.params)
        except UnreachableError:
            said = desk.pages.text(N_("The server does not answer. Check the network, then try again."))
        except KeyUnusableError:
            said = desk.pages.text(NO_KEY)
        except OtherRetailerError:
            said = desk.pages.text(N_("The code is for another shop. Ask the distributor."))
        else:
            return go("/pins" if asked is None else "/enrol")
    return desk.pages.page("forgotten.html", here="lock", undo=None, said=said, code=code)


RULES = (
    Rule("/lock", endpoint=show, methods=["GET"]),
    Rule("/lock", endpoint=enter, methods=["POST"]),
    Rule("/lock/now", endpoint=lock_now, methods=["POST"]),
    Rule("/lock/still-here", endpoint=still_here, methods=["POST"]),
    Rule("/lock/forgotten", endpoint=forgotten, methods=["GET", "POST"]),
)
