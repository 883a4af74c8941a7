"""What an archive is, read from it; what a draft says, in words for the one who signs it; the signature itself."""

import json
import tarfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from tuf.api.metadata import Root, Targets

from contract.feed import Text
from contract.releases import ARCHIVE_MOST_BYTES, Release
from server.releases import keys
from server.releases.errors import ReleaseRefusedError
from server.releases.files import write
from server.releases.repository import read_signed, releases_of

MANIFEST = "RELEASE.json"
MANIFEST_MOST_BYTES = 8 * 1024 * 1024


def describe(archive: Path, *, notes_zh: str, notes_en: str, minimum_version: str, models: tuple[str, ...]) -> Release:
    """Return what is signed for an archive: what its manifest says, and what people say of it.

    Raises :class:`ReleaseRefusedError` where it is no release, too large, or something said has not its form.
    """
    if archive.is_file() and archive.stat().st_size > ARCHIVE_MOST_BYTES:
        raise ReleaseRefusedError(f"{archive} is larger than {ARCHIVE_MOST_BYTES:,} bytes, which terminals do not take")
    told = _manifest(archive)
    try:
        return Release(
            version=told["version"],
            platform=told["platform"],
            python=told["python"],
            minimum_version=minimum_version,
            models=models,
            store_version=told["store_version"],
            store_readable_from=told["store_readable_from"],
            notes=Text(zh=notes_zh, en=notes_en),
            built_at=datetime.fromisoformat(told["built_at"]),
        )
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise ReleaseRefusedError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    except (KeyError, TypeError, ValueError) as error:
        raise ReleaseRefusedError(f"{archive}: its manifest lacks {error}; build it anew") from error


def in_words(draft: Path) -> Iterator[str]:
    """Say line by line what a draft says."""
    signed = read_signed(draft).signed
    yield f"{signed.type} number {signed.version}, holds until {signed.expires:%Y-%m-%d %H:%M} UTC"
    if isinstance(signed, Root):
        for name, role in sorted(signed.roles.items()):
            yield f"  {name}: {role.threshold} of {', '.join(keyid[:8] for keyid in sorted(role.keyids))}"
    if isinstance(signed, Targets):
        releases = releases_of(signed)
        for one in releases:
            yield f"  {one.name}: {one.size_bytes:,} bytes, SHA-256 {one.sha256}"
            said = one.release
            yield f"    from {said.minimum_version} on; for {', '.join(said.models) or 'all models'}; {said.notes.en}"
        if not releases:
            yield "  no release"


def sign(draft: Path, key: Path, passphrase: str) -> str:
    """Sign a draft into its own file; return the key's name."""
    metadata = read_signed(draft)
    signer = keys.signer(key, passphrase)
    signed = metadata.signed
    if isinstance(signed, Root) and signer.public_key.keyid not in signed.keys and signed.version == 1:
        raise ReleaseRefusedError(f"{key} is none of the keys of this root: nothing was signed")
    metadata.sign(signer, append=True)
    write(draft, metadata.to_bytes())
    keyid: str = signer.public_key.keyid
    return keyid


def _manifest(archive: Path) -> dict[str, Any]:
    try:
        with tarfile.open(archive, "r:gz") as opened:
            first = opened.next()
            if first is None or first.name != MANIFEST or first.size > MANIFEST_MOST_BYTES:
                raise ReleaseRefusedError(f"{archive} is no release: build one by `evenhand fleet release build`")
            held = opened.extractfile(first)
            told: dict[str, Any] = json.loads(held.read() if held else b"")
    except (tarfile.TarError, EOFError, ValueError) as error:
        if isinstance(error, ReleaseRefusedError):
            raise
        raise ReleaseRefusedError(f"{archive} cannot be read as an archive: build it anew") from error
    return told
