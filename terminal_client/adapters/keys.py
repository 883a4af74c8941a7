"""The terminal's private keys: files that never leave the machine, and signatures by them.

Signatures come from the OpenSSL that Python's ``ssl`` has loaded anyway. A library for them would bring an OpenSSL of
its own: 14 MB of the 64 that a terminal may take.
"""

import _ssl
import contextlib
import ctypes
import ctypes.util
import json
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection
from functools import cache
from pathlib import Path
from typing import Any

from contract import signing
from terminal_client.core.ports import NewKey

MADE_WITHIN_S = 60
_HALF = signing.SIGNATURE_BYTES // 2


class KeyUnusableError(Exception):
    """A key cannot be made, read or used on this machine."""


class KeyFolder:
    """Implements :class:`terminal_client.core.ports.Keys` by files in a folder, one a key, named by fingerprint."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def make(self) -> NewKey:
        """Make a key pair; it is on the disk when this returns."""
        words = [sys.executable, "-m", "terminal_client.adapters.making_key", str(self._folder)]
        try:
            done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=MADE_WITHIN_S)
            made = json.loads(done.stdout)
        except (subprocess.SubprocessError, OSError, ValueError) as error:
            raise KeyUnusableError(str(error)) from error
        return NewKey(made["key"], made["csr"])

    def path(self, key: str) -> Path:
        """Return the file of a private key."""
        return self._folder / f"{key}.pem"

    def certificate_path(self, key: str, certificate: str) -> Path:
        """Write a certificate beside its key, for libraries that want a file; return the file."""
        path = self._folder / f"{key}.crt"
        path.write_text(certificate, encoding="ascii")
        return path

    def sign(self, key: str, data: bytes) -> bytes:
        """Return R and S of the signature by a key, 32 bytes each."""
        try:
            pem = self.path(key).read_bytes()
        except OSError as error:
            raise KeyUnusableError(f"the key {key[:8]} is not on this terminal") from error
        return _plain(_sign(pem, data))

    def keep_only(self, keys: Collection[str]) -> None:
        """Remove all others."""
        for path in self._folder.glob("*.*"):
            if path.stem not in keys:
                path.unlink(missing_ok=True)


class Signer:
    """Signs requests by one key. Follows the server's clock once that said how far this machine's is off."""

    def __init__(self, keys: KeyFolder, key: str, clock_s: Callable[[], float] = time.time) -> None:
        self._keys = keys
        self._key = key
        self._clock_s = clock_s
        self._ahead_s = 0.0

    def fields(self, method: str, target: str, body: bytes | None) -> dict[str, str]:
        """Return the fields that make a request a signed one; each time others."""
        created_s, nonce = int(self._clock_s() + self._ahead_s), secrets.token_urlsafe(16)
        said = signing.prepare(method, target, body, key=self._key, created_s=created_s, nonce=nonce)
        return said.signed(self._keys.sign(self._key, said.base))

    def learn(self, server_s: int) -> None:
        """Sign by the server's clock from now on."""
        self._ahead_s = server_s - self._clock_s()


@cache
def _library() -> ctypes.CDLL:
    """Return the OpenSSL that ``ssl`` uses, else the system's."""
    for name in (getattr(_ssl, "__file__", None), ctypes.util.find_library("crypto")):
        with contextlib.suppress(OSError, AttributeError):
            found = ctypes.CDLL(name)
            for function, result, arguments in _FUNCTIONS:
                getattr(found, function).restype, getattr(found, function).argtypes = result, arguments
            return found
    raise KeyUnusableError("no libcrypto is found beside Python's ssl")


_POINTER, _SIZE = ctypes.c_void_p, ctypes.c_size_t
_FUNCTIONS: tuple[tuple[str, Any, tuple[Any, ...]], ...] = (
    ("BIO_new_mem_buf", _POINTER, (ctypes.c_char_p, ctypes.c_int)),
    ("BIO_free", ctypes.c_int, (_POINTER,)),
    ("PEM_read_bio_PrivateKey", _POINTER, (_POINTER, _POINTER, _POINTER, _POINTER)),
    ("EVP_PKEY_free", None, (_POINTER,)),
    ("EVP_MD_CTX_new", _POINTER, ()),
    ("EVP_MD_CTX_free", None, (_POINTER,)),
    ("EVP_sha256", _POINTER, ()),
    ("EVP_DigestSignInit", ctypes.c_int, (_POINTER, _POINTER, _POINTER, _POINTER, _POINTER)),
    ("EVP_DigestSign", ctypes.c_int, (_POINTER, ctypes.c_char_p, ctypes.POINTER(_SIZE), ctypes.c_char_p, _SIZE)),
)
_LOCK = threading.Lock()
_MOST_BYTES = 256


def _sign(pem: bytes, data: bytes) -> bytes:
    """Return the signature (DER) of SHA-256 of ``data`` by a private key."""
    crypto = _library()
    with _LOCK:
        source = crypto.BIO_new_mem_buf(pem, len(pem))
        key = crypto.PEM_read_bio_PrivateKey(source, None, None, None)
        context = crypto.EVP_MD_CTX_new()
        out, length = ctypes.create_string_buffer(_MOST_BYTES), _SIZE(_MOST_BYTES)
        try:
            if (
                not key
                or crypto.EVP_DigestSignInit(context, None, crypto.EVP_sha256(), None, key) != 1
                or crypto.EVP_DigestSign(context, out, ctypes.byref(length), data, len(data)) != 1
            ):
                raise KeyUnusableError("OpenSSL does not sign by this key")
            return out.raw[: length.value]
        finally:
            crypto.EVP_MD_CTX_free(context)
            crypto.EVP_PKEY_free(key)
            crypto.BIO_free(source)


def _plain(der: bytes) -> bytes:
    """Return R and S, 32 bytes each, of an ECDSA signature in DER: a sequence of two integers, each below 128 bytes."""
    numbers, at = [], 2
    for _ in range(2):
        length = der[at + 1]
        numbers.append(int.from_bytes(der[at + 2 : at + 2 + length]).to_bytes(_HALF))
        at += 2 + length
    return b"".join(numbers)
