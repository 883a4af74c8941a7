"""Releases in a folder of this machine: the port :class:`~terminal_client.core.ports.Slots` on a real file system."""

import os
from pathlib import Path


class FolderSlots:
    """Files below ``root``, which is made where it is missing."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._renamed: set[Path] = set()
        root.mkdir(mode=0o755, parents=True, exist_ok=True)

    def read(self, path: str) -> bytes | None:
        """See :class:`~terminal_client.core.ports.Slots`."""
        try:
            return (self.root / path).read_bytes()
        except OSError:
            return None

    def write(self, path: str, data: bytes) -> None:
        """See :class:`~terminal_client.core.ports.Slots`."""
        target = self.root / path
        for folder in reversed(target.relative_to(self.root).parents):
            if not (self.root / folder).is_dir():
                (self.root / folder).mkdir(mode=0o755)
                self._renamed.add((self.root / folder).parent)
        target.write_bytes(data)
        self._renamed.add(target.parent)

    def sync(self, path: str) -> None:
        """See :class:`~terminal_client.core.ports.Slots`."""
        _sync(self.root / path)

    def rename(self, path: str, to: str) -> None:
        """See :class:`~terminal_client.core.ports.Slots`."""
        (self.root / path).replace(self.root / to)
        self._renamed |= {(self.root / path).parent, (self.root / to).parent}

    def remove(self, path: str) -> None:
        """See :class:`~terminal_client.core.ports.Slots`; a folder that is left empty goes too."""
        target = self.root / path
        target.unlink(missing_ok=True)
        folder = target.parent
        while folder != self.root and folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
            folder = folder.parent
        self._renamed.add(folder if folder.is_dir() else self.root)

    def sync_names(self) -> None:
        """See :class:`~terminal_client.core.ports.Slots`."""
        for folder in sorted(self._renamed):
            if folder.is_dir():
                _sync(folder)
        self._renamed.clear()

    def paths(self, below: str) -> list[str]:
        """See :class:`~terminal_client.core.ports.Slots`."""
        start = self.root / below
        return sorted(str(path.relative_to(self.root)) for path in start.rglob("*") if not path.is_dir())


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
