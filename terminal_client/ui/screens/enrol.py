"""Which shop is this? The one-use code, typed on the screen, by a scanner or a keyboard."""

from urllib.parse import urlsplit

from werkzeug.routing import Rule
from werkzeug.wrappers import Request, Response

from contract.errors import Rejected
from terminal_client.adapters.http import UnreachableError
from terminal_client.app import OtherRetailerError
from terminal_client.core.scans import Scan
from terminal_client.ui import scanning
from terminal_client.ui.scanning import Scanned
from terminal_client.ui.show import N_
from terminal_client.ui.web import Desk, go


def show(desk: Desk, request: Request, said: str = "", code: str = "") -> Response:
    """Show the code's field and the keys."""
    terminal = desk.terminal
    known = terminal.store.identity()
    if known is not None and terminal.engine.stopped_by is None and request.method == "GET":
        return go("/order")
    server = urlsplit(terminal.server_url).netloc
    return desk.pages.page("enrol.html", here="enrol", undo=None, said=said, code=code, server=server, known=known)


def enrol(desk: Desk, request: Request) -> Response:
    """Exchange the code, or say in words what went wrong."""
    code = "".join(c for c in request.form.get("code", "").upper() if c.isalnum())
    try:
        desk.terminal.enrol(code)
    except Rejected as refused:
        return show(desk, request, desk.pages.refusal(refused.code, refused.params), code)
    except UnreachableError:
        said = N_("The server does not answer. The code is still good: check the network, then try again.")
        return show(desk, request, desk.pages.text(said), code)
    except OtherRetailerError as other:
        said = N_("This terminal holds the data of {name}, and the code is for another shop. Ask the distributor.")
        return show(desk, request, desk.pages.text(said, name=str(other)), code)
    return go("/order")


def scanned(desk: Desk, _path: str, scan: Scan) -> Scanned:
    """Put the code into its field; a person taps."""
    if not scan.text:
        return scanning.unread(desk, scan)
    return Scanned(desk.pages.text(N_("The code was read. Compare it, then tap.")), fill=scan.text)


RULES = (
    Rule("/enrol", endpoint=show, methods=["GET"]),
    Rule("/enrol", endpoint=enrol, methods=["POST"]),
)
