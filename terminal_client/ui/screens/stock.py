"""The shop's stock: what there is, what was sold, one item's entries, adjustments with their reason.

A tap sells one unit and is an entry at once; taking it back is another entry. Adjusting and taking out are the owner's.
"""

from datetime import datetime, time
from urllib.parse import quote

from werkzeug.exceptions import NotFound
from werkzeug.routing import Rule
from werkzeug.wrappers import Request, Response

from contract.errors import Refusal, Rejected
from contract.messages import StockAct
from terminal_client.core import stock_rules, stock_use_cases
from terminal_client.core.scans import Scan
from terminal_client.core.server_clock import milliseconds
from terminal_client.core.stock import count_under_way
from terminal_client.core.views import stock
from terminal_client.core.views.stock import StockRow
from terminal_client.ui import scanning
from terminal_client.ui.scanning import Scanned
from terminal_client.ui.screens import stock_count
from terminal_client.ui.show import N_
from terminal_client.ui.web import Desk, go

MOST_QUERY = 128
#: Rows of one page; what is searched for is found in all of them.
ROWS = 80
WORDS: dict[str, str] = {
    "sale": N_("Sold"),
    "refund": N_("Brought back"),
    "count": N_("Counted"),
    "adjustment": N_("Adjusted"),
    "expiry": N_("Past its day"),
    "receipt": N_("Delivered"),
}
#: What an adjustment can be, each with its sign and its usual reasons. ``expiry`` is an entry of its own kind.
CHANGES: dict[str, tuple[int, str, tuple[str, ...]]] = {
    "expiry": (-1, N_("Past its day"), (N_("Past its day"),)),
    "damaged": (-1, N_("Damaged"), (N_("Broken in the shop"), N_("Wet"), N_("Crushed"), N_("Seal torn"))),
    "less": (-1, N_("Fewer"), (N_("Own use"), N_("Stolen"), N_("Sold, but not entered"), N_("Mistyped"))),
    "more": (1, N_("More"), (N_("Found again"), N_("Mistyped"), N_("Came without a delivery"))),
}


def show(desk: Desk, request: Request) -> Response:
    """Show the stock of every item, one of them with its entries."""
    store, query = desk.terminal.store, _query(request)
    chosen = stock.find(store, request.args.get("sku", ""))
    return desk.pages.page(
        "stock.html",
        here="stock",
        undo=desk.undo_offered(),
        rows=stock.read_all(store, query, every_item=bool(query))[:ROWS],
        query=query,
        row=chosen,
        opened=chosen is not None,
        counting=count_under_way(store) is not None,
        over=sum(each.lasts == "over" for each in stock.batches(store, scanning.today(desk))),
        moves=stock.history(store, chosen.item.sku) if chosen else [],
        words=WORDS,
    )


def till(desk: Desk, request: Request) -> Response:
    """Show what can be sold by a tap, and what was sold today."""
    store, query = desk.terminal.store, _query(request)
    # What is out can still be sold, when the book is wrong; it stands last.
    rows = sorted(stock.read_all(store, query, every_item=True), key=lambda row: row.standing.on_hand_units <= 0)
    midnight = datetime.combine(scanning.today(desk), time.min, desk.pages.zone())
    return desk.pages.page(
        "till.html",
        here="stock",
        undo=desk.undo_offered(),
        rows=rows[:ROWS],
        query=query,
        row=stock.find(store, request.args.get("pad", "")),
        sold=stock.sold_since(store, milliseconds(midnight))[:ROWS],
        words=WORDS,
    )


def sell(desk: Desk, request: Request) -> Response:
    """Enter what was sold, or brought back: one unit a tap, or as many as were typed."""
    sku, units = request.form.get("sku", ""), _units(request.form.get("units", "1"))
    act: StockAct = "refund" if request.form.get("act") == "refund" else "sale"
    back = "/stock/till" if request.form.get("back") == "till" else f"/stock?sku={_quoted(sku)}"
    _sell(desk, act, sku, units, back)
    return go(back)


def ask_adjust(desk: Desk, request: Request, said: str = "") -> Response:
    """Ask what has changed, by how much and why."""
    given = request.form if request.method == "POST" else request.args
    row = stock.find(desk.terminal.store, given.get("sku", ""))
    if row is None:
        raise NotFound
    change = given.get("change", "")
    return desk.pages.page(
        "adjust.html",
        here="stock",
        undo=None,
        row=row,
        change=change if change in CHANGES else "",
        changes=CHANGES,
        units=given.get("units", "1"),
        reason=given.get("reason", ""),
        own=given.get("own", ""),
        batch=given.get("batch", ""),
        expires=given.get("expires", ""),
        said=said,
    )


