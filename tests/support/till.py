"""A terminal at a counter: its screens, a window that is open, goods with barcodes, a printer in memory."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from werkzeug.test import Client, TestResponse

from contract.device_api import CaseBarcode
from contract.messages import OrderLine
from terminal_client.app import Terminal
from terminal_client.core import drafts, use_cases
from terminal_client.core.ports import PrinterError, PrinterFault
from terminal_client.core.slips import Slip, Width
from terminal_client.ui import serve

OURS = {"Origin": "http://localhost"}
GOLD, CASE, BLUE, ALSO_BLUE = "6901234567892", "16901234567899", "042100005264", "4006381333931"
DEADLINE_S = 30.0


class Paper:
    """A printer in memory."""

    def __init__(self) -> None:
        self.printed: list[Slip] = []
        self.fault: PrinterFault | None = None

    def print(self, slip: Slip, address: str, width_mm: Width) -> bool:  # noqa: ARG002 - the port's names
        if self.fault is not None:
            raise PrinterError(self.fault)
        self.printed.append(slip)
        return True

    def stop(self) -> None:
        pass


class Till:
    """A terminal with its screens, a window that is open, and goods with barcodes."""

    def __init__(self, folder: Path, make: Any) -> None:
        self.make = make
        self.clock = make.clock()
        self.server = make.server(self.clock)
        self.wires = make.wires(self.server)
        self.paper = Paper()
        self.terminal = Terminal(
            folder, "http://127.0.0.1:9", clock=self.clock, transport=self.wires, printer=self.paper
        )
        self.store, self.shop, self.engine = self.terminal.store, self.terminal.shop, self.terminal.engine
        self.prints = self.terminal.counter.prints
        self.chance = make.chance(5)
        self.client = Client(serve.web(self.terminal))
        self.things: dict[str, Any] = {}
        self.scanned = 0
        self.store.choose("language", "en")

    def open(self) -> None:
        self.store.keep_identity(self.make.enrolled(self.server.now()))
        case = CaseBarcode(barcode=CASE, units=36)
        self.server.reference = self.make.reference(
            self.make.item(limit_units=60, barcodes=(GOLD,), case_barcodes=(case,)),
            self.make.item("BLUE", name=self.make.text("Blue", "蓝"), pack_units=1, barcodes=(BLUE, ALSO_BLUE)),
            self.make.item("RESERVE", licensed=False, licence_class="C", barcodes=("96385074",)),
        )
        self.window = self.make.window(self)
        self.engine.start()
        self.travel()

    def travel(self) -> None:
        for _ in range(3):
            self.clock.forward(700)
            self.engine.handle(self.make.tick)
            self.wires.all_travel()

    def hear(self) -> None:
        """Let so much time pass that the feed is pulled."""
        self.clock.forward(timedelta(minutes=1))
        self.travel()

    def scan(self, text: str, on: str = "/order", id: str = "") -> TestResponse:  # noqa: A002 - the wire's name
        self.scanned += 1
        form = {"id": id or f"scan-{self.scanned}", "text": text, "on": on}
        answer = self.client.post("/scans", data=form, headers=OURS | {"HX-Request": "true"})
        assert answer.status_code == 200, answer.text
        return answer

    def tap(self, path: str, **form: str) -> TestResponse:
        answer = self.client.post(path, data=form, headers=OURS)
        assert answer.status_code in (200, 303), answer.text
        return answer

    def draft(self) -> dict[str, int]:
        return {line.sku: line.quantity_units for line in drafts.read(self.store, self.window.window).lines}

    def order(self) -> str:
        order = use_cases.place_order(self.shop, self.window.window, [OrderLine(sku="GOLD", quantity_units=24)])
        return str(order)
