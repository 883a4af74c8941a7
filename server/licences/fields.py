"""What a licence is made of: one list for its form, for programs and for files."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from server.kit import events
from server.kit.fields import Choice, Code, Day, Field, Text
from server.kit.marking import N_
from server.kit.records import Kind, Reference, Written
from server.licences.events import LicencesChanged
from server.licences.models import LicenceRow
from server.licences.rules import is_sound
from server.retailers import queries as retailers

NAMED_MOST = 500

FIELDS = (
    Field("retailer", N_("Retailer"), Code(), hint=N_("The code of the shop that holds it.")),
    Field("licence_class", N_("Class"), Code(), hint=N_("The class of goods, as SKUs name it.")),
    Field("number", N_("Number"), Code(), hint=N_("As it stands on the document.")),
    Field("valid_from", N_("First day"), Day()),
    Field("valid_until", N_("Last day"), Day()),
    Field(
        "state",
        N_("State"),
        Choice(("valid", "suspended", "cancelled"), (N_("valid"), N_("suspended"), N_("cancelled"))),
        default="valid",
    ),
    Field("state_reason", N_("Reason"), Text(), optional=True, default=None),
)


def _written(session: Session, written: Sequence[Written], at: datetime) -> None:
    holders = tuple(sorted({one.after["retailer"] for one in written}))
    events.publish(session, LicencesChanged(holders if len(holders) <= NAMED_MOST else None, at), lock="licences")


LICENCES = Kind(
    name="licences",
    label=N_("Licences"),
    table=LicenceRow,
    fields=FIELDS,
    key=("retailer", "licence_class", "number"),
    rule=is_sound,
    references=(Reference("retailer", N_("retailer"), retailers.known),),
    written=_written,
)
