"""The bodies of the device's HTTP interface that are not envelopes.

``POST /device/v1/enrol`` · ``POST /device/v1/up/{kind}`` (an envelope, answered by a receipt) ·
``GET /device/v1/feed?after=N`` · ``GET /device/v1/reference`` (ETag) · ``GET /device/v1/time`` ·
``GET``, ``PATCH /device/v1/photos/{sha256}`` (:mod:`contract.photos`).
All but enrolment and time are authenticated (``Authorization: Basic device:secret``).
"""

from datetime import date
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field, StringConstraints

from contract.envelope import FeedItem
from contract.feed import Text
from contract.messages import Message, Sku, Units


class Enrol(Message):
    """A terminal shows its one-use code."""

    code: Annotated[str, StringConstraints(min_length=4, max_length=32, strip_whitespace=True, to_upper=True)]
    model: Annotated[str, StringConstraints(max_length=64)] = ""
    version: Annotated[str, StringConstraints(max_length=32)] = ""
    machine: Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{64})?$")] = Field(
        default="", description="SHA-256 of what names the computer; empty where it has no such name"
    )


class Enrolled(Message):
    """The terminal's identity. The secret is shown this once and kept on the terminal alone."""

    device: str
    secret: str
    retailer: str
    name: str
    broker_host: str | None = Field(default=None, description="none where the server has no broker: use HTTP")
    broker_port: int | None = None
    server_time: AwareDatetime


class FeedPage(Message):
    """Feed items after a cursor, oldest first; ask again while ``more``."""

    items: tuple[FeedItem, ...]
    head: int = Field(description="the seq of the newest item written for this retailer")
    more: bool
    server_time: AwareDatetime
    history: str | None = Field(
        default=None,
        description="another one than before: the database came back from a backup, and may have forgotten",
    )


class ServerTime(Message):
    """The clock that decides."""

    server_time: AwareDatetime


class CaseBarcode(Message):
    """The barcode of a case that holds several packs of one SKU."""

    barcode: str
    units: Annotated[int, Field(ge=1)]


class CatalogueItem(Message):
    """What this retailer may order, and within which limits.

    ``barcodes`` stand on a unit or a pack; scanning one of them means a pack.
    """

    sku: Sku
    name: Text
    unit: Text
    pack_units: Annotated[int, Field(ge=1)]
    price_minor: Annotated[int, Field(ge=0)]
    minimum_units: Units = 0
    limit_units: Units | None = None
    barcodes: tuple[str, ...] = ()
    case_barcodes: tuple[CaseBarcode, ...] = ()
    licence_class: str | None = None
    licensed: bool = True
    product_class: str = Field(default="", description="the class that forecasts count it in; empty without one")


class Licence(Message):
    """One licence of this retailer for a class of goods, first to last day included.

    How it stands on a day is told by :func:`contract.licences.stand`.
    """

    licence_class: str
    number: str
    valid_from: date
    valid_until: date
    state: Literal["valid", "suspended", "cancelled"] = "valid"
    reason: str | None = Field(default=None, description="why it is suspended or cancelled")


class Reference(Message):
    """Everything about this retailer that changes seldom."""

    version: str
    retailer: str
    name: str
    route: str
    region: str
    tier: int
    standing: Literal["good", "suspended"]
    standing_reason: str | None = Field(default=None, description="why the shop is suspended")
    licensed_until: AwareDatetime | None = None
    licences: tuple[Licence, ...] | None = Field(default=None, description="absent from a server that does not tell")
    currency: str
    credit_minor: int | None = None
    catalogue: tuple[CatalogueItem, ...]
