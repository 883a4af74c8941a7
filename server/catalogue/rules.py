"""Pure decisions about SKUs."""

from collections.abc import Mapping
from typing import Any

from server.kit.fields import Reason, Unfit
from server.kit.marking import N_

MINIMUM_ABOVE_LIMIT = Reason(
    "minimum_above_limit",
    N_("In whole packs the smallest order is {minimum}, above the limit of {limit}: nobody could order it."),
)


def can_be_ordered(sku: Mapping[str, Any]) -> tuple[str, Unfit] | None:
    """Return what keeps every retailer from ordering a SKU: a smallest order above the limit, in whole packs.

    A limit of 0 is meant: nobody shall order it.
    """
    pack, limit = sku["pack_units"], sku["limit_units"]
    least = max(pack, -(-sku["minimum_units"] // pack) * pack)
    if limit and least > limit:
        return "limit_units", Unfit(MINIMUM_ABOVE_LIMIT, minimum=least, limit=limit)
    return None
