"""What people sign: the next root and the next list of releases, prepared here and brought back with signatures."""

import json
import shutil
from collections.abc import Callable
from copy import deepcopy
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from securesystemslib.signer import SSlibKey
from tuf.api.metadata import Metadata, Root, TargetFile, Targets

from contract.releases import Release, order, target_name
from server.releases import keys, rules
from server.releases.errors import ReleaseRefusedError
from server.releases.files import write
from server.releases.repository import (
    NEXT_ONLINE_KEY,
    ONLINE_KEY,
    Draft,
    Published,
    Repository,
    read_signed,
    releases_of,
)
from server.releases.rules import Role, until


def init(
    repository: Repository,
    root_keys: list[SSlibKey],
    root_threshold: int,
    targets_keys: list[SSlibKey],
    targets_threshold: int,
    at: datetime,
) -> None:
    """Draft the first root and an empty list of releases; make the server's own key."""
    if repository.exists:
        raise ReleaseRefusedError("the repository exists: `rotate` changes its keys")
    with repository.writing():
        if (repository.draft / "root.json").exists():
            raise ReleaseRefusedError(
                f"{repository.draft} holds a first draft: sign it, or remove the folder to begin anew"
            )
        root = Root(version=1, expires=until("root", at), consistent_snapshot=True)
        _assign(root, "root", root_keys, root_threshold)
        _assign(root, "targets", targets_keys, targets_threshold)
        online = keys.make_online(repository.folder / ONLINE_KEY)
        for role in ("snapshot", "timestamp"):
            _assign(root, role, [online], 1)
        _keep_draft(repository, "root", Metadata(root))
        _keep_draft(repository, "targets", Metadata(Targets(version=1, expires=until("targets", at))))


def rotate(
    repository: Repository,
    at: datetime,
    *,
    root_keys: tuple[list[SSlibKey], int] | None = None,
    targets_keys: tuple[list[SSlibKey], int] | None = None,
    online: bool = False,
) -> None:
    """Draft the next root: other keys, or the same for longer. Both the old and the new root keys sign it."""
    with repository.writing():
        root = deepcopy(repository.root().signed)
        root.version += 1
        root.expires = until("root", at)
        if root_keys is not None:
            _assign(root, "root", *root_keys)
        if targets_keys is not None:
            _assign(root, "targets", *targets_keys)
            _redraft_targets(repository, at, lambda _: None)
        if online:
            key = keys.make_online(repository.folder / NEXT_ONLINE_KEY)
            for role in ("snapshot", "timestamp"):
                _assign(root, role, [key], 1)
        _keep_draft(repository, "root", Metadata(root))


def add(repository: Repository, archive: Path, release: Release, at: datetime) -> str:
    """Put a release on the list to be signed, and its archive beside it; return the archive's name.

    Raises :class:`ReleaseRefusedError` where its version is not above every one that was published for its platform.
    """
    name = target_name(release)
    with repository.writing():
        listed = _list_in_work(repository)
        same = [one.release.version for one in listed if one.release.platform == release.platform]
        before = [*same, *_versions_ever(repository, release.platform)]
        if rules.lowers(release.version, before):
            raise ReleaseRefusedError(
                f"{release.version} is not above {max(before, key=order)}, which was published for {release.platform}: "
                "versions only grow, give it a higher one"
            )
        described = TargetFile.from_file(name, str(archive), ["sha256"])
        described.unrecognized_fields["custom"] = json.loads(release.model_dump_json())
        held = repository.draft / "targets" / f"{described.hashes['sha256']}.{name}"
        held.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(archive, held)

        def with_it(targets: Targets) -> None:
            targets.targets[name] = described

        _redraft_targets(repository, at, with_it)
    return name


def withdraw(repository: Repository, version: str, at: datetime) -> list[str]:
    """Take a version off the list to be signed, on all platforms; return the names of what goes."""
    with repository.writing():
        names = [one.name for one in _list_in_work(repository) if one.release.version == version]
        if not names:
            raise ReleaseRefusedError(f"no release {version} is published or drafted; `list` shows what there is")

        def without(targets: Targets) -> None:
            for name in names:
                del targets.targets[name]

        _redraft_targets(repository, at, without)
    return names


def renew_targets(repository: Repository, at: datetime) -> None:
    """Draft the list as it is, to hold for longer."""
    with repository.writing():
        _redraft_targets(repository, at, lambda _: None)


def collect(repository: Repository, signed: list[Path]) -> list[Draft]:
    """Take over signatures from files that people brought back; return how the drafts stand then.

    Raises :class:`ReleaseRefusedError` where a file is not the draft, or a signature is false.
    """
    with repository.writing():
        for path in signed:
            brought = read_signed(path)
            role = cast("Role", brought.signed.type)
            if role not in rules.PEOPLES or not (repository.draft / f"{role}.json").exists():
                raise ReleaseRefusedError(f"{path} is of role {role}, of which nothing is drafted here")
            held = read_signed(repository.draft / f"{role}.json")
            if held.signed_bytes != brought.signed_bytes:
                raise ReleaseRefusedError(
                    f"{path} is another draft than the one here (number {held.signed.version}): sign that one"
                )
            for keyid, signature in brought.signatures.items():
                key = _known_key(repository, role, keyid)
                if key is None:
                    raise ReleaseRefusedError(f"{path} is signed by {keyid[:8]}, which may not sign {role}")
                try:
                    key.verify_signature(signature, held.signed_bytes)
                except Exception as error:
                    raise ReleaseRefusedError(f"{path}: the signature of {keyid[:8]} is false") from error
                held.signatures[keyid] = signature
            _keep_draft(repository, role, held)
    return repository.drafts()


def _redraft_targets(repository: Repository, at: datetime, change: Callable[[Targets], None]) -> None:
    """Make the next draft of the list out of the one in work, or of the published one; signatures begin anew."""
    held = repository.draft / "targets.json"
    if held.exists():
        targets = cast("Targets", read_signed(held).signed)
    else:
        targets = deepcopy(repository.published_targets().signed)
        targets.version += 1
    change(targets)
    targets.expires = until("targets", at)
    _keep_draft(repository, "targets", Metadata(targets))


def _list_in_work(
    repository: Repository,
) -> list[Published]:
    held = repository.draft / "targets.json"
    if held.exists():
        return releases_of(cast("Targets", read_signed(held).signed))
    return releases_of(repository.published_targets().signed)


def _versions_ever(repository: Repository, platform: str) -> list[str]:
    """Return every version that was once published for a platform, taken back or not."""
    found = []
    for path in repository.metadata.glob("*.targets.json"):
        signed = cast("Targets", read_signed(path).signed)
        found += [one.release.version for one in releases_of(signed) if one.release.platform == platform]
    return found


def _known_key(repository: Repository, role: Role, keyid: str) -> Any:
    for judge in repository.judges(role):
        if keyid in judge.roles[role].keyids:
            return judge.keys[keyid]
    return None


def _keep_draft(repository: Repository, role: Role, metadata: Metadata[Any]) -> None:
    repository.draft.mkdir(parents=True, exist_ok=True)
    write(repository.draft / f"{role}.json", metadata.to_bytes())


def _assign(root: Root, role: str, held: list[SSlibKey], threshold: int) -> None:
    names = {key.keyid for key in held}
    if not 1 <= threshold <= len(names):
        raise ReleaseRefusedError(f"{threshold} of {len(names)} keys cannot sign {role}: name as many keys, or fewer")
    for keyid in list(root.roles[role].keyids):
        root.revoke_key(keyid, role)
    for key in held:
        root.add_key(key, role)
    root.roles[role].threshold = threshold
