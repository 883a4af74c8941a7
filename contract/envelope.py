"""The envelope around every upward message, and the item of the downward feed.

Up: ``{id, device, seq, sent_at, schema, data}``, JSON, at most :data:`MAX_BYTES`. ``id`` is the client's
UUIDv7 and, with the retailer, the idempotency key for ever. Down: ``{seq, key, kind, at, schema, data}``;
``seq`` counts the retailer's feed without gaps in what was written, ``key`` names what the item is
about: a newer item with the same key replaces the older one.
"""

from datetime import datetime
from typing import Any, Literal, Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, field_validator

from contract.errors import Rejected

MAX_BYTES = 16 * 1024
SCHEMA = 1


class Envelope(BaseModel):
    """One upward message, not yet looked into: ``data`` belongs to the kind named by topic or path."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: UUID
    device: str
    seq: int = Field(ge=0, description="counts this device's messages, for the reader of a log")
    sent_at: AwareDatetime = Field(description="the device's clock; never decides anything")
    schema_: int = Field(default=SCHEMA, alias="schema", ge=1)
    by: Literal["owner", "clerk"] | None = Field(
        default=None, description="who stood at the terminal, where it asks for PINs"
    )
    data: dict[str, Any]

    @field_validator("id")
    @classmethod
    def _is_version_7(cls, value: UUID) -> UUID:
        if value.version != 7:  # noqa: PLR2004 - the version's own number
            raise ValueError("id must be a UUID of version 7")
        return value

    @classmethod
    def of(
        cls,
        *,
        id: UUID,  # noqa: A002 - the wire's name
        device: str,
        seq: int,
        sent_at: datetime,
        message: BaseModel,
        by: Literal["owner", "clerk"] | None = None,
    ) -> Self:
        """Return the envelope that carries ``message``."""
        return cls.model_validate(
            {"id": id, "device": device, "seq": seq, "sent_at": sent_at, "schema": SCHEMA, "by": by}
            | {"data": message.model_dump(mode="json", exclude_none=True)}
        )

    def encode(self) -> bytes:
        """Return the envelope as compact JSON.

        Raises
        ------
        Rejected
            ``too_large``, where it is above :data:`MAX_BYTES`.
        """
        raw = self.model_dump_json(by_alias=True).encode()
        if len(raw) > MAX_BYTES:
            raise Rejected("too_large", size=len(raw), limit=MAX_BYTES)
        return raw

    @classmethod
    def decode(cls, raw: bytes) -> Self:
        """Return the envelope in ``raw``.

        Raises
        ------
        Rejected
            ``too_large`` or ``malformed``, naming the first field that does not fit.
        """
        if len(raw) > MAX_BYTES:
            raise Rejected("too_large", size=len(raw), limit=MAX_BYTES)
        try:
            return cls.model_validate_json(raw)
        except ValidationError as error:
            raise malformed(error) from None


class FeedItem(BaseModel):
    """One downward message of a retailer's feed."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    seq: int = Field(ge=1)
    key: str
    kind: str
    at: AwareDatetime
    schema_: int = Field(default=SCHEMA, alias="schema", ge=1)
    data: dict[str, Any]

    def encode(self) -> bytes:
        """Return the item as compact JSON."""
        return self.model_dump_json(by_alias=True).encode()

    @classmethod
    def decode(cls, raw: bytes) -> Self:
        """Return the item in ``raw``; raise ``Rejected('malformed')`` where it is none."""
        try:
            return cls.model_validate_json(raw)
        except ValidationError as error:
            raise malformed(error) from None


def malformed(error: ValidationError) -> Rejected:
    """Return the refusal that names the first field a validation stumbled over."""
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or "message"
    return Rejected("malformed", where=where, what=first["msg"])
