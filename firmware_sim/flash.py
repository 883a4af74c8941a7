"""Flash as a power cut leaves it: what SQLite wrote is recorded, and every image that may be found afterwards is made.

A :class:`Recorder` is a VFS over the machine's own; what passes through it is also noted on its tape, one operation
an entry. :func:`images` cuts the power after each of them. What was written and not yet synced is then on the flash
wholly, in part or not at all, in any order, torn at sectors; what was synced stands. A name that was made or removed
counts after the next sync, earlier ones before later ones, as on a journaling file system. A sector that a write
touches in part keeps its other bytes: SQLite's assumption of "powersafe overwrite", and ours.

:class:`SmallDisk` is one that is full at some point. Temporary files are not recorded: nothing of them is looked for
after a cut.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import apsw

SECTORS_BYTES = (512, 4096)


@dataclass(frozen=True)
class Write:
    """Bytes were handed over."""

    file: int
    offset: int
    data: bytes


@dataclass(frozen=True)
class Truncate:
    """A file was cut to a size."""

    file: int
    size: int


@dataclass(frozen=True)
class Sync:
    """What was written to a file is on the flash, and the names made or removed before."""

    file: int


@dataclass(frozen=True)
class Name:
    """A name stands for a file from now on; for none, where it was removed. ``synced``: at once."""

    name: str
    file: int | None
    synced: bool = False


Operation = Write | Truncate | Sync | Name


class Recorder(apsw.VFS):
    """A VFS under a name of its own that writes down what passes through it. Keep it as long as it is used."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.tape: list[Operation] = []
        self._files: dict[str, int] = {}
        self._made = 0
        super().__init__(name, "")

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:  # noqa: N802 - SQLite's name
        """Open a file, and note it where it is new."""
        if name is None:
            return super().xOpen(name, flags)
        known = name.filename() if isinstance(name, apsw.URIFilename) else name
        if known not in self._files:
            self._made += 1
            self._files[known] = self._made
            self.tape.append(Name(_short(known), self._made))
        return _RecordedFile(self.tape, self._files[known], name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802, FBT001 - SQLite's name and call
        """Remove a file."""
        super().xDelete(filename, syncdir)
        if self._files.pop(filename, None) is not None:
            self.tape.append(Name(_short(filename), None, synced=syncdir))


class _RecordedFile(apsw.VFSFile):
    def __init__(self, tape: list[Operation], file: int, name: Any, flags: list[int]) -> None:
        self._tape, self._file = tape, file
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 - SQLite's name
        super().xWrite(data, offset)
        self._tape.append(Write(self._file, offset, bytes(data)))

    def xTruncate(self, newsize: int) -> None:  # noqa: N802 - SQLite's name
        super().xTruncate(newsize)
        self._tape.append(Truncate(self._file, newsize))

    def xSync(self, flags: int) -> None:  # noqa: N802 - SQLite's name
        super().xSync(flags)
        self._tape.append(Sync(self._file))


class SmallDisk(apsw.VFS):
    """A VFS whose files may grow by ``free_bytes`` in all; beyond that the disk is full."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.free_bytes = 1 << 62
        super().__init__(name, "")

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:  # noqa: N802 - SQLite's name
        """Open a file."""
        return _SmallFile(self, name, flags)


class _SmallFile(apsw.VFSFile):
    def __init__(self, disk: SmallDisk, name: Any, flags: list[int]) -> None:
        self._disk = disk
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 - SQLite's name
        more_bytes = max(0, offset + len(data) - self.xFileSize())
        if more_bytes > self._disk.free_bytes:
            raise apsw.FullError("the simulated disk is full")
        super().xWrite(data, offset)
        self._disk.free_bytes -= more_bytes


@dataclass(frozen=True)
class Image:
    """What may be found after a cut that followed operation ``at``, by name; ``how`` says what became of the rest."""

    at: int
    how: str
    files: dict[str, bytes]


@dataclass
class Flash:
    """What is certainly there after a cut, by file, and what may be: the changes that were not synced yet.

    ``names_by_sync``: syncing a file also settles names.
    """

    names_by_sync: bool = True
    files: dict[int, bytes] = field(default_factory=dict)
    names: dict[str, int] = field(default_factory=dict)
    written: list[Write | Truncate] = field(default_factory=list)
    named: list[Name] = field(default_factory=list)

    def take(self, operation: Operation) -> None:
        """Let an operation happen."""
        match operation:
            case Write() | Truncate():
                self.written.append(operation)
            case Name(synced=synced):
                self.named.append(operation)
                if synced:
                    self._settle_names()
            case Sync(file):
                mine = [change for change in self.written if change.file == file]
                self.written = [change for change in self.written if change.file != file]
                self.files[file] = _after(self.files.get(file, b""), mine)
                if self.names_by_sync:
                    self._settle_names()

    def _settle_names(self) -> None:
        self.names = _renamed(self.names, self.named)
        self.named = []

    def found(self, written: list[Write | Truncate], names: int) -> dict[str, bytes]:
        """Return the files by name where ``written`` and the first ``names`` changes of names came through."""
        return {
            name: _after(self.files.get(file, b""), [change for change in written if change.file == file])
            for name, file in _renamed(self.names, self.named[:names]).items()
        }


def images(tape: list[Operation], chance: random.Random, *, names_by_sync: bool = True) -> Iterator[Image]:
    """Cut the power after each operation, each time in up to four ways.

    ``none`` of what was not synced came through, or ``all``; ``torn``: all, but of the last write only its first
    sectors; ``scattered``: each sector of each write by chance, and some first changes of names. Without
    ``names_by_sync`` a name counts only after a change of names that is ``synced`` itself, as POSIX promises no more.
    """
    flash = Flash(names_by_sync)
    for at, operation in enumerate(tape, start=1):
        flash.take(operation)
        yield Image(at, "none", flash.found([], 0))
        if not flash.written and not flash.named:
            continue
        yield Image(at, "all", flash.found(flash.written, len(flash.named)))
        if flash.written and isinstance(flash.written[-1], Write):
            yield Image(at, "torn", _torn(flash, chance))
        yield Image(at, "scattered", _scattered(flash, chance))


def left(flash: Flash, chance: random.Random) -> tuple[str, dict[str, bytes]]:
    """Cut the power now; return the way in which, by chance, and the files that are found afterwards by name."""
    ways = ["none", "all", "scattered"]
    if flash.written and isinstance(flash.written[-1], Write):
        ways.append("torn")
    how = chance.choice(ways)
    if how == "none":
        return how, flash.found([], 0)
    if how == "all":
        return how, flash.found(flash.written, len(flash.named))
    return how, _torn(flash, chance) if how == "torn" else _scattered(flash, chance)


def _torn(flash: Flash, chance: random.Random) -> dict[str, bytes]:
    """All came through, but of the last write only its first sectors."""
    last = flash.written[-1]
    whole = _sectors(last, chance.choice(SECTORS_BYTES)) if isinstance(last, Write) else []
    return flash.found([*flash.written[:-1], *whole[: chance.randrange(max(1, len(whole)))]], len(flash.named))


def _scattered(flash: Flash, chance: random.Random) -> dict[str, bytes]:
    """Each sector of each write came through by chance, and some first changes of names."""
    by_chance = [part for part in _parts(flash.written, chance.choice(SECTORS_BYTES)) if chance.getrandbits(1)]
    return flash.found(by_chance, chance.randint(0, len(flash.named)))


def _parts(changes: list[Write | Truncate], sector_bytes: int) -> Iterator[Write | Truncate]:
    for change in changes:
        if isinstance(change, Write):
            yield from _sectors(change, sector_bytes)
        else:
            yield change


def _sectors(write: Write, sector_bytes: int) -> list[Write]:
    end = write.offset + len(write.data)
    starts = [write.offset, *range((write.offset // sector_bytes + 1) * sector_bytes, end, sector_bytes)]
    return [
        Write(write.file, start, write.data[start - write.offset : stop - write.offset])
        for start, stop in zip(starts, [*starts[1:], end], strict=True)
    ]


def _after(before: bytes, changes: list[Write | Truncate]) -> bytes:
    if not changes:
        return before
    now = bytearray(before)
    for change in changes:
        if isinstance(change, Truncate):
            del now[change.size :]
            now.extend(bytes(change.size - len(now)))
        else:
            now.extend(bytes(max(0, change.offset - len(now))))
            now[change.offset : change.offset + len(change.data)] = change.data
    return bytes(now)


def _renamed(names: dict[str, int], changes: list[Name]) -> dict[str, int]:
    now = dict(names)
    for change in changes:
        if change.file is None:
            now.pop(change.name, None)
        else:
            now[change.name] = change.file
    return now


def _short(path: str) -> str:
    return path.rpartition("/")[2]
