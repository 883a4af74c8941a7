"""What a finding is, and what may become of it. Pure; quantities are units.

Nothing here says that anybody did wrong: a method states what it counts, and a finding carries the numbers. How often
honest shops are named all the same is measured by ``tests/server/signals/test_honest.py``; ADR 0047 has the figures.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

Kind = Literal["surge", "twins", "steering", "address", "device"]
State = Literal["new", "looked_at", "explained", "watched", "passed_on"]
Verdict = Literal["looked_at", "explained", "watched", "passed_on"]

OPEN: Final[frozenset[str]] = frozenset({"new", "looked_at"})
ERROR_RATE: Final = 0.001
"""What a method may get wrong by chance: one honest shop in a thousand a cycle by its own history, and one book in a
thousand by comparing pairs, whose number it is divided by (Bonferroni)."""

COMMON_SHARE: Final = 0.05
"""A line (a SKU with its units) that more of the shops ask for tells nothing of any two of them: so do units at the
limit of a scarce SKU, and single ones."""

NEXT: Final[Mapping[str, frozenset[str]]] = {
    "new": frozenset({"looked_at", "explained", "watched", "passed_on"}),
    "looked_at": frozenset({"looked_at", "explained", "watched", "passed_on"}),
    "watched": frozenset({"watched", "explained", "passed_on"}),
    "explained": frozenset(),
    "passed_on": frozenset(),
}
"""What a person may say next; what was explained or passed on is over."""


@dataclass(frozen=True)
class Finding:
    """Something that stands out: the shops it is about, the first one first; its numbers, and those of each shop."""

    kind: Kind
    shops: tuple[str, ...]
    evidence: Mapping[str, Any]
    figures: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Return what is the same for the same thing in another cycle, and names nobody."""
        about = self.shops[:1] if self.kind in {"surge", "steering"} else tuple(sorted(self.shops, key=str.encode))
        return hashlib.sha256("\x1f".join((self.kind, *about)).encode()).hexdigest()


def uncommon(baskets: Mapping[str, Iterable[tuple[str, int]]]) -> dict[tuple[str, int], int]:
    """Return the lines that at most one shop in twenty asks for, and at least two may, with how many do."""
    held = Counter(line for basket in baskets.values() for line in basket)
    most = max(2.0, COMMON_SHARE * len(baskets))
    return {line: shops for line, shops in held.items() if shops <= most}


def groups(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, ...]]:
    """Return the groups that pairs make (whoever is paired belongs together), each in byte order."""
    head: dict[str, str] = {}

    def first(shop: str) -> str:
        while head.setdefault(shop, shop) != shop:
            head[shop] = head[head[shop]]
            shop = head[shop]
        return shop

    for one, other in pairs:
        head[first(other)] = first(one)
    found: dict[str, list[str]] = {}
    for shop in sorted(head, key=str.encode):
        found.setdefault(first(shop), []).append(shop)
    return [tuple(group) for group in found.values()]
