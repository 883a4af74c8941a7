"""Tables of devices."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from server.kit.db import Base


class DeviceRow(Base):
    """One terminal. By which keys it proves that it is this one, its certificates say.

    ``machine`` is a digest of the computer that it runs on, where the terminal told it; it outlives an enrolment.
    """

    __tablename__ = "devices"
    __party_for_people__ = "retailer"

    id: Mapped[str] = mapped_column(primary_key=True)
    retailer: Mapped[str] = mapped_column(ForeignKey("retailers.code"), index=True)
    model: Mapped[str]
    machine: Mapped[str | None]
    enrolled_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    revoked_reason: Mapped[str | None]


class DevicePresence(Base):
    """What a device last said of itself; written often, so it stands apart. What it did not tell is NULL.

    ``link`` is its last connection to the broker; ``gone_how`` is how that ended: ``lost`` or ``signed_off``.
    """

    __tablename__ = "device_presence"

    device: Mapped[str] = mapped_column(ForeignKey("devices.id"), primary_key=True)
    last_seen_at: Mapped[datetime]
    version: Mapped[str | None]
    queue_length: Mapped[int | None]
    language: Mapped[str | None]
    clock_offset_ms: Mapped[int | None] = mapped_column(BigInteger)  # a clock without a battery is years behind
    feed_seq: Mapped[int | None]
    reported_at: Mapped[datetime | None]
    link: Mapped[UUID | None]
    connected_at: Mapped[datetime | None]
    gone_at: Mapped[datetime | None]
    gone_how: Mapped[str | None]
    oldest_queued_s: Mapped[int | None]
    disk_free_mb: Mapped[int | None]
    disk_total_mb: Mapped[int | None]
    temperature_c: Mapped[float | None]
    certificate_from: Mapped[datetime | None]
    certificate_until: Mapped[datetime | None]
    storage_errors: Mapped[int | None]
    printer: Mapped[str | None]
    scanner: Mapped[str | None]
    network: Mapped[str | None]
    system: Mapped[str | None]


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


class Enrolment(Base):
    """A terminal that showed a code and the request for its key, and waits for a person to compare its fingerprint."""

    __tablename__ = "enrolments"
    __party_for_people__ = "retailer"

    key: Mapped[str] = mapped_column(primary_key=True)
    retailer: Mapped[str] = mapped_column(ForeignKey("retailers.code"))
    code_sha256: Mapped[bytes]
    request: Mapped[str]
    model: Mapped[str]
    version: Mapped[str]
    machine: Mapped[str | None]
    asked_at: Mapped[datetime] = mapped_column(index=True)
    expires_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str | None]
    confirmed: Mapped[bool | None]
    reason: Mapped[str]
    device: Mapped[str | None] = mapped_column(ForeignKey("devices.id"))


class FleetAuthority(Base):
    """An authority that issues certificates to devices; its private key is sealed (:mod:`server.kit.sealing`).

    The newest issues to devices, the oldest that is not retired issues to brokers: so those have the new one before
    these show it.
    """

    __tablename__ = "fleet_authorities"

    number: Mapped[int] = mapped_column(primary_key=True)
    certificate: Mapped[str]
    sealed_key: Mapped[str]
    made_at: Mapped[datetime]
    retired_at: Mapped[datetime | None]


class DeviceCertificate(Base):
    """A certificate that was issued to a device. Several of one device are valid at once while it changes them."""

    __tablename__ = "device_certificates"

    serial: Mapped[str] = mapped_column(primary_key=True)
    device: Mapped[str] = mapped_column(ForeignKey("devices.id"), index=True)
    authority: Mapped[int] = mapped_column(ForeignKey("fleet_authorities.number"), index=True)
    key: Mapped[str] = mapped_column(index=True)
    public_key: Mapped[bytes]
    certificate: Mapped[str]
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class DeviceClone(Base):
    """That two machines used one identity: the addresses, and when it was noticed first and last."""

    __tablename__ = "device_clones"

    device: Mapped[str] = mapped_column(ForeignKey("devices.id"), primary_key=True)
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]
    addresses: Mapped[list[Any]]
    way: Mapped[str]
