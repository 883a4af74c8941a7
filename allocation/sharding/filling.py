"""Fill in shards: lines that meet in a supply alone where they are, all others by connected components."""

from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt

from allocation.filling.outcome import Filling
from allocation.filling.rules import Order
from allocation.policy import Policy
from allocation.problem import Lines, Problem
from allocation.sharding.components import components, packed
from allocation.sharding.parts import Part, cut_by_retailers, part_of, put_back
from allocation.sharding.places import Places
from allocation.sharding.reducing import fill_supplies_in_shards

Mask = npt.NDArray[np.bool_]
FillPart = Callable[[Problem, Lines, Policy, Order], Filling]


def fill_in_shards(
    problem: Problem,
    lines: Lines,
    policy: Policy,
    order: Order,
    coupled: Mask,
    places: Places,
    fill: FillPart,
    filling: Filling,
) -> None:
    """Fill all SKUs; `coupled` says which meet others in a constraint that may become full.

    Parameters
    ----------
    fill
        Fills a part by itself: every line of every constraint that may become full is in it.
    filling
        Written to; holds what is eligible before.
    """
    sku = problem.requests.sku
    together = coupled[sku]
    if policy.rounding == "none":
        together = np.ones_like(together)
        filling.granted = filling.granted.astype(object)
    else:
        alone = np.flatnonzero(~together)
        if alone.size:
            cuts = cut_by_retailers(problem.requests.retailer[alone], places.count)
            parts = [part_of(problem, lines, order, alone[here]) for here in cuts]
            together |= fill_supplies_in_shards(parts, policy, ~coupled, places, filling)[sku]
    line = np.flatnonzero(together)
    bins = packed(components(problem, lines, line), places.count)
    parts = [part_of(problem, lines, order, line[bins == number]) for number in np.unique(bins).tolist()]
    kept = places.keep(parts)
    for part, filled in zip(parts, places.ask(partial(_filled, fill, policy), kept), strict=True):
        put_back(part, filled, filling)


def _filled(fill: FillPart, policy: Policy, part: Part) -> Filling:
    return fill(part.problem, part.lines, policy, part.order)
