"""Works the reference terminal for the check: ``python -m firmware_sim.conformance.reference FOLDER``.

An example of a driver, and how the check is held against the terminal that the contract was written with.
"""

import json
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

from contract.errors import Refusal
from contract.messages import OrderLine
from terminal_client.app import Terminal
from terminal_client.core import feed, outbox, use_cases

KNOWS_WITHIN_S = 60.0
LOOKS_EVERY_S = 0.5
SHOWS: Mapping[str, str] = {"saved": "waiting", "sent": "waiting", "received": "received", "refused": "refused"}


class Reference:
    """The reference terminal over a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server = ""
        self._terminal: Terminal | None = None
        self._order: UUID | None = None
        self._last: UUID | None = None
        self._refused_here = False

    def answer(self, step: Mapping[str, Any]) -> Mapping[str, Any]:
        """Carry out a step and return what is to be answered."""
        known: Mapping[str, Callable[[Mapping[str, Any]], None]] = {
            "enrol": self._enrol,
            "order": self._place,
            "amend": self._amend,
            "restart": self._restart,
        }
        if step["step"] == "show":
            return {"done": True, "shows": self._shows()}
        if step["step"] not in known:
            return {"done": False, "why": f"the step {step['step']!r} is not known"}
        self._refused_here = False
        try:
            known[step["step"]](step)
        except Refusal as refusal:
            self._refused_here = True
            return {"done": True, "shows": "refused", "why": str(refusal)}
        return {"done": True}

    @property
    def _running(self) -> Terminal:
        if self._terminal is None:
            raise RuntimeError("enrol comes first")
        return self._terminal

    def _enrol(self, step: Mapping[str, Any]) -> None:
        self._server = step["server"]
        self._terminal = Terminal(self._folder, self._server)
        asked = self._terminal.enrol(step["code"])
        while asked is not None and asked.state == "waiting":
            time.sleep(LOOKS_EVERY_S)
            asked = self._terminal.look_at_enrolment()
        self._terminal.start()

    def _place(self, step: Mapping[str, Any]) -> None:
        window, terminal = UUID(step["window"]), self._running
        terminal.wait_until(
            lambda: any(one.window == window for one in feed.windows(terminal.store)), deadline_s=KNOWS_WITHIN_S
        )
        self._order = self._last = use_cases.place_order(terminal.shop, window, self._lines(step))

    def _amend(self, step: Mapping[str, Any]) -> None:
        if self._order is None:
            raise RuntimeError("order comes first")
        self._last = use_cases.amend_order(self._running.shop, self._order, self._lines(step))

    def _restart(self, _step: Mapping[str, Any]) -> None:
        self._running.close()
        self._terminal = Terminal(self._folder, self._server)
        self._terminal.start()

    def _lines(self, step: Mapping[str, Any]) -> tuple[OrderLine, ...]:
        return (OrderLine(sku=step["sku"], quantity_units=step["units"]),)

    def _shows(self) -> str:
        terminal = self._running
        if terminal.engine.stopped_by is not None:
            return "revoked"
        if self._refused_here:
            return "refused"
        entry = None if self._last is None else outbox.find(terminal.store, self._last)
        return "nothing" if entry is None else SHOWS[entry.state]

    def close(self) -> None:
        """Switch the terminal off."""
        if self._terminal is not None:
            self._terminal.close()


def main() -> None:
    """Answer each line of standard input by one of standard output, until there are no more."""
    reference = Reference(Path(sys.argv[1]))
    try:
        for line in sys.stdin:
            sys.stdout.write(json.dumps(reference.answer(json.loads(line))) + "\n")
            sys.stdout.flush()
    finally:
        reference.close()


if __name__ == "__main__":
    main()
