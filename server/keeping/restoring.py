"""Restoring a backup: into an empty folder or an empty database, all of it or nothing.

Guarantees: nothing is touched before the whole file was found genuine; the schema goes up to this release's; terminals
see another history and send again what the backup does not know; the audit says what happened, and its check knows
which heads of before lie beyond the backup.
"""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from alembic.script import ScriptDirectory
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from sqlalchemy.orm import Session

from contract.ids import uuid7
from server import migrations
from server.keeping import archive, databases
from server.keeping.age import Passphrase
from server.keeping.archive import AUDIT, DATABASE, SEALING_KEYS, UPDATES, BackupRefusedError, Manifest, Progress
from server.keeping.backing_up import NEWEST_HEAD, SIGNING_KEY
from server.kit import audit, audit_keys, audit_sealing, broker, embedded, homes, sealing
from server.kit.audit_chain import GENESIS
from server.kit.audit_sealing import AuditSeal
from server.kit.db import EVERYTHING, make_engine, make_sessions, transaction
from server.kit.homes import write_private
from server.kit.identity import Actor
from server.kit.outbox import Restoration
from server.kit.processes import StartError
from server.kit.settings import Settings
from server.releases import publishing
from server.releases.repository import ONLINE_KEY, Repository

COMMAND: Final = Actor("system", "command")
ACTION: Final = "audit.restored"
SIGNED_SINCE_MOST: Final = 100_000
"""As often a lost server cannot have signed timestamp and snapshot since the backup: it does so some times a day."""


@dataclass(frozen=True)
class _Target:
    app_url: str
    owner_url: str
    major: int


def restore(
    settings: Settings,
    backup: Path,
    keys: Sequence[X25519PrivateKey] | Passphrase,
    *,
    at: datetime,
    progress: Progress,
) -> Manifest:
    """Restore ``backup``; return what it held.

    Raises
    ------
    SealedFileError, BackupRefusedError
        The file cannot be opened, is damaged, or of a newer release; the target is not empty. Nothing was written.
    """
    with _room(settings) as folder, archive.opened(backup, keys) as reading:
        manifest = reading.manifest
        known = {script.revision for script in ScriptDirectory.from_config(migrations.config("")).walk_revisions()}
        if manifest.schema not in known:
            raise BackupRefusedError(
                f"the backup was made by Evenhand {manifest.evenhand}, whose schema {manifest.schema} is newer than "
                "this release: update it first"
            )
        reading.unpack(folder, progress)
        with _target(settings) as target:
            databases.load(target.owner_url, folder / DATABASE, target.major, lambda: progress("restoring", 0, 0))
            _compare(manifest, databases.counts(target.owner_url))
            migrations.upgrade(target.owner_url, app_role=urlsplit(target.app_url).username or "")
            _keep_audit(settings, folder / AUDIT)
            _keep_keys(settings, folder / SEALING_KEYS)
            _keep_releases(settings, folder / UPDATES, at)
            if settings.broker_url is None and manifest.broker_port is not None:
                _keep_port(settings.data_dir / "broker", manifest.broker_port)
            _say(settings, target, manifest, at)
    return manifest


@contextmanager
def _room(settings: Settings) -> Iterator[Path]:
    """Give a private folder below the data folder; where the block fails, what was made is removed again."""
    data_dir = settings.data_dir
    made = not data_dir.exists()
    if settings.database_url is not None:
        databases.refuse_full((settings.database_owner_url or settings.database_url).get_secret_value())
    elif not made and any(data_dir.iterdir()):
        raise BackupRefusedError(f"{data_dir} is not empty: name an empty folder by --data-dir")
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="restore-", dir=data_dir) as folder:
            yield Path(folder)
    except BaseException:
        if settings.database_url is None:
            homes.remove(data_dir / "broker")
            for left in data_dir.glob("*"):
                shutil.rmtree(left)
        if made:
            data_dir.rmdir()
        raise


