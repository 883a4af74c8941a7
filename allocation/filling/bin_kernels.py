"""Compiled kernels of water-filling by bins: lines that are alike are counted, and looked up again.

:mod:`allocation.filling.bins` uses them. The bin of a line is (code of its second number · SKUs + SKU) · width + its
first number, so that the lines of a retailer, which share their second number, lie close together.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from allocation.compiled import jit

Ints = npt.NDArray[np.int64]
Places = npt.NDArray[np.int32]
Flags = npt.NDArray[np.bool_]

AT_STAKE: Final = 1
SHORT: Final = 2
SHIFT: Final = 2
"""What a table of bins says of each: packs·2^SHIFT, with these flags; a negative number where it says nothing."""


@jit
def count_bins(sku: Places, first: Ints, second: Ints, code: Places, shape: tuple[int, int], counts: Places) -> bool:
    """Count the lines of each bin; return whether all have one.

    `code` numbers the second numbers, −1 being none; `shape` is (SKUs, width). Where `second` has one entry, it is that
    of all lines.
    """
    skus, width, codes = np.uint64(shape[0]), np.uint64(shape[1]), np.uint64(len(code))
    step = np.uint64(0 if len(second) < len(sku) else 1)
    for line in range(np.uint64(len(sku))):
        here, other = np.uint64(first[line]), np.uint64(second[line * step])  # a negative number becomes a huge one
        if here >= width or other >= codes or code[other] < 0:
            return False
        counts[(np.uint64(code[other]) * skus + np.uint64(sku[line])) * width + here] += 1
    return True


@jit
def spread_bins(
    sku: Places,
    first: Ints,
    second: Ints,
    code: Places,
    shape: tuple[int, int],
    table: Places,
    start: int,
    ends: Ints,
    place: Places,
    out: tuple[Ints, Places],
) -> None:
    """Give lines what the table says of their bins; the numbers of those at stake go behind those of their SKU.

    The first line has the number `start`; `out` is packs granted, and the SKU for those that are short.
    """
    granted, stopped_by = out
    skus, width = np.uint64(shape[0]), np.uint64(shape[1])
    step = np.uint64(0 if len(second) < len(sku) else 1)
    for line in range(np.uint64(len(sku))):
        k, its = np.uint64(sku[line]), np.uint64(code[np.uint64(second[line * step])])
        said = table[(its * skus + k) * width + np.uint64(first[line])]
        if said >= 0:
            granted[line] = said >> SHIFT
            stopped_by[line] = k if said & SHORT else -1
            if said & AT_STAKE:
                place[ends[k]] = start + np.int64(line)
                ends[k] += 1
