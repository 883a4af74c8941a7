"""What a screen does with a scan, and how that is said."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Literal

from terminal_client.core import stock_use_cases
from terminal_client.core.scans import Scan
from terminal_client.ui.show import N_
from terminal_client.ui.web import Desk

Tone = Literal["ok", "wait", "stop"]

FAULTS: dict[str, str] = {
    "nothing": N_("Nothing was read. Scan again."),
    "too_long": N_("The scanner sent far too much. Scan again; if it stays so, look at its settings."),
    "not_printable": N_("The scanner sent keys that no code holds. Scan again; if it stays so, look at its settings."),
    "check_digit": N_("Not read rightly: the check digit is wrong. Scan again."),
    "not_a_date": N_("The code holds a date that does not exist."),
    "element": N_("The code is not written as it should be. Scan again."),
    "not_a_code": N_("“{text}” is no barcode, and no number of your catalogue."),
}


@dataclass(frozen=True)
class Scanned:
    """What became of a scan: a sentence, the row to show, a page to go to, a value for the field that takes scans."""

    said: str
    tone: Tone = "ok"
    show: str = ""
    go: str = ""
    fill: str = ""


#: Takes the page's path and the scan; acts, and says what it did.
Handler = Callable[[Desk, str, Scan], Scanned]


def today(desk: Desk) -> date:
    """Return the day in the distributor's zone, by the server's clock."""
    return desk.terminal.clock.now().astimezone(desk.pages.zone()).date()


def unread(desk: Desk, scan: Scan) -> Scanned:
    """Say why a scan names no goods."""
    if scan.fault is not None:
        return Scanned(desk.pages.text(FAULTS[scan.fault], text=scan.text[:40]), "stop")
    said = N_("{text}: these goods are not in your catalogue.")
    return Scanned(desk.pages.text(said, text=scan.text[:40]), "stop")


def aside(desk: Desk, scan: Scan) -> tuple[str, Tone]:
    """Return what else is to be said of goods that were scanned: batch and expiry, or nothing."""
    if scan.code is None:
        return "", "ok"
    said, tone = [], "ok"
    if scan.code.batch:
        sure, doubtful = N_("Batch {batch}."), N_("Batch as read: {batch}. Compare it with the box.")
        said.append(desk.pages.text(doubtful if scan.code.batch_doubtful else sure, batch=scan.code.batch))
        tone = "wait" if scan.code.batch_doubtful else tone
    if scan.code.expires is not None:
        over = scan.code.expires < today(desk)
        tone = "wait" if over else tone
        text = N_("Expired on {day}.") if over else N_("Good until {day}.")
        said.append(desk.pages.text(text, day=scan.code.expires.isoformat()))
    return " ".join(["", *said]), "wait" if tone == "wait" else "ok"


def keep_batch(desk: Desk, scan: Scan) -> None:
    """Keep the day of expiry that a code names, where it names one: the list of those days is made of such scans."""
    if scan.item is not None and scan.code is not None and scan.code.expires is not None:
        stock_use_cases.see_batch(desk.terminal.shop, scan.item.sku, scan.code.batch or "", scan.code.expires)


def elsewhere(desk: Desk, _path: str, scan: Scan) -> Scanned:
    """Say what was scanned, on a screen that does nothing with it."""
    if scan.item is None:
        return unread(desk, scan)
    more, tone = aside(desk, scan)
    said = desk.pages.text(N_("{name}. To order it, go to Order and scan it there."), name=desk.pages.name(scan.item))
    return Scanned(said + more, tone)
