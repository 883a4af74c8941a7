"""People who hold keys of releases, and repositories that they have signed."""

import json
import tarfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

from securesystemslib.signer import SSlibKey
from tuf.api.metadata import Metadata

from contract.feed import Text
from contract.releases import Release, target_name
from server.releases import drafting, keys, publishing
from server.releases.repository import Repository

PASSPHRASE = "three of us hold keys"


@dataclass
class Holders:
    """Three people, of whom two sign the root and the list of releases."""

    folder: Path
    names: tuple[str, ...] = ("li", "wang", "zhao")
    keys: dict[str, SSlibKey] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        for name in self.names:
            self.keys[name] = keys.make(self.folder / f"{name}.key", PASSPHRASE)

    def all(self) -> list[SSlibKey]:
        return list(self.keys.values())

    def sign(self, draft: Path, *names: str) -> list[Path]:
        """Let people sign copies of a draft, each on a machine of its own."""
        signed = []
        for name in names:
            metadata = Metadata.from_bytes(draft.read_bytes())
            metadata.sign(keys.signer(self.folder / f"{name}.key", PASSPHRASE), append=True)
            path = self.folder / f"{name}-{draft.name}"
            path.write_bytes(metadata.to_bytes())
            signed.append(path)
        return signed

    def publish(self, repository: Repository, at: datetime, *names: str) -> None:
        """Sign whatever is drafted, by two people where nobody is named, and publish it."""
        for draft in sorted(repository.draft.glob("*.json")):
            drafting.collect(repository, self.sign(draft, *(names or self.names[:2])))
        publishing.publish(repository, at)


def archive(folder: Path, version: str, files: dict[str, bytes] | None = None, **told: object) -> tuple[Path, Release]:
    """Make a small archive of a release and what is said of it."""
    release = Release(
        version=version,
        notes=Text(zh=f"版本 {version}", en=f"Version {version}"),
        built_at=datetime(2027, 1, 1, tzinfo=UTC),
        **told,  # type: ignore[arg-type]
    )
    path = folder / target_name(release)
    with tarfile.open(path, "w:gz") as sink:
        for name, data in sorted((files or {"site/hello.py": b"print('hello')\n"}).items()):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            sink.addfile(member, BytesIO(data))
    return path, release


def begun(data_dir: Path, at: datetime | None = None) -> tuple[Repository, Holders]:
    """Return a repository that was begun and published, and who signed it."""
    at = at or datetime.now(UTC) - timedelta(minutes=1)
    holders, repository = Holders(data_dir / "holders"), Repository(data_dir)
    drafting.init(repository, holders.all(), 2, holders.all(), 2, at)
    holders.publish(repository, at)
    return repository, holders


def metadata_of(path: Path) -> dict[str, object]:
    """Return the signed part of a file."""
    told: dict[str, object] = json.loads(path.read_bytes())["signed"]
    return told
