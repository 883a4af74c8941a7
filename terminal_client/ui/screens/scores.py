"""My score: how the shop stands, why, what it adds up from, and what would raise it."""

from werkzeug.routing import Rule
from werkzeug.wrappers import Request, Response

from contract.feed import Score
from terminal_client.core import feed
from terminal_client.ui.web import Desk


def show(desk: Desk, _request: Request) -> Response:
    """Show the newest score that the distributor has published."""
    known = feed.read(desk.terminal.store, Score)
    return desk.pages.page("score.html", here="stock", undo=None, score=known[-1] if known else None)


RULES = (Rule("/score", endpoint=show, methods=["GET"]),)
