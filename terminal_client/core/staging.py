"""How a release comes to lie in a slot: emptied, written, read back, and only then named whole.

The manifest makes a slot whole, so it goes first and comes last: it is removed, with its name synced, before any other
file is touched, and put in its place after every file was synced and read back. A cut anywhere leaves a slot that is
whole, with the release before or this one, or one that is not and is never started.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from terminal_client.core.booting import MANIFEST, Slot, whole

if TYPE_CHECKING:
    from terminal_client.core.ports import Slots

FORMAT = 1
#: Beside the manifest: SHA-256 of the archive that the slot was filled from, so that it need not be fetched twice.
ARCHIVE = "ARCHIVE"
#: Of one file, and of all of a release together.
FILE_MOST_BYTES = 64 * 1024 * 1024
RELEASE_MOST_BYTES = 512 * 1024 * 1024
FILES_MOST = 20_000
_PATH = re.compile(r"site(/[A-Za-z0-9_.+@ -]{1,128}){1,16}")


class DamagedReleaseError(Exception):
    """What was unpacked is not what its manifest says, or the flash did not keep it."""


@dataclass(frozen=True)
class Content:
    """One file of a release: its path below the slot, its size, and SHA-256 in hex."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What a release holds. ``raw`` is the manifest as it was signed for, byte by byte."""

    version: str
    contents: tuple[Content, ...]
    raw: bytes


def read_manifest(raw: bytes) -> Manifest:
    """Return a manifest; raise :class:`DamagedReleaseError` where it is none, or leads out of its slot."""
    try:
        told: dict[str, Any] = json.loads(raw)
        if told["format"] != FORMAT:
            raise DamagedReleaseError(f"a manifest of format {told['format']}; this program reads {FORMAT}")
        contents = tuple(
            Content(path, int(known["size"]), str(known["sha256"])) for path, known in sorted(told["files"].items())
        )
        version = str(told["version"])
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise DamagedReleaseError(f"not a manifest of a release: {error}") from error
    for content in contents:
        if not _PATH.fullmatch(content.path) or {".", ".."} & set(content.path.split("/")):
            raise DamagedReleaseError(f"a path that leads elsewhere: {content.path[:200]!r}")
        if not 0 <= content.size <= FILE_MOST_BYTES:
            raise DamagedReleaseError(f"{content.path} is larger than {FILE_MOST_BYTES:,} bytes")
    if len(contents) > FILES_MOST or sum(content.size for content in contents) > RELEASE_MOST_BYTES:
        raise DamagedReleaseError(f"more than {FILES_MOST:,} files or {RELEASE_MOST_BYTES:,} bytes")
    return Manifest(version, contents, raw)


def stage(
    slots: "Slots", slot: Slot, manifest: Manifest, files: Iterable[tuple[str, bytes]], *, archive: str = ""
) -> Iterator[int]:
    """Put a release into a slot; yield the bytes written after each file. The slot is whole once this is exhausted.

    Raises :class:`DamagedReleaseError` where ``files`` are not those of the manifest or do not read back as written;
    ``OSError`` where the flash cannot take them. The slot is not whole then.
    """
    empty(slots, slot)
    missing = {content.path: content for content in manifest.contents}
    written = 0
    for path, data in files:
        content = missing.pop(path, None)
        if content is None or len(data) != content.size or _sha256(data) != content.sha256:
            raise DamagedReleaseError(f"{path[:200]} is not the file of the manifest")
        slots.write(f"{slot}/{path}", data)
        slots.sync(f"{slot}/{path}")
        written += len(data)
        yield written
    if missing:
        raise DamagedReleaseError(f"{len(missing)} files are missing, {min(missing)} among them")
    slots.write(f"{slot}/{ARCHIVE}", archive.encode())
    slots.sync(f"{slot}/{ARCHIVE}")
    slots.sync_names()
    for content in manifest.contents:
        kept = slots.read(f"{slot}/{content.path}")
        if kept is None or _sha256(kept) != content.sha256:
            raise DamagedReleaseError(f"the flash did not keep {content.path}")
    beside = f"{slot}/{MANIFEST}.new"
    slots.write(beside, manifest.raw)
    slots.sync(beside)
    slots.rename(beside, f"{slot}/{MANIFEST}")
    slots.sync_names()


def holds(slots: "Slots", slot: Slot, archive: str) -> bool:
    """Return whether a slot is whole and was filled from this archive."""
    return whole(slots, slot) and slots.read(f"{slot}/{ARCHIVE}") == archive.encode()


def empty(slots: "Slots", slot: Slot) -> None:
    """Remove what lies in a slot, the manifest first."""
    slots.remove(f"{slot}/{MANIFEST}")
    slots.sync_names()
    for path in slots.paths(slot):
        slots.remove(path)
    slots.sync_names()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
