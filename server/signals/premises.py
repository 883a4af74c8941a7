"""Shops that share an address or a machine: facts of the files, no statistics. Pure."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Mapping
from typing import Final

from server.signals.rules import Finding

SHOPS_MOST: Final = 20
"""An address of more shops is a market, or a figure that somebody put in its place."""

_ORNAMENT = re.compile(r"[\W_]+")


def addresses(shops: Mapping[str, str]) -> list[Finding]:
    """Return groups of shops of one address; ``shops`` are the addresses of those that ordered, city included.

    Addresses are compared without case, width, blanks and punctuation.
    """
    held: dict[str, list[str]] = defaultdict(list)
    for shop in sorted(shops, key=str.encode):
        if plain := _plain(shops[shop]):
            held[plain].append(shop)
    return [
        Finding("address", tuple(group), {"shops": len(group), "address": shops[group[0]]})
        for group in held.values()
        if 1 < len(group) <= SHOPS_MOST
    ]


def machines(shops: Mapping[str, frozenset[str]]) -> list[Finding]:
    """Return groups of shops that ordered from one machine; ``shops`` are the machines of those that ordered."""
    held: dict[str, list[str]] = defaultdict(list)
    for shop in sorted(shops, key=str.encode):
        for machine in sorted(shops[shop] - {""}):
            held[machine].append(shop)
    named = {tuple(group): machine for machine, group in held.items() if len(group) > 1}
    return [
        Finding("device", group, {"shops": len(group), "machine": machine[:12]}) for group, machine in named.items()
    ]


def _plain(address: str) -> str:
    return _ORNAMENT.sub("", unicodedata.normalize("NFKC", address).casefold())
