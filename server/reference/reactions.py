"""Terminals are told to look again when something below their document changed."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.orm import Session

from contract.feed import ReferenceChanged
from server.kit import outbox
from server.retailers import queries as retailers


def tell(session: Session, codes: Iterable[str] | None, at: datetime) -> None:
    """Tell the terminals of ``codes``, of all retailers where none are named, that the document is out of date.

    The version is the instant of the change: a terminal fetches, and the document's own hash decides.
    """
    wanted = retailers.codes_on_route(session, "*") if codes is None else list(codes)
    message = ReferenceChanged(version=at.isoformat())
    outbox.append(session, [outbox.Item(code, "reference", "reference", message) for code in wanted], at=at)
