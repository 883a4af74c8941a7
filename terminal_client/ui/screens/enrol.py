"""Which shop is this? The one-use code, typed on the screen, by a scanner or a keyboard."""

import logging
from datetime import UTC, datetime
from functools import partial
from urllib.parse import urlsplit

from werkzeug.routing import Rule
from werkzeug.wrappers import Request, Response

from contract.errors import Rejected
from contract.signing import shown
from contract.texts import LANGUAGES
from terminal_client.adapters.http import UnreachableError, Why
from terminal_client.adapters.keys import KeyUnusableError
from terminal_client.app import OtherRetailerError
from terminal_client.core import enrolment
from terminal_client.core.scans import Scan
from terminal_client.ui import scanning
from terminal_client.ui.scanning import Scanned
from terminal_client.ui.show import N_
from terminal_client.ui.web import Desk, go, is_part

log = logging.getLogger(__name__)

UNREACHED: dict[Why, str] = {
    "no_network": N_("No network: the way to {server} was not found. Look at cable or Wi-Fi, then try again."),
    "no_answer": N_("The server {server} does not answer. Check the network, then try again."),
    "clock": N_(
        "This terminal's clock says {clock}, and by it the server's certificate is not valid. If that is not the day"
        " of today, the clock is wrong: connect the terminal to the network, wait a minute, try again."
    ),
    "not_trusted": N_(
        "What answers as {server} cannot prove that it is the server. Nothing was sent. Has this network a sign-in"
        " page of its own? Else tell the help desk."
    ),
    "not_ours": N_(
        "Something else answers in the server's place, such as a network's sign-in page. Use another network."
    ),
    "other_version": N_(
        "The server and this terminal (version {version}) are of different versions and do not understand each other."
        " Tell the help desk which one is older."
    ),
    "busy": N_("The server cannot answer just now. Try again in a minute."),
}
NO_KEY = N_("This terminal cannot make the key that it is to be known by. Tell the help desk.")
NOT_SENT = N_("The code was not looked at, and not used up.")
PERHAPS_USED = N_("The answer may have been lost on its way: if the code then counts as used, ask for a new one.")


def show(desk: Desk, request: Request, said: str = "", code: str = "") -> Response:
    """Show the code's field and the keys."""
    terminal = desk.terminal
    known = terminal.store.identity()
    asked = enrolment.pending(terminal.store)
    if asked is not None and asked.state != "asking" and not said:
        return _waiting(desk, asked)
    if known is not None and terminal.engine.stopped_by is None and request.method == "GET":
        return Response(headers={"HX-Redirect": "/order"}) if is_part(request) else go("/order")
    code = code or desk.code_typed
    server = urlsplit(terminal.server_url).netloc
    return desk.pages.page("enrol.html", here="enrol", undo=None, said=said, code=code, server=server, known=known)


def _waiting(desk: Desk, asked: enrolment.Pending) -> Response:
    """Show the fingerprint for a person to compare, or how it ended."""
    server = urlsplit(desk.terminal.server_url).netloc
    digits = shown(asked.key).split()
    return desk.pages.page("enrolment.html", here="enrol", undo=None, asked=asked, digits=digits, server=server)


def give_up(desk: Desk, _request: Request) -> Response:
    """Ask no longer, and take another code."""
    desk.terminal.give_up_enrolment()
    desk.code_typed = ""
    return go("/enrol")


def enrol(desk: Desk, request: Request) -> Response:
    """Show the code to the server, or say in words what went wrong."""
    code = typed(request)
    desk.code_typed = code
    if not code:
        return show(desk, request, desk.pages.text(N_("Type or scan the code first.")))
    try:
        asked = desk.terminal.enrol(code)
    except Rejected as refused:
        desk.enrolment_fault = partial(desk.pages.refusal, refused.code, refused.params)
        return show(desk, request, desk.pages.refusal(refused.code, refused.params), code)
    except UnreachableError as error:
        desk.enrolment_fault = partial(why_unreached, desk, error)
        return show(desk, request, why_unreached(desk, error), code)
    except KeyUnusableError as error:
        log.warning("no key could be made: %s", error)
        desk.enrolment_fault = partial(desk.pages.text, NO_KEY)
        return show(desk, request, desk.pages.text(NO_KEY), code)
    except OtherRetailerError as other:
        said = N_("This terminal holds the data of {name}, and the code is for another shop. Ask the distributor.")
        desk.enrolment_fault = partial(desk.pages.text, said, name=str(other))
        return show(desk, request, desk.pages.text(said, name=str(other)), code)
    desk.code_typed, desk.enrolment_fault = "", None
    return go("/order" if asked is None else "/enrol")


def choose_language(desk: Desk, request: Request) -> Response:
    """Go on in the other language; what was typed of a code is kept."""
    if request.form.get("language") in LANGUAGES:
        desk.terminal.store.choose("language", request.form["language"])
    desk.code_typed = typed(request)
    return go("/enrol")


def lead_back(_desk: Desk, _request: Request) -> Response:
    """Lead to the code who comes here by the way back."""
    return go("/enrol")


def typed(request: Request) -> str:
    """Return the code of a form, without the signs that people write between its characters."""
    return "".join(c for c in request.form.get("code", "").upper() if c.isalnum())


def why_unreached(desk: Desk, error: UnreachableError) -> str:
    """Return in words why the server was not reached, and what that means for the code."""
    terminal = desk.terminal
    fields = {
        "server": urlsplit(terminal.server_url).netloc,
        "version": terminal.version,
        "clock": datetime.now(tz=UTC).astimezone(desk.pages.zone()).strftime("%Y-%m-%d %H:%M"),
    }
    means = NOT_SENT if not error.reached or error.why in ("clock", "not_trusted", "busy") else ""
    means = PERHAPS_USED if error.reached and error.why == "no_answer" else means
    return " ".join(filter(None, [desk.pages.text(UNREACHED[error.why], **fields), means and desk.pages.text(means)]))


def scanned(desk: Desk, _path: str, scan: Scan) -> Scanned:
    """Put the code into its field; a person taps."""
    if not scan.text:
        return scanning.unread(desk, scan)
    return Scanned(desk.pages.text(N_("The code was read. Compare it, then tap.")), fill=scan.text)


RULES = (
    Rule("/enrol", endpoint=show, methods=["GET"]),
    Rule("/enrol", endpoint=enrol, methods=["POST"]),
    Rule("/enrol/give-up", endpoint=give_up, methods=["POST"]),
    Rule("/enrol/language", endpoint=choose_language, methods=["POST"]),
    Rule("/enrol/language", endpoint=lead_back, methods=["GET"]),
)
