"""Small problems with baskets for tests, and what a claimant holds in a result."""

from collections import Counter
from typing import Any

from allocation_problems import columns
from hypothesis import strategies as st

from allocation import Result


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
