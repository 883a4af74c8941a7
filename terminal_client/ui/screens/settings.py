"""Settings and what a help desk asks for; the banner, which looks for news by itself."""

from werkzeug.routing import Rule
from werkzeug.wrappers import Request, Response

from contract.texts import LANGUAGES
from terminal_client.core import alarms, shadow
from terminal_client.core.views import status
from terminal_client.ui.pages import KEYS, SIZES, SOUNDS, THEMES
from terminal_client.ui.screens.orders import KINDS
from terminal_client.ui.web import Desk, go

POSSIBLE: dict[str, tuple[str, ...]] = {
    "language": tuple(LANGUAGES),
    "theme": THEMES,
    "size": SIZES,
    "keys": KEYS,
    "sound": SOUNDS,
}


def show(desk: Desk, _request: Request) -> Response:
    """Show settings and queue, and the ways to what stands at the counter."""
    terminal = desk.terminal
    return desk.pages.page(
        "settings.html",
        here="settings",
        undo=None,
        diagnosis=status.diagnosis(terminal.store, terminal.clock),
        kinds=KINDS,
        held=shadow.bound(terminal.store),
    )


def choose(desk: Desk, request: Request) -> Response:
    """Keep what was chosen."""
    for name, possible in POSSIBLE.items():
        value = request.form.get(name)
        if value in possible:
            shadow.choose(desk.terminal.store, name, value)
    return go("/settings")


def try_now(desk: Desk, _request: Request) -> Response:
    """Exchange now instead of after the next wait."""
    desk.terminal.try_again()
    return go("/settings")


def see(desk: Desk, request: Request) -> Response:
    """Take an alarm off the screen."""
    alarms.see(desk.terminal.store, request.form.get("code", ""), at_ms=desk.terminal.clock.now_ms())
    return go("/settings")


def banner(desk: Desk, request: Request) -> Response:
    """Answer with the banner where there is news, else with nothing."""
    if request.args.get("seen") == str(desk.pages.mark()):
        return Response(status=204)
    page = desk.pages.page("_banner.html")
    page.headers["HX-Trigger"] = "news"
    return page


RULES = (
    Rule("/settings", endpoint=show, methods=["GET"]),
    Rule("/settings", endpoint=choose, methods=["POST"]),
    Rule("/settings/try-now", endpoint=try_now, methods=["POST"]),
    Rule("/settings/seen", endpoint=see, methods=["POST"]),
    Rule("/banner", endpoint=banner, methods=["GET"]),
)
