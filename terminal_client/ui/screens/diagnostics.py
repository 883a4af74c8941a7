"""What a help desk asks for, on one page that can be read out loud: each fact has a number to name it by.

The same facts go to paper and into a square that a telephone reads. No secret is among them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from typing import Literal

from werkzeug.routing import Rule
from werkzeug.wrappers import Request, Response

from terminal_client.adapters import system
from terminal_client.core import commands, outbox, photos
from terminal_client.core.engine import Link
from terminal_client.core.pins import Role
from terminal_client.core.server_clock import SURE_MS
from terminal_client.core.slips import Heading, Pair, Part, Slip, Square, Words
from terminal_client.core.slips import Rule as Line
from terminal_client.core.views import status
from terminal_client.ui.screens import counter, updates
from terminal_client.ui.screens.orders import KINDS
from terminal_client.ui.screens.slips import FAULTS, square
from terminal_client.ui.show import N_
from terminal_client.ui.web import Desk, go

AT = "/diagnostics"
SUBJECT = "diagnosis"
#: Below so much free room the disk is said to be nearly full.
LITTLE_ROOM_BYTES = 200_000_000
MB, GB = 1_000_000, 1_000_000_000
#: Characters of one fact in the square, which a telephone must still be able to read.
SQUARE_MOST = 48
#: A clock that is wrong by more is said to be wrong.
CLOCK_WRONG_S = 60

LINKS: dict[Link, tuple[str, str]] = {
    "mqtt": ("ok", N_("Connected")),
    "http": ("ok", N_("Connected, second way")),
    "searching": ("wait", N_("No connection")),
    "off": ("wait", N_("Switched off")),
    "stopped": ("stop", N_("Shut out")),
}
ROLES: dict[Role, str] = {"owner": N_("Owner"), "clerk": N_("Clerk")}
#: What the distributor can ask for, and what became of it.
ASKED = {
    "sync": N_("exchange now"),
    "restart": N_("restart the program"),
    "diagnose": N_("send a diagnosis"),
    "identify": N_("show itself"),
    "clear_cache": N_("empty the store of pictures"),
    "print_test": N_("print a trial"),
    "update": N_("update"),
}
ENDED: dict[str, tuple[str, Literal["", "ok", "wait", "stop"]]] = {
    "succeeded": (N_("done"), ""),
    "failed": (N_("did not succeed"), "stop"),
    "rejected": (N_("this version does not know it"), "wait"),
    "interrupted": (N_("interrupted, and not tried again"), "stop"),
    "expired": (N_("came too late, and was not begun"), ""),
    "cancelled": (N_("called back, and was not begun"), ""),
}
ASKED_SHOWN = 3
TROUBLES = {
    "disk_full": N_("The disk is full: nothing new can be kept."),
    "store": N_("The store cannot be written."),
}


@dataclass(frozen=True)
class Fact:
    """One line: its number, what it is, what it says, and whether that is amiss (``wait``, ``stop``)."""

    number: int
    name: str
    says: str
    tone: Literal["", "ok", "wait", "stop"] = ""


def facts(desk: Desk) -> list[Fact]:
    """Return everything that a help desk asks for, numbered.

    A number keeps its meaning in every state and in later versions: each name is always told, lines of one name share
    its number, and new names come last.
    """
    told = [
        *_who(desk),
        *_connection(desk),
        *_queue(desk),
        *_machine(desk),
        *_devices(desk),
        *_asked(desk),
        *_software(desk),
        *_photos(desk),
    ]
    numbers = {name: number for number, name in enumerate(dict.fromkeys(name for name, _, _ in told), start=1)}
    return [Fact(numbers[name], desk.pages.text(name), says, tone) for name, says, tone in told]


_Said = tuple[str, str, Literal["", "ok", "wait", "stop"]]


def _who(desk: Desk) -> Iterator[_Said]:
    terminal, identity = desk.terminal, desk.terminal.store.identity()
    yield N_("Shop"), f"{identity.retailer} · {identity.name}" if identity else "–", "" if identity else "wait"
    yield N_("Terminal"), identity.device if identity else "–", ""
    yield N_("Version"), terminal.version, ""


def _connection(desk: Desk) -> Iterator[_Said]:
    terminal, pages = desk.terminal, desk.pages
    tone, words = LINKS[terminal.engine.link] if terminal.store.identity() else ("wait", N_("Not enrolled yet"))
    yield N_("Server"), terminal.server_url, ""
    yield N_("Connection"), pages.text(words), "ok" if tone == "ok" else "stop" if tone == "stop" else "wait"
    exchanged_at_ms = terminal.store.progress().exchanged_at_ms
    yield N_("Last exchange"), pages.moment(exchanged_at_ms) if exchanged_at_ms else pages.text(N_("never")), ""
    said, worst = _last_error(desk)
    yield N_("Last error"), said or pages.text(N_("none")), worst


def _last_error(desk: Desk) -> tuple[str, Literal["", "wait", "stop"]]:
    """Return the worst thing that is amiss now, in words."""
    terminal, pages = desk.terminal, desk.pages
    if terminal.engine.trouble:
        return pages.text(TROUBLES.get(terminal.engine.trouble, TROUBLES["store"])), "stop"
    if terminal.engine.stopped_by:
        return pages.refusal(terminal.engine.stopped_by, {}), "stop"
    if desk.enrolment_fault:
        return desk.enrolment_fault(), "wait"
    refused = outbox.refused(terminal.store)
    if refused:
        return pages.refusal(refused[0].code or "malformed", refused[0].params), "wait"
    failed = terminal.counter.prints.failed()
    return (pages.text(FAULTS[failed.fault]), "wait") if failed and failed.fault else ("", "")


def _queue(desk: Desk) -> Iterator[_Said]:
    terminal, pages = desk.terminal, desk.pages
    queued = outbox.queued(terminal.store)
    counts = {state: sum(entry.state == state for entry in queued) for state in ("saved", "sent")}
    counts["refused"] = len(outbox.refused(terminal.store))
    said = pages.text(N_("{saved} saved here · {sent} sent · {refused} refused"), **counts)
    yield N_("Waiting"), said, "wait" if queued or counts["refused"] else ""
    oldest = min(queued, key=lambda entry: entry.saved_at_ms, default=None)
    if oldest is None:
        yield N_("Waits longest"), pages.text(N_("nothing waits")), ""
    else:
        what = pages.text(KINDS[oldest.kind]) if oldest.kind in KINDS else oldest.kind
        yield N_("Waits longest"), f"{what} · {pages.moment(oldest.saved_at_ms)}", "wait"
    known = status.diagnosis(terminal.store, terminal.clock)
    yield N_("Catalogue and news"), f"{(known.reference_version or '–')[:8]} · {known.cursor}", ""


def _machine(desk: Desk) -> Iterator[_Said]:
    terminal, pages = desk.terminal, desk.pages
    doubt_ms, off_s = terminal.clock.uncertain_by_ms(), round(terminal.clock.offset_ms / 1000)
    if doubt_ms is None:
        yield N_("Clock"), pages.text(N_("not known before the next exchange")), "wait"
    else:
        said = N_("{seconds} s slow, ± {doubt} s") if off_s > 0 else N_("{seconds} s fast, ± {doubt} s")
        said = said if off_s else N_("right, ± {doubt} s")
        fields = {"seconds": f"{abs(off_s):,}", "doubt": f"{max(1, ceil(doubt_ms / 1000)):,}"}
        yield (
            N_("Clock"),
            pages.text(said, **fields),
            "wait" if doubt_ms >= SURE_MS or abs(off_s) > CLOCK_WRONG_S else "",
        )
    disk = system.disk(terminal.data_dir)
    fields = {"used": _size(disk.used_bytes), "free": _size(disk.free_bytes), "kind": disk.kind or "?"}
    said = pages.text(N_("{used}, {free} free, {kind}"), **fields)
    if disk.in_memory:
        said += " · " + pages.text(N_("this may be gone when the machine is switched off"))
    yield N_("Store and disk"), said, "stop" if disk.in_memory or disk.free_bytes < LITTLE_ROOM_BYTES else ""


def _size(count_bytes: int) -> str:
    return f"{count_bytes / GB:,.1f} GB" if count_bytes >= GB else f"{count_bytes / MB:,.1f} MB"


def _devices(desk: Desk) -> Iterator[_Said]:
    terminal, pages = desk.terminal, desk.pages
    device, failed = terminal.counter.device(), terminal.counter.prints.failed()
    said = f"{device.address} · {device.width_mm} mm" if device else pages.text(N_("none chosen"))
    if failed and failed.fault:
        said += " · " + pages.text(FAULTS[failed.fault])
    yield N_("Printer"), said, "stop" if failed else ""
    tone, words = counter.scanner_state(desk)
    yield N_("Scanner"), pages.text(words), "stop" if tone == "stop" else "wait" if tone == "wait" else ""
    door = terminal.door
    roles = [pages.text(name) for role, name in ROLES.items() if door.has(role)]
    state = pages.text(N_("locked")) if door.standing().locked else pages.text(N_("open"))
    yield N_("PINs"), " · ".join([*roles, state]) if roles else pages.text(N_("none set")), ""


def _asked(desk: Desk) -> Iterator[_Said]:
    """Say what the distributor asked for last, and what became of it."""
    pages = desk.pages
    found = commands.newest(desk.terminal.store, ASKED_SHOWN)
    if not found:
        yield N_("Distributor asked"), pages.text(N_("nothing yet")), ""
    for one in found:
        going_on = N_("under way") if one.begun_at_ms else N_("waits")
        words, tone = ENDED[one.state] if one.state else (going_on, ENDED["rejected"][1])
        at = one.ended_at_ms or one.begun_at_ms
        said = f"{pages.text(ASKED[one.kind]) if one.kind in ASKED else one.kind} · {pages.text(words)}"
        yield N_("Distributor asked"), f"{said} · {pages.moment(at)}" if at else said, tone


def _software(desk: Desk) -> Iterator[_Said]:
    said, tone = updates.told(desk)
    yield N_("Update"), said, tone


def _photos(desk: Desk) -> Iterator[_Said]:
    waiting = photos.count_waiting(desk.terminal.store)
    said = str(waiting) if waiting else desk.pages.text(N_("nothing waits"))
    yield N_("Photos waiting to be sent"), said, "wait" if waiting else ""


def slip(desk: Desk) -> Slip:
    """Return the facts for paper, with a square for a telephone."""
    pages, known = desk.pages, facts(desk)
    content = "\n".join(f"{fact.number} {fact.says[:SQUARE_MOST]}" for fact in known)
    parts: list[Part] = [Heading(pages.text(N_("Diagnostics"))), Words(pages.moment(desk.terminal.clock.now())), Line()]
    parts += [Pair(f"{fact.number} {fact.name}", fact.says) for fact in known]
    parts += [Line(), Square(content, pages.text(N_("All of it, for the help desk's telephone")))]
    return Slip(SUBJECT, tuple(parts))


def show(desk: Desk, _request: Request) -> Response:
    """Show the page."""
    prints = desk.terminal.counter.prints
    made = slip(desk)
    return desk.pages.page(
        "diagnostics.html",
        here="settings",
        undo=None,
        facts=facts(desk),
        part=made.parts[-1],
        square=square,
        job=prints.about(SUBJECT),
        has_printer=desk.terminal.counter.device() is not None,
        faults=FAULTS,
        enrolled=desk.terminal.store.identity() is not None,
    )


def print_(desk: Desk, _request: Request) -> Response:
    """Put the page on paper."""
    desk.terminal.counter.prints.submit(slip(desk))
    return go(AT)


RULES = (Rule(AT, endpoint=show, methods=["GET"]), Rule(AT, endpoint=print_, methods=["POST"]))
