"""Encrypted files in the age format, version 1 (age-encryption.org/v1), written and read as streams.

Guarantees: what is read was written by somebody who had the key, in this order, whole: chunks of 64 KiB are sealed by
ChaCha20-Poly1305 under their number and whether they are the last one (the STREAM construction), so that a chunk that
was changed, moved, dropped or cut off ends the reading. Any age program opens these files with the same key.
"""

import base64
import binascii
import hmac
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

CHUNK_BYTES: Final = 64 * 1024
TAG_BYTES: Final = 16
WORK_FACTOR: Final = 18
"""scrypt with N = 2^18, r = 8: about a second and 256 MiB for each guess, as age itself takes."""

MOST_WORK_FACTOR: Final = 20
_FIRST: Final = b"age-encryption.org/v1\n"
_X25519, _SCRYPT = b"age-encryption.org/v1/X25519", b"age-encryption.org/v1/scrypt"
_COLUMNS: Final = 64
_HEADER_MOST_BYTES: Final = 64 * 1024
_KEY_BYTES: Final = 16
_X25519_WORDS, _SCRYPT_WORDS = 2, 3


class SealedFileError(ValueError):
    """A file cannot be opened: another key, damaged, cut, or no such file; the message says which."""


@dataclass(frozen=True)
class Passphrase:
    """A passphrase, stretched by scrypt."""

    words: str
    work_factor: int = WORK_FACTOR


class Sealer:
    """A binary file whose bytes go encrypted into ``sink``. Without :meth:`finish` what was written is a cut file."""

    def __init__(self, sink: IO[bytes], to: Sequence[X25519PublicKey] | Passphrase) -> None:
        file_key = os.urandom(_KEY_BYTES)
        stanzas = [_for_passphrase(file_key, to)] if isinstance(to, Passphrase) else [_for_key(file_key, k) for k in to]
        head = _FIRST + b"".join(stanzas) + b"---"
        nonce = os.urandom(_KEY_BYTES)
        sink.write(head + b" " + _b64(_mac(file_key, head)) + b"\n" + nonce)
        self._sink = sink
        self._cipher = ChaCha20Poly1305(_derive(file_key, nonce, b"payload"))
        self._waiting = bytearray()
        self._number = 0

    def write(self, data: bytes) -> int:
        """Take ``data``; a chunk is written once it is known not to be the last."""
        self._waiting += data
        while len(self._waiting) > CHUNK_BYTES:
            self._seal(bytes(self._waiting[:CHUNK_BYTES]), last=False)
            del self._waiting[:CHUNK_BYTES]
        return len(data)

    def finish(self) -> None:
        """Write the last chunk, marked as such."""
        self._seal(bytes(self._waiting), last=True)

    def _seal(self, chunk: bytes, *, last: bool) -> None:
        self._sink.write(self._cipher.encrypt(_nonce(self._number, last=last), chunk, None))
        self._number += 1


class Opened:
    """A sealed file, read as a binary file; only what was found genuine is handed out.

    Raises
    ------
    SealedFileError
        At once where no key fits or the header is damaged; in reading, where a chunk is not what was written.
    """

    def __init__(self, source: IO[bytes], keys: Sequence[X25519PrivateKey] | Passphrase) -> None:
        file_key = _file_key(source, keys)
        nonce = source.read(_KEY_BYTES)
        self._cipher = ChaCha20Poly1305(_derive(file_key, nonce, b"payload"))
        self._chunks = self._read_chunks(source)
        self._waiting = b""

    def read(self, size: int = -1) -> bytes:
        """Return the next ``size`` bytes, all the rest where it is negative; fewer at the end alone."""
        while size < 0 or len(self._waiting) < size:
            chunk = next(self._chunks, None)
            if chunk is None:
                break
            self._waiting += chunk
        size = len(self._waiting) if size < 0 else size
        taken, self._waiting = self._waiting[:size], self._waiting[size:]
        return taken

    def _read_chunks(self, source: IO[bytes]) -> Iterator[bytes]:
        sealed, number = source.read(CHUNK_BYTES + TAG_BYTES), 0
        while True:
            following = source.read(CHUNK_BYTES + TAG_BYTES)
            last = not following
            try:
                chunk = self._cipher.decrypt(_nonce(number, last=last), sealed, None)
            except InvalidTag:
                raise SealedFileError(f"the file is damaged or cut, in or after its block {number + 1}") from None
            if last and not chunk and number:
                raise SealedFileError("the file ends in an empty block: it was not written so")
            yield chunk
            if last:
                return
            sealed, number = following, number + 1


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])


def _derive(secret: bytes, salt: bytes, what: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=salt, info=what).derive(secret)


def _mac(file_key: bytes, head: bytes) -> bytes:
    return hmac.digest(_derive(file_key, b"", b"header"), head, "sha256")


def _for_key(file_key: bytes, to: X25519PublicKey) -> bytes:
    once = X25519PrivateKey.generate()
    share = once.public_key().public_bytes_raw()
    wrap = _derive(once.exchange(to), share + to.public_bytes_raw(), _X25519)
    return _stanza([b"X25519", _b64(share)], ChaCha20Poly1305(wrap).encrypt(bytes(12), file_key, None))


