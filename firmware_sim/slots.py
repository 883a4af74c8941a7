"""The flash of releases in memory, with a tape: every write, sync and rename of an update can be cut short.

:class:`RecordedSlots` is the port :class:`~terminal_client.core.ports.Slots`; its tape is of the operations of
:mod:`firmware_sim.flash`, whose :func:`~firmware_sim.flash.images` makes what may be found after a cut. Each image
becomes a flash again by ``RecordedSlots(image.files)``.
"""

import errno
from collections.abc import Callable

from firmware_sim.flash import Name, Operation, Sync, Truncate, Write


class RecordedSlots:
    """Files by path. ``before`` is called ahead of each operation and may raise, as a power cut or a bad flash does."""

    def __init__(
        self,
        files: dict[str, bytes] | None = None,
        *,
        before: Callable[[str, str], None] | None = None,
        room_bytes: int = 1 << 62,
    ) -> None:
        self.files: dict[str, bytes] = dict(files or {})
        self.tape: list[Operation] = []
        self._before = before or (lambda _operation, _path: None)
        self._room_bytes = room_bytes
        self._numbers: dict[str, int] = {}
        self._made = 0
        for path, data in self.files.items():
            self._put(path, data)
            self.tape.append(Sync(self._numbers[path]))

    def read(self, path: str) -> bytes | None:
        """See :class:`~terminal_client.core.ports.Slots`."""
        return self.files.get(path)

    def write(self, path: str, data: bytes) -> None:
        """See :class:`~terminal_client.core.ports.Slots`."""
        self._before("write", path)
        taken = sum(len(held) for held in self.files.values()) - len(self.files.get(path, b""))
        if taken + len(data) > self._room_bytes:
            raise OSError(errno.ENOSPC, "no room", path)
        self._put(path, data)
        self.files[path] = data

    def sync(self, path: str) -> None:
        """See :class:`~terminal_client.core.ports.Slots`."""
        self._before("sync", path)
        self.tape.append(Sync(self._numbers[path]))

    def rename(self, path: str, to: str) -> None:
        """See :class:`~terminal_client.core.ports.Slots`."""
        self._before("rename", path)
        self.files[to] = self.files.pop(path)
        self._numbers[to] = self._numbers.pop(path)
        self.tape.append(Name(to, self._numbers[to]))
        self.tape.append(Name(path, None))

    def remove(self, path: str) -> None:
        """See :class:`~terminal_client.core.ports.Slots`."""
        self._before("remove", path)
        if self.files.pop(path, None) is not None:
            del self._numbers[path]
            self.tape.append(Name(path, None))

    def sync_names(self) -> None:
        """See :class:`~terminal_client.core.ports.Slots`."""
        self._before("sync_names", "")
        self.tape.append(Name("", None, synced=True))

    def paths(self, below: str) -> list[str]:
        """See :class:`~terminal_client.core.ports.Slots`."""
        return sorted(path for path in self.files if path.startswith(below + "/"))

    def _put(self, path: str, data: bytes) -> None:
        if path in self._numbers:
            self.tape.append(Truncate(self._numbers[path], 0))
        else:
            self._made += 1
            self._numbers[path] = self._made
            self.tape.append(Name(path, self._made))
        if data:
            self.tape.append(Write(self._numbers[path], 0, data))
