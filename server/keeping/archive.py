"""A backup's inside: a tar of a manifest and the files it lists, in one encrypted file, written whole or not at all."""

import hashlib
import io
import os
import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import IO, Any, Final, cast

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from pydantic import TypeAdapter, ValidationError

from server.keeping.age import Opened, Passphrase, SealedFileError, Sealer

FORMAT: Final = "evenhand backup 1"
MANIFEST: Final = "manifest.json"
DATABASE: Final = "database.dump"
AUDIT: Final = "audit/"
SEALING_KEYS: Final = "sealing.keys"
UPDATES: Final = "updates/"
MANIFEST_MOST_BYTES: Final = 1_000_000
STEP_BYTES: Final = 256 * 1024
Progress = Callable[[str, int, int], None]
"""Told the stage, how much of it is done, and of how much (0 where nobody knows)."""


class BackupRefusedError(ValueError):
    """A backup cannot be made or restored as asked; one line that says why and what to do. Nothing was written."""


@dataclass(frozen=True)
class Part:
    """A file of a backup."""

    name: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What a backup holds. ``tables`` counts the rows of each; ``audit_ordinal`` is where the audit's chain ends.

    ``broker_port`` is what terminals know of our own broker; none where another one is used.
    """

    format: str
    made_at: datetime
    evenhand: str
    postgresql: int
    schema: str
    audit_ordinal: int
    broker_port: int | None
    tables: Mapping[str, int]
    parts: tuple[Part, ...]


_MANIFEST: Final = TypeAdapter(Manifest)


def part_of(name: str, path: Path) -> Part:
    """Return what a manifest says of a file."""
    with path.open("rb") as source:
        return Part(name, path.stat().st_size, hashlib.file_digest(source, "sha256").hexdigest())


def write(
    out: Path,
    to: Sequence[X25519PublicKey] | Passphrase,
    manifest: Manifest,
    paths: Mapping[str, Path],
    progress: Progress,
) -> None:
    """Write a backup of ``paths``, which the manifest lists by name; ``out`` appears when all of it is on the disk.

    Raises
    ------
    BackupRefusedError
        ``out`` exists.
    """
    with _appearing(out) as sink:
        sealer = Sealer(sink, to)
        with tarfile.open(fileobj=cast("IO[bytes]", sealer), mode="w|", format=tarfile.PAX_FORMAT) as tar:
            said = _MANIFEST.dump_json(manifest, indent=1)
            tar.addfile(_member(MANIFEST, len(said), manifest), io.BytesIO(said))
            total = sum(part.size_bytes for part in manifest.parts)
            before = 0
            for part in manifest.parts:
                with paths[part.name].open("rb") as source:
                    told = _Counted(source, partial(_tell, progress, before, total))
                    tar.addfile(_member(part.name, part.size_bytes, manifest), cast("IO[bytes]", told))
                before += part.size_bytes
        sealer.finish()


class Reading:
    """A backup that was opened: its manifest was read, its files come one after the other."""

    def __init__(self, tar: tarfile.TarFile, manifest: Manifest, rest: Callable[[], object]) -> None:
        self._tar = tar
        self._rest = rest
        self.manifest = manifest

    def unpack(self, folder: Path, progress: Progress) -> None:
        """Write the files below ``folder``, each compared with the manifest; whoever keeps them keeps all of them.

        Raises
        ------
        SealedFileError, BackupRefusedError
            A block or a file is not what was written, or one is missing.
        """
        total, before = sum(part.size_bytes for part in self.manifest.parts), 0
        for part in self.manifest.parts:
            member = self._tar.next()
            source = None if member is None or member.name != part.name else self._tar.extractfile(member)
            if source is None:
                raise BackupRefusedError(f"the backup does not hold {part.name}, which its manifest lists")
            path = folder / part.name
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            found = hashlib.sha256()
            with path.open("xb") as sink:
                while block := source.read(STEP_BYTES):
                    sink.write(block)
                    found.update(block)
                    progress("decrypting", before + sink.tell(), total)
            if found.hexdigest() != part.sha256:
                raise BackupRefusedError(f"{part.name} is not what the backup's manifest says")
            before += part.size_bytes
        self._rest()  # to the mark of the last block: a file that was cut behind its files is found too


@contextmanager
def opened(path: Path, keys: Sequence[X25519PrivateKey] | Passphrase) -> Iterator[Reading]:
    """Open a backup and read its manifest.

    Raises
    ------
    SealedFileError, BackupRefusedError
        No backup, another key, damaged; made by a newer release.
    """
    try:
        source = path.open("rb")
    except OSError as error:
        raise BackupRefusedError(f"{path} cannot be read: {error.strerror}") from error
    with source:
        clear = Opened(source, keys)
        try:
            with tarfile.open(fileobj=cast("IO[bytes]", clear), mode="r|") as tar:
                yield Reading(tar, _manifest(tar), lambda: _drain(clear))
        except (tarfile.TarError, EOFError) as error:
            raise BackupRefusedError(f"{path} is no backup of Evenhand: {error}") from error


def _drain(clear: Opened) -> None:
    while clear.read(STEP_BYTES):
        pass


def _manifest(tar: tarfile.TarFile) -> Manifest:
    member = tar.next()
    source = None if member is None or member.name != MANIFEST else tar.extractfile(member)
    if member is None or source is None or member.size > MANIFEST_MOST_BYTES:
        raise BackupRefusedError("this is no backup of Evenhand: it does not begin with a manifest")
    said = source.read()
    try:
        format_: Any = TypeAdapter(dict[str, Any]).validate_json(said).get("format")
        if format_ == FORMAT:
            return _MANIFEST.validate_json(said)
    except ValidationError as error:
        raise BackupRefusedError("the backup's manifest cannot be read") from error
    raise BackupRefusedError(f"the backup is of the form {format_!r}, this release reads {FORMAT!r}: update it first")


def _member(name: str, size_bytes: int, manifest: Manifest) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = size_bytes, 0o600, int(manifest.made_at.timestamp())
    return member


def _tell(progress: Progress, before: int, total: int, done: int) -> None:
    progress("encrypting", before + done, total)


class _Counted:
    """A file that tells how much of it was read."""

    def __init__(self, source: IO[bytes], tell: Callable[[int], None]) -> None:
        self._source = source
        self._tell = tell

    def read(self, size: int) -> bytes:
        block = self._source.read(size)
        self._tell(self._source.tell())
        return block


@contextmanager
def _appearing(out: Path) -> Iterator[IO[bytes]]:
    """Give a file to write into that becomes ``out`` when the block ends well, and is gone when it does not."""
    if out.exists():
        raise BackupRefusedError(f"{out} exists: name another file")
    draft = out.with_name(f"{out.name}.part")
    try:
        draft.unlink(missing_ok=True)
        sink = os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
    except OSError as error:
        raise BackupRefusedError(f"{out} cannot be written: {error.strerror}") from error
    try:
        with sink:
            yield sink
            sink.flush()
            os.fsync(sink.fileno())
        draft.rename(out)
        _flush_folder(out.parent)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


__all__ = [
    "AUDIT",
    "DATABASE",
    "FORMAT",
    "SEALING_KEYS",
    "UPDATES",
    "BackupRefusedError",
    "Manifest",
    "Part",
    "Progress",
    "Reading",
    "SealedFileError",
    "opened",
    "part_of",
    "write",
]
