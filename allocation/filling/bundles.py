"""Lines that exclude each other: of a retailer's lines with one label at most one is granted anything.

Which line of a bundle stays is seen from the filling that knows no bundles and no minimums:

- one with a floor or a manual decision above 0, if there is one;
- else, of the lines that have at least their minimum and a pack there, the one with the largest part of what it
  requested; among equals the draw of the last pack that it has there;
- else whichever is served its minimum (see :mod:`allocation.filling.minimums`), at most one of them;
- else, of the lines without a minimum, the one whose first pack comes first in the order of the packs.

Each retailer's bundle is decided by its own lines alone, but for the third case. So a label gives nobody a claim on
what others hold, and nobody has to take the worse of his lines for the sake of others.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np

from allocation.filling.outcome import Filling
from allocation.problem import Problem

Draw = Callable[[str, str, int], bytes]

Bundle = Sequence[int]
"""Two or more lines of one retailer and label that may get something."""


def bundles_of(problem: Problem) -> list[Bundle]:
    """Return the bundles in which there is something to choose."""
    requests = problem.requests
    members: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
    for line in np.flatnonzero((requests.exclusive >= 0) & (problem.lines_to_fill.eligible > 0)).tolist():
        members[int(requests.retailer[line]), int(requests.exclusive[line])].append(line)
    return [lines for lines in members.values() if len(lines) > 1]


def settled(problem: Problem, draw: Draw, first: Filling, bundle: Bundle) -> int | None:
    """Return the line that stays by the `first` filling alone, None where none of them has what it needs there."""
    lines, requested = problem.lines_to_fill, problem.requests.requested
    for line in bundle:
        if lines.floor[line] > 0:
            return line
    reached = [line for line in bundle if first.granted[line] >= max(int(lines.minimum[line]), 1)]

    def place(line: int) -> tuple[Fraction, bytes]:
        packs = int(first.granted[line])
        sku, retailer = problem.names(line)
        return -Fraction(packs * int(lines.pack[line]), int(requested[line])), draw(sku, retailer, packs)

    return min(reached, key=place) if reached else None


def left_out_of(bundle: Bundle, stays: int | None) -> list[int]:
    """Return the lines of a bundle that get nothing where one of them stays."""
    return [line for line in bundle if line != stays]
