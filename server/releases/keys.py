"""Keys of the roles: encrypted files for people, one plain file of mode 600 for the server's own roles.

Ed25519, in PEM. A person's private key lies on that person's machine or stick, sealed by a passphrase (PKCS #8 with
the best encryption that ``cryptography`` has); the public half goes to the server.
"""

import os
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from securesystemslib.signer import CryptoSigner, SSlibKey

from server.releases.errors import ReleaseRefusedError

#: Characters that a passphrase has at least.
LEAST_LETTERS = 12


def make(path: Path, passphrase: str) -> SSlibKey:
    """Make a person's key: the private half sealed into ``path``, the public half beside it as ``.pub``.

    Raises :class:`ReleaseRefusedError` where a file exists or the passphrase is too short; nothing is written then.
    """
    if len(passphrase) < LEAST_LETTERS:
        raise ReleaseRefusedError(f"the passphrase has {len(passphrase)} characters: take {LEAST_LETTERS} at least")
    beside = path.with_name(path.name + ".pub")
    for one in (path, beside):
        if one.exists():
            raise ReleaseRefusedError(f"{one} exists: name another file")
    private = Ed25519PrivateKey.generate()
    _write(path, private, BestAvailableEncryption(passphrase.encode()))
    beside.write_bytes(private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return SSlibKey.from_crypto(private.public_key())


def make_online(path: Path) -> SSlibKey:
    """Make the server's own key, readable by this account alone."""
    private = Ed25519PrivateKey.generate()
    path.unlink(missing_ok=True)
    _write(path, private, NoEncryption())
    return SSlibKey.from_crypto(private.public_key())


def signer(path: Path, passphrase: str | None) -> CryptoSigner:
    """Return what signs by a private key's file.

    Raises :class:`ReleaseRefusedError` where it cannot be read or opened by this passphrase.
    """
    try:
        raw = path.read_bytes()
        private = load_pem_private_key(raw, None if passphrase is None else passphrase.encode())
    except OSError as error:
        raise ReleaseRefusedError(f"{path}: {error.strerror}; name the file of a private key") from error
    except TypeError as error:
        raise ReleaseRefusedError(f"{path}: the key is sealed by a passphrase; give it") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        said = "not a private key, or another passphrase" if passphrase else "not a private key in PEM"
        raise ReleaseRefusedError(f"{path}: {said}") from error
    if not isinstance(private, Ed25519PrivateKey):
        raise ReleaseRefusedError(f"{path}: not an Ed25519 key; make one by `evenhand fleet release key`")
    return CryptoSigner(private)


def public(path: Path) -> SSlibKey:
    """Return the public key in a ``.pub`` file; raise :class:`ReleaseRefusedError` where there is none in it."""
    try:
        key = load_pem_public_key(path.read_bytes())
    except OSError as error:
        raise ReleaseRefusedError(f"{path}: {error.strerror}; name the file of a public key (.pub)") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ReleaseRefusedError(f"{path}: not a public key in PEM; name the file that ends in .pub") from error
    if not isinstance(key, Ed25519PublicKey):
        raise ReleaseRefusedError(f"{path}: not an Ed25519 key; make one by `evenhand fleet release key`")
    return SSlibKey.from_crypto(key)


def _write(path: Path, private: Ed25519PrivateKey, encryption: KeySerializationEncryption) -> None:
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as sink:
            sink.write(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
            sink.flush()
            os.fsync(sink.fileno())
    except OSError as error:
        raise ReleaseRefusedError(f"{path}: {error.strerror}; the key was not written") from error
