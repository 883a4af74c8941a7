"""A terminal as a shop has it, in a process of its own, which can lose its power and be switched on again."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from firmware_sim.stage import launch_words


class ShopMachine:
    """A terminal's process over its folder; its screens keep their address over every start."""

    def __init__(self, folder: Path, server_url: str, environment: Mapping[str, str]) -> None:
        self._words = [*launch_words(), sys.executable, "-m", "terminal_client", "--server", server_url]
        self._words += ["--data-dir", str(folder)]
        self._environment = {**os.environ, **environment}
        self._port = 0
        self.switch_on()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def switch_on(self) -> None:
        """Start it, and return once its screens answer."""
        self._process = subprocess.Popen(
            [*self._words, "--port", str(self._port)], stdout=subprocess.PIPE, text=True, env=self._environment
        )
        assert self._process.stdout is not None
        self._port = int(self._process.stdout.readline().strip().rstrip("/").rpartition(":")[2])

    def lose_power(self) -> None:
        """End it at once, whatever it does."""
        self._process.kill()
        self._end()

    def switch_off(self) -> None:
        """End it politely."""
        self._process.terminate()
        assert self._end() == 0

    def _end(self) -> int:
        with self._process:
            return self._process.wait(20)


@contextmanager
def shop_machine(folder: Path, server_url: str, environment: Mapping[str, str]) -> Iterator[ShopMachine]:
    """Switch a terminal on, and off at the end."""
    machine = ShopMachine(folder, server_url, environment)
    try:
        yield machine
    finally:
        machine.switch_off()
