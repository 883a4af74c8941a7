"""Tables of signals."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index
from sqlalchemy.orm import Mapped, mapped_column

from server.kit.db import Base


class SignalRun(Base):
    """One look at a closed cycle's order book."""

    __tablename__ = "signal_runs"
    __table_args__ = (
        CheckConstraint("(done_at IS NULL) = (findings IS NULL) AND (done_at IS NULL) = (shops IS NULL)", name="done"),
    )

    cycle: Mapped[UUID] = mapped_column(primary_key=True)
    asked_at: Mapped[datetime]
    done_at: Mapped[datetime | None]
    shops: Mapped[int | None]
    findings: Mapped[int | None]


class FindingRow(Base):
    """Something that stood out, with its numbers. ``retailer`` is the first of its shops, of which there are ``shops``.

    The numbers name no other shop: those stand in :class:`FindingShop`, each under its own shop.
    """

    __tablename__ = "signal_findings"
    __table_args__ = (
        CheckConstraint("kind IN ('surge', 'twins', 'steering', 'address', 'device')", name="kind"),
        CheckConstraint("state IN ('new', 'looked_at', 'explained', 'watched', 'passed_on')", name="state"),
        CheckConstraint("(state = 'new') = (said_at IS NULL) AND (state = 'new') = (owner IS NULL)", name="said"),
        CheckConstraint("shops > 0", name="shops"),
        Index("ix_signal_findings_state", "state", "number"),
        Index("ix_signal_findings_key", "key"),
    )
    __party__ = "retailer"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, Identity(always=True), unique=True)
    cycle: Mapped[UUID] = mapped_column(ForeignKey("signal_runs.cycle"))
    kind: Mapped[str]
    key: Mapped[str]
    retailer: Mapped[str] = mapped_column(ForeignKey("retailers.code"), index=True)
    shops: Mapped[int]
    evidence: Mapped[dict[str, Any]]
    found_at: Mapped[datetime]
    state: Mapped[str]
    owner: Mapped[str | None]
    said_at: Mapped[datetime | None]


class FindingShop(Base):
    """A shop that a finding is about, with its own figures; the first one has place 1."""

    __tablename__ = "signal_shops"
    __append_only__ = True
    __table_args__ = (CheckConstraint("place > 0", name="place"), Index("ix_signal_shops_retailer", "retailer"))
    __party__ = "retailer"

    finding: Mapped[UUID] = mapped_column(ForeignKey("signal_findings.id"), primary_key=True)
    retailer: Mapped[str] = mapped_column(ForeignKey("retailers.code"), primary_key=True)
    place: Mapped[int]
    figures: Mapped[dict[str, Any]]


class FindingNote(Base):
    """What a person said of a finding, and the state that it got by that; nobody changes it."""

    __tablename__ = "signal_notes"
    __append_only__ = True
    __table_args__ = (CheckConstraint("words != ''", name="words"), Index("ix_signal_notes_finding", "finding"))
    __party__ = "retailer"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    finding: Mapped[UUID] = mapped_column(ForeignKey("signal_findings.id"))
    retailer: Mapped[str] = mapped_column(ForeignKey("retailers.code"))
    state: Mapped[str]
    owner: Mapped[str]
    words: Mapped[str]
    author: Mapped[str]
    at: Mapped[datetime]
