"""PINs and what a clerk may do: the owner's page."""

from werkzeug.routing import Rule
from werkzeug.wrappers import Request, Response

from terminal_client.core.pins import IDLE_MINUTES, IDLE_USUALLY, LEAST_DIGITS, MOST_DIGITS, ROLES, PinError
from terminal_client.core.views import catalogue
from terminal_client.ui.show import N_
from terminal_client.ui.web import Desk, go

SAID = {
    "form": N_("A PIN has {least} to {most} digits."),
    "same": N_("Owner and clerk need different PINs."),
    "owner_first": N_("Set the owner's PIN first."),
    "differs": N_("The two entries differ. Enter the PIN twice."),
    "amount": N_("Enter a whole amount."),
}
MOST_AMOUNT = 10**9


def show(desk: Desk, _request: Request, said: str = "") -> Response:
    """Show which PINs are set, and what goes with them."""
    door, store = desk.terminal.door, desk.terminal.store
    return desk.pages.page(
        "pins.html",
        here="settings",
        undo=None,
        said=desk.pages.text(SAID[said], least=LEAST_DIGITS, most=MOST_DIGITS) if said else "",
        has={role: door.has(role) for role in ROLES},
        idle=store.setting("pin.idle", IDLE_USUALLY),
        idle_minutes=IDLE_MINUTES,
        most_amount=store.setting("pin.clerk_most", ""),
        currency=catalogue.read(store).currency,
    )


def keep(desk: Desk, request: Request) -> Response:
    """Set a PIN that was entered twice."""
    pin = request.form.get("pin", "")
    if pin != request.form.get("again", ""):
        return show(desk, request, "differs")
    try:
        desk.terminal.door.set_pin("owner" if request.form.get("role") == "owner" else "clerk", pin)
    except PinError as error:
        return show(desk, request, error.reason)
    return go("/pins")


def clear(desk: Desk, request: Request) -> Response:
    """Take a PIN away."""
    desk.terminal.door.clear("owner" if request.form.get("role") == "owner" else "clerk")
    return go("/pins")


def choose(desk: Desk, request: Request) -> Response:
    """Keep after how long the screen locks, and up to what amount a clerk orders."""
    store = desk.terminal.store
    if request.form.get("idle") in IDLE_MINUTES:
        store.choose("pin.idle", request.form["idle"])
    amount = request.form.get("most")
    if amount is not None:
        amount = amount.strip()
        if amount and not (amount.isascii() and amount.isdecimal() and 0 < int(amount) <= MOST_AMOUNT):
            return show(desk, request, "amount")
        store.choose("pin.clerk_most", amount)
    return go("/pins")


RULES = (
    Rule("/pins", endpoint=show, methods=["GET"]),
    Rule("/pins", endpoint=keep, methods=["POST"]),
    Rule("/pins/clear", endpoint=clear, methods=["POST"]),
    Rule("/pins/choose", endpoint=choose, methods=["POST"]),
)
