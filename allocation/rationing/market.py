"""A week of a market under rationing: the allocation core shares out what there is, and shops sell what they have."""

from typing import Final

import numpy as np
import numpy.typing as npt

from allocation.policy import Policy
from allocation.problem import Problem
from allocation.solving import solve

Ints = npt.NDArray[np.int64]

SKU: Final = "K"


def grants(requested: Ints, weight: Ints, supply: int, seed: str) -> Ints:
    """Return what each retailer is granted by the core: weighted max-min, whole units, Webster's rounding.

    Parameters
    ----------
    requested
        Units of each retailer.
    weight
        Positive whole numbers.
    supply
        Units in all.
    seed
        64 hexadecimal digits.
    """
    names = retailer_names(len(requested))
    problem = Problem.from_columns(
        {"retailer": names, "sku": [SKU] * len(names), "requested": requested.tolist(), "weight": weight.tolist()},
        {"sku": [SKU], "supply": [supply]},
    )
    return solve(problem, Policy(seed=seed)).granted


def retailer_names(retailers: int) -> list[str]:
    """Return names that stand in byte order as their numbers do, as the core keeps them."""
    return [f"R{number:06d}" for number in range(retailers)]