def _for_passphrase(file_key: bytes, to: Passphrase) -> bytes:
    salt = os.urandom(_KEY_BYTES)
    wrap = _stretch(to.words, salt, to.work_factor)
    words = [b"scrypt", _b64(salt), b"%d" % to.work_factor]
    return _stanza(words, ChaCha20Poly1305(wrap).encrypt(bytes(12), file_key, None))


def _stretch(words: str, salt: bytes, work_factor: int) -> bytes:
    return Scrypt(salt=_SCRYPT + salt, length=32, n=1 << work_factor, r=8, p=1).derive(words.encode())


def _stanza(words: Sequence[bytes], body: bytes) -> bytes:
    text = _b64(body)
    lines = [text[at : at + _COLUMNS] for at in range(0, len(text) + 1, _COLUMNS)]
    return b"-> " + b" ".join(words) + b"\n" + b"\n".join(lines) + b"\n"


def _file_key(source: IO[bytes], keys: Sequence[X25519PrivateKey] | Passphrase) -> bytes:
    head, stanzas, mac = _read_header(source)
    found = _unwrapped(stanzas, keys)
    if not hmac.compare_digest(_mac(found, head), mac):
        raise SealedFileError("the file's header is damaged")
    return found


def _unwrapped(stanzas: Sequence[tuple[list[str], bytes]], keys: Sequence[X25519PrivateKey] | Passphrase) -> bytes:
    by_passphrase = any(words[0] == "scrypt" for words, _ in stanzas)
    if by_passphrase != isinstance(keys, Passphrase):
        raise SealedFileError(
            "the file opens by a passphrase: name --passphrase-file"
            if by_passphrase
            else "the file opens by a key: name the secret one's --identity file"
        )
    for words, body in stanzas:
        if isinstance(keys, Passphrase):
            found = _by_passphrase(words, body, keys)
        else:
            found = next((key for one in keys if (key := _by_key(words, body, one)) is not None), None)
        if found is not None:
            return found
    raise SealedFileError(f"the {'passphrase' if by_passphrase else 'key'} does not open this file")


def _by_key(words: list[str], body: bytes, key: X25519PrivateKey) -> bytes | None:
    if words[0] != "X25519" or len(words) != _X25519_WORDS:
        return None  # a key of another kind: any age file may hold such beside ours
    share = _of_b64(words[1].encode())
    try:
        shared = key.exchange(X25519PublicKey.from_public_bytes(share))
        wrap = _derive(shared, share + key.public_key().public_bytes_raw(), _X25519)
        return ChaCha20Poly1305(wrap).decrypt(bytes(12), body, None)
    except (InvalidTag, ValueError):
        return None


def _by_passphrase(words: list[str], body: bytes, key: Passphrase) -> bytes | None:
    if len(words) != _SCRYPT_WORDS or not words[2].isdecimal():
        raise SealedFileError("the file's header is damaged")
    work_factor = int(words[2])
    if work_factor > MOST_WORK_FACTOR:
        raise SealedFileError(f"the file asks for 2^{work_factor} steps for a passphrase; 2^{MOST_WORK_FACTOR} at most")
    try:
        return ChaCha20Poly1305(_stretch(key.words, _of_b64(words[1].encode()), work_factor)).decrypt(
            bytes(12), body, None
        )
    except InvalidTag:
        return None


_WORD = rb"[\x21-\x7e]+"
_STANZA = re.compile(
    rb"-> (?P<words>" + _WORD + rb"(?: " + _WORD + rb")*)\n(?P<body>(?:[\w+/]{64}\n)*[\w+/]{0,63})\n", re.ASCII
)


def _read_header(source: IO[bytes]) -> tuple[bytes, list[tuple[list[str], bytes]], bytes]:
    """Return the header up to its mark, its stanzas (words, body), its seal."""
    first = source.readline(len(_FIRST))
    if first != _FIRST:
        raise SealedFileError("this is no backup: it does not begin as a file of the age format, version 1")
    lines = [first]
    while not lines[-1].startswith(b"--- "):
        line = source.readline(_COLUMNS * 2)
        lines.append(line)
        if not line.endswith(b"\n") or sum(map(len, lines)) > _HEADER_MOST_BYTES:
            raise SealedFileError("the file's header is damaged")
    written = b"".join(lines[1:-1])
    found = list(_STANZA.finditer(written))
    stanzas = [(one["words"].decode().split(), _of_b64(one["body"].replace(b"\n", b""))) for one in found]
    if not stanzas or b"".join(one[0] for one in found) != written:
        raise SealedFileError("the file's header is damaged")
    if len(stanzas) > 1 and any(words[0] == "scrypt" for words, _ in stanzas):
        raise SealedFileError("the file's header is damaged: a passphrase stands alone")
    return b"".join(lines[:-1]) + b"---", stanzas, _of_b64(lines[-1][4:-1])


def _b64(raw: bytes) -> bytes:
    return base64.b64encode(raw).rstrip(b"=")


def _of_b64(text: bytes) -> bytes:
    try:
        raw = base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        raw = b""
    if _b64(raw) != text:
        raise SealedFileError("the file's header is damaged")
    return raw
