"""Tiers: where a score lies, and how far it may carry a retailer from where it was."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from allocation.scoring.policy import MILLI, ScorePolicy
from allocation.tables.columns import IntArray

NONE: Final = 0
"""Stands for no previous tier."""


def tiers_at(milli: IntArray, bounds_points: Sequence[int]) -> IntArray:
    """Return the tier of each score in thousandths of a point: the best whose bound it reaches, else the last."""
    rising = np.array([MILLI * bound for bound in reversed(bounds_points)], dtype=np.int64)
    return 1 + len(bounds_points) - np.searchsorted(rising, milli, side="right")


def earned_tiers(milli: IntArray, previous: IntArray, policy: ScorePolicy) -> IntArray:
    """Return the tier that each score earns, seen from the previous tier.

    Without one it is the tier in which the score lies. Else the previous tier stays as long as it lies between those of
    the score plus and minus the margin; beyond them it moves to the nearer of the two, by at most `tier_moves_max`. A
    higher score never earns a worse tier.
    """
    margin = policy.margin_points * MILLI
    best, worst = (tiers_at(milli + shift, policy.bounds_points) for shift in (margin, -margin))
    kept = np.clip(previous, best, worst)
    moved = np.clip(kept, previous - policy.tier_moves_max, previous + policy.tier_moves_max)
    return np.where(previous == NONE, tiers_at(milli, policy.bounds_points), moved)
