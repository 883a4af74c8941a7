"""Problems that are measured, seeded: an uncoupled order book, and one with credits and region quotas."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from allocation import Problem
from allocation.tables.columns import RawTable
from allocation.tables.texts import Coded
from loadtests import batch

SEED: Final = batch.SEED
LINES_A_RETAILER: Final = 20
SKUS: Final = 200
_REGIONS: Final = 31


@dataclass(frozen=True)
class Sizes:
    """By what all sizes are divided: 1 for the full run, more for a short one; and how often things are run."""

    divisor: int = 1
    repeats: int = 5

    def of(self, full: int, least: int = 1) -> tuple[int, ...]:
        """Return a size, a tenth and a hundredth of it, smallest first; in a short run the smallest alone."""
        sizes = [max(least, full // self.divisor // part) for part in (100, 10, 1)]
        return tuple(sorted(set(sizes))) if self.divisor == 1 else (sizes[0], 2 * sizes[0])


def uncoupled(lines: int) -> Problem:
    """Return about so many lines, 20 a retailer and 200 SKUs, with supply for half of what is asked."""
    rng = np.random.default_rng(1)
    retailers = max(1, lines // LINES_A_RETAILER)
    sku = (
        rng.integers(0, SKUS, retailers, dtype=np.int32)[:, None] + np.arange(LINES_A_RETAILER, dtype=np.int32)
    ) % SKUS
    sku.sort(axis=1)
    requested = rng.integers(1, 100, sku.size, dtype=np.int64)
    asked = np.bincount(sku.ravel(), requested, SKUS).astype(np.int64)
    who = [f"{number:07d}" for number in range(retailers)]
    names = [f"{number:04d}" for number in range(SKUS)]
    retailer = np.repeat(np.arange(retailers, dtype=np.int32), LINES_A_RETAILER)
    requests: dict[str, Any] = {
        "retailer": Coded(retailer.astype(np.int32), who),
        "sku": Coded(sku.ravel().astype(np.int32), names),
        "requested": requested,
    }
    return Problem.from_tables(
        RawTable("requests.csv", requests),
        RawTable("supply.csv", {"sku": names, "supply": asked // 2}),
        RawTable("retailers.csv", {"retailer": who, "weight": rng.integers(1, 31, retailers)}),
        None,
    )


def coupled(retailers: int, skus: int, lines: int) -> Problem:
    """Return retailers with so many lines each, a credit each and a quota a region; weights are by line.

    Nobody asks for less than eight times its weight, so that the first level ends in a constraint and not at a request.
    """
    rng = np.random.default_rng(2)
    first = rng.integers(0, skus, retailers, dtype=np.int32)[:, None]
    sku = (first + np.arange(lines, dtype=np.int32)) % skus
    sku.sort(axis=1)
    sku = sku.ravel()
    retailer = np.repeat(np.arange(retailers, dtype=np.int32), lines)
    weight = rng.integers(1, 31, len(sku))
    requested = weight * 8 + rng.integers(0, 50, len(sku)) * (1 + weight // 6)
    price, region = rng.integers(100, 2000, skus), rng.integers(0, _REGIONS, retailers)
    money = np.bincount(retailer, requested * price[sku], retailers)
    by_region = np.bincount(region[retailer], requested, _REGIONS)
    asked = np.bincount(sku, requested, skus).astype(np.int64)
    who, names = [f"{number:07d}" for number in range(retailers)], [f"{number:04d}" for number in range(skus)]
    regions = [f"{number:02d}" for number in range(_REGIONS)]
    table: dict[str, Any] = {
        "retailer": who,
        "credit_minor": (money * rng.uniform(0.3, 1.2, retailers)).astype(np.int64),
        "group:region": Coded(region.astype(np.int32), regions),
    }
    requests: dict[str, Any] = {
        "retailer": Coded(retailer.astype(np.int32), who),
        "sku": Coded(sku.astype(np.int32), names),
        "requested": requested,
        "weight": weight,
    }
    quotas: dict[str, Any] = {"group": ["region"] * _REGIONS, "value": regions, "sku": ["*"] * _REGIONS}
    return Problem.from_tables(
        RawTable("requests.csv", requests),
        RawTable("supply.csv", {"sku": names, "supply": asked * 60 // 100, "price_minor": price}),
        RawTable("retailers.csv", table),
        RawTable("quotas.csv", quotas | {"max_units": (by_region * rng.uniform(0.3, 0.8, _REGIONS)).astype(np.int64)}),
    )
