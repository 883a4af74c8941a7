"""The draw among equals: whoever has the smaller digest goes first, and nobody can steer it without the seed."""

import hashlib
from collections.abc import Callable

_BLOCK = 64
SEPARATOR = "\x1f"


def drawing(seed: bytes) -> Callable[[str, str, int], bytes]:
    """Return the draw of a seed: (sku, retailer, n) ↦ HMAC-SHA256(seed, sku ␟ retailer ␟ n).

    Names hold no control characters, so that no two units share a message. `n` counts the line's packs from 1, floor
    packs included.
    """
    # HMAC (RFC 2104) with both padded keys hashed once: half the time of one hmac.digest a unit.
    key = seed.ljust(_BLOCK, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in key))
    outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in key))

    def digest(sku: str, retailer: str, n: int) -> bytes:
        inside, outside = inner.copy(), outer.copy()
        inside.update(f"{sku}{SEPARATOR}{retailer}{SEPARATOR}{n}".encode())
        outside.update(inside.digest())
        return outside.digest()

    return digest
