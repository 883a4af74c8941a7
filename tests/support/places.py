"""What stands for the parts of addresses in a database of :mod:`filled`."""

import sqlalchemy as sa
from sqlalchemy.orm import Session

_OF_A_SHOP = {
    "delivery": "SELECT id FROM deliveries WHERE retailer = :shop",
    "claim": "SELECT id FROM claims WHERE retailer = :shop",
    "feedback": "SELECT id FROM feedback WHERE retailer = :shop",
    "device": "SELECT id FROM devices WHERE retailer = :shop",
    "order": "SELECT number FROM orders WHERE retailer = :shop",
    "alert": "SELECT number FROM fleet_alerts WHERE retailer = :shop",
    "appeal": "SELECT id FROM score_appeals WHERE retailer = :shop",
}
_OF_ALL = {
    "cycle": "SELECT id FROM cycles",
    "window": "SELECT id FROM windows",
    "announcement": "SELECT id FROM announcements",
    "survey": "SELECT id FROM surveys",
    "attachment": "SELECT id FROM announcement_attachments",
    "sha256": "SELECT sha256 FROM announcement_pages",
}


def parts_of(session: Session, shop: str) -> dict[str, str]:
    """Return by the name of a part of an address (``{cycle}``) what belongs to ``shop``, or is everybody's."""
    found = {name: session.scalar(sa.text(query), {"shop": shop}) for name, query in _OF_A_SHOP.items()}
    found |= {name: session.scalar(sa.text(query)) for name, query in _OF_ALL.items()}
    known = {name: str(value) for name, value in found.items()}
    again = {"device_id": known["device"], "window_id": known["window"], "none": "1"}
    return known | again | {"retailer": shop, "code:path": shop}
