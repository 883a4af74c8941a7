"""Who works the device: a program that is told what to do by lines of JSON, or a person who is asked.

A step is one JSON object a line: ``{"step": "order", …}``. The program answers each with one line: ``{"done": true}``,
with ``"shows"`` where it was asked what the device shows, or ``{"done": false, "why": "…"}`` where the device does not
have such a thing. The steps stand in ``docs/contract.md``.
"""

import json
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue
from typing import Any, Protocol

STEP_WITHIN_S = 120.0
LETTERS = {"w": "waiting", "r": "received", "f": "refused", "x": "revoked", "n": "nothing"}
SHOWN = tuple(LETTERS.values())


class CannotError(Exception):
    """The device does not have what the step asks for; the message says why."""


class DriverError(Exception):
    """The driver itself failed: it ended, was silent for too long, or said what cannot be read."""


class Driver(Protocol):
    """Works the device."""

    def do(self, step: str, facts: Mapping[str, Any]) -> Mapping[str, Any]:
        """Carry out a step; return what was answered.

        Raises
        ------
        CannotError
            The device does not have such a thing.
        DriverError
            The driver failed.
        """


class Piped:
    """A program on the other end of two pipes."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._lines: SimpleQueue[str] = SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()

    def do(self, step: str, facts: Mapping[str, Any]) -> Mapping[str, Any]:
        """Write one line, read one line."""
        stdin = self._process.stdin
        with suppress(BrokenPipeError):  # it has ended, which its output says
            if stdin is not None:
                stdin.write(json.dumps({"step": step, **facts}, ensure_ascii=False) + "\n")
                stdin.flush()
        try:
            line = self._lines.get(timeout=STEP_WITHIN_S)
        except Empty:
            raise DriverError(f"the driver did not answer the step {step!r} within {STEP_WITHIN_S:.0f} s") from None
        if not line:
            self._lines.put("")
            raise DriverError(f"the driver ended with {self._process.wait()} at the step {step!r}")
        return _answer(step, line)

    def _read(self) -> None:
        if self._process.stdout is not None:
            for line in self._process.stdout:
                self._lines.put(line)
        self._lines.put("")


def _answer(step: str, line: str) -> Mapping[str, Any]:
    try:
        answer = json.loads(line)
    except ValueError:
        raise DriverError(
            f"the driver answered the step {step!r} with {line.strip()[:200]!r}; one JSON object is wanted"
        ) from None
    if not isinstance(answer, dict) or not isinstance(answer.get("done"), bool):
        raise DriverError(f'the driver answered the step {step!r} without "done": {line[:200]}')
    if not answer["done"]:
        raise CannotError(str(answer.get("why") or f"the device cannot do {step!r}"))
    shows = answer.get("shows", "nothing")
    if shows not in SHOWN:
        raise DriverError(f"the driver says that the device shows {shows!r}; one of {', '.join(SHOWN)} is wanted")
    return answer


@contextmanager
def program(words: Sequence[str]) -> Iterator[Piped]:
    """Start the driver ``words`` and end it on leaving."""
    try:
        process = subprocess.Popen(list(words), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    except OSError as error:
        raise DriverError(f"the driver {words[0]!r} cannot be started: {error.strerror}") from None
    with process:
        try:
            yield Piped(process)
        finally:
            process.terminate()
            with suppress(BrokenPipeError):
                if process.stdin is not None:
                    process.stdin.close()


class Person:
    """Somebody who stands at the device, is asked in words and answers by a key.

    ``ask`` prints a text and returns what was typed.
    """

    def __init__(self, ask: Callable[[str], str]) -> None:
        self._ask = ask

    def do(self, step: str, facts: Mapping[str, Any]) -> Mapping[str, Any]:
        """Ask for the step."""
        if step == "show":
            choices = ", ".join(f"{letter} {name}" for letter, name in LETTERS.items())
            typed = self._ask(f"What does the device show of the last act? [{choices}]")
            return {"done": True, "shows": LETTERS.get(typed.strip().lower()[:1], "nothing")}
        typed = self._ask(WORDS[step].format_map(facts) + " [Enter when done, n where the device cannot]")
        if typed.strip().lower().startswith("n"):
            raise CannotError("the person at the device says that it cannot")
        return {"done": True}


WORDS = {
    "enrol": "Enrol the device at {server} with the code {code}.",
    "order": "Order {units} units of {sku} ({name}) in the window {window_name}.",
    "amend": "Change the order to {units} units of {sku}.",
    "restart": "Take the device's power away and give it back.",
}
