"""What came to a shop and what it claimed, for its timeline."""

from datetime import datetime
from typing import Any

from sqlalchemy import Select

from server.deliveries.models import ClaimRow, DeliveryRow
from server.kit.console.moments import Moments, moments, numbered
from server.kit.marking import N_

_DELIVERY, _CLAIM = "/console/deliveries/{key}", "/console/claims/{key}"


def _of(at: Any, word: Any, row: Any, retailer: str) -> Select[datetime, str, str, str]:
    return moments(at, word, numbered(row.number), row.id).where(row.retailer == retailer)


DELIVERIES = (
    Moments(
        {"shipped": (N_("goods left for the shop"),)},
        _DELIVERY,
        lambda retailer: _of(DeliveryRow.shipped_at, "shipped", DeliveryRow, retailer),
    ),
    Moments(
        {"confirmed": (N_("delivery confirmed"),)},
        _DELIVERY,
        lambda retailer: _of(DeliveryRow.confirmed_at, "confirmed", DeliveryRow, retailer),
    ),
)
CLAIMS = (
    Moments(
        {"opened": (N_("claim opened"),)},
        _CLAIM,
        lambda retailer: _of(ClaimRow.opened_at, "opened", ClaimRow, retailer),
    ),
    Moments(
        {
            "upheld": (N_("claim upheld"),),
            "settled": (N_("claim upheld"),),
            "declined": (N_("claim declined"),),
            "open": (N_("claim opened"),),
        },
        _CLAIM,
        lambda retailer: _of(ClaimRow.decided_at, ClaimRow.state, ClaimRow, retailer),
    ),
    Moments(
        {"settled": (N_("claim settled"),)},
        _CLAIM,
        lambda retailer: _of(ClaimRow.settled_at, "settled", ClaimRow, retailer),
    ),
)
