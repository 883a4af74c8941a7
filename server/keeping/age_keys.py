"""Keys of the age format: X25519, written in Bech32 (BIP 173) as ``age1...`` and ``AGE-SECRET-KEY-1...``."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final, TypeVar

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

T = TypeVar("T")
PUBLIC, SECRET = "age", "age-secret-key-"
KEY_BYTES: Final = 32
_LETTERS: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATOR: Final = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_CHECK_LETTERS: Final = 6


class KeyRefusedError(ValueError):
    """A key, or the file that should hold it, cannot be used; the message says which and why."""


def written_public(key: X25519PublicKey) -> str:
    """Return a public key as ``age1...``."""
    return _bech32(PUBLIC, key.public_bytes_raw())


def written_secret(key: X25519PrivateKey) -> str:
    """Return a secret key as ``AGE-SECRET-KEY-1...``."""
    return _bech32(SECRET, key.private_bytes_raw()).upper()


def recipients(path: Path) -> list[X25519PublicKey]:
    """Return the public keys of a file, one a line; a secret key stands for its public half.

    Raises
    ------
    KeyRefusedError
        The file cannot be read, holds no key, or a line is none.
    """
    found = []
    for number, line in _lines(path):
        if line.upper().startswith(SECRET.upper()):
            found.append(X25519PrivateKey.from_private_bytes(_read(SECRET, line, path, number)).public_key())
        else:
            found.append(X25519PublicKey.from_public_bytes(_read(PUBLIC, line, path, number)))
    return _some(found, path)


def identities(path: Path) -> list[X25519PrivateKey]:
    """Return the secret keys of a file, one a line.

    Raises
    ------
    KeyRefusedError
        The file cannot be read, holds no key, or a line is none.
    """
    found = [X25519PrivateKey.from_private_bytes(_read(SECRET, line, path, number)) for number, line in _lines(path)]
    return _some(found, path)


def _lines(path: Path) -> Iterable[tuple[int, str]]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise KeyRefusedError(f"{path} cannot be read as a file of keys: {error}") from error
    return [(number, line.strip()) for number, line in enumerate(lines, 1) if line.strip() and line[0] != "#"]


def _some(found: list[T], path: Path) -> list[T]:
    if not found:
        raise KeyRefusedError(f"{path} holds no key: `evenhand backup-key` makes one")
    return found


def _read(kind: str, line: str, path: Path, number: int) -> bytes:
    try:
        return _of_bech32(kind, line)
    except ValueError as error:
        what = "public key (age1...)" if kind == PUBLIC else "secret key (AGE-SECRET-KEY-1...)"
        raise KeyRefusedError(f"{path}, line {number}: not a {what}: {error}") from None


def _checksum(kind: str, values: list[int]) -> int:
    polymod = 1
    for value in [*(ord(one) >> 5 for one in kind), 0, *(ord(one) & 31 for one in kind), *values]:
        top = polymod >> 25
        polymod = (polymod & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(_GENERATOR):
            polymod ^= generator if top >> bit & 1 else 0
    return polymod


def _bech32(kind: str, raw: bytes) -> str:
    bits = "".join(f"{one:08b}" for one in raw)
    bits += "0" * (-len(bits) % 5)
    values = [int(bits[at : at + 5], 2) for at in range(0, len(bits), 5)]
    check = _checksum(kind, [*values, *[0] * _CHECK_LETTERS]) ^ 1
    values += [check >> 5 * (5 - at) & 31 for at in range(_CHECK_LETTERS)]
    return f"{kind}1{''.join(_LETTERS[one] for one in values)}"


def _of_bech32(kind: str, written: str) -> bytes:
    if written not in (written.lower(), written.upper()):
        raise ValueError("capitals and small letters are mixed")
    name, _, rest = written.lower().rpartition("1")
    if name != kind:
        raise ValueError(f"it does not begin with {kind}1")
    values = [_LETTERS.find(one) for one in rest]
    if min(values, default=-1) < 0 or _checksum(kind, values) != 1:
        raise ValueError("its check letters do not fit: was it copied whole?")
    bits = "".join(f"{one:05b}" for one in values[:-_CHECK_LETTERS])
    if len(bits) // 8 != KEY_BYTES or bits[KEY_BYTES * 8 :].strip("0"):
        raise ValueError(f"it is not {KEY_BYTES} bytes long")
    return int(bits[: KEY_BYTES * 8], 2).to_bytes(KEY_BYTES, "big")
