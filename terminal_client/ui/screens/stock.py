"""What stands in the shop, as the server knows it."""

from werkzeug.routing import Rule
from werkzeug.wrappers import Request, Response

from terminal_client.core.scans import Scan
from terminal_client.core.views import stock
from terminal_client.ui import scanning
from terminal_client.ui.scanning import Scanned
from terminal_client.ui.show import N_
from terminal_client.ui.web import Desk


def show(desk: Desk, _request: Request) -> Response:
    """Show the stock of every item."""
    return desk.pages.page("stock.html", here="stock", undo=None, rows=stock.read_all(desk.terminal.store))


def scanned(desk: Desk, _path: str, scan: Scan) -> Scanned:
    """Show the row of the goods."""
    if scan.item is None:
        return scanning.unread(desk, scan)
    item = scan.item
    row = next((row for row in stock.read_all(desk.terminal.store) if row.item.sku == item.sku), None)
    more, tone = scanning.aside(desk, scan)
    name = desk.pages.name(item)
    if row is None:
        return Scanned(desk.pages.text(N_("{name}: no stock is known."), name=name) + more, "wait")
    said = desk.pages.text(N_("{name}: {count} in stock."), name=name, count=f"{row.stock.on_hand_units:,}")
    return Scanned(said + more, tone, show=item.sku.encode().hex())


RULES = (Rule("/stock", endpoint=show, methods=["GET"]),)