def adjust(desk: Desk, request: Request) -> Response:
    """Enter an adjustment, or what is past its day; what does not add up is said, and stays typed."""
    form, shop = request.form, desk.terminal.shop
    sku, change = form.get("sku", ""), form.get("change", "")
    if change not in CHANGES:
        raise Rejected("invalid", where="change", what=change[:20])
    sign, reason = CHANGES[change][0], form.get("own", "").strip() or form.get("reason", "")
    act: StockAct = "expiry" if change == "expiry" else "adjustment"
    units = _units(form.get("units", ""))
    try:
        stock_use_cases.move(shop, act, sku, units if act == "expiry" else sign * units, reason)
    except Refusal as refused:
        return ask_adjust(desk, request, desk.pages.refusal(refused.code, refused.params))
    back = f"/stock?sku={_quoted(sku)}"
    if form.get("expires"):
        back = "/stock/expiring"
    mistaken = desk.pages.text(N_("Mistyped"))
    desk.offer_undo(
        lambda: desk.pages.text(N_("Entered: {name}, {units}."), name=_name(desk, sku), units=f"{sign * units:+,}"),
        lambda: _say(stock_use_cases.move(shop, "adjustment", sku, -sign * units, mistaken)),
        back,
    )
    return go(back)


def scanned(desk: Desk, path: str, scan: Scan) -> Scanned:
    """Sell at the till; elsewhere show the item. A day of expiry that the code names is kept."""
    if scan.item is None:
        return scanning.unread(desk, scan)
    item, here = scan.item, path.partition("?")[0]
    if here == "/stock/count" and count_under_way(desk.terminal.store) is not None:
        return stock_count.scanned(desk, scan)
    more, tone = scanning.aside(desk, scan)
    if here == "/stock/till":
        units = stock_rules.sold_by(scan, item)
        left = _sell(desk, "sale", item.sku, units, "/stock/till")
        text = N_("{name}: sold {units}, {left} left.")
        said = desk.pages.text(text, name=desk.pages.name(item), units=f"{units:,}", left=f"{left:,}")
        return Scanned(said + more, tone, show=item.sku.encode().hex(), go="/stock/till")
    scanning.keep_batch(desk, scan)
    row = stock.find(desk.terminal.store, item.sku)
    at = f"/stock?sku={_quoted(item.sku)}"
    if row is None or (row.standing.book_units is None and not row.standing.on_its_way):
        said = desk.pages.text(N_("{name}: no stock is known."), name=desk.pages.name(item))
        return Scanned(said + more, "wait", go=at)
    count = f"{row.standing.on_hand_units:,}"
    said = desk.pages.text(N_("{name}: {count} in stock."), name=desk.pages.name(item), count=count)
    return Scanned(said + more, tone, show=item.sku.encode().hex(), go=at)


def _sell(desk: Desk, act: StockAct, sku: str, units: int, back: str) -> int:
    shop = desk.terminal.shop
    stock_use_cases.move(shop, act, sku, units)
    left = _row(desk, sku).standing.on_hand_units
    opposite: StockAct = "sale" if act == "refund" else "refund"
    text = N_("Brought back: {name}, {units}.") if act == "refund" else N_("Sold: {name}, {units}.")
    desk.offer_undo(
        lambda: desk.pages.text(text, name=_name(desk, sku), units=f"{units:,}"),
        lambda: _say(stock_use_cases.move(shop, opposite, sku, units)),
        back,
    )
    return left


def _say(_message: object) -> None:
    """Take a message's id, which nobody needs here."""


def _row(desk: Desk, sku: str) -> StockRow:
    row = stock.find(desk.terminal.store, sku)
    if row is None:
        raise Rejected("unknown_sku", sku=sku)
    return row


def _name(desk: Desk, sku: str) -> str:
    return desk.pages.name(_row(desk, sku).item)


def _query(request: Request) -> str:
    return "".join(c for c in request.args.get("q", "")[:MOST_QUERY] if c.isprintable()).strip()


def _units(typed: str) -> int:
    typed = typed.strip()
    return int(typed[:9]) if typed.isascii() and typed.isdecimal() else 0


def _quoted(sku: str) -> str:
    return quote(sku, safe="")


RULES = (
    Rule("/stock", endpoint=show, methods=["GET"]),
    Rule("/stock/till", endpoint=till, methods=["GET"]),
    Rule("/stock/sell", endpoint=sell, methods=["POST"]),
    Rule("/stock/adjust", endpoint=ask_adjust, methods=["GET"]),
    Rule("/stock/adjust", endpoint=adjust, methods=["POST"]),
)
