"""Slips on the screen, as they come out of the printer, and how far printing them is."""

from collections.abc import Callable
from uuid import UUID

from markupsafe import Markup
from werkzeug.exceptions import NotFound
from werkzeug.routing import Rule
from werkzeug.wrappers import Request, Response

from terminal_client.core.slips import Slip, Square
from terminal_client.core.views import deliveries, grants, order_list
from terminal_client.ui import slips
from terminal_client.ui.screens.deliveries import WORDS
from terminal_client.ui.show import N_
from terminal_client.ui.web import Desk, go

FAULTS: dict[str, str] = {
    "no_printer": N_("No printer is chosen. Choose it under Printer and scanner."),
    "not_installed": N_("What printing needs is not installed on this machine. Tell the help desk."),
    "no_font": N_("This machine has no font with Chinese characters. Tell the help desk: a font is to be installed."),
    "missing": N_("The printer is not there. Plug it in and switch it on."),
    "no_permission": N_("This terminal may not use the printer. Tell the help desk: the access rule is missing."),
    "unreachable": N_("The printer does not answer over the network. Is it switched on, and its cable plugged in?"),
    "offline": N_("The printer is switched to offline, or reports a fault. Look at its lights."),
    "paper_out": N_("The paper is used up. Put in a new roll."),
    "cover_open": N_("The printer's cover is open. Close it."),
    "unplugged": N_("The printer was unplugged or switched off while it printed."),
    "stuck": N_("The printer takes nothing more. Switch it off and on."),
    "stumbled": N_("Printing went wrong in this terminal. Try once more; then tell the help desk."),
}
HERE = {"order": "orders", "cycle": "grants", "delivery": "deliveries"}


def order_slip(desk: Desk, order: UUID) -> Slip:
    """Return the receipt of an order."""
    view = order_list.read(desk.terminal.store, desk.terminal.clock, order)
    if view is None:
        raise NotFound
    return slips.of_order(desk, view)


def grants_slip(desk: Desk, cycle: UUID) -> Slip:
    """Return the slip of what was granted."""
    view = grants.read(desk.terminal.store, desk.terminal.clock, cycle)
    if view is None:
        raise NotFound
    return slips.of_grants(desk, view)


def delivery_slip(desk: Desk, delivery: UUID) -> Slip:
    """Return the slip of a delivery."""
    view = deliveries.read(desk.terminal.store, delivery)
    if view is None:
        raise NotFound
    return slips.of_delivery(desk, view, WORDS)


def square(part: Square) -> Markup:
    """Return a QR code as a drawing in the page."""
    import segno  # noqa: PLC0415 - a quarter of a second on a small machine, and few pages need it

    drawn = segno.make_qr(part.content, error="m").svg_inline(scale=4, border=2, svgclass="square", omitsize=True)
    return Markup(drawn)  # noqa: S704 - drawn here


def rules(path: str, back: str, make: Callable[[Desk, UUID], Slip]) -> tuple[Rule, ...]:
    """Return the paths of one sort of slip below ``path``, with its ``<uuid:id>``."""

    def show(desk: Desk, _request: Request, id: UUID) -> Response:  # noqa: A002 - the path's name
        """Show the slip and what became of printing it."""
        slip = make(desk, id)
        return desk.pages.page(
            "slip.html",
            here=HERE[slip.subject.partition(":")[0]],
            undo=None,
            slip=slip,
            square=square,
            job=desk.terminal.counter.prints.about(slip.subject),
            has_printer=desk.terminal.counter.device() is not None,
            faults=FAULTS,
            path=path.replace("<uuid:id>", str(id)),
            back=back.replace("<uuid:id>", str(id)),
        )

    def print_(desk: Desk, _request: Request, id: UUID) -> Response:  # noqa: A002 - the path's name
        """Hand the slip to the printer; it changes nothing else, and a second tap prints no second one."""
        desk.terminal.counter.prints.submit(make(desk, id))
        return go(path.replace("<uuid:id>", str(id)))

    return (Rule(path, endpoint=show, methods=["GET"]), Rule(path, endpoint=print_, methods=["POST"]))


RULES = (
    *rules("/orders/<uuid:id>/slip", "/orders/<uuid:id>", order_slip),
    *rules("/grants/<uuid:id>/slip", "/grants/<uuid:id>", grants_slip),
    *rules("/deliveries/<uuid:id>/slip", "/deliveries/<uuid:id>", delivery_slip),
)
