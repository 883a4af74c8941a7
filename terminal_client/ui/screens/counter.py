"""Printer and scanner: which ones, how they do, and a trial of each."""

from pathlib import Path

from werkzeug.routing import Rule
from werkzeug.wrappers import Request, Response

from contract.errors import Rejected
from terminal_client.core.printing import parse_address
from terminal_client.core.scans import Scan
from terminal_client.counter import PAPER, PRINTER, USUAL_SCANNER
from terminal_client.ui import scanning, slips
from terminal_client.ui.scanning import Scanned
from terminal_client.ui.screens.slips import FAULTS
from terminal_client.ui.show import N_
from terminal_client.ui.web import Desk, go

AT = "/counter"
MOST_ADDRESS = 120
SCANNER_STATES: dict[str, tuple[str, str]] = {
    "off": ("", N_("The scanner types into the browser like a keyboard.")),
    "ready": ("", N_("The scanner is read past the browser.")),
    "shared": ("wait", N_("The scanner is read, but its keys also go elsewhere: another program holds it.")),
    "missing": ("stop", N_("The scanner is not there. Plug it in.")),
    "no_permission": (
        "stop",
        N_("This terminal may not read the scanner. Tell the help desk: the access rule is missing."),
    ),
}


def show(desk: Desk, _request: Request, said: str = "", typed: str = "") -> Response:
    """Show what is chosen, what is plugged in, and the last trials."""
    counter = desk.terminal.counter
    device = counter.device()
    tone, words = scanner_state(desk)
    return desk.pages.page(
        "counter.html",
        here="settings",
        undo=None,
        said=said,
        device=device,
        address=typed or (device.address if device else ""),
        plugged=plugged_in(device.address if device else ""),
        scanner_path=counter.scanner_path,
        scanners=sorted({USUAL_SCANNER, *filter(None, [counter.scanner_path])}),
        scanner_tone=tone,
        scanner_words=words,
        tried=desk.tried,
        job=counter.prints.about("trial"),
        failed=counter.prints.failed(),
        faults=FAULTS,
    )


def scanner_state(desk: Desk) -> tuple[str, str]:
    """Return the tone and the sentence of how the scanner does."""
    counter = desk.terminal.counter
    state = counter.scanner_state
    return SCANNER_STATES["missing" if counter.scanner_path and state == "off" else state]


def plugged_in(chosen: str) -> list[str]:
    """Return the addresses of printers that this machine sees, the chosen one among them."""
    seen = [f"usb:{path}" for path in [Path("/dev/evenhand-printer"), *sorted(Path("/dev/usb").glob("lp*"))]]
    seen = [address for address in seen if Path(address.removeprefix("usb:")).exists()]
    seen += [f"serial:{path}@9600" for path in sorted(Path("/dev").glob("ttyUSB*"))]
    return list(dict.fromkeys([*filter(None, [chosen]), *seen]))


def choose(desk: Desk, request: Request) -> Response:
    """Keep what was chosen; an address that is none is said and not kept."""
    form, counter = request.form, desk.terminal.counter
    if (address := form.get("printer")) is not None:
        address = address.strip()
        try:
            if len(address) > MOST_ADDRESS:
                raise ValueError  # noqa: TRY301 - one answer for all that is no address
            if address:
                parse_address(address)
        except ValueError:
            text = N_("“{address}” is no printer. Write net: and its address in the network, such as net:192.168.1.50.")
            return show(desk, request, desk.pages.text(text, address=address[:40]), address[:MOST_ADDRESS])
        desk.terminal.store.choose(PRINTER, address)
    if form.get("paper") in ("58", "80"):
        desk.terminal.store.choose(PAPER, form["paper"])
    if (path := form.get("scanner")) is not None:
        if path and not (path.startswith("/dev/input/") and ".." not in path.split("/") and len(path) <= MOST_ADDRESS):
            raise Rejected("invalid", where=desk.pages.text(N_("Scanner")), what=path[:40])
        counter.choose_scanner(path)
    return go(AT)


def try_printer(desk: Desk, _request: Request) -> Response:
    """Print a trial."""
    desk.terminal.counter.prints.submit(slips.trial(desk))
    return go(AT)


def again(desk: Desk, _request: Request) -> Response:
    """Print once more what failed last."""
    desk.terminal.counter.prints.again()
    return go(AT)


def leave(desk: Desk, _request: Request) -> Response:
    """Leave what failed unprinted."""
    desk.terminal.counter.prints.forget()
    return go(AT)


def scanned(desk: Desk, _path: str, scan: Scan) -> Scanned:
    """Show on this page what was read, whatever it is."""
    desk.tried = scan
    if scan.fault is not None:
        return scanning.unread(desk, scan)
    return Scanned(desk.pages.text(N_("Read. Look at what it says.")), go=AT)


RULES = (
    Rule(AT, endpoint=show, methods=["GET"]),
    Rule(f"{AT}/choose", endpoint=choose, methods=["POST"]),
    Rule(f"{AT}/trial", endpoint=try_printer, methods=["POST"]),
    Rule(f"{AT}/again", endpoint=again, methods=["POST"]),
    Rule(f"{AT}/leave", endpoint=leave, methods=["POST"]),
)
