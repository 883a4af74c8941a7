"""The flash of one device, as a VFS of SQLite in memory: what was not synced is lost or torn by a cut of the power.

What survives a cut is decided by :mod:`firmware_sim.flash`, as for recorded writes. Everything before the cut sees
what was written, as a running system does through its cache.
"""

import random
from collections.abc import Mapping
from typing import Any

import apsw

from firmware_sim.flash import Flash, Name, Operation, Sync, Truncate, Write, left

SECTOR_BYTES = 512
ROOMY_BYTES = 1 << 40


class PowerCutError(Exception):
    """The power failed in the middle of an operation: what runs on the device ends here."""


class DeviceFlash(apsw.VFS):
    """Files by path under a VFS called ``name``. ``cut``: the power is off, and every operation fails."""

    def __init__(self, name: str, chance: random.Random, contents: Mapping[str, bytes]) -> None:
        self.name = name
        self.cut = False
        self.operations = 0
        self.free_bytes = ROOMY_BYTES
        self._cut_at: int | None = None
        self._chance = chance
        self._lay_down(contents)
        super().__init__(name, "")

    def _lay_down(self, contents: Mapping[str, bytes]) -> None:
        self._flash = Flash(
            files=dict(enumerate(contents.values(), start=1)),
            names={name: number for number, name in enumerate(contents, start=1)},
        )
        self._made = len(contents)
        self._numbers = dict(self._flash.names)
        self._seen = {number: bytearray(data) for number, data in self._flash.files.items()}

    def cut_after(self, operations: int) -> None:
        """Let the power fail in the so-manieth operation from now on."""
        self._cut_at = self.operations + operations

    def spare(self) -> None:
        """Let the power not fail after all."""
        self._cut_at = None

    def power_off(self) -> str:
        """Cut the power now, if it is not cut; return what became of what was not synced."""
        self.cut, self._cut_at = True, None
        how, files = left(self._flash, self._chance)
        self._lay_down(dict(sorted(files.items())))
        return how

    def power_on(self) -> None:
        """Let the files be used again, as they were found."""
        self.cut = False

    def contents(self) -> dict[str, bytes]:
        """Return the files as a running system sees them."""
        return {name: bytes(self._seen[number]) for name, number in self._numbers.items()}

    def happen(self, operation: Operation) -> None:
        """Take a change, or fail in it where the power does."""
        self.operations += 1
        if self.cut:
            raise apsw.IOError("the power is off")
        self._flash.take(operation)
        if self._cut_at is not None and self.operations >= self._cut_at:
            self.cut = True
            raise PowerCutError

    # What SQLite calls; the names are its own.

    def xOpen(self, name: Any, flags: list[int]) -> Any:  # noqa: N802 - SQLite's name
        """Open a file, made where it is missing."""
        if self.cut:
            raise apsw.CantOpenError("the power is off")
        path = _short(name.filename() if isinstance(name, apsw.URIFilename) else str(name))
        if path not in self._numbers:
            self._made += 1
            self._numbers[path], self._seen[self._made] = self._made, bytearray()
            self.happen(Name(path, self._made))
        flags[1] = flags[0]
        number = self._numbers[path]
        return _File(self, number, self._seen[number])

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802, FBT001 - SQLite's name and call
        """Remove a file."""
        if self._numbers.pop(_short(filename), None) is not None:
            self.happen(Name(_short(filename), None, synced=syncdir))

    def xAccess(self, pathname: str, _flags: int) -> bool:  # noqa: N802 - SQLite's name
        """Say whether a file is there."""
        return _short(pathname) in self._numbers

    def xFullPathname(self, name: str) -> str:  # noqa: N802 - SQLite's name
        """Return the path as it is: there is one folder."""
        return name

    def xRandomness(self, numbytes: int) -> bytes:  # noqa: N802 - SQLite's name
        """Return bytes of this device's chance."""
        return self._chance.randbytes(numbytes)


def _short(path: str) -> str:
    return path.rpartition("/")[2]


class _File:
    """One open file; the calls that SQLite makes of it."""

    def __init__(self, flash: DeviceFlash, number: int, seen: bytearray) -> None:
        self._flash, self._number, self._seen = flash, number, seen

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802 - SQLite's name
        if self._flash.cut:
            raise apsw.IOError("the power is off")
        return bytes(self._seen[offset : offset + amount])

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 - SQLite's name
        end = offset + len(data)
        more = max(0, end - len(self._seen))
        if more > self._flash.free_bytes:
            raise apsw.FullError("the simulated flash is full")
        self._flash.free_bytes -= more
        if offset > len(self._seen):
            self._seen.extend(bytes(offset - len(self._seen)))
        self._seen[offset:end] = data
        self._flash.happen(Write(self._number, offset, bytes(data)))

    def xTruncate(self, newsize: int) -> None:  # noqa: N802 - SQLite's name
        self._flash.free_bytes += max(0, len(self._seen) - newsize)
        del self._seen[newsize:]
        self._flash.happen(Truncate(self._number, newsize))

    def xSync(self, _flags: int) -> None:  # noqa: N802 - SQLite's name
        self._flash.happen(Sync(self._number))

    def xFileSize(self) -> int:  # noqa: N802 - SQLite's name
        return len(self._seen)

    def xLock(self, _level: int) -> None:  # noqa: N802 - SQLite's name
        """One process holds the file."""

    def xUnlock(self, _level: int) -> None:  # noqa: N802 - SQLite's name
        """One process holds the file."""

    def xCheckReservedLock(self) -> bool:  # noqa: N802 - SQLite's name
        return False

    def xFileControl(self, _op: int, _pointer: int) -> bool:  # noqa: N802 - SQLite's name
        return False

    def xSectorSize(self) -> int:  # noqa: N802 - SQLite's name
        return SECTOR_BYTES

    def xDeviceCharacteristics(self) -> int:  # noqa: N802 - SQLite's name
        return 0

    def xClose(self) -> None:  # noqa: N802 - SQLite's name
        """Nothing is held."""
