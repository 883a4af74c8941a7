"""The repository on the disk, and reading it.

``updates/metadata`` and ``updates/targets`` are what terminals read; ``updates/draft`` is what people sign,
``root.json`` and ``targets.json``, each the next number of its role. One process writes at a time (``updates/lock``).
Published files are never changed, but for ``timestamp.json``; each appears whole.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from tuf.api.metadata import Metadata, Root, Targets
from tuf.api.serialization import DeserializationError

from contract.releases import TARGET, Release, order
from server.releases import rules
from server.releases.errors import ReleaseRefusedError
from server.releases.rules import Role

FOLDER = "updates"
ONLINE_KEY, NEXT_ONLINE_KEY = "online-key.pem", "online-key-next.pem"


@dataclass(frozen=True)
class Signature:
    """Who may sign something, and whether it was done."""

    key: str
    signed: bool


@dataclass(frozen=True)
class Standing:
    """How a role stands: what is published of it."""

    role: Role
    version: int
    expires: datetime
    threshold: int
    signatures: tuple[Signature, ...]


@dataclass(frozen=True)
class Draft:
    """What waits for signatures: for each set of keys that must agree, how many are still wanted."""

    role: Role
    version: int
    expires: datetime
    signatures: tuple[Signature, ...]
    wanted: int


@dataclass(frozen=True)
class Published:
    """A release that terminals can fetch."""

    name: str
    release: Release
    size_bytes: int
    sha256: str


class Repository:
    """A repository in a folder; nothing is read before it is asked for."""

    def __init__(self, data_dir: Path) -> None:
        self.folder = data_dir / FOLDER
        self.metadata = self.folder / "metadata"
        self.targets = self.folder / "targets"
        self.draft = self.folder / "draft"

    @property
    def exists(self) -> bool:
        """Whether a first root was published."""
        return (self.metadata / "1.root.json").exists()

    # What stands.

    def root(self) -> Metadata[Root]:
        """Return the newest published root."""
        return cast("Metadata[Root]", read_signed(self.newest("root")))

    def published_targets(self) -> Metadata[Targets]:
        """Return the published list of releases."""
        return cast("Metadata[Targets]", read_signed(self.newest("targets")))

    def standings(self) -> list[Standing]:
        """Return how each role stands; none before the first publication."""
        if not self.exists:
            return []
        root = self.root()
        known = {role: read_signed(self.newest(role)) for role in rules.ROLES}
        return [
            Standing(
                role,
                known[role].signed.version,
                known[role].signed.expires,
                root.signed.roles[role].threshold,
                _signatures(root.signed, role, known[role]),
            )
            for role in rules.ROLES
        ]

    def releases(self) -> list[Published]:
        """Return what terminals can fetch, the newest first; none before the first publication."""
        return releases_of(self.published_targets().signed) if self.exists else []

    def drafts(self) -> list[Draft]:
        """Return what waits for signatures."""
        return [self.draft_of(role) for role in rules.PEOPLES if (self.draft / f"{role}.json").exists()]

    def judges(self, role: Role) -> list[Root]:
        """Return the roots whose keys must agree to a draft of a role."""
        held = self.draft / "root.json"
        drafted = cast("Root", read_signed(held).signed) if held.exists() else None
        if role == "root":
            return [root for root in (drafted, self.root().signed if self.exists else None) if root is not None]
        return [drafted or self.root().signed]

    def newest(self, role: Role) -> Path:
        """Return the file of a role with the highest number; refused before the first publication."""
        if not self.exists:
            raise ReleaseRefusedError("nothing is published yet: `evenhand fleet release init` begins a repository")
        return newest_in(self.metadata, role)

    def draft_of(self, role: Role) -> Draft:
        """Return how a draft stands: where old and new keys must agree, ``wanted`` is of the set that lacks more."""
        metadata = read_signed(self.draft / f"{role}.json")
        wanted, signatures = 0, dict[str, bool]()
        for judge in self.judges(role):
            result = judge.get_verification_result(role, metadata.signed_bytes, metadata.signatures)
            wanted = max(wanted, result.threshold - len(result.signed))
            signatures |= dict.fromkeys(result.signed, True) | dict.fromkeys(result.unsigned, False)
        told = tuple(Signature(key, done) for key, done in sorted(signatures.items()))
        return Draft(role, metadata.signed.version, metadata.signed.expires, told, max(wanted, 0))

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Be the only one who writes; raise :class:`ReleaseRefusedError` where the folder does not let us."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with (self.folder / "lock").open("a") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield
        except OSError as error:
            raise ReleaseRefusedError(
                f"{error.filename or self.folder}: {error.strerror}; nothing was published"
            ) from error


def read_signed(path: Path) -> Metadata[Any]:
    """Return a file of the framework; raise :class:`ReleaseRefusedError` where it is none."""
    try:
        return Metadata.from_file(str(path))
    except DeserializationError as error:
        raise ReleaseRefusedError(f"{path} is not a file of this repository") from error
    except Exception as error:
        if not path.is_file():
            raise ReleaseRefusedError(f"{path} is not there") from error
        raise


def latest_in(folder: Path, role: Role) -> Path | None:
    """Return the file of a role with the highest number below a folder, or none."""
    if role == "timestamp":
        return folder / "timestamp.json"
    found = sorted(folder.glob(f"*.{role}.json"), key=lambda path: int(path.name.partition(".")[0]))
    return found[-1] if found else None


def newest_in(folder: Path, role: Role) -> Path:
    """Return the file of a role with the highest number below a folder that must hold one."""
    found = latest_in(folder, role)
    if found is None:
        raise ReleaseRefusedError(f"{folder} holds no {role}: restore the folder from a backup")
    return found


def targets_in(folder: Path) -> Targets:
    """Return the newest list of releases below a folder."""
    return cast("Targets", read_signed(newest_in(folder, "targets")).signed)


def releases_of(targets: Targets) -> list[Published]:
    """Return the releases on a list, the newest first."""
    found = [
        Published(name, Release.model_validate(target.custom), target.length, target.hashes["sha256"])
        for name, target in targets.targets.items()
        if TARGET.fullmatch(name)
    ]
    return sorted(found, key=lambda one: (order(one.release.version), one.release.platform), reverse=True)


def _signatures(root: Root, role: Role, metadata: Metadata[Any]) -> tuple[Signature, ...]:
    result = root.get_verification_result(role, metadata.signed_bytes, metadata.signatures)
    done = dict.fromkeys(result.signed, True) | dict.fromkeys(result.unsigned, False)
    return tuple(Signature(key, signed) for key, signed in sorted(done.items()))
