"""How answers to an anonymous survey lose their sender: a threshold pool mix.

Answers wait in an urn without a name. Where ten of a stratum wait, five of them, drawn by lot, leave it for the ballots
in an order drawn by lot; the other five stay for later. At the close all leave. So nothing that is kept tells which of
at least five shops an answer is from, and a look before and after a shop's answer does not either (Serjantov,
Dingledine and Syverson, From a Trickle to a Flood, 2002). The promise and its limits: docs/adr.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

URN_HOLDS = 10
LEAVE = 5
TOGETHER = LEAVE
"""Of a stratum with fewer ballots than this, it would be known whose they are."""


@dataclass(frozen=True)
class Ballot:
    """One shop's answers, without the shop; ``answers`` are rows of a table in the making."""

    stratum: int
    answers: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class Mixed:
    """What stays in the urn and what leaves it, both in an order that says nothing."""

    stay: tuple[Ballot, ...]
    leave: tuple[Ballot, ...]


def put_in(waiting: Sequence[Ballot], ballot: Ballot, lots: Random) -> Mixed:
    """Put a ballot in; where its stratum's are many enough, some of them leave."""
    held = [*waiting, ballot]
    lots.shuffle(held)
    same = [one for one in held if one.stratum == ballot.stratum]
    if len(same) < URN_HOLDS:
        return Mixed(tuple(held), ())
    leave = same[:LEAVE]
    return Mixed(tuple(one for one in held if not any(one is other for other in leave)), tuple(leave))


def empty(
    waiting: Sequence[Ballot], left: Mapping[int, int], lots: Random
) -> tuple[tuple[Ballot, ...], dict[int, int]]:
    """Return what leaves at the close, and which strata are counted as part of which other.

    A stratum that does not come to five ballots goes to the one with the fewest that does, or, where none does, all
    of them go to the first together; ``left`` are the ballots that each had before. Fewer than five in all: nothing
    leaves, the answers are destroyed.
    """
    counts = Counter(left)
    counts.update(one.stratum for one in waiting)
    if sum(counts.values()) < TOGETHER:
        return (), {}
    enough = [place for place, count in counts.items() if count >= TOGETHER]
    into = min(enough, key=lambda place: (counts[place], place)) if enough else min(counts)
    pooled = {place: into for place, count in counts.items() if count < TOGETHER and place != into}
    held = [Ballot(pooled.get(one.stratum, one.stratum), one.answers) for one in waiting]
    lots.shuffle(held)
    return tuple(held), pooled
