"""Terminals are told to look again when something below their document changed."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.orm import Session

from contract.feed import ReferenceChanged
from server.catalogue.events import CatalogueChanged
from server.kit import outbox
from server.licences.events import LicencesChanged
from server.retailers import queries as retailers
from server.retailers.events import RetailersChanged, StandingChanged


def on_catalogue_changed(session: Session, event: CatalogueChanged, at: datetime) -> None:
    """Tell everybody: any shop may order any SKU."""
    del event
    tell(session, None, at)


def on_retailers_changed(session: Session, event: RetailersChanged, at: datetime) -> None:
    """Tell the shops that changed."""
    tell(session, event.retailers, at)


def on_standing_changed(session: Session, event: StandingChanged, at: datetime) -> None:
    """Tell the shop."""
    tell(session, [event.retailer], at)


def on_licences_changed(session: Session, event: LicencesChanged, at: datetime) -> None:
    """Tell the shops whose licences changed."""
    tell(session, event.retailers, at)


def tell(session: Session, codes: Iterable[str] | None, at: datetime) -> None:
    """Tell the terminals of ``codes``, of all retailers where none are named, that the document is out of date.

    The version is the instant of the change: a terminal fetches, and the document's own hash decides.
    """
    known = retailers.codes_on_route(session, "*")
    wanted = known if codes is None else sorted(set(codes) & set(known))
    message = ReferenceChanged(version=at.isoformat())
    outbox.append(session, [outbox.Item(code, "reference", "reference", message) for code in wanted], at=at)
