"""My licence and standing: what the shop may order, until when, and what is to be done."""

from werkzeug.routing import Rule
from werkzeug.wrappers import Request, Response

from contract.licences import Stand
from terminal_client.core.views import licence
from terminal_client.core.views.licence import LicenceView
from terminal_client.ui.show import N_
from terminal_client.ui.web import Desk

STANDS: dict[Stand, tuple[str, str]] = {
    "valid": ("received", N_("Valid")),
    "expiring": ("saved", N_("Ends soon")),
    "expired": ("refused", N_("Ended")),
    "coming": ("draft", N_("Begins later")),
    "suspended": ("refused", N_("Suspended")),
    "cancelled": ("cancelled", N_("Cancelled")),
}


def view(desk: Desk) -> LicenceView | None:
    """Return how the shop stands today, by the server's day."""
    today = desk.terminal.clock.now().astimezone(desk.pages.zone()).date()
    return licence.read(desk.terminal.store.reference(), today)


def show(desk: Desk, _request: Request) -> Response:
    """Show licences and standing."""
    return desk.pages.page("licence.html", here="stock", undo=None, shown=view(desk), stands=STANDS)


RULES = (Rule("/licence", endpoint=show, methods=["GET"]),)
