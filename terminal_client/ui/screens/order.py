"""The order screen: find, step, see what it comes to, submit. The first screen of an enrolled terminal."""

import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any
from uuid import UUID

from werkzeug.exceptions import NotFound
from werkzeug.routing import Rule
from werkzeug.wrappers import Request, Response

from contract.errors import Rejected
from terminal_client.core import drafts, use_cases
from terminal_client.core.scans import Scan
from terminal_client.core.views import order_screen, windows
from terminal_client.core.views.order_screen import Choice, OrderScreen
from terminal_client.ui import access, scanning
from terminal_client.ui.scanning import Scanned
from terminal_client.ui.show import N_, minor
from terminal_client.ui.web import Desk, go, is_part

CHOICES: tuple[Choice, ...] = ("last", "scarce", "all", "mine")
MOST_UNITS = 10**7
TAPS = re.compile(r"[1-9][0-9]{0,2}", re.ASCII)
MOST_QUERY = 128
#: Rows of one answer; the rest comes on demand, so that a long catalogue paints as quickly as a short one.
ROWS = 60


def home(_desk: Desk, _request: Request) -> Response:
    """Lead to the order screen."""
    return go("/order")


def show(desk: Desk, request: Request) -> Response:
    """Show the whole screen."""
    shown = _read(desk, request)
    screen = shown["screen"]
    pad = order_screen.find_row(screen, request.args["pad"]) if "pad" in request.args else None
    return desk.pages.page(
        "order.html",
        here="order",
        undo=desk.undo_offered(),
        pad=pad if screen.editable else None,
        **shown,
    )


def rows(desk: Desk, request: Request) -> Response:
    """Show the rows that fit what is being typed."""
    return desk.pages.page("_rows.html", **_read(desk, request))


def live(desk: Desk, request: Request) -> Response:
    """Show rows, side and button anew, after news."""
    return desk.pages.page("_order_news.html", **_read(desk, request))


def pad(desk: Desk, request: Request) -> Response:
    """Show the digits for one quantity."""
    screen = _screen(desk)
    row = order_screen.find_row(screen, request.args.get("sku", ""))
    if row is None:
        raise Rejected("unknown_sku", sku=request.args.get("sku", ""))
    return desk.pages.page("_pad.html", row=row)


def step(desk: Desk, request: Request) -> Response:
    """Move one line by a pack, or by as many as there were taps before this one was sent."""
    sku, up, times = request.form.get("sku", ""), request.form.get("way") == "up", request.form.get("times", "1")
    if not TAPS.fullmatch(times):
        raise Rejected("invalid", where=desk.pages.text(N_("Quantity")), what=times[:20])
    return _change(
        desk,
        request,
        sku,
        lambda window: use_cases.step_draft_line(desk.terminal.shop, window, sku, up=up, times=int(times)),
    )


def put(desk: Desk, request: Request) -> Response:
    """Set one line as it was typed, whatever it is; what cannot stand is said, never changed."""
    sku = request.form.get("sku", "")
    typed = request.form.get("quantity", "").strip() or "0"
    if not typed.isascii() or not typed.isdecimal() or int(typed[:9]) > MOST_UNITS:
        raise Rejected("invalid", where=desk.pages.text(N_("Quantity")), what=typed[:20])
    units = int(typed[:9])
    return _change(desk, request, sku, lambda window: use_cases.set_draft_line(desk.terminal.shop, window, sku, units))


def clear(desk: Desk, _request: Request) -> Response:
    """Empty the draft, for the taking back."""
    shop, window = desk.terminal.shop, _window(desk)
    before = drafts.read(shop.store, window)
    use_cases.replace_draft(shop, drafts.Draft(window, (), before.amends, before.revision))
    _offer(desk, before, N_("The draft was emptied."))
    return go("/order")


def take_last(desk: Desk, _request: Request) -> Response:
    """Put the last order's quantities of what there is into the draft, for the taking back."""
    shop, window = desk.terminal.shop, _window(desk)
    before = drafts.read(shop.store, window)
    screen = order_screen.read(desk.terminal.store, desk.terminal.clock, choice="last")
    wanted = [row for row in screen.rows if row.last_units and row.item.licensed]
    for row in wanted:
        if not row.unsupplied:
            use_cases.set_draft_line(shop, window, row.item.sku, row.last_units)
    left_out = sum(row.unsupplied for row in wanted)
    said = N_("The last order was taken over.")
    if left_out:
        said = N_("The last order was taken over. Left out, because there is no supply so far: {count}.")
    _offer(desk, before, said, count=left_out)
    return go("/order?show=last")


def take_suggested(desk: Desk, _request: Request) -> Response:
    """Put every suggested quantity into the draft, for the taking back."""
    shop, window = desk.terminal.shop, _window(desk)
    before = drafts.read(shop.store, window)
    for row in _screen(desk).rows:
        if row.suggestion:
            use_cases.set_draft_line(shop, window, row.item.sku, row.suggestion.units)
    _offer(desk, before, N_("The suggestions were taken over."))
    return go("/order?show=mine")


def submit(desk: Desk, request: Request) -> Response:
    """Queue the draft; above the amount that the owner set, a clerk is asked for the owner's PIN first."""
    if _above_clerks(desk):
        return go(access.asking(request, owner=True))
    use_cases.submit_draft(desk.terminal.shop, _window(desk))
    desk.undo = None
    return go("/order?show=mine")


def amend(desk: Desk, request: Request) -> Response:
    """Begin to change an order."""
    try:
        order = UUID(request.form.get("order", ""))
    except ValueError:
        raise Rejected("unknown_order") from None
    use_cases.begin_amending(desk.terminal.shop, order)
    return go("/order?show=mine")


