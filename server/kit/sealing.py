"""Secrets that must be read again, sealed where they lie: what an app makes codes from, what signs webhooks.

A row holds a Fernet token (AES-128-CBC with HMAC-SHA256); the keys are a file of the installation, never rows, so that
who has the database alone, or a dump of it, has none of them. What is sealed names its purpose, and opens for that one
alone: a token that is copied into another's row is refused. The file holds a key a line; the first one seals, each of
them opens, so that a key is changed by a new first line.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlalchemy.orm import Session

from server.kit.homes import write_private
from server.kit.settings import Settings

HELD: Final = "seal"
"""Under which name a session holds its seal."""


class SealError(RuntimeError):
    """The keys cannot be used, or a secret was sealed by none of them; the message says which and what to do."""


@dataclass(frozen=True)
class Seal:
    """The keys of an installation, read from their file each time: a key that was changed counts at once."""

    settings: Settings

    def seal(self, purpose: str, secret: str) -> str:
        """Return what a row may hold of a secret."""
        return self._keys().encrypt(json.dumps([purpose, secret]).encode()).decode()

    def opened(self, purpose: str, sealed: str) -> str:
        """Return a secret as it was before it was sealed for this purpose.

        Raises
        ------
        SealError
            None of the keys opens it, or it was sealed for another purpose.
        """
        try:
            for_what, secret = json.loads(self._keys().decrypt(sealed.encode()))
        except InvalidToken:
            raise SealError(f"none of the keys in {path(self.settings)} opens the secret of {purpose}") from None
        if for_what != purpose:
            raise SealError(f"the secret of {purpose} was sealed for {for_what}")
        return str(secret)

    def _keys(self) -> MultiFernet:
        place = path(self.settings)
        if not place.exists():
            if self.settings.secrets_key_file is not None:
                raise SealError(f"{place}, named by EVENHAND_SECRETS_KEY_FILE, is missing")
            _make(place)
        if place.stat().st_mode & 0o077:
            raise SealError(f"{place} can be read by others than its owner: chmod 600")
        try:
            return MultiFernet([Fernet(line) for line in place.read_text(encoding="utf-8").split()])
        except ValueError as error:
            raise SealError(f"{place} holds something else than keys, one a line: {error}") from error


def path(settings: Settings) -> Path:
    """Return the file of the keys."""
    return settings.secrets_key_file or settings.data_dir / "secrets" / "sealing.keys"


def of(session: Session) -> Seal:
    """Return the seal that a session was opened with."""
    held = session.info.get(HELD)
    if not isinstance(held, Seal):
        raise SealError("this session was opened without the keys of the installation")
    return held


def add_key(settings: Settings) -> None:
    """Put a new key before the others: it seals from now on, and what they sealed still opens."""
    place = path(settings)
    if not place.exists():
        _make(place)
        return
    write_private(place, f"{Fernet.generate_key().decode()}\n{place.read_text(encoding='utf-8')}")


def _make(place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:  # another process was quicker: its key counts
        return
    with os.fdopen(descriptor, "w") as sink:
        sink.write(f"{Fernet.generate_key().decode()}\n")
        sink.flush()
        os.fsync(sink.fileno())
