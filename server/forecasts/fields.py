"""What a month of the demand history is made of: one list for files and for the cycles that tell of it."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import insert
from sqlalchemy.orm import Session

from server.catalogue import queries as catalogue
from server.forecasts.models import DemandRow, DemandVersion
from server.forecasts.rules import UNITS_MOST, is_over, is_sound
from server.kit.fields import Code, Day, Field, Text, Whole
from server.kit.marking import N_
from server.kit.records import Kind, Reference, Written, batches
from server.retailers import queries as retailers

FIELDS = (
    Field("retailer", N_("Retailer"), Code()),
    Field(
        "product_class",
        N_("Product class"),
        Text(100, needed=False),
        hint=N_("A category of the catalogue; empty for the SKUs that have none."),
    ),
    Field("period", N_("Month"), Day(), hint=N_("Its first day, such as 2027-03-01.")),
    Field("sold_units", N_("Units sold"), Whole(most=UNITS_MOST), optional=True, default=None),
    Field("requested_units", N_("Units requested"), Whole(most=UNITS_MOST), optional=True, default=None),
    Field("granted_units", N_("Units granted"), Whole(most=UNITS_MOST), optional=True, default=None),
    Field(
        "out_days",
        N_("Days out of stock"),
        Whole(most=31),
        optional=True,
        default=None,
        hint=N_("0 where it never ran out; empty where nobody knows."),
    ),
    Field("source", N_("Source"), Text(60), default="file", hint=N_("Where the figures come from.")),
)


def _written(session: Session, written: Sequence[Written], at: datetime) -> None:
    """Keep every figure that a month has had beside the one that counts now."""
    for some in batches(written):
        session.execute(insert(DemandVersion), [one.after | {"by": one.by, "at": at} for one in some])


HISTORY = Kind(
    name="history",
    label=N_("Demand history"),
    table=DemandRow,
    fields=FIELDS,
    key=("retailer", "product_class", "period"),
    rule=is_sound,
    timely=lambda cell, at: is_over(cell["period"], at),
    references=(
        Reference("retailer", N_("retailer"), retailers.known),
        Reference("product_class", N_("class"), catalogue.known_categories),
    ),
    written=_written,
)
