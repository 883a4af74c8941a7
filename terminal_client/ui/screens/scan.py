"""Scans, whichever screen is open: what a scanner types into the browser, and what one at the machine has read."""

import json
import logging
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import apsw
from werkzeug.routing import Rule
from werkzeug.wrappers import Request, Response

from contract.errors import Refusal, Rejected
from terminal_client.core import scans
from terminal_client.core.views import catalogue
from terminal_client.ui import scanning
from terminal_client.ui.scanning import Handler, Scanned
from terminal_client.ui.show import N_
from terminal_client.ui.web import Desk

log = logging.getLogger(__name__)
MOST_ID = 64
#: How many of the goods a number after a scan may say.
TIMES = re.compile(r"[1-9][0-9]{0,2}")


def waiting(desk: Desk, _request: Request) -> Response:
    """Answer with what the scanner at the machine has read and no screen has taken, or with nothing."""
    found = desk.terminal.counter.scans.waiting()
    if not found:
        return Response(status=204)
    return Response(json.dumps([{"id": scan.id, "text": scan.text} for scan in found]), mimetype="application/json")


def rules(handlers: Mapping[str, Handler]) -> tuple[Rule, ...]:
    """Return the paths; ``handlers`` are by the first part of a page's path."""

    def take(desk: Desk, request: Request) -> Response:
        """Give a scan to the page that was open; the same id again changes nothing and is answered alike."""
        id_, on = request.form.get("id", ""), request.form.get("on", "")
        if not 0 < len(id_) <= MOST_ID:
            raise Rejected("invalid", where="id", what=id_[:20])
        raw, times = request.form.get("text", ""), request.form.get("times", "1")
        if not TIMES.fullmatch(times):
            raise Rejected("invalid", where="times", what=times[:20])
        act = partial(_act, desk, handlers, on, raw, more=int(times) - 1)
        done: Scanned = desk.terminal.counter.scans.take(id_, act)
        page = desk.pages.page("_scanned.html", done=done)
        for name, value in (("Show", done.show), ("Go", done.go), ("Fill", done.fill)):
            if value:
                page.headers[f"X-Scan-{name}"] = value
        return page

    return (
        Rule("/scans", endpoint=waiting, methods=["GET"]),
        Rule("/scans", endpoint=take, methods=["POST"]),
    )


def _act(desk: Desk, handlers: Mapping[str, Handler], on: str, raw: str, *, more: int) -> Scanned:
    known = catalogue.read(desk.terminal.store)
    if desk.terminal.door.standing().locked and not on.startswith("/enrol"):
        return Scanned(
            desk.pages.text(N_("Nothing was done with the scan. Enter the PIN first, then scan again.")), "wait"
        )
    scan = replace(scans.read(raw, known, today=scanning.today(desk)), more=more)
    handler = handlers.get("/" + on.strip("/").partition("?")[0].partition("/")[0], scanning.elsewhere)
    if more and not on.startswith("/order"):
        handler = scanning.elsewhere
    try:
        return handler(desk, on, scan)
    except Refusal as refused:
        return Scanned(desk.pages.refusal(refused.code, refused.params), "stop", show=_row(scan))
    except apsw.FullError:
        said = N_("The disk is full. What was saved before is kept; this was not saved.")
        return Scanned(desk.pages.text(said), "stop")


def _row(scan: scans.Scan) -> str:
    return "" if scan.item is None else scan.item.sku.encode().hex()
