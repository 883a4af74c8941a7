"""Compiled parts of coupled filling: who uses what, brought together from a problem's columns."""

from typing import Any

from allocation.compiled import jit
from allocation.filling.stage_kernels import Flags, Floats, Places
from allocation.tables.columns import IntArray


@jit
def add_demand(
    constraint: Places, sku: Places, eligible: IntArray, floor: IntArray, size: Floats, demand: Floats, floors: Floats
) -> None:
    """Add what some lines ask of the constraints of a slot, and what their floors take; `size` is per SKU."""
    for line in range(len(constraint)):
        if constraint[line] >= 0:
            demand[constraint[line]] += eligible[line] * size[sku[line]]
            floors[constraint[line]] += floor[line] * size[sku[line]]


@jit
def put_uses(constraint: Places, may_be_full: Flags, uses: Places) -> None:
    """Write which constraint of a slot each line uses, −1 where it has none or one that cannot become full."""
    for line in range(len(constraint)):
        uses[line] = -1
        if constraint[line] >= 0 and may_be_full[constraint[line]]:
            uses[line] = constraint[line]


@jit
def count_members(uses: Any, own: Flags, begin: IntArray, end: IntArray) -> None:
    """Count the members of each shared constraint in `end`; find where the lines of each own one begin and end."""
    for slot in range(len(uses)):
        for line in range(uses.shape[1]):
            constraint = uses[slot, line]
            if constraint >= 0:
                if not own[slot]:
                    end[constraint] += 1
                elif end[constraint] == 0:
                    begin[constraint], end[constraint] = line, line + 1
                else:
                    end[constraint] = line + 1


@jit
def put_members(uses: Any, own: Flags, end: IntArray, members: Places) -> None:
    """Put the lines that use each shared constraint together, and `end` to where they end."""
    for slot in range(len(uses)):
        if not own[slot]:
            for line in range(uses.shape[1]):
                constraint = uses[slot, line]
                if constraint >= 0:
                    members[end[constraint]] = line
                    end[constraint] += 1
