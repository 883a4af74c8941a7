"""Exact sums of columns: in 64 bits where that is sure to do, in Python's integers or fractions where it may not."""

from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from allocation.hashing.line_bytes import stretches
from allocation.limits import WORD_END
from allocation.tables.columns import is_all

Numbers = npt.NDArray[Any]

_HALF_BITS: Final = 31
"""Numbers below 2^62 are summed in two halves: a stretch of halves is exact in floating point."""


@dataclass(frozen=True, eq=False)
class Units:
    """A column of units, as packs and the units of each; integers, or fractions in an object array."""

    packs: Numbers
    pack: Numbers | None = None

    def of(self, lines: slice) -> Numbers:
        """Return some of it."""
        if self.pack is None or is_all(1, self.pack):
            return self.packs[lines]
        return self.packs[lines] * self.pack[lines]


def sums_by(group: npt.NDArray[Any], column: Units, groups: int) -> Numbers:
    """Return the sum of a column for each group, 64 bits wide where all of it together fits, else of objects."""
    if column.packs.dtype == object:
        return _sums_of_objects(group, column, groups)
    most = max((float(column.of(here).max(initial=0)) for here in stretches(len(group))), default=0.0)
    sums = np.zeros(groups, dtype=np.int64 if most * len(group) < WORD_END else object)
    for here in stretches(len(group)):
        position, numbers = group[here], column.of(here)
        first = int(position.min())
        position = position - first
        for number, half in enumerate((numbers & ((1 << _HALF_BITS) - 1), numbers >> _HALF_BITS)):
            if number and not half.any():
                continue
            part = np.bincount(position, half).astype(np.int64).astype(sums.dtype)
            sums[first : first + len(part)] += part << _HALF_BITS * number
    return sums


def _sums_of_objects(group: npt.NDArray[Any], column: Units, groups: int) -> Numbers:
    """Sum integers or fractions: numerators first, as far as denominators are the same."""
    pack = [1] * len(group) if column.pack is None else column.pack.tolist()
    numerators: defaultdict[tuple[int, int], int] = defaultdict(int)
    for place, packs, units in zip(group.tolist(), column.packs.tolist(), pack, strict=True):
        numerators[place, packs.denominator] += packs.numerator * units
    sums = np.zeros(groups, dtype=object)
    for (place, denominator), numerator in numerators.items():
        sums[place] += Fraction(numerator, denominator)
    return sums


def widened(numbers: Numbers, *, factor: int = 1) -> Numbers:
    """Return numbers in a form in which their sum times `factor` is exact."""
    if numbers.dtype == object or float(numbers.max(initial=0)) * len(numbers) * factor < WORD_END:
        return numbers
    return numbers.astype(object)


def total_of(numbers: Numbers) -> Any:
    """Return the sum of numbers that are 0 or more, or that :func:`widened` has made safe; a Python number."""
    total = widened(numbers).sum()
    return int(total) if isinstance(total, np.integer) else total
