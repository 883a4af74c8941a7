"""What names the computer that a terminal runs on: one that is set up for a second shop is known to be the same."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

SOURCES = (Path("/proc/device-tree/serial-number"), Path("/etc/machine-id"))
"""A board's own serial number outlives a new card; systemd names everything else (machine-id(5))."""


def machine_digest(sources: Sequence[Path] = SOURCES) -> str:
    """Return SHA-256 of the first name that can be read, or nothing. The name itself never leaves the machine.

    machine-id(5) asks for a keyed hash, so that programs cannot be linked by it: ours is keyed by what it is for.
    """
    for source in sources:
        try:
            name = source.read_bytes().strip(b"\0 \n")
        except OSError:
            continue
        if name:
            return hashlib.sha256(b"evenhand terminal\0" + name).hexdigest()
    return ""
