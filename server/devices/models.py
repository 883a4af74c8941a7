"""Tables of devices."""

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from server.kit.db import Base


class DeviceRow(Base):
    """One terminal. Of its secret, 256 random bits, stand here SHA-256 for HTTP and PBKDF2 for the broker.

    ``machine`` is a digest of the computer that it runs on, where the terminal told it; it outlives an enrolment.
    """

    __tablename__ = "devices"
    __party_for_people__ = "retailer"

    id: Mapped[str] = mapped_column(primary_key=True)
    retailer: Mapped[str] = mapped_column(ForeignKey("retailers.code"), index=True)
    secret_sha256: Mapped[bytes]
    broker_hash: Mapped[str]
    model: Mapped[str]
    machine: Mapped[str | None]
    enrolled_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    revoked_reason: Mapped[str | None]


class DevicePresence(Base):
    """What a device last said of itself; written often, so it stands apart."""

    __tablename__ = "device_presence"

    device: Mapped[str] = mapped_column(ForeignKey("devices.id"), primary_key=True)
    last_seen_at: Mapped[datetime]
    version: Mapped[str]
    queue_length: Mapped[int]
    language: Mapped[str]
    clock_offset_ms: Mapped[int]
    feed_seq: Mapped[int]


class EnrolmentCode(Base):
    """A code that enrols one terminal for one retailer, once."""

    __tablename__ = "enrolment_codes"
    __party_for_people__ = "retailer"

    code_sha256: Mapped[bytes] = mapped_column(primary_key=True)
    retailer: Mapped[str] = mapped_column(ForeignKey("retailers.code"))
    created_by: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    device: Mapped[str | None]
