"""The printer of a real terminal: each print in a process of its own, which is ended where it hangs."""

import json
import subprocess
import sys
import threading
from pathlib import Path

from terminal_client.core import slips
from terminal_client.core.ports import PrinterError
from terminal_client.core.slips import Slip, Width

PATIENCE_S = 10.0
#: A print takes seconds; drawing it on a small machine a few more.
ENDS_WITHIN_S = 120.0


class EscposPrinter:
    """Implements :class:`terminal_client.core.ports.Printer`; files of ``file:`` addresses lie in ``folder``."""

    def __init__(self, folder: Path, *, patience_s: float = PATIENCE_S) -> None:
        self._folder = folder
        self._patience_s = patience_s
        self._process: subprocess.Popen[str] | None = None
        self._stopped = False
        self._lock = threading.Lock()

    def print(self, slip: Slip, address: str, width_mm: Width) -> bool:
        """See the port."""
        job = {
            "slip": slips.to_record(slip),
            "address": address,
            "width_mm": width_mm,
            "folder": str(self._folder),
            "patience_s": self._patience_s,
        }
        with self._lock:
            if self._stopped:
                raise PrinterError("stumbled", "the terminal is ending")
            self._process = process = subprocess.Popen(
                [sys.executable, "-m", "terminal_client.adapters.paper"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        try:
            said, error = process.communicate(json.dumps(job), timeout=ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise PrinterError("stuck", f"a print took longer than {ENDS_WITHIN_S:.0f} s") from None
        try:
            outcome = json.loads(said)
        except ValueError:
            last = error.strip().rpartition("\n")[2]
            missing = "not_installed" if "ModuleNotFoundError" in last else "stumbled"
            raise PrinterError(missing, last or f"exit {process.returncode}") from None  # type: ignore[arg-type] # both are faults
        if "fault" in outcome:
            raise PrinterError(outcome["fault"], outcome["detail"])
        return bool(outcome["confirmed"])

    def stop(self) -> None:
        """See the port."""
        with self._lock:
            self._stopped = True
            if self._process is not None and self._process.poll() is None:
                self._process.kill()
