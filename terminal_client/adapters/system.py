"""The machine's clocks and randomness."""

import os
import secrets
import time
from dataclasses import dataclass
from pathlib import Path

bits = secrets.randbits

#: File systems that lose everything when the machine is switched off.
IN_MEMORY = frozenset({"tmpfs", "ramfs", "overlay", "devtmpfs"})


@dataclass(frozen=True)
class Disk:
    """What a folder takes and what is left beside it, in bytes; ``kind`` is its file system, empty where unknown."""

    used_bytes: int
    free_bytes: int
    kind: str

    @property
    def in_memory(self) -> bool:
        """Whether what is written there may be gone when the machine is switched off."""
        return self.kind in IN_MEMORY


def disk(folder: Path, mounts: Path = Path("/proc/self/mounts")) -> Disk:
    """Return how full the disk below ``folder`` is, and what sort it is."""
    there = os.statvfs(folder)
    used_bytes = sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
    return Disk(used_bytes, there.f_bavail * there.f_frsize, _kind(folder.resolve(), mounts))


def _kind(folder: Path, mounts: Path) -> str:
    """Return the file system of the mount that lies deepest above ``folder``; of several there, the last counts."""
    try:
        lines = mounts.read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    found, depth = "", -1
    for line in lines:
        _, where, kind, *_ = [*line.split(" "), "", ""]
        place = Path(where.replace("\\040", " "))
        if folder.is_relative_to(place) and len(place.parts) >= depth:
            found, depth = kind, len(place.parts)
    return found


class SystemClock:
    """The clocks of a Linux machine or, with less care for sleep, of any other."""

    def wall_ms(self) -> int:
        """Return milliseconds since 1970 by the wall clock."""
        return time.time_ns() // 1_000_000

    def monotonic_ms(self) -> int:
        """Return steady milliseconds that also count while the machine sleeps, where it can tell."""
        if hasattr(time, "CLOCK_BOOTTIME"):
            return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000
        return time.monotonic_ns() // 1_000_000
