"""Near-identical baskets: groups of shops that ask for the same SKUs in the same units. Pure.

A line is a SKU with its units. Pairs that are worth a look come from MinHash (Broder 1997) in bands: 20 of 6 hashes
pass a pair whose baskets are alike by 0.8 with a chance of 0.998. Each is then compared in full. A line weighs the
bits of its rarity, log2 of all shops over those that ask for it (Spärck Jones 1972); what more than one shop in
twenty asks for weighs nothing. A pair is found where its weighted Jaccard index is at least 0.8, and what it shares
weighs more than the number of pairs in the book times a thousand, in bits: two shops that choose on their own would
share so much in less than one book in a thousand.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import combinations
from math import comb, log2
from typing import Final

import numpy as np
from numpy.typing import NDArray

from server.signals.rules import ERROR_RATE, Finding, groups, uncommon

LINES_LEAST: Final = 8
ALIKE_LEAST: Final = 0.8
BANDS: Final = 20
ROWS: Final = 6
BUCKET_MOST: Final = 60
"""Of more shops in one bucket each is compared with the next so many: they are alike in what is common anyway."""

Line = tuple[str, int]
_PRIME: Final = np.uint64((1 << 31) - 1)


def twins(baskets: Mapping[str, Mapping[str, int]]) -> list[Finding]:
    """Return groups of shops whose baskets are nearly the same; ``baskets`` are units by SKU, by shop."""
    lines = {
        shop: frozenset(baskets[shop].items())
        for shop in sorted(baskets, key=str.encode)
        if len(baskets[shop]) >= LINES_LEAST
    }
    if len(lines) <= 1:
        return []
    held = uncommon(lines)
    weight = {line: log2(len(lines) / shops) for line, shops in held.items()}
    least_bits = log2(comb(len(lines), 2) / ERROR_RATE)
    alike: dict[tuple[str, str], tuple[float, float]] = {}
    for one, other in _candidates(lines):
        same = sum(weight.get(line, 0.0) for line in lines[one] & lines[other])
        both = sum(weight.get(line, 0.0) for line in lines[one] | lines[other])
        if same >= least_bits and same / both >= ALIKE_LEAST:
            alike[one, other] = same / both, same
    found = []
    for group in groups(alike):
        pairs = [alike[pair] for pair in alike if pair[0] in group]
        common = sorted(line for line in frozenset.intersection(*(lines[shop] for shop in group)) if line in held)
        evidence = {
            "shops": len(group),
            "least_percent": round(min(share for share, _ in pairs) * 100),
            "least_bits": round(min(bits for _, bits in pairs)),
            "bound_bits": round(least_bits),
            "same_lines": len(common),
            "lines": [{"sku": sku, "units": units, "shops": held[sku, units]} for sku, units in common],
        }
        found.append(Finding("twins", group, evidence, {shop: {"lines": len(lines[shop])} for shop in group}))
    return found


def _candidates(lines: Mapping[str, frozenset[Line]]) -> Iterator[tuple[str, str]]:
    """Yield each pair of shops that agree in a band of their hashes, once."""
    shops = list(lines)
    signatures = _signatures(lines)
    seen: set[tuple[str, str]] = set()
    for band in range(BANDS):
        part = np.ascontiguousarray(signatures[:, band * ROWS : (band + 1) * ROWS])
        buckets: dict[bytes, list[str]] = defaultdict(list)
        for row, shop in enumerate(shops):
            buckets[part[row].tobytes()].append(shop)
        for bucket in buckets.values():
            near = (
                combinations(bucket, 2)
                if len(bucket) <= BUCKET_MOST
                else (
                    (one, bucket[at + step]) for step in range(1, BUCKET_MOST) for at, one in enumerate(bucket[:-step])
                )
            )
            for pair in near:
                if pair not in seen:
                    seen.add(pair)
                    yield pair


def _signatures(lines: Mapping[str, frozenset[Line]]) -> NDArray[np.uint64]:
    """Return the least hash of each basket's lines under each of the hash functions: a row a shop."""
    number = {line: at for at, line in enumerate(sorted({line for basket in lines.values() for line in basket}))}
    plain = np.array([_digest(line) for line in number], dtype=np.uint64)
    draws = np.random.default_rng(0).integers(1, int(_PRIME), size=(BANDS * ROWS, 2), dtype=np.uint64)
    hashes = (plain[:, None] * draws[:, 0] + draws[:, 1]) % _PRIME
    return np.stack([hashes[[number[line] for line in basket]].min(axis=0) for basket in lines.values()])


def _digest(line: Line) -> int:
    return int.from_bytes(hashlib.blake2b(f"{line[0]}\x1f{line[1]}".encode(), digest_size=8).digest()) % int(_PRIME)
