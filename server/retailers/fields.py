"""What a retailer and its own limits are made of: one list for forms, for programs and for files."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from server.catalogue import queries as catalogue
from server.kit import events
from server.kit.fields import INT8_MOST, Choice, Code, Degrees, Field, Text, Whole
from server.kit.marking import N_
from server.kit.records import Kind, Reference, Written
from server.retailers import queries
from server.retailers.events import RetailersChanged, StandingChanged
from server.retailers.models import RetailerLimit, RetailerRow
from server.retailers.rules import fits_together

NAMED_MOST = 500

FIELDS = (
    Field("code", N_("Code"), Code(), hint=N_("Its number; every character counts, and it never changes.")),
    Field("name", N_("Name"), Text()),
    Field("address", N_("Address"), Text(300, needed=False), default=""),
    Field("city", N_("City"), Text(100, needed=False), default=""),
    Field(
        "latitude",
        N_("Latitude"),
        Degrees(90),
        optional=True,
        default=None,
        hint=N_("In degrees, north positive. Visits are planned by distance where both are known."),
    ),
    Field(
        "longitude", N_("Longitude"), Degrees(180), optional=True, default=None, hint=N_("In degrees, east positive.")
    ),
    Field("region", N_("Region"), Text(100, needed=False), default=""),
    Field("route", N_("Route"), Text(100, needed=False), default="", hint=N_("Windows open by route.")),
    Field("market_type", N_("Market"), Text(60, needed=False), default="", hint=N_("Town, village, station, …")),
    Field("tier", N_("Tier until scored"), Whole(1, 99), default=1),
    Field(
        "weight",
        N_("Weight until scored"),
        Whole(least=1),
        default=1,
        hint=N_("The claim on what is scarce. Once scores are published, their tier and weight count instead."),
    ),
    Field(
        "credit_minor",
        N_("Credit"),
        Whole(most=INT8_MOST),
        optional=True,
        default=None,
        hint=N_("What it may owe for one cycle; empty for no limit."),
        money=True,
    ),
    Field(
        "standing",
        N_("Standing"),
        Choice(("good", "suspended"), (N_("good"), N_("suspended"))),
        default="good",
    ),
    Field("standing_reason", N_("Reason"), Text(), optional=True, default=None),
)

LIMIT_FIELDS = (
    Field("retailer", N_("Retailer"), Code()),
    Field("sku", N_("SKU"), Code()),
    Field("limit_units", N_("Limit in units"), Whole(), hint=N_("The most that it may order in a cycle.")),
)


def _written(session: Session, written: Sequence[Written], at: datetime) -> None:
    for one in written:
        before = "good" if one.before is None else one.before["standing"]
        if one.after["standing"] != before:
            reason = one.after["standing_reason"] if one.after["standing"] == "suspended" else None
            code = one.after["code"]
            events.publish(session, StandingChanged(code, one.after["standing"], reason, at), lock=f"retailer:{code}")
    tell_changed(session, {one.after["code"] for one in written}, at)


def _limits_written(session: Session, written: Sequence[Written], at: datetime) -> None:
    tell_changed(session, {one.after["retailer"] for one in written}, at)


def tell_changed(session: Session, codes: Collection[str], at: datetime) -> None:
    """Publish one event for the shops of ``codes``."""
    named = tuple(sorted(codes)) if len(codes) <= NAMED_MOST else None
    events.publish(session, RetailersChanged(named, at), lock="retailers")


RETAILERS = Kind(
    name="retailers",
    label=N_("Retailers"),
    table=RetailerRow,
    fields=FIELDS,
    key=("code",),
    rule=fits_together,
    first_stamps=("created_at",),
    written=_written,
)

LIMITS = Kind(
    name="limits",
    label=N_("Retailers’ own limits"),
    table=RetailerLimit,
    fields=LIMIT_FIELDS,
    key=("retailer", "sku"),
    references=(
        Reference("retailer", N_("retailer"), queries.known),
        Reference("sku", N_("SKU"), catalogue.known),
    ),
    stamps=(),
    written=_limits_written,
)
