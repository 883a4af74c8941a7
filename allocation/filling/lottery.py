"""The draw among equals: whoever has the smaller digest goes first, and nobody can steer it without the seed."""

import hashlib
from collections.abc import Iterable

_BLOCK = 64
SEPARATOR = "\x1f"


class Drawing:
    """The draw of a seed: (sku, retailer, n) ↦ HMAC-SHA256(seed, sku ␟ retailer ␟ n).

    Names hold no control characters, so that no two units share a message. `n` counts the line's packs from 1, floor
    packs included. For very many draws at once see :func:`allocation.filling.draw_kernels.draws`.
    """

    def __init__(self, seed: bytes) -> None:
        self.seed = seed
        # HMAC (RFC 2104) with both padded keys hashed once: half the time of one hmac.digest a unit.
        key = seed.ljust(_BLOCK, b"\0")
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in key))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in key))

    def __call__(self, sku: str, retailer: str, n: int) -> bytes:
        """Return the digest of a unit."""
        inside, outside = self._inner.copy(), self._outer.copy()
        inside.update(f"{sku}{SEPARATOR}{retailer}{SEPARATOR}{n}".encode())
        outside.update(inside.digest())
        return outside.digest()

    def of_units(self, sku: str, units: Iterable[tuple[str, int]]) -> list[bytes]:
        """Return the digests of units (retailer, n) of one SKU; what their messages begin with is taken in once."""
        begun, outer, digests = self._inner.copy(), self._outer.copy, []
        begun.update(f"{sku}{SEPARATOR}".encode())
        inner = begun.copy
        for retailer, n in units:
            inside, outside = inner(), outer()
            inside.update(f"{retailer}{SEPARATOR}{n}".encode())
            outside.update(inside.digest())
            digests.append(outside.digest())
        return digests


def drawing(seed: bytes) -> Drawing:
    """Return the draw of a seed of at most 64 bytes."""
    return Drawing(seed)
