"""Reads of licences."""

from collections.abc import Collection
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from server.licences.models import LicenceRow


def classes_held(session: Session, retailer: str, on: date) -> frozenset[str]:
    """Return the classes that ``retailer`` holds a valid licence for on the day ``on``."""
    return classes_held_by(session, [retailer], on).get(retailer, frozenset())


def classes_held_by(session: Session, retailers: Collection[str] | None, on: date) -> dict[str, frozenset[str]]:
    """Return the classes held on the day ``on``, by retailer; retailers without any are absent."""
    query = select(LicenceRow.retailer, LicenceRow.licence_class).where(
        LicenceRow.state == "valid", LicenceRow.valid_from <= on, LicenceRow.valid_until >= on
    )
    if retailers is not None:
        query = query.where(LicenceRow.retailer.in_(retailers))
    held: dict[str, set[str]] = {}
    for row in session.execute(query):
        held.setdefault(row.retailer, set()).add(row.licence_class)
    return {retailer: frozenset(classes) for retailer, classes in held.items()}
