"""What would another policy change: two scores of one day side by side."""

from dataclasses import dataclass

from allocation.scoring.scores import Scores


@dataclass(frozen=True)
class Placed:
    """Where a retailer stands: score in thousandths of a point, tier, and weight in the allocation."""

    score_milli: int
    tier: int
    weight: int


@dataclass(frozen=True)
class Move:
    """A retailer whose tier or weight differs; None where it is not scored on one of the two sides."""

    retailer: str
    before: Placed | None
    after: Placed | None


def moved(before: Scores, after: Scores) -> tuple[Move, ...]:
    """Return who has another tier or another weight, in byte order of the names."""
    one, other = _by_name(before), _by_name(after)
    moves = (Move(name, one.get(name), other.get(name)) for name in sorted(one.keys() | other.keys()))
    return tuple(move for move in moves if _place(move.before) != _place(move.after))


def _by_name(scores: Scores) -> dict[str, Placed]:
    columns = (scores.score_milli.tolist(), scores.tier.tolist(), scores.weight.tolist())
    return {name: Placed(*cells) for name, *cells in zip(scores.retailer, *columns, strict=True)}


def _place(placed: Placed | None) -> tuple[int, int] | None:
    return None if placed is None else (placed.tier, placed.weight)
