"""Tables of operators."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, String, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from server.kit.db import Base
from server.kit.identity import ROLES


class OperatorRow(Base):
    """A person who may sign in. Without a password only a one-use link lets in."""

    __tablename__ = "operators"
    __table_args__ = (
        CheckConstraint("superior_id <> id", name="superior"),
        CheckConstraint(f"roles <@ ARRAY[{', '.join(map(repr, ROLES))}]::varchar[]", name="roles"),
        Index("uq_operators_name", text("lower(name)"), unique=True),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    name: Mapped[str]
    roles: Mapped[list[str]] = mapped_column(ARRAY(String))
    regions: Mapped[list[str]] = mapped_column(ARRAY(String), server_default="{}")
    classes: Mapped[list[str]] = mapped_column(ARRAY(String), server_default="{}")
    superior_id: Mapped[int | None] = mapped_column(ForeignKey("operators.id"))
    password_hash: Mapped[str | None]
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]


class OperatorSession(Base):
    """A signed-in browser. The cookie holds the token, the table its SHA-256.

    One that waits for the second factor is nobody's session yet: it says only whose password was right.
    """

    __tablename__ = "operator_sessions"

    token_sha256: Mapped[bytes] = mapped_column(primary_key=True)
    operator_id: Mapped[int] = mapped_column(ForeignKey("operators.id"), index=True)
    csrf: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    remote: Mapped[str]
    waits_for_second_factor: Mapped[bool] = mapped_column(server_default="false")


class SignInLink(Base):
    """A link that signs in once."""

    __tablename__ = "sign_in_links"

    token_sha256: Mapped[bytes] = mapped_column(primary_key=True)
    operator_id: Mapped[int] = mapped_column(ForeignKey("operators.id"), index=True)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class TotpSecret(Base):
    """The secret that an app makes codes from, sealed; it counts once a code of it was shown."""

    __tablename__ = "operator_totp_secrets"

    operator_id: Mapped[int] = mapped_column(ForeignKey("operators.id"), primary_key=True, autoincrement=False)
    sealed_secret: Mapped[str]
    begun_at: Mapped[datetime]
    confirmed_at: Mapped[datetime | None]
    last_step: Mapped[int]


class RecoveryCode(Base):
    """A code that stands in for the app once."""

    __tablename__ = "operator_recovery_codes"

    code_sha256: Mapped[bytes] = mapped_column(primary_key=True)
    operator_id: Mapped[int] = mapped_column(ForeignKey("operators.id"), index=True)
    used_at: Mapped[datetime | None]


class Passkey(Base):
    """A passkey's public half. ``uses`` is the count that its device showed last, 0 for ever where it keeps none."""

    __tablename__ = "operator_passkeys"

    credential: Mapped[bytes] = mapped_column(primary_key=True)
    operator_id: Mapped[int] = mapped_column(ForeignKey("operators.id"), index=True)
    name: Mapped[str]
    public_key: Mapped[bytes]
    uses: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class PasskeyChallenge(Base):
    """What a passkey must sign: of somebody who registers one, or of nobody known yet who signs in."""

    __tablename__ = "passkey_challenges"

    challenge: Mapped[bytes] = mapped_column(primary_key=True)
    operator_id: Mapped[int | None] = mapped_column(ForeignKey("operators.id"))
    expires_at: Mapped[datetime] = mapped_column(index=True)
