"""What stands in the shop, as the server knows it."""

from werkzeug.routing import Rule
from werkzeug.wrappers import Request, Response

from terminal_client.core.views import stock
from terminal_client.ui.web import Desk


def show(desk: Desk, _request: Request) -> Response:
    """Show the stock of every item."""
    return desk.pages.page("stock.html", here="stock", undo=None, rows=stock.read_all(desk.terminal.store))


RULES = (Rule("/stock", endpoint=show, methods=["GET"]),)
