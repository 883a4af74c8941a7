"""The bodies of the device's HTTP interface that are not envelopes.

``POST /device/v1/enrol`` · ``POST /device/v1/up/{kind}`` (an envelope, answered by a receipt) ·
``GET /device/v1/feed?after=N`` · ``GET /device/v1/reference`` (ETag) · ``GET /device/v1/time`` ·
``GET``, ``PATCH /device/v1/photos/{sha256}`` (:mod:`contract.photos`) ·
``GET /device/v1/attachments/{sha256}`` (ranges).
``POST /device/v1/unnamed`` and ``/device/v1/unnamed/look`` (without any sign of who asks).
All but these, enrolment, time, authorities and revocations are signed by the device's key (:mod:`contract.signing`).

A terminal enrols by saying the same again until it is decided: its code and a signing request (PKCS #10) for a key that
it made and never gives away. The operator compares the fingerprint and confirms; then the answer holds the certificate.
``POST /device/v1/renew`` (:class:`Renew`) brings the next one, for the same key or a new one.
"""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field, StringConstraints

from contract.envelope import FeedItem
from contract.feed import Text
from contract.messages import WRITABLE, FeedbackCategory, FeedbackKind, Message, Sku, Units


class Enrol(Message):
    """A terminal shows its one-use code."""

    code: Annotated[str, StringConstraints(min_length=4, max_length=32, strip_whitespace=True, to_upper=True)]
    model: Annotated[str, StringConstraints(max_length=64)] = ""
    version: Annotated[str, StringConstraints(max_length=32)] = ""
    machine: Annotated[str, StringConstraints(pattern=r"^([0-9a-f]{64})?$")] = Field(
        default="", description="SHA-256 of what names the computer; empty where it has no such name"
    )
    csr: Annotated[str, StringConstraints(max_length=4096)] = Field(
        default="", description="PKCS #10 in PEM, of a P-256 key; terminals before it had none, and are refused"
    )


class Certified(Message):
    """A certificate and what is around it, each in PEM."""

    certificate: str = Field(description="its common name is the device's id, which is also the MQTT client id")
    authorities: str = Field(description="who is believed: one authority, or two for a while")
    expires_at: AwareDatetime
    renew_at: AwareDatetime = Field(description="two thirds of its life: from then on another one is asked for")


class Enrolled(Message):
    """The terminal's identity."""

    device: str
    secret: str | None = Field(default=None, description="what servers gave before there were certificates")
    retailer: str
    name: str
    broker_host: str | None = Field(default=None, description="none where the server has no broker: use HTTP")
    broker_port: int | None = None
    server_time: AwareDatetime
    certified: Certified | None = Field(default=None, description="absent from servers before there were certificates")


class Enrolment(Message):
    """How an enrolment stands. Who compares looks at ``fingerprint``, which terminal and console both show."""

    state: Literal["waiting", "confirmed", "refused", "expired"]
    fingerprint: str = Field(description="SHA-256 of the public key (SubjectPublicKeyInfo), hexadecimal")
    expires_at: AwareDatetime = Field(description="until when it can be confirmed")
    reason: str = Field(default="", description="why it was refused")
    enrolled: Enrolled | None = Field(default=None, description="once it is confirmed")
    server_time: AwareDatetime


class Renew(Message):
    """Asks for the next certificate of the device that signs the request."""

    csr: Annotated[str, StringConstraints(min_length=1, max_length=4096)]


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
    news: dict[str, int] = Field(
        default={}, description="the groups whose news this terminal hears, each with the number of its newest"
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


class SayUnnamed(Message):
    """What a shop says without saying who it is. Sent without any sign of the device; taken once by its random id.

    ``code_sha256`` is the digest of a code that the terminal made: whoever shows the code reads the answer.
    """

    id: UUID
    kind: FeedbackKind
    category: FeedbackCategory
    words: Annotated[str, StringConstraints(min_length=1, max_length=2000, pattern=WRITABLE)]
    employee: Annotated[str, StringConstraints(max_length=128, pattern=WRITABLE)] = ""
    code_sha256: Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]


class AskUnnamed(Message):
    """The code under which something was said without a name, as it was shown: letters and digits."""

    code: Annotated[str, StringConstraints(min_length=1, max_length=40, pattern=WRITABLE)]


class Unnamed(Message):
    """How it stands: the week in which it came, by its Monday, and the answer."""

    state: Literal["received", "answered"]
    week: date
    answer: Text | None = None
