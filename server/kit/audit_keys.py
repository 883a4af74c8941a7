"""The key that signs the audit's heads, and the public keys that heads are believed by: files, never rows.

Whoever can write in the database can write a chain of his own there; he cannot sign it by a key that only the worker's
account can read. Public keys of earlier keys stay beside it, so that old heads can still be checked.
"""

import contextlib
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from server.kit.audit_chain import Head, head_bytes, key_name
from server.kit.homes import write_private
from server.kit.settings import Settings


class KeyUnusableError(RuntimeError):
    """A key's file cannot be used; the message says which and what to do."""


@dataclass(frozen=True)
class SigningKey:
    """The private key, under the name of its public half."""

    name: str
    private: Ed25519PrivateKey

    def sign(self, ordinal: int, link: bytes, at: datetime) -> Head:
        """Return the head that says where the chain ends at ``at``."""
        return Head(ordinal, link, at, self.name, self.private.sign(head_bytes(ordinal, link, at)))


def folder(settings: Settings) -> Path:
    """Return the folder of what the audit keeps outside the database: public keys, the newest head."""
    return settings.data_dir / "audit"


def signing_key(settings: Settings) -> SigningKey:
    """Return the key of this installation; the first call makes it, readable by this account alone.

    Raises
    ------
    KeyUnusableError
        Where the file is no private Ed25519 key, or open to others.
    """
    path = settings.audit_key_file or folder(settings) / "signing-key.pem"
    if not path.exists():
        if settings.audit_key_file is not None:
            raise KeyUnusableError(f"{path}, named by EVENHAND_AUDIT_KEY_FILE, is missing")
        _make(path)
    if path.stat().st_mode & 0o077:
        raise KeyUnusableError(f"{path} can be read by others than its owner: chmod 600")
    try:
        private = load_pem_private_key(path.read_bytes(), password=None)
    except ValueError as error:
        raise KeyUnusableError(f"{path} holds no private key in PEM form") from error
    if not isinstance(private, Ed25519PrivateKey):
        raise KeyUnusableError(f"{path} is a private key of another kind than Ed25519")
    public = private.public_key()
    name = key_name(public.public_bytes_raw())
    _remember(folder(settings) / "keys" / f"{name}.pem", public)
    return SigningKey(name, private)


def public_keys(settings: Settings) -> dict[str, bytes]:
    """Return the public keys that heads are believed by, raw, by name."""
    found = {}
    for path in sorted((folder(settings) / "keys").glob("*.pem")):
        raw = read_public(path)
        found[key_name(raw)] = raw
    return found


def read_public(path: Path) -> bytes:
    """Return the raw public key of a PEM file.

    Raises
    ------
    KeyUnusableError
        Where it is none.
    """
    try:
        public = load_pem_public_key(path.read_bytes())
    except (OSError, ValueError) as error:
        raise KeyUnusableError(f"{path} holds no public key in PEM form") from error
    if not isinstance(public, Ed25519PublicKey):
        raise KeyUnusableError(f"{path} is a public key of another kind than Ed25519")
    return public.public_bytes_raw()


def as_pem(raw: bytes) -> bytes:
    """Return a raw public key in PEM form."""
    return Ed25519PublicKey.from_public_bytes(raw).public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def keep_head(settings: Settings, head: Head) -> None:
    """Keep the newest head outside the database, whole or not at all."""
    write_private(folder(settings) / "newest-head.json", head.as_json() + "\n")


def kept_head(settings: Settings) -> Head | None:
    """Return the head that was kept last; none before the first, or where the file says nothing that is one."""
    with contextlib.suppress(FileNotFoundError):
        return Head.of_json((folder(settings) / "newest-head.json").read_text(encoding="utf-8"))
    return None


def keep_restored(settings: Settings, head: Head) -> None:
    """Keep, outside the database, where the chain of a backup ended when it was restored, and when that was: a head."""
    path = folder(settings) / "restored" / f"{head.ordinal}-{head.at:%Y%m%dT%H%M%S%f}.json"
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_private(path, head.as_json() + "\n")


def restored_heads(settings: Settings) -> list[Head]:
    """Return where the chain ended at each time that the database was restored from a backup."""
    found = sorted((folder(settings) / "restored").glob("*.json"))
    return [Head.of_json(path.read_text(encoding="utf-8")) for path in found]


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:  # another process was quicker: its key counts
        return
    with os.fdopen(descriptor, "w") as sink:
        sink.write(pem)
        sink.flush()
        os.fsync(sink.fileno())


def _remember(path: Path, public: Ed25519PublicKey) -> None:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_private(path, as_pem(public.public_bytes_raw()).decode())
