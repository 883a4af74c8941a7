"""Who is asked: everyone, or a sample drawn by lot that anybody can draw again.

Each shop's lot is SHA-256 of the stated seed, a colon and its code; in each stratum the smallest lots are asked. Every
shop of a stratum thus has the same, stated probability of being asked: asked of shops.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from server.surveys.rules import Sample

LEAST_IN_STRATUM = 2
"""Two answers are the fewest that tell how much they differ."""


@dataclass(frozen=True)
class Stratum:
    """A part of the audience: how many ``shops`` it has, and which of them are asked, in the order of their codes."""

    name: str
    shops: int
    asked: tuple[str, ...]

    @property
    def probability(self) -> float:
        """With which probability a shop of it is asked."""
        return len(self.asked) / self.shops


def draw(sample: Sample, places: Mapping[str, str], seed: str) -> list[Stratum]:
    """Return the strata, by name, with those that are asked.

    Parameters
    ----------
    sample
        How it is drawn.
    places
        Each shop of the audience with its tier or region; what stands there counts where the sample is stratified.
    seed
        What is stated for the lots.
    """
    strata: dict[str, list[str]] = {}
    for code in sorted(places):
        strata.setdefault(places[code] if sample.how == "stratified" else "", []).append(code)
    names = sorted(strata, key=lambda name: (len(name), name) if sample.by == "tier" else (0, name))
    counts = [len(strata[name]) for name in names]
    asked = counts if sample.how == "all" else spread(sample, counts)
    return [
        Stratum(name, len(strata[name]), tuple(sorted(sorted(strata[name], key=lambda code: lot(seed, code))[:count])))
        for name, count in zip(names, asked, strict=True)
    ]


def lot(seed: str, code: str) -> bytes:
    """Return a shop's lot."""
    return sha256(f"{seed}:{code}".encode()).digest()


def spread(sample: Sample, counts: Sequence[int]) -> list[int]:
    """Return how many are asked of strata with so many shops each: all of a stratum at most, two at least.

    Proportional parts are rounded by largest remainders (Hare, Niemeyer). Where two of each come to more than the
    sample's size, the sample is larger.
    """
    size = min(sample.size or 0, sum(counts))
    if sample.spread == "equal":
        parts, left = [0] * len(counts), size
        while left:
            open_ = [place for place, count in enumerate(counts) if parts[place] < count]
            for place in open_[:left]:
                parts[place] += 1
            left = size - sum(parts)
    else:
        total = sum(counts)
        parts = [size * count // total for count in counts]
        rests = sorted(range(len(counts)), key=lambda place: (-(size * counts[place] % total), place))
        for place in rests[: size - sum(parts)]:
            parts[place] += 1
    return [min(count, max(part, LEAST_IN_STRATUM)) for part, count in zip(parts, counts, strict=True)]
