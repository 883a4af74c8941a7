"""Hashes of tables: one text for one content."""

import hashlib
import json
from collections.abc import Iterable
from itertools import islice
from typing import Any


def sha256_of(chunks: Iterable[bytes]) -> str:
    """Hash bytes that come piece by piece."""
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
    return digest.hexdigest()


def sha256_of_rows(*tables: Iterable[Any]) -> str:
    """Hash tables of rows as one compact JSON array of arrays, without holding its text."""
    digest = hashlib.sha256()
    for number, rows in enumerate(tables):
        digest.update(b",[" if number else b"[[")
        remaining, comma = iter(rows), ""
        while some := list(islice(remaining, 8192)):
            text = json.dumps(some, ensure_ascii=False, separators=(",", ":"))
            digest.update((comma + text[1:-1]).encode())
            comma = ","
        digest.update(b"]")
    digest.update(b"]")
    return digest.hexdigest()
