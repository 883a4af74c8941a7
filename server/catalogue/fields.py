"""What a SKU is made of: one list for its form, for programs and for files."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from server.catalogue.events import CatalogueChanged
from server.catalogue.models import SkuRow
from server.catalogue.rules import can_be_ordered
from server.kit import events
from server.kit.fields import TWICE, Choice, Code, Codes, Field, Reason, Text, Unfit, Whole
from server.kit.marking import N_
from server.kit.records import Kind, Written

NAMED_MOST = 500
NOT_A_CASE = Reason("not_a_case", N_("“{value}” is no case. Write barcode, = and units, such as 16901234567899=600."))


@dataclass(frozen=True)
class CaseCodes(Codes):
    """Barcodes of cases, each with the units that the case holds: ``16901234567899=600``."""

    def check(self, value: Any) -> None:
        """Refuse what :class:`Codes` refuses, a barcode twice, and one without a whole number of units."""
        super().check(value)
        seen: set[str] = set()
        for each in value:
            if _CASE.fullmatch(each) is None:
                raise Unfit(NOT_A_CASE, value=each[:40])
            barcode = each.partition("=")[0]
            if barcode in seen:
                raise Unfit(TWICE, value=barcode)
            seen.add(barcode)


_CASE = re.compile(r"[^=]+=[1-9][0-9]{0,8}")

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
        "case_barcodes",
        N_("Barcodes of cases"),
        CaseCodes(),
        default=(),
        hint=N_("Barcode and units in the case, such as 16901234567899=600; with a space between them."),
    ),
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
