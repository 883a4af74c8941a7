"""A count of the stock: item after item, with the book's figure beside it or blind, and once more before it is sent."""

from functools import partial
from urllib.parse import urlencode

from werkzeug.routing import Rule
from werkzeug.wrappers import Request, Response

from contract.errors import Refusal
from terminal_client.core import stock, stock_use_cases
from terminal_client.core.scans import Scan
from terminal_client.core.stock import Count, CountLine
from terminal_client.core.views import stock as views
from terminal_client.core.views.stock import StockRow
from terminal_client.ui import scanning
from terminal_client.ui.scanning import Scanned
from terminal_client.ui.show import N_
from terminal_client.ui.web import Desk, go

AT = "/stock/count"


def show(desk: Desk, request: Request, said: str = "") -> Response:
    """Show the item that is next, or the one that is asked for; how to begin where no count is under way."""
    count = stock.count_under_way(desk.terminal.store)
    if count is None:
        return desk.pages.page("count_begin.html", here="stock", undo=desk.undo_offered())
    sku = request.values.get("sku", "")
    rows = _rows(desk, count, sku)
    row = next((row for row in rows if row.item.sku == sku), None) or _next(rows, count)
    line = count.lines.get(row.item.sku) if row else None
    return desk.pages.page(
        "count.html",
        here="stock",
        undo=desk.undo_offered(),
        count=count,
        rows=rows,
        row=row,
        line=line,
        # What differs is asked about first; typing opens again by *count again*.
        asks=line is not None and not line.sure,
        typed=request.form.get("units", ""),
        said=said,
    )


def begin(desk: Desk, request: Request) -> Response:
    """Begin a count."""
    stock_use_cases.begin_count(desk.terminal.shop, blind=request.form.get("way") == "blind")
    return go(AT)


def put(desk: Desk, request: Request) -> Response:
    """Keep what was counted of one item; a difference is shown before the next one comes."""
    sku, typed = request.form.get("sku", ""), request.form.get("units", "").strip()
    units = int(typed[:9]) if typed.isascii() and typed.isdecimal() else -1
    try:
        line = stock_use_cases.count_units(desk.terminal.shop, sku, units)
    except Refusal as refused:
        return show(desk, request, desk.pages.refusal(refused.code, refused.params))
    return go(AT if line.sure else _of(sku))


def sure(desk: Desk, request: Request) -> Response:
    """Let a difference stand, and go on."""
    stock_use_cases.be_sure(desk.terminal.shop, request.form.get("sku", ""))
    return go(AT)


def again(desk: Desk, request: Request) -> Response:
    """Count an item again."""
    sku = request.form.get("sku", "")
    stock_use_cases.count_again(desk.terminal.shop, sku)
    return go(_of(sku))


def check(desk: Desk, _request: Request) -> Response:
    """Show once more what was counted and differs: the deliberate second tap, in another place."""
    count = stock.count_under_way(desk.terminal.store)
    if count is None or not count.lines:
        return go(AT)
    unsure = next((line.sku for line in count.lines.values() if not line.sure), None)
    if unsure is not None:
        return go(_of(unsure))
    rows = [(count.lines[row.item.sku], row) for row in _rows(desk, count) if row.item.sku in count.lines]
    rows.sort(key=lambda each: not _differs(each[0]))
    return desk.pages.page(
        "count_check.html",
        here="stock",
        undo=None,
        rows=rows,
        differing=sum(_differs(line) for line, _ in rows),
        left=len(_rows(desk, count)) - len(rows),
    )


def finish(desk: Desk, _request: Request) -> Response:
    """Queue the count; where another page was quicker, nothing is queued twice."""
    if stock.count_under_way(desk.terminal.store) is not None:
        stock_use_cases.finish_count(desk.terminal.shop)
    return go("/stock/day")


def leave(desk: Desk, _request: Request) -> Response:
    """Give the count up, for the taking back."""
    shop = desk.terminal.shop
    before = stock_use_cases.leave_count(shop)
    if before is not None:
        said = partial(desk.pages.text, N_("The count was given up. Nothing was entered."))
        desk.offer_undo(said, lambda: stock_use_cases.take_up_count(shop, before), AT)
    return go("/stock")


def scanned(desk: Desk, scan: Scan) -> Scanned:
    """Show the item that was scanned, to be counted. Blind, the scan says no figure."""
    if scan.item is None:
        return scanning.unread(desk, scan)
    scanning.keep_batch(desk, scan)
    more, tone = scanning.aside(desk, scan)
    said = desk.pages.text(N_("{name}: how many are there?"), name=desk.pages.name(scan.item))
    return Scanned(said + more, tone, go=_of(scan.item.sku))


def _rows(desk: Desk, count: Count, asked: str = "") -> list[StockRow]:
    """Return what is to be counted: what was ever in the shop, and what was counted or asked for beside."""
    there = views.read_all(desk.terminal.store, every_item=True)
    known = [row for row in there if row.standing.as_of_ms is not None or row.standing.on_its_way]
    listed = {row.item.sku for row in known}
    beside = {*count.lines, asked} - listed
    return known + [row for row in there if row.item.sku in beside]


def _next(rows: list[StockRow], count: Count) -> StockRow | None:
    unsure = next((row for row in rows if row.item.sku in count.lines and not count.lines[row.item.sku].sure), None)
    return unsure or next((row for row in rows if row.item.sku not in count.lines), None)


def _differs(line: CountLine) -> bool:
    return line.counted_units != line.book_units


def _of(sku: str) -> str:
    return f"{AT}?{urlencode({'sku': sku})}"


RULES = (
    Rule(AT, endpoint=show, methods=["GET"]),
    Rule(f"{AT}/begin", endpoint=begin, methods=["POST"]),
    Rule(f"{AT}/put", endpoint=put, methods=["POST"]),
    Rule(f"{AT}/sure", endpoint=sure, methods=["POST"]),
    Rule(f"{AT}/again", endpoint=again, methods=["POST"]),
    Rule(f"{AT}/check", endpoint=check, methods=["GET"]),
    Rule(f"{AT}/finish", endpoint=finish, methods=["POST"]),
    Rule(f"{AT}/leave", endpoint=leave, methods=["POST"]),
)
