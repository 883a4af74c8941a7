"""Small releases for tests of slots and updates."""

import hashlib
import json

from terminal_client.core.booting import MANIFEST, Record, Slot, version_in
from terminal_client.core.ports import Slots
from terminal_client.core.staging import Manifest, read_manifest


def release_of(version: str, files: dict[str, bytes]) -> tuple[Manifest, list[tuple[str, bytes]]]:
    """Return the manifest and the files of a release."""
    told = {
        "format": 1,
        "version": version,
        "files": {
            path: {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()} for path, data in files.items()
        },
    }
    return read_manifest(json.dumps(told).encode()), sorted(files.items())


def small_release(version: str, count: int = 3) -> tuple[Manifest, list[tuple[str, bytes]]]:
    """Return a release of a few files that name their version."""
    files = {
        f"site/part{number}.py": f"version = {version!r}\n".encode() * (number * 200 + 1) for number in range(count)
    }
    return release_of(version, files)


def in_slot(slot: Slot, release: tuple[Manifest, list[tuple[str, bytes]]]) -> dict[str, bytes]:
    """Return the files of a release as they lie in a slot."""
    manifest, files = release
    return {f"{slot}/{MANIFEST}": manifest.raw} | {f"{slot}/{path}": data for path, data in files}


def boots(slots: Slots, record: Record) -> str | None:
    """Return the version that a record's slot holds to the last byte; none where something of it is missing."""
    raw = slots.read(f"{record.chosen}/{MANIFEST}")
    if raw is None:
        return None
    manifest = read_manifest(raw)
    for content in manifest.contents:
        data = slots.read(f"{record.chosen}/{content.path}")
        if data is None or hashlib.sha256(data).hexdigest() != content.sha256:
            return None
    return version_in(slots, record.chosen)
