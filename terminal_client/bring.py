"""``python -m terminal_client.bring``: fetch one release into the free slot, in a process of its own, and end.

The libraries of The Update Framework and of cryptography stay out of the terminal's process. What is wanted
comes as one line of JSON on standard input (no secret ever stands in an argument); what happens goes as lines of JSON
to standard output: ``{"progress": [version, done, size]}``, then one of ``{"brought": version}``, ``{"nothing_new":
true}``, ``{"not_brought": reason}``.
"""

import errno
import json
import logging
import os
import sys
import tarfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from tuf.api.exceptions import (
    DownloadError,
    DownloadLengthMismatchError,
    ExpiredMetadataError,
    RepositoryError,
    SlowRetrievalError,
)
from tuf.ngclient import Updater

from contract.releases import ARCHIVE_MOST_BYTES, TARGET, Release, target_name
from contract.update_words import BringReason
from terminal_client.adapters.http import HttpUpdates
from terminal_client.adapters.keys import KeyFolder
from terminal_client.adapters.signed_files import ServerFiles
from terminal_client.adapters.slots import FolderSlots
from terminal_client.core import booting, offers, staging
from terminal_client.core.offers import Machine
from terminal_client.core.store import Identity

METADATA, INCOMING, SEEN, KEYS = "metadata", "incoming", "seen.json", "keys"
Tell = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Wish:
    """What is wanted, and of whom. ``now_ms`` is the server's time as far as the terminal knows it."""

    server_url: str
    identity: Identity
    data_dir: Path
    folder: Path
    root: Path
    wanted: str
    again: bool
    machine: Machine
    now_ms: int


class NotBroughtError(Exception):
    """Nothing came, and why."""

    def __init__(self, reason: BringReason, detail: str = "") -> None:
        self.reason: BringReason = reason
        super().__init__(f"{reason} {detail}".rstrip())


def bring(wish: Wish, tell: Tell) -> str | None:
    """Fetch the release that is wanted into the free slot and return its version; none where nothing is newer.

    Raises :class:`NotBroughtError`. What has come of an archive is kept then, unless it was no genuine one.
    """
    slots, incoming = FolderSlots(wish.folder), wish.folder / INCOMING
    for folder in (wish.folder / METADATA, incoming):
        folder.mkdir(exist_ok=True)
    wire = HttpUpdates(wish.server_url, KeyFolder(wish.data_dir / KEYS), lambda: wish.identity)
    try:
        with ServerFiles(wire, incoming) as files:
            updater = trusting(wish, files)
            updater.refresh()
            kept(wish.folder / METADATA)
            listed = _listed(updater)
            release = offers.choose(listed.values(), wish.wanted, wish.machine, again=wish.again)
            if release is None:
                return None
            if not isinstance(release, Release):
                raise NotBroughtError(release)
            _fetch(slots, files, updater, release, tell)
            return release.version
    except ExpiredMetadataError as error:
        raise NotBroughtError("expired", str(error)) from error
    except (RepositoryError, DownloadLengthMismatchError) as error:
        raise NotBroughtError("not_genuine", str(error)) from error
    except SlowRetrievalError as error:
        raise NotBroughtError("slow", str(error)) from error
    except DownloadError as error:
        raise NotBroughtError("offline", str(error)) from error
    except (staging.DamagedReleaseError, tarfile.TarError, EOFError, zlib.error) as error:
        raise NotBroughtError("damaged_archive", str(error)) from error
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        raise NotBroughtError("no_room" if full else "stumbled", str(error)) from error


def trusting(wish: Wish, files: ServerFiles) -> Updater:
    """Return the framework's client, which trusts what the image's root signed for, by the server's time.

    Time never goes back here: the latest that was ever known counts, so that nobody holds a terminal on an old state by
    setting its clock back.
    """
    updater = Updater(
        str(wish.folder / METADATA),
        "metadata/",
        str(wish.folder / INCOMING),
        "targets/",
        fetcher=files,
        bootstrap=wish.root.read_bytes(),
    )
    seen_ms = max(wish.now_ms, _seen_ms(wish.folder))
    # The framework asks the machine's clock, which on a terminal is anybody's guess; it has no other way to be told.
    updater._trusted_set.reference_time = datetime.fromtimestamp(seen_ms / 1000, tz=UTC)  # noqa: SLF001 - see above
    _keep(wish.folder / SEEN, json.dumps({"seen_ms": seen_ms}).encode())
    return updater


