"""Small problems with baskets for tests, and what a claimant holds in a result."""

import random
from collections import Counter
from typing import Any

from allocation_problems import columns
from hypothesis import strategies as st

from allocation import Problem, Result


@st.composite
def basket_columns(draw: st.DrawFn, *, coupled: bool = True) -> dict[str, Any]:
    """Columns of a small problem: one weight a retailer, SKUs with and without a basket's label."""
    drawn = draw(columns(coupled=coupled))
    count = len(drawn["retailers"]["retailer"])
    del drawn["requests"]["weight"]
    drawn["retailers"]["weight"] = draw(st.lists(st.integers(1, 4), min_size=count, max_size=count))
    skus = len(drawn["supply"]["sku"])
    drawn["supply"]["basket"] = draw(st.lists(st.sampled_from(("", "b", "b", "c")), min_size=skus, max_size=skus))
    return drawn


def held_by(result: Result) -> dict[str, Any]:
    """Units by retailer."""
    held: Counter[str] = Counter()
    for retailer, units in zip(result.columns["retailer"], result.granted.tolist(), strict=True):
        held[retailer] += units
    return dict(held)


def market(*, retailers: int = 12, skus: int = 3, seed: int = 3) -> Problem:
    """Shops with credit that want several scarce goods."""
    r = random.Random(seed)  # noqa: S311  # an example, no secret
    names, goods = [f"r{i:02d}" for i in range(retailers)], [f"s{k}" for k in range(skus)]
    lines = [(name, sku) for name in names for sku in goods if r.random() < 0.8]
    return Problem.from_columns(
        {
            "retailer": [name for name, _ in lines],
            "sku": [sku for _, sku in lines],
            "requested": [r.randint(3, 20) for _ in lines],
        },
        {"sku": goods, "supply": [r.randint(4, 9) * retailers for _ in goods], "price_minor": [3, 7, 11][:skus]},
        {
            "retailer": names,
            "weight": [r.randint(1, 3) for _ in names],
            "credit_minor": [r.choice([None, r.randint(20, 200)]) for _ in names],
        },
    )