def leave(desk: Desk, _request: Request) -> Response:
    """Leave the order as it stands, for the taking back."""
    shop, window = desk.terminal.shop, _window(desk)
    before = drafts.read(shop.store, window)
    if before.sent_as is None:
        with shop.store.transaction():
            drafts.discard(shop.store, window)
        _offer(desk, before, N_("The order stays as it was."))
    return go("/order?show=mine")


def _offer(desk: Desk, before: drafts.Draft, said: str, **fields: object) -> None:
    """Offer to bring a draft back, for as long as nothing else was changed: a later tap is never thrown away."""
    shop, after = desk.terminal.shop, drafts.read(desk.terminal.store, before.window)
    desk.offer_undo(
        partial(desk.pages.text, said, **fields),
        lambda: use_cases.replace_draft(shop, before),
        holds=lambda: drafts.read(shop.store, before.window) == after,
    )


def undo(desk: Desk, request: Request, token: str) -> Response:
    """Take back the last destructive tap."""
    offered = desk.undo_offered()
    desk.undo = None
    if offered is not None and offered.token == token:
        offered.back()
    back = request.form.get("back", "/order")
    return go(back if back.startswith("/") and not back.startswith("//") else "/order")


def undo_stands(desk: Desk, _request: Request, token: str) -> Response:
    """Answer with nothing to change while it can be taken back, else with an empty place."""
    offered = desk.undo_offered()
    return Response(status=204 if offered is not None and offered.token == token else 200)


def scanned(desk: Desk, _path: str, scan: Scan) -> Scanned:
    """Add what one scan of the goods stands for, and show their row."""
    if scan.item is None:
        return scanning.unread(desk, scan)
    screen = _screen(desk)
    name, row = desk.pages.name(scan.item), scan.item.sku.encode().hex()
    if not screen.editable:
        said = N_("{name}: nothing was added. Nothing can be ordered at the moment.")
        if screen.window is not None and screen.window.phase == "open":
            said = N_("{name}: nothing was added. Tap “Change the order” first, then scan.")
        return Scanned(desk.pages.text(said, name=name), "stop", show=row)
    total = use_cases.add_to_draft(desk.terminal.shop, _window(desk), scan.item.sku, scan.units, times=scan.more or 1)
    more, tone = scanning.aside(desk, scan)
    said = desk.pages.text(N_("{name}: now {total} in the order."), name=name, total=f"{total:,}")
    return Scanned(said + more, tone, show=row)


def _read(desk: Desk, request: Request) -> dict[str, Any]:
    """Return what the templates need: the screen, what was chosen and searched, and how many rows are shown."""
    query = "".join(c for c in request.args.get("q", "")[:MOST_QUERY] if c.isprintable()).strip()
    wanted = request.args.get("show", "")
    choice = wanted if wanted in CHOICES else None
    if choice is None:
        choice = "last" if _screen(desk).counts["last"] else "all"
    most = request.args.get("most", "")
    return {
        "screen": order_screen.read(desk.terminal.store, desk.terminal.clock, choice=choice, query=query),
        "choice": choice,
        "query": query,
        "most": min(int(most), 10_000) if most.isascii() and most.isdecimal() and most else ROWS,
        "step": ROWS,
    }


def _above_clerks(desk: Desk) -> bool:
    most = desk.terminal.store.setting("pin.clerk_most", "")
    if not most or desk.terminal.door.standing().role == "owner":
        return False
    screen = _screen(desk)
    return screen.amount_minor > minor(int(most), screen.currency)


def _screen(desk: Desk) -> OrderScreen:
    return order_screen.read(desk.terminal.store, desk.terminal.clock, choice="all")


def _window(desk: Desk) -> UUID:
    window = windows.current(desk.terminal.store, desk.terminal.clock)
    if window is None:
        raise Rejected("unknown_window")
    return window.window


def _change(desk: Desk, request: Request, sku: str, act: Callable[[UUID], None]) -> Response:
    """Change one line, and show its row, the side and the button.

    Where the page had seen everything before, and this is all that has changed since, it has seen everything again:
    it need not be drawn anew after every tap.
    """
    before = desk.pages.mark()
    act(_window(desk))
    if not is_part(request):
        return go("/order")
    after = desk.pages.mark()
    current = request.form.get("seen") == str(before) and after == replace(before, revision=before.revision + 1)
    screen = _screen(desk)
    row = order_screen.find_row(screen, sku)
    if row is None:
        raise NotFound
    return desk.pages.page("_order_changed.html", screen=screen, row=row, seen=str(after) if current else "")


RULES = (
    Rule("/", endpoint=home, methods=["GET"]),
    Rule("/order", endpoint=show, methods=["GET"]),
    Rule("/order/rows", endpoint=rows, methods=["GET"]),
    Rule("/order/live", endpoint=live, methods=["GET"]),
    Rule("/order/pad", endpoint=pad, methods=["GET"]),
    Rule("/order/step", endpoint=step, methods=["POST"]),
    Rule("/order/set", endpoint=put, methods=["POST"]),
    Rule("/order/clear", endpoint=clear, methods=["POST"]),
    Rule("/order/last", endpoint=take_last, methods=["POST"]),
    Rule("/order/suggested", endpoint=take_suggested, methods=["POST"]),
    Rule("/order/submit", endpoint=submit, methods=["POST"]),
    Rule("/order/amend", endpoint=amend, methods=["POST"]),
    Rule("/order/leave", endpoint=leave, methods=["POST"]),
    Rule("/undo/<token>", endpoint=undo, methods=["POST"]),
    Rule("/undo/<token>", endpoint=undo_stands, methods=["GET"]),
)
