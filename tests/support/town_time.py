"""The time of a town whose server and terminals are processes: days pass at a word, for all of them at once.

The processes themselves know nothing of it: Python imports ``moved_time/sitecustomize.py`` in them.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from firmware_sim.launching import start_server
from firmware_sim.stage import Stage, installation
from server.kit import broker, embedded
from terminal_client.adapters.system import SystemClock

MOVED = Path(__file__).parent / "moved_time"


class TownTime(SystemClock):
    """The machine's time and what has been added to it; also the clock of a terminal in this process."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = folder / "ahead_s"
        self._ahead_s = 0
        self._tell()

    @property
    def environment(self) -> dict[str, str]:
        """What a process of this town is started with."""
        path = os.pathsep.join(filter(None, [str(MOVED), os.environ.get("PYTHONPATH", "")]))
        return {"PYTHONPATH": path, "TOWN_AHEAD_S": str(self._file)}

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self._ahead_s)

    def forward(self, by: timedelta) -> None:
        """Let time pass, and never backward."""
        assert by > timedelta(0)
        self._ahead_s += -(-by // timedelta(seconds=1))
        self._tell()

    def until(self, moment: datetime) -> None:
        """Let time pass until it is later than ``moment``."""
        self.forward(max(moment - self.now(), timedelta(0)) + timedelta(seconds=1))

    def wall_ms(self) -> int:
        return super().wall_ms() + self._ahead_s * 1000

    def monotonic_ms(self) -> int:
        return super().monotonic_ms() + self._ahead_s * 1000

    def _tell(self) -> None:
        new = self._file.with_suffix(".new")
        new.write_text(str(self._ahead_s), "ascii")
        new.replace(self._file)


@contextmanager
def timed_installation(folder: Path, **environment: str) -> Iterator[tuple[Stage, TownTime]]:
    """Run an installation below ``folder`` in a time of its own; nobody has to sign in anew as days pass."""
    time = TownTime(folder / "time")
    environment = {"EVENHAND_SESSION_TTL_S": str(365 * 86_400), **environment}
    try:
        process = start_server(folder / "server", **time.environment, **environment)
        with installation(folder / "server", process=process, clock=time.now, environment=environment) as stage:
            yield stage, time
    finally:
        for remove, part in ((embedded.remove_cluster, "postgres"), (broker.remove_broker, "broker")):
            if (folder / "server" / part).exists():
                remove(folder / "server" / part)
