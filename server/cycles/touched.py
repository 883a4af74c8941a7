"""What the suspension of a licence or shop touches in the cycles: lines of a frozen book, not published yet."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import ARRAY, String, any_, func, literal, select
from sqlalchemy.orm import Session

from server.cycles.models import BookLine, CycleRow
from server.kit.marking import N_
from server.retailers.affected import Line, Part


def read(session: Session, retailer: str, skus: Collection[str], _now: datetime) -> Sequence[Line]:
    """Return the cycles whose frozen book holds eligible lines of the shop and that are not published, with units."""
    rows = session.execute(
        select(CycleRow.id, CycleRow.number, func.sum(BookLine.requested_units))
        .join(BookLine, BookLine.cycle == CycleRow.id)
        .where(
            BookLine.retailer == retailer,
            BookLine.ineligible_why.is_(None),
            BookLine.sku == any_(literal(list(skus), ARRAY(String))),
            CycleRow.state.not_in(["published", "called_off"]),
        )
        .group_by(CycleRow.id)
        .order_by(CycleRow.number)
    )
    return [Line(f"#{number}", f"/console/cycles/{cycle}", int(units)) for cycle, number, units in rows]


PART = Part(
    N_("Lines being shared out"),
    N_("The frozen book is not changed: they can still be granted, and what is granted is held at dispatch."),
    N_("The frozen book is not changed: they can still be granted, and what is granted is held at dispatch."),
    read,
)
