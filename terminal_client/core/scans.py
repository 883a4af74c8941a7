"""What was scanned: the text, the goods that it names in this shop's catalogue, and how many units of them."""

import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from itertools import count
from typing import Generic, TypeVar

from contract.device_api import CatalogueItem
from terminal_client.core import codes
from terminal_client.core.codes import Code, Fault
from terminal_client.core.views.catalogue import Catalogue

#: How many answers are remembered, so that a scan that is told twice is acted on once.
REMEMBERED = 256
#: How many scans of a scanner wait for a screen; a heap of them is a scanner gone mad, and the oldest is wrong by then.
MOST_WAITING = 64


@dataclass(frozen=True)
class Scan:
    """One scan. ``fault`` says why ``code`` or ``item`` is absent; ``units`` is what one scan of it stands for.

    ``more`` is how many more of it there are beside the one that was told before: a number was keyed after the scan.
    """

    text: str
    code: Code | None = None
    item: CatalogueItem | None = None
    units: int = 0
    fault: Fault | None = None
    more: int = 0


def read(raw: str, known: Catalogue, *, today: date) -> Scan:
    """Return what ``raw`` means. Nothing raises: what cannot be read is a scan with its fault.

    A code that the catalogue holds letter by letter needs no form: distributors have numbers of their own.
    """
    try:
        text = codes.clean(raw)
    except codes.UnreadableError as unreadable:
        return Scan("", fault=unreadable.fault)
    own = next((item for item in known.items.values() if text == item.sku or text in item.barcodes), None)
    try:
        code = codes.parse(text, today=today)
    except codes.UnreadableError as unreadable:
        if own is not None:
            return Scan(text, item=own, units=own.pack_units)
        return Scan(text, fault=unreadable.fault)
    found = _by_gtin(known, code)
    if found is None:
        return Scan(text, code, own, own.pack_units if own else 0)
    item, units = found
    return Scan(text, code, item, units * (code.count or 1) if code.content else code.count or units)


def _by_gtin(known: Catalogue, code: Code) -> tuple[CatalogueItem, int] | None:
    wanted = code.gtins
    for item in known.items.values():
        if any(codes.gtin(barcode) in wanted for barcode in item.barcodes):
            return item, item.pack_units
        for case in item.case_barcodes:
            if codes.gtin(case.barcode) in wanted:
                return item, case.units
    return None


@dataclass(frozen=True)
class Waiting:
    """A scan that no screen has taken yet."""

    id: str
    text: str


Answer = TypeVar("Answer")


class Inbox(Generic[Answer]):
    """Scans on their way to a screen: each is taken once, however often it is told. Safe to call from any thread.

    What a scanner at the machine reads waits here until a screen takes it; what a scanner types into the browser
    comes with an id of the browser's. ``run`` tells the ids of this run of the program from
    those of the run before.
    """

    def __init__(self, run: str) -> None:
        self._run = run
        self._waiting: deque[Waiting] = deque(maxlen=MOST_WAITING)
        self._answers: OrderedDict[str, Answer] = OrderedDict()
        self._numbers = count(1)
        self._lock = threading.RLock()

    def arrive(self, text: str) -> None:
        """Keep a scan of a scanner at the machine until a screen takes it."""
        with self._lock:
            self._waiting.append(
                Waiting(f"device-{self._run}-{next(self._numbers)}", text[: codes.MOST_CHARACTERS + 1])
            )

    def waiting(self) -> list[Waiting]:
        """Return what no screen has taken yet, oldest first."""
        with self._lock:
            return list(self._waiting)

    def take(self, id: str, act: Callable[[], Answer]) -> Answer:  # noqa: A002 - the wire's name
        """Act on a scan and return the answer; a repeat gets the first answer and nothing is done.

        Where acting raises nothing is remembered, and the scan may be told again.
        """
        with self._lock:
            if id in self._answers:
                return self._answers[id]
            answer = act()
            self._answers[id] = answer
            if len(self._answers) > REMEMBERED:
                self._answers.popitem(last=False)
            waiting = [scan for scan in self._waiting if scan.id != id]
            self._waiting.clear()
            self._waiting.extend(waiting)
            return answer
