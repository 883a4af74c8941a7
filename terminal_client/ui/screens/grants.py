"""What was granted, why, and the numbers to check it with."""

from uuid import UUID

from werkzeug.exceptions import NotFound
from werkzeug.routing import Rule
from werkzeug.wrappers import Request, Response

from terminal_client.core.views import grants
from terminal_client.core.views.grants import GrantsView
from terminal_client.ui import slips
from terminal_client.ui.screens.slips import square
from terminal_client.ui.web import Desk


def show(desk: Desk, request: Request, cycle: UUID | None = None) -> Response:
    """Show a cycle's grants, one line's reason beside them."""
    views = grants.read_all(desk.terminal.store, desk.terminal.clock)
    view = _chosen(views, cycle)
    sku = request.args.get("sku")
    row = None
    if view is not None and view.rows:
        row = next((row for row in view.rows if row.grant.sku == sku), view.rows[0])
    return desk.pages.page(
        "grants.html",
        here="orders",
        undo=None,
        views=views,
        view=view,
        row=row,
        opened=sku is not None,
        numbers="numbers" in request.args,
    )


def draw(desk: Desk, _request: Request, cycle: UUID) -> Response:
    """Show the draw's commitment, secret, seed, book and hashes, each with its check."""
    view = _chosen(grants.read_all(desk.terminal.store, desk.terminal.clock), cycle)
    code = slips.to_check(desk, view) if view else None
    return desk.pages.page("draw.html", here="orders", undo=None, view=view, code=code, square=square)


def _chosen(views: list[GrantsView], cycle: UUID | None) -> GrantsView | None:
    if cycle is None:
        return views[0] if views else None
    found = next((view for view in views if view.cycle == cycle), None)
    if found is None:
        raise NotFound
    return found


RULES = (
    Rule("/grants", endpoint=show, methods=["GET"]),
    Rule("/grants/<uuid:cycle>", endpoint=show, methods=["GET"]),
    Rule("/grants/<uuid:cycle>/draw", endpoint=draw, methods=["GET"]),
)
