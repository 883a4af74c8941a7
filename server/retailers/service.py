"""What can be done with retailers. Nothing here commits."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from contract.errors import Rejected
from server.retailers import queries
from server.retailers.models import RetailerRow


def lock_retailer(session: Session, code: str) -> queries.Retailer:
    """Hold one retailer's row until the transaction ends, and return the retailer as it stands.

    Raises
    ------
    Rejected
        ``not_found``.
    """
    row = session.scalars(
        select(RetailerRow).where(RetailerRow.code == code).with_for_update(key_share=True)
    ).one_or_none()
    if row is None:
        raise Rejected("not_found", what="retailer", name=code)
    found = queries.retailer(session, code)
    assert found is not None  # noqa: S101 - locked above
    return found
