"""Which promises cannot stand together: the smallest set of them that a constraint has no room for."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Conflict:
    """Promises that a constraint has no room for.

    Parameters
    ----------
    constraint
        Its position.
    total
        What all promises together take of it.
    members
        The fewest promises that already take more than there is, in their order. Without any one of them the others
        have room.
    """

    constraint: int
    total: int
    members: tuple[int, ...]


def smallest_conflict(takes: Iterable[Iterable[tuple[int, int]]], limits: Sequence[int]) -> Conflict | None:
    """Return the conflict with the fewest members; None where all promises have room.

    A promise is a fixed amount, so that promises conflict if and only if some single constraint is overdrawn; its
    largest amounts, as many as it takes to overdraw it, are a smallest set. Among equals, the constraint that is
    overdrawn first in the order of the promises.

    Parameters
    ----------
    takes
        For each promise what it takes of which constraint, as (constraint, amount).
    limits
        By constraint.
    """
    amounts: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    used: defaultdict[int, int] = defaultdict(int)
    overdrawn: dict[int, None] = {}
    for number, uses in enumerate(takes):
        for constraint, amount in uses:
            amounts[constraint].append((-amount, number))
            used[constraint] += amount
            if used[constraint] > limits[constraint]:
                overdrawn.setdefault(constraint)
    conflicts = [
        Conflict(constraint, used[constraint], _fewest(amounts[constraint], limits[constraint]))
        for constraint in overdrawn
    ]
    return min(conflicts, key=lambda conflict: len(conflict.members), default=None)


def _fewest(amounts: list[tuple[int, int]], limit: int) -> tuple[int, ...]:
    members, left = [], limit
    for amount, number in sorted(amounts):
        members.append(number)
        left += amount
        if left < 0:
            break
    return tuple(sorted(members))
