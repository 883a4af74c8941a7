"""What the terminals of a shop are told of its deliveries, as they stand. Nothing here commits."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy.orm import Session

from contract import feed
from contract.envelope import MAX_BYTES
from server.deliveries import queries
from server.kit import outbox

REASON_MOST: Final = 500
WORDS_CUT: Final = 60
"""Words of a decision where many claims share one envelope."""

DELIVERY_BYTES_MOST = MAX_BYTES - 512
"""What is left of an envelope's bytes for a delivery, beside its key and the envelope's own fields."""


def tell(session: Session, ids: Collection[UUID], *, at: datetime) -> None:
    """Send deliveries as they stand to their retailers' feeds; held ones are not announced."""
    outbox.append(
        session,
        [
            outbox.Item(one.retailer, f"delivery:{one.id}", "delivery", _message(one))
            for one in queries.deliveries_by_id(session, ids)
            if one.shipped_at is not None
        ],
        at=at,
    )


def _message(one: queries.Delivery) -> feed.Delivery:
    """Return a delivery as its terminals hear it; words are cut, and left out, until it fits into an envelope."""
    fates = [{claim.id: _fate(claim, most) for claim in one.claims} for most in (REASON_MOST, WORDS_CUT)]
    for fate in [*fates, {}]:
        message = _with_fates(one, fate)
        if len(message.model_dump_json(exclude_none=True).encode()) <= DELIVERY_BYTES_MOST:
            break
    return message


def _with_fates(one: queries.Delivery, fates: Mapping[UUID, Mapping[str, Any]]) -> feed.Delivery:
    return feed.Delivery(
        delivery=one.id,
        number=one.number,
        cycle=one.cycle,
        state="shipped" if one.state == "shipped" else "confirmed",
        shipped_at=one.shipped_at,
        confirmed_at=one.confirmed_at,
        lines=tuple(
            feed.ShippedLine(sku=line.sku, shipped_units=line.shipped_units, granted_units=line.due_units)
            for line in one.lines
        ),
        claims=tuple(
            feed.Claim(
                claim=claim.id,
                number=claim.number,
                sku=claim.sku,
                difference=claim.difference,
                difference_units=claim.difference_units,
                state=claim.state,
                **fates.get(claim.id, {}),
            )
            for claim in one.claims
        ),
    )


def _fate(claim: queries.Claim, most: int) -> dict[str, Any]:
    return {
        "opened_at": claim.opened_at,
        "decided_at": claim.decided_at,
        "decision": _cut(claim.decision, most),
        "settled_at": claim.settled_at,
        "settlement": _cut(claim.settlement, most),
    }


def _cut(words: str | None, most: int) -> str | None:
    return words if words is None or len(words) <= most else words[: most - 1].rstrip() + "…"
