"""What every solver hands back: packs a line, what stopped it, and where each supply ended."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from allocation.filling.signposts import Level
from allocation.tables.columns import IntArray, Positions


@dataclass(frozen=True)
class Threshold:
    """The last unit of a SKU that was granted above the floors, in the order of (tier, phase, level, draw)."""

    tier: int
    phase: int
    level: Level
    draw: bytes


@dataclass(eq=False)
class Filling:
    """A filling, in the order of the problem's lines.

    Parameters
    ----------
    granted
        Packs: integers, or fractions where nothing is rounded.
    stopped_by
        The position of the constraint that refused a line's next pack; −1 for a line that is not short. Positions after
        the last constraint's are those of the labels of exclusive bundles: another line of the bundle stays.
    by_draw
        Whether that line, drawn first among the units with its level, would have got it.
    first_refused
        By constraint, where a solver knows it: the line with the first pack that it refused, −1 for none; else empty.
    thresholds
        By position of the SKU; only for SKUs whose supply stopped a line and gave more than floors.
    levels
        By name of the constraint, ``{"tier", "phase", "level"}``: when it first refused.

        In whole packs: of the lines whose `stopped_by` it is, the smallest (tier, phase, level) of their next packs,
        numbered granted + 1; the level as ``str`` of the exact number, as in thresholds. There is an entry for every
        constraint that stopped a line, supplies included, if any of them is no supply; none where supplies alone
        stopped lines and `thresholds` say it. Lines left out for their minimum or their bundle play no part.

        With nothing rounded: the level at which it was full, for every constraint that stopped a line.
    minimums
        By SKU, how the lines with a minimum were chosen.
    baskets
        What proves the totals and mixtures of baskets; empty where there are none.
    """

    granted: npt.NDArray[Any]
    stopped_by: Positions
    by_draw: npt.NDArray[np.bool_]
    first_refused: Positions = field(default_factory=lambda: np.empty(0, dtype=np.int32))
    thresholds: dict[int, Threshold] = field(default_factory=dict)
    levels: dict[str, Any] = field(default_factory=dict)
    minimums: dict[str, Any] = field(default_factory=dict)
    baskets: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of_all_that_is_eligible(cls, eligible: IntArray) -> "Filling":
        """Return the filling in which nobody is stopped."""
        return cls(eligible.copy(), np.full(len(eligible), -1, dtype=np.int32), np.zeros(len(eligible), dtype=np.bool_))
