"""Is my order in the frozen book? The check that a terminal makes with nothing but hashes.

A leaf is one retailer's lines, summed per SKU. Hashing follows RFC 6962: a leaf is SHA-256 of a zero byte
and its bytes, a node SHA-256 of a one byte and its two children. The server builds the tree with the
allocation core; this is the other side's own reading of the same rule.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Literal

from contract.messages import OrderLine


def leaf_bytes(retailer: str, lines: Iterable[OrderLine]) -> bytes:
    """Return the bytes of a retailer's leaf.

    The retailer's code, then each line as SKU and units, lines in byte order of the SKU; fields end with
    one byte 0x1F, which no name may hold. Lines of one SKU must be summed before.
    """
    ordered = sorted(lines, key=lambda line: line.sku.encode())
    return leaf_of(retailer, [(line.sku, line.quantity_units) for line in ordered])


def leaf_of(retailer: str, ordered: Sequence[tuple[str, int]]) -> bytes:
    """Return the bytes of a leaf from its lines, SKU and units, in byte order of the SKU."""
    lines = "".join([f"{sku}\x1f{units}\x1f" for sku, units in ordered])
    return f"{retailer}\x1f{lines}".encode()


def in_book(leaf: bytes, path: Iterable[tuple[Literal["left", "right"], str]], root: str) -> bool:
    """Return whether the siblings in ``path``, from the leaf up, lead from ``leaf`` to ``root`` (hex)."""
    here = hashlib.sha256(b"\x00" + leaf).digest()
    for side, sibling in path:
        other = bytes.fromhex(sibling)
        here = hashlib.sha256(b"\x01" + (other + here if side == "left" else here + other)).digest()
    return here.hex() == root
