"""Python imports this first in the processes of a story, and lets their clocks stand ahead as :mod:`town_time` says."""

import os
from datetime import timedelta
from pathlib import Path

from server.kit import clock
from terminal_client.adapters.system import SystemClock

AHEAD_S = Path(os.environ["TOWN_AHEAD_S"])
_now, _wall_ms, _monotonic_ms = clock.system_clock, SystemClock.wall_ms, SystemClock.monotonic_ms


def ahead_s() -> int:
    return int(AHEAD_S.read_text("ascii"))


clock.system_clock = lambda: _now() + timedelta(seconds=ahead_s())
SystemClock.wall_ms = lambda self: _wall_ms(self) + ahead_s() * 1000
SystemClock.monotonic_ms = lambda self: _monotonic_ms(self) + ahead_s() * 1000
