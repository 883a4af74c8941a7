"""What is the owner's alone, and what a locked terminal still answers.

A clerk orders, receives, sells, counts, prints, reads notices and answers surveys. The owner alone changes PINs, takes
goods out of the stock that were not sold, gives figures for the forecast, appeals, chooses printer and scanner, and
orders beyond the amount that he set. Language, type and brightness are everybody's: who cannot read the screen cannot
ask for a PIN. A scan is answered also while locked, and does nothing.
"""

from typing import Literal
from urllib.parse import urlencode

from werkzeug.wrappers import Request

from terminal_client.core.pins import Standing

#: Answered also while locked.
FREE = ("/lock", "/settings", "/banner", "/keys", "/scans", "/static", "/enrol", "/diagnostics", "/health")
#: Looked at by itself, without anybody there.
BY_ITSELF = ("/banner", "/order/live", "/scans", "/static", "/health")
#: Header of a request by the boot chooser, which looks at a page as a person would and is none.
LOOKED_AT = "X-Evenhand-Look"
#: Method and beginning of the path of what is the owner's alone.
OWNERS: tuple[tuple[Literal["GET", "POST"], str], ...] = (
    ("GET", "/pins"),
    ("POST", "/pins"),
    ("POST", "/forecast"),
    ("POST", "/score"),
    ("POST", "/appeals"),
    ("POST", "/counter/choose"),
    ("GET", "/stock/adjust"),
    ("POST", "/stock/adjust"),
    ("POST", "/updates"),
)


def stopped(request: Request, standing: Standing) -> str | None:
    """Return the page that asks for a PIN first, or none where the way is free."""
    if standing.locked and not request.path.startswith(FREE):
        return asking(request)
    if standing.role != "owner" and any(request.method == m and request.path.startswith(p) for m, p in OWNERS):
        return asking(request, owner=True)
    return None


def asking(request: Request, *, owner: bool = False) -> str:
    """Return the page that asks for a PIN, and then goes on to where somebody was."""
    back = request.full_path.rstrip("?") if request.method == "GET" and "HX-Request" not in request.headers else ""
    back = back or "/" + request.path.strip("/").partition("/")[0]
    return f"/lock?{urlencode({'back': back} | ({'owner': '1'} if owner else {}))}"


def inside(path: str) -> str:
    """Return a path of ours, whatever was asked for."""
    return path if path.startswith("/") and not path.startswith(("//", "/\\", "/lock")) else "/order"
