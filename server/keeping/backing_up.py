"""Making a backup: one snapshot of the database and what lies outside it, while the server runs.

What lies outside: the audit's keys, its newest head, where earlier backups ended; the keys that seal second factors and
webhooks' secrets; the repository of releases with the server's key for it; the broker's port. The broker's identities
follow the devices in the database; photos are rows.
Secrets of the running parts are made anew where a backup is restored.
"""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

from server.keeping import archive, databases
from server.keeping.age import Passphrase
from server.keeping.archive import BackupRefusedError, Manifest, Progress
from server.kit import audit_keys, broker, claims, embedded, homes, sealing
from server.kit.processes import StartError
from server.kit.settings import Settings
from server.releases.repository import ONLINE_KEY, Repository

LOCK: Final = "backup.lock"
PREFIX: Final = "backup-"
SIGNING_KEY: Final = "signing-key.pem"
NEWEST_HEAD: Final = "newest-head.json"


def back_up(
    settings: Settings, out: Path, to: Sequence[X25519PublicKey] | Passphrase, *, at: datetime, progress: Progress
) -> Manifest:
    """Write a backup of the installation to ``out`` and return what it holds.

    The dump lies in the data folder until it is encrypted: as much room as it takes is needed there, too.

    Raises
    ------
    BackupRefusedError
        ``out`` exists or cannot be written, there is no installation, another backup is under way, the dump failed.
    """
    if out.exists():
        raise BackupRefusedError(f"{out} exists: name another file")
    with _owner_url(settings) as owner_url, _workplace(settings.data_dir) as folder:
        paths = _copied_audit(settings, folder)  # before the snapshot: its chain reaches the head that was kept
        with databases.snapshot(owner_url) as seen:
            dump = folder / archive.DATABASE
            databases.dump(owner_url, seen, dump, lambda done: progress("dumping", done, 0))
        paths = {
            archive.DATABASE: dump,
            **paths,
            **_copied_keys(settings, folder),
            **_copied_releases(settings, folder),
        }
        manifest = Manifest(
            format=archive.FORMAT,
            made_at=at,
            evenhand=version("evenhand"),
            postgresql=seen.major,
            schema=seen.schema,
            audit_ordinal=seen.audit_ordinal,
            broker_port=broker.known_port(settings.data_dir / "broker"),
            tables=seen.tables,
            parts=tuple(archive.part_of(name, path) for name, path in paths.items()),
        )
        archive.write(out, to, manifest, paths, progress)
    return manifest


@contextmanager
def _owner_url(settings: Settings) -> Iterator[str]:
    """Give the address of the database as its owner; an embedded one that does not run is started for the while."""
    if settings.database_url is not None:
        yield (settings.database_owner_url or settings.database_url).get_secret_value()
        return
    place = settings.data_dir / "postgres"
    if homes.known_home(place) is None:
        raise BackupRefusedError(f"{settings.data_dir} holds no installation: name its folder by --data-dir")
    try:
        cluster = embedded.start(place)
    except StartError as error:
        raise BackupRefusedError(str(error)) from error
    try:
        yield cluster.owner_url
    finally:
        if cluster.started:
            cluster.stop()


@contextmanager
def _workplace(data_dir: Path) -> Iterator[Path]:
    """Give a private folder; what a killed backup left there is removed first."""
    data_dir.mkdir(parents=True, exist_ok=True)
    try:
        lock = claims.claim(data_dir / LOCK)
    except claims.ClaimedError as claimed:
        raise BackupRefusedError(f"another backup of {data_dir} is under way ({claims.named(claimed.pid)})") from None
    with lock:
        for left in data_dir.glob(f"{PREFIX}*/"):
            shutil.rmtree(left)
        with tempfile.TemporaryDirectory(prefix=PREFIX, dir=data_dir) as folder:
            yield Path(folder)


def _copied_audit(settings: Settings, folder: Path) -> dict[str, Path]:
    """Copy what the audit keeps outside the database; return the copies by their names in the backup."""
    source, copies = audit_keys.folder(settings), folder / "audit"
    given = [source / NEWEST_HEAD, *sorted((source / "keys").glob("*.pem")), *sorted((source / "restored").glob("*"))]
    wanted = {path.relative_to(source).as_posix(): path for path in given if path.exists()}
    key = settings.audit_key_file or source / SIGNING_KEY
    if key.exists():
        wanted[SIGNING_KEY] = key
    copied = {}
    for name, path in wanted.items():
        copy = copies / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
        copied[f"{archive.AUDIT}{name}"] = copy
    return copied


def _copied_keys(settings: Settings, folder: Path) -> dict[str, Path]:
    """Copy the keys that seal secrets, after the snapshot: whatever is sealed in it, they open."""
    source = sealing.path(settings)
    if not source.exists():
        return {}
    shutil.copyfile(source, folder / "sealing.keys")
    return {archive.SEALING_KEYS: folder / "sealing.keys"}


def _copied_releases(settings: Settings, folder: Path) -> dict[str, Path]:
    """Copy what is published of releases, the timestamp first: whatever it names was there before it."""
    source, copies = Repository(settings.data_dir), folder / "updates"
    if not source.exists:
        return {}
    wanted = [source.metadata / "timestamp.json", source.folder / ONLINE_KEY]
    wanted += sorted(source.metadata.glob("*.*.json")) + sorted(source.targets.glob("*.tar.gz"))
    copied = {}
    for path in wanted:
        name = path.relative_to(source.folder).as_posix()
        copy = copies / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
        copied[f"{archive.UPDATES}{name}"] = copy
    return copied