def kept(metadata: Path) -> None:
    """See that what was learned of the repository outlives a power cut: without it an older state could come again."""
    for path in [*metadata.rglob("*"), metadata]:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _listed(updater: Updater) -> dict[str, Release]:
    targets = updater._trusted_set.targets  # noqa: SLF001 - the client finds targets by name alone, and we list them
    listed = {}
    for name, target in targets.targets.items():
        if not TARGET.fullmatch(name) or target.length > ARCHIVE_MOST_BYTES:
            continue
        try:
            release = Release.model_validate(target.custom)
        except ValidationError:
            continue  # of a form that is newer than this program
        if target_name(release) == name:
            listed[name] = release
    return listed


def _fetch(slots: FolderSlots, files: ServerFiles, updater: Updater, release: Release, tell: Tell) -> None:
    info = updater.get_targetinfo(target_name(release))
    if info is None:
        raise NotBroughtError("not_found")
    slot, sha256 = booting.free_slot(booting.read(slots)), info.hashes["sha256"]
    if staging.holds(slots, slot, sha256):
        return
    files.watch(lambda done: tell({"progress": [release.version, done, info.length]}))
    try:
        archive = Path(updater.find_cached_target(info) or updater.download_target(info))
    except (RepositoryError, DownloadLengthMismatchError):
        files.forget()  # it is not what was signed for: nothing of it is gone on with
        raise
    with tarfile.open(archive, "r:gz") as opened:
        members = _members(opened)
        name, raw = next(members, ("", b""))
        if name != booting.MANIFEST:
            raise staging.DamagedReleaseError("the archive does not begin with its manifest")
        manifest = staging.read_manifest(raw)
        if manifest.version != release.version:
            raise staging.DamagedReleaseError(f"the archive of {release.version} holds {manifest.version}")
        for _ in staging.stage(slots, slot, manifest, members, archive=sha256):
            pass
    archive.unlink()
    files.forget()


def _members(opened: tarfile.TarFile) -> Iterator[tuple[str, bytes]]:
    for member in opened:
        held = opened.extractfile(member) if member.isreg() and member.size <= staging.FILE_MOST_BYTES else None
        if held is None:
            raise staging.DamagedReleaseError(f"{member.name[:200]!r} is no file, or too large")
        yield member.name, held.read()


def _seen_ms(folder: Path) -> int:
    try:
        return int(json.loads((folder / SEEN).read_bytes())["seen_ms"])
    except (OSError, ValueError, TypeError, KeyError):
        return 0


def _keep(path: Path, data: bytes) -> None:
    slots = FolderSlots(path.parent)
    slots.write(path.name + ".new", data)
    slots.sync(path.name + ".new")
    slots.rename(path.name + ".new", path.name)
    slots.sync_names()


def _read(line: str) -> Wish:
    told = json.loads(line)
    for name in ("folder", "root", "data_dir"):
        told[name] = Path(told[name])
    told["identity"] = Identity(**told["identity"])
    told["machine"] = Machine(**told["machine"])
    return Wish(**told)


def main() -> int:
    """Do what one line of standard input asks for; return the exit code."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")

    def tell(said: dict[str, Any]) -> None:
        sys.stdout.write(json.dumps(said) + "\n")
        sys.stdout.flush()

    try:
        brought = bring(_read(sys.stdin.readline()), tell)
    except NotBroughtError as error:
        logging.getLogger(__name__).warning("no release came: %s", error)
        tell({"not_brought": error.reason})
        return 1
    tell({"brought": brought} if brought else {"nothing_new": True})
    return 0


if __name__ == "__main__":
    sys.exit(main())