@contextmanager
def _target(settings: Settings) -> Iterator[_Target]:
    """Give an empty database; an embedded one is made, ends with the block, and is removed where that fails."""
    if settings.database_url is not None:
        app_url = settings.database_url.get_secret_value()
        owner_url = (settings.database_owner_url or settings.database_url).get_secret_value()
        yield _Target(app_url, owner_url, databases.refuse_full(owner_url))
        return
    place = settings.data_dir / "postgres"
    try:
        cluster = embedded.start(place)
        try:
            yield _Target(cluster.app_url, cluster.owner_url, cluster.major)
        except BaseException:
            embedded.remove_cluster(place)
            raise
        cluster.stop()
    except StartError as error:
        raise BackupRefusedError(str(error)) from error


def _compare(manifest: Manifest, found: dict[str, int]) -> None:
    """Refuse where a table holds more or fewer rows than in the backup."""
    for table, rows in manifest.tables.items():
        if found.get(table) != rows:
            raise BackupRefusedError(f"{table} holds {found.get(table, 0)} rows once restored, the backup has {rows}")


def _keep_audit(settings: Settings, source: Path) -> None:
    """Put back what the audit keeps outside the database; what lies there already stays, but for the newest head."""
    folder = audit_keys.folder(settings)
    kept = audit_keys.kept_head(settings)
    if kept is not None:  # of the database that was lost: its check would find the chain cut off
        write_private(folder / f"head-{kept.ordinal}-before-restoring.json", kept.as_json() + "\n")
    for path in sorted(source.rglob("*")):
        name = path.relative_to(source)
        target = folder / name
        if name.as_posix() == SIGNING_KEY and settings.audit_key_file is not None:
            continue
        if path.is_file() and (name.as_posix() == NEWEST_HEAD or not target.exists()):
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_private(target, path.read_text(encoding="utf-8"))


def _keep_keys(settings: Settings, source: Path) -> None:
    """Put back the keys that seal secrets, behind those that lie there already."""
    target = sealing.path(settings)
    if not source.exists():
        return
    there = target.read_text(encoding="utf-8").split() if target.exists() else []
    keys = dict.fromkeys([*there, *source.read_text(encoding="utf-8").split()])
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_private(target, "\n".join(keys) + "\n")


def _keep_releases(settings: Settings, source: Path, at: datetime) -> None:
    """Put back what was published of releases; what lies there already stays, for numbers only grow.

    Terminals refuse numbers below those that they know. Those of the server's own roles go ahead of whatever the lost
    server may have signed after the backup. The list of releases is signed by people alone: where they had signed
    another since, terminals wait until a list of a higher number than theirs is published.
    """
    place = Repository(settings.data_dir)
    if place.exists or not source.exists():
        return
    shutil.copytree(source, place.folder, dirs_exist_ok=True)
    (place.folder / ONLINE_KEY).chmod(0o600)
    publishing.renew(place, at, anyway=True, ahead=SIGNED_SINCE_MOST)


def _keep_port(place: Path, port: int) -> None:
    """Let our own broker be where terminals know it, unless one ran here already."""
    if homes.known_home(place) is None:
        broker.keep_port(place, port)


def _say(settings: Settings, target: _Target, manifest: Manifest, at: datetime) -> None:
    """Write the restoring down: a new history for terminals, an entry in the audit, a head outside the database."""
    key = audit_keys.signing_key(settings)
    engine = make_engine(target.app_url, pool=1)
    try:
        with transaction(make_sessions(engine), EVERYTHING) as session:
            ended = _last_link(session, manifest.audit_ordinal)
            audit_keys.keep_restored(settings, key.sign(manifest.audit_ordinal, ended, at))
            session.add(Restoration(id=uuid7(), at=at, made_at=manifest.made_at))
            detail = {"made_at": manifest.made_at.isoformat(), "ordinal": manifest.audit_ordinal}
            audit.record(session, actor=COMMAND, action=ACTION, subject="audit", at=at, detail=detail, alert=True)
            session.flush()
            head = audit_sealing.seal_waiting(session, key, at)
        if head is not None:
            audit_keys.keep_head(settings, head)
    finally:
        engine.dispose()


def _last_link(session: Session, ordinal: int) -> bytes:
    return GENESIS if ordinal == 0 else session.get_one(AuditSeal, ordinal).link
