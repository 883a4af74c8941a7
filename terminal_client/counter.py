"""What stands at the counter: the scanner and the printer, as the settings of this terminal say."""

import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

from terminal_client.adapters.printer import EscposPrinter
from terminal_client.adapters.scanner import EvdevScanner
from terminal_client.core.ports import Printer, Scanner, ScannerState
from terminal_client.core.printing import Device, PrintQueue
from terminal_client.core.scans import Inbox
from terminal_client.core.store import Store

PRINTER, PAPER, SCANNER = "printer", "paper_mm", "scanner"
#: What the udev rule in packaging/ calls the scanner.
USUAL_SCANNER = "/dev/input/evenhand-scanner"


class Counter:
    """Scans on their way to a screen and prints on their way to paper."""

    def __init__(
        self,
        store: Store,
        data_dir: Path,
        *,
        printer: Printer | None = None,
        scanner: Callable[[Path], Scanner] = EvdevScanner,
    ) -> None:
        self._store = store
        self._scanner_at = scanner
        self._scanner: Scanner | None = None
        self._started = False
        self.scans: Inbox[Any] = Inbox(secrets.token_hex(4))
        self.prints = PrintQueue(printer or EscposPrinter(data_dir / "prints"), self.device)

    def device(self) -> Device | None:
        """Return the printer that was chosen, or none."""
        address = self._store.setting(PRINTER, "")
        narrow = self._store.setting(PAPER, "80") == "58"
        return Device(address, 58 if narrow else 80) if address else None

    @property
    def scanner_path(self) -> str:
        """The input device that is read; empty where a scanner types into the browser."""
        return self._store.setting(SCANNER, "")

    @property
    def scanner_state(self) -> ScannerState:
        """How the scanner at the machine is doing; ``off`` where none was chosen."""
        return "off" if self._scanner is None else self._scanner.state

    def choose_scanner(self, path: str) -> None:
        """Read another input device from now on; none where ``path`` is empty."""
        self._store.choose(SCANNER, path)
        if self._started:
            self._stop_scanner()
            self.start()

    def start(self) -> None:
        """Begin to read the scanner that was chosen."""
        self._started = True
        if self._scanner is None and self.scanner_path:
            self._scanner = self._scanner_at(Path(self.scanner_path))
            self._scanner.start(self.scans.arrive)

    def close(self) -> None:
        """Let scanner and printer go; what still waits to be printed is not."""
        self._started = False
        self._stop_scanner()
        self.prints.close()

    def _stop_scanner(self) -> None:
        scanner, self._scanner = self._scanner, None
        if scanner is not None:
            scanner.stop()
