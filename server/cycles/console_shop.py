"""What a shop was granted, as its e-file shows it: asked for, granted, and why."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from server.catalogue import queries as catalogue
from server.cycles import result_queries

IN_E_FILE = 6


def in_e_file(session: Session, retailer: str, _now: datetime) -> Mapping[str, Any] | None:
    """Return what a shop was granted in its last cycles."""
    granted = result_queries.published_grants(session, retailer, limit=IN_E_FILE)
    if not granted:
        return None
    skus = {grant.sku for one in granted for grant in one.grants}
    return {"retailer": retailer, "cycles": granted, "skus": catalogue.skus(session, skus, withdrawn=True)}
