"""What feedback is about: that it is the shop's, and how people call it."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.orm import Session

from contract.errors import Rejected
from contract.feed import Text
from contract.messages import FeedbackAbout
from server.catalogue import queries as catalogue
from server.cycles import queries as cycles
from server.deliveries import queries as deliveries
from server.orders import queries as orders

WHATS = {"order": "order", "delivery": "delivery", "cycle": "cycle", "sku": "SKU"}


@dataclass(frozen=True)
class Subject:
    """What people call it, and the room of the console that shows it; orders and SKUs have no page of their own."""

    what: str
    name: Text
    href: str | None


def subject(session: Session, retailer: str, about: FeedbackAbout) -> Subject | None:
    """Return what a shop's feedback is about; none where the shop has nothing of that name."""
    if about.sort == "sku":
        known = catalogue.sku(session, about.name)
        return None if known is None else Subject("SKU", Text(zh=known.name_zh, en=known.name_en), None)
    try:
        named = UUID(about.name)
    except ValueError:
        return None
    return {"order": _order, "delivery": _delivery, "cycle": _cycle}[about.sort](session, retailer, named)


def _order(session: Session, retailer: str, order: UUID) -> Subject | None:
    found = orders.order(session, retailer, order)
    return None if found is None else Subject("order", _number(found.number), None)


def _delivery(session: Session, retailer: str, delivery: UUID) -> Subject | None:
    found = deliveries.delivery(session, delivery)
    if found is None or found.retailer != retailer:
        return None
    return Subject("delivery", _number(found.number), f"/console/deliveries/{delivery}")


def _cycle(session: Session, _retailer: str, cycle: UUID) -> Subject | None:
    found = cycles.cycle(session, cycle)
    if found is None:
        return None
    return Subject("cycle", Text(zh=found.name_zh, en=found.name_en), f"/console/cycles/{cycle}")


def check(session: Session, retailer: str, about: FeedbackAbout) -> None:
    """Refuse what the shop has not.

    Raises
    ------
    Rejected
        ``feedback_about``.
    """
    if subject(session, retailer, about) is None:
        raise Rejected("feedback_about", what=WHATS[about.sort], name=about.name)


def _number(number: int) -> Text:
    return Text(zh=f"#{number}", en=f"#{number}")
