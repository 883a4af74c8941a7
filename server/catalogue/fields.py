"""What a SKU is made of: one list for its form, for programs and for files."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from server.catalogue.events import CatalogueChanged
from server.catalogue.models import SkuRow
from server.catalogue.rules import can_be_ordered
from server.kit import events
from server.kit.fields import Choice, Code, Codes, Field, Text, Whole
from server.kit.marking import N_
from server.kit.records import Kind, Written

NAMED_MOST = 500

FIELDS = (
    Field("sku", N_("SKU"), Code(), hint=N_("Its number or name; every character counts, and it never changes.")),
    Field("name_zh", N_("Name in Chinese"), Text()),
    Field("name_en", N_("Name in English"), Text()),
    Field("unit_zh", N_("Unit in Chinese"), Text(20), default="件"),
    Field("unit_en", N_("Unit in English"), Text(20), default="piece"),
    Field("category", N_("Category"), Text(100, needed=False), default=""),
    Field(
        "pack_units", N_("Units in a pack"), Whole(least=1), default=1, hint=N_("Orders and grants are whole packs.")
    ),
    Field("price_minor", N_("Price per unit"), Whole(), money=True),
    Field("minimum_units", N_("Smallest order in units"), Whole(), default=0),
    Field(
        "limit_units",
        N_("Limit in units"),
        Whole(),
        optional=True,
        default=None,
        hint=N_("The most that one retailer may order in a cycle; empty for no limit."),
    ),
    Field(
        "licence_class", N_("Licence class"), Code(), optional=True, default=None, hint=N_("Empty if none is needed.")
    ),
    Field("barcodes", N_("Barcodes"), Codes(), default=(), hint=N_("With a space between them.")),
    Field(
        "state",
        N_("State"),
        Choice(("offered", "withdrawn"), (N_("offered"), N_("withdrawn"))),
        default="offered",
    ),
)


def _written(session: Session, written: Sequence[Written], at: datetime) -> None:
    skus = tuple(one.after["sku"] for one in written)
    events.publish(session, CatalogueChanged(skus if len(skus) <= NAMED_MOST else None, at), lock="catalogue")


SKUS = Kind(
    name="skus",
    label=N_("SKUs"),
    table=SkuRow,
    fields=FIELDS,
    key=("sku",),
    rule=can_be_ordered,
    written=_written,
)
