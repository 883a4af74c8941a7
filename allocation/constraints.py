"""Everything that a pack must have room in: its supply, its retailer's credit and units, its groups' quotas."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from allocation.limits import NO_LIMIT
from allocation.problem_tables import EVERY_SKU, Quotas, Requests, Retailers, Supply
from allocation.tables.columns import Positions


@dataclass(frozen=True, eq=False)
class Slot:
    """One kind of constraint: which one of it each line uses, and how much one pack takes of it.

    Parameters
    ----------
    reason
        The reason of a line that this stops: ``supply``, ``credit`` or ``quota``.
    constraint
        Per line the position in :class:`Constraints`, −1 where it uses none of this kind.
    in_money
        Whether a pack takes its price, in minor units of money, or its units.
    is_own
        Whether each of them holds all lines of one retailer and no others.
    """

    reason: str
    constraint: Positions
    in_money: bool = False
    is_own: bool = False


@dataclass(frozen=True, eq=False)
class Constraints:
    """All constraints of a problem; `slots` stand in the order in which a full one is named.

    `names` are as in ``bound_by``, `limits` in units or minor money, cut to whole packs for a supply.
    """

    names: tuple[str, ...]
    limits: tuple[int, ...]
    slots: tuple[Slot, ...]

    def of_line(self, line: int, pack: int, price_minor: int) -> Iterator[tuple[int, int, str]]:
        """Yield the constraints of a line in naming order: position, size of one pack, reason."""
        for slot in self.slots:
            constraint = int(slot.constraint[line])
            if constraint >= 0:
                yield constraint, pack * price_minor if slot.in_money else pack, slot.reason


def gather_constraints(requests: Requests, supply: Supply, retailers: Retailers, quotas: Quotas) -> Constraints:
    """Collect the constraints in naming order: supply, credit, units, quotas of a SKU, quotas of all SKUs."""
    names = [f"supply:{sku}" for sku in supply.sku]
    limits: list[int] = (supply.packs_on_offer * supply.pack).tolist()
    slots = [Slot("supply", requests.sku)]
    for kind, reason, column in (("credit", "credit", retailers.credit_minor), ("units", "quota", retailers.max_units)):
        limited = column < NO_LIMIT
        if limited.any():
            position = np.where(limited, len(names) + np.cumsum(limited) - 1, -1).astype(np.int32)
            slots.append(Slot(reason, position[requests.retailer], in_money=kind == "credit", is_own=True))
            names += [f"{kind}:{retailers.retailer[i]}" for i in np.flatnonzero(limited)]
            limits += column[limited].tolist()
    rows = list(zip(quotas.group, quotas.value, quotas.sku, quotas.max_units.tolist(), strict=True))
    for of_all in (False, True):
        for group in sorted({row[0] for row in rows if (row[2] == EVERY_SKU) is of_all}):
            chosen = [row for row in rows if row[0] == group and (row[2] == EVERY_SKU) is of_all]
            table = {(value, sku): len(names) + i for i, (_, value, sku, _) in enumerate(chosen)}
            slots.append(Slot("quota", _members(requests, supply, retailers.groups[group], table, of_all=of_all)))
            names += [f"quota:{group}={value}:{sku}" for _, value, sku, _ in chosen]
            limits += [row[3] for row in chosen]
    return Constraints(tuple(names), tuple(limits), tuple(slots))


def _members(
    requests: Requests, supply: Supply, labels: tuple[str, ...], table: dict[tuple[str, str], int], *, of_all: bool
) -> Positions:
    """Return per line the quota of its retailer's label and its SKU, −1 where there is none."""
    values = sorted({value for value, _ in table})
    value_of = {value: i for i, value in enumerate(values)}
    of_retailer = np.array([value_of.get(label, len(values)) for label in labels], dtype=np.int64)
    skus = (EVERY_SKU,) if of_all else supply.sku
    grid = np.full((len(values) + 1, len(skus)), -1, dtype=np.int32)
    column = {sku: i for i, sku in enumerate(skus)}
    for (value, sku), position in table.items():
        grid[value_of[value], column[sku]] = position
    members: Positions = grid[of_retailer[requests.retailer], 0 if of_all else requests.sku]
    return members
