"""Hashes of tables: one text for one content."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final

_ROWS_AT_A_TIME: Final = 8192


def sha256_of(chunks: Iterable[bytes]) -> str:
    """Hash bytes that come piece by piece."""
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
    return digest.hexdigest()


def sha256_of_rows(*tables: Iterable[Any]) -> str:
    """Hash tables of rows as one compact JSON array of arrays, without holding its text."""
    return sha256_of_written(*map(written, tables))


def sha256_of_written(*tables: Iterable[bytes]) -> str:
    """Hash tables as one compact JSON array of arrays; each comes as pieces of rows that are parted by commas."""
    return sha256_of(pieces_of_written(*tables))


def pieces_of_written(*tables: Iterable[bytes]) -> Iterator[bytes]:
    """Yield what :func:`sha256_of_written` hashes, piece by piece."""
    for number, pieces in enumerate(tables):
        yield b",[" if number else b"[["
        comma = b""
        for piece in pieces:
            yield comma
            yield piece
            comma = b","
        yield b"]"
    yield b"]"


def written(rows: Iterable[Any]) -> Iterator[bytes]:
    """Yield pieces of rows as compact JSON, parted by commas within a piece."""
    remaining = iter(rows)
    while some := list(islice(remaining, _ROWS_AT_A_TIME)):
        yield json.dumps(some, ensure_ascii=False, separators=(",", ":"))[1:-1].encode()
