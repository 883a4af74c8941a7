"""From drafts to what terminals read, and the server's own roles, renewed before they expire.

Guarantee: before anything is published, the outcome is read from a copy by the client's own code
(:class:`tuf.ngclient.Updater`), as a new terminal does and as one that knows the state before. What that refuses is not
published. ``timestamp.json`` comes last, so that a reader sees the state before or after.
"""

import shutil
import tempfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import cast

from tuf.api.exceptions import DownloadHTTPError, RepositoryError
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, Timestamp
from tuf.ngclient import FetcherInterface, Updater

from server.releases import keys, rules
from server.releases.errors import ReleaseRefusedError
from server.releases.files import put, write
from server.releases.repository import (
    NEXT_ONLINE_KEY,
    ONLINE_KEY,
    Draft,
    Repository,
    latest_in,
    newest_in,
    read_signed,
    releases_of,
    targets_in,
)
from server.releases.rules import Role, until


def publish(repository: Repository, at: datetime) -> list[Draft]:
    """Publish what is drafted and signed; return what was.

    Raises :class:`ReleaseRefusedError` where signatures are missing, or the client's own code would refuse it.
    """
    with repository.writing():
        drafts = [repository.draft_of(role) for role in rules.PEOPLES if (repository.draft / f"{role}.json").exists()]
        if not drafts:
            raise ReleaseRefusedError("nothing is drafted: `add` or `rotate` comes first")
        for draft in drafts:
            if draft.wanted:
                missing = ", ".join(one.key[:8] for one in draft.signatures if not one.signed)
                raise ReleaseRefusedError(
                    f"{draft.role} number {draft.version} lacks {draft.wanted} more signatures, of {missing}: "
                    f"let them sign {repository.draft / (draft.role + '.json')}"
                )
        with tempfile.TemporaryDirectory(prefix="publish-", dir=repository.folder) as place:
            _publish_through(repository, Path(place), drafts, at)
    return drafts


def renew(repository: Repository, at: datetime, *, anyway: bool = False, ahead: int = 0) -> list[Role]:
    """Sign the server's own roles anew where it is time, or ``anyway``; return which.

    Their numbers go up by one and ``ahead``.
    """
    if not repository.exists:
        return []
    with repository.writing():
        snapshot = cast("Metadata[Snapshot]", read_signed(repository.newest("snapshot")))
        timestamp = cast("Metadata[Timestamp]", read_signed(repository.newest("timestamp")))
        done: list[Role] = []
        if anyway or rules.due("snapshot", snapshot.signed.expires, at):
            done.append("snapshot")
        if done or anyway or rules.due("timestamp", timestamp.signed.expires, at):
            done.append("timestamp")
        if not done:
            return []
        _sign_online(repository.metadata, repository.folder / ONLINE_KEY, at, snapshot="snapshot" in done, ahead=ahead)
    return done


def _publish_through(repository: Repository, place: Path, drafts: list[Draft], at: datetime) -> None:
    """Lay the outcome out in ``place``, let the client's code read it, then put it in its place."""
    laid = place / "metadata"
    if repository.metadata.exists():
        shutil.copytree(repository.metadata, laid)
    laid.mkdir(exist_ok=True)
    new_files = []
    for draft in drafts:
        name = f"{draft.version}.{draft.role}.json"
        shutil.copyfile(repository.draft / f"{draft.role}.json", laid / name)
        new_files.append(name)
    online = repository.folder / ONLINE_KEY
    coming = repository.folder / NEXT_ONLINE_KEY
    root = cast("Metadata[Root]", read_signed(newest_in(laid, "root")))
    if coming.exists() and keys.signer(coming, None).public_key.keyid in root.signed.roles["timestamp"].keyids:
        online = coming
    before = {path.name for path in laid.iterdir()}
    _sign_online(laid, online, at, snapshot=True)
    new_files += sorted({path.name for path in laid.iterdir()} - before)
    targets = repository.draft / "targets"
    coming_targets = sorted(targets.iterdir()) if targets.exists() else []
    _try_as_client(repository, laid, at)
    repository.metadata.mkdir(exist_ok=True)
    repository.targets.mkdir(exist_ok=True)
    named = {f"{one.sha256}.{one.name}" for one in releases_of(targets_in(laid))}
    for path in coming_targets:
        if path.name in named:
            put(path, repository.targets / path.name)
    for name in [*new_files, "timestamp.json"]:
        if name != "timestamp.json":
            put(laid / name, repository.metadata / name)
    if online == coming:
        coming.replace(repository.folder / ONLINE_KEY)
    put(laid / "timestamp.json", repository.metadata / "timestamp.json")
    shutil.rmtree(repository.draft)


def _sign_online(where: Path, key: Path, at: datetime, *, snapshot: bool, ahead: int = 0) -> None:
    """Write the next timestamp, and the next snapshot where wanted, signed by the server's key."""
    signer = keys.signer(key, None)
    newest = latest_in(where, "snapshot")
    if snapshot or newest is None:
        number = 1 if newest is None else read_signed(newest).signed.version + 1 + ahead
        listed = newest_in(where, "targets")
        described = MetaFile.from_data(read_signed(listed).signed.version, listed.read_bytes(), ["sha256"])
        made = Metadata(Snapshot(number, expires=until("snapshot", at), meta={"targets.json": described}))
        made.sign(signer)
        newest = where / f"{number}.snapshot.json"
        write(newest, made.to_bytes())
    held = where / "timestamp.json"
    number = read_signed(held).signed.version + 1 + ahead if held.exists() else 1
    described = MetaFile.from_data(read_signed(newest).signed.version, newest.read_bytes(), ["sha256"])
    stamp = Metadata(Timestamp(number, expires=until("timestamp", at), snapshot_meta=described))
    stamp.sign(signer)
    write(held, stamp.to_bytes())


def _try_as_client(repository: Repository, laid: Path, at: datetime) -> None:
    """Read the outcome as a new terminal does and as one that knows what was published before."""
    for known in (None, repository.metadata if repository.exists else None):
        with tempfile.TemporaryDirectory(prefix="client-", dir=repository.folder) as place:
            try:
                if known is not None:
                    ends = min(read_signed(newest_in(known, role)).signed.expires for role in rules.ROLES)
                    _client(place, known, laid, min(at, ends - timedelta(seconds=1))).refresh()
                _client(place, laid, laid, at).refresh()
            except RepositoryError as error:
                raise ReleaseRefusedError(
                    f"a terminal would refuse this ({error}); nothing was published. Where keys of targets change, "
                    "the list must be signed by the new ones: `rotate` drafts both"
                ) from error


def _client(place: str, folder: Path, first: Path, at: datetime) -> Updater:
    """Return the framework's client over a folder, at a time: what was published before may have expired since."""
    client = Updater(place, "folder:", fetcher=_Folder(folder), bootstrap=(first / "1.root.json").read_bytes())
    client._trusted_set.reference_time = at  # noqa: SLF001 - it asks the clock and has no other way to be told
    return client


class _Folder(FetcherInterface):
    """Reads a folder as if it were the server."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def _fetch(self, url: str) -> Iterator[bytes]:
        path = self._folder / url.rpartition("/")[2]
        if not path.exists():
            raise DownloadHTTPError("not there", 404)
        return iter([path.read_bytes()])
