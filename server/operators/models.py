"""Tables of operators."""

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, String, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from server.kit.db import Base
from server.kit.identity import ROLES


class OperatorRow(Base):
    """A person who may sign in. Without a password only a one-use link lets in."""

    __tablename__ = "operators"
    __table_args__ = (
        CheckConstraint(f"roles <@ ARRAY[{', '.join(map(repr, ROLES))}]::varchar[]", name="roles"),
        Index("uq_operators_name", text("lower(name)"), unique=True),
    )

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    name: Mapped[str]
    roles: Mapped[list[str]] = mapped_column(ARRAY(String))
    password_hash: Mapped[str | None]
    created_at: Mapped[datetime]
    disabled_at: Mapped[datetime | None]


class OperatorSession(Base):
    """A signed-in browser. The cookie holds the token, the table its SHA-256."""

    __tablename__ = "operator_sessions"

    token_sha256: Mapped[bytes] = mapped_column(primary_key=True)
    operator_id: Mapped[int] = mapped_column(ForeignKey("operators.id"), index=True)
    csrf: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    remote: Mapped[str]


class SignInLink(Base):
    """A link that signs in once."""

    __tablename__ = "sign_in_links"

    token_sha256: Mapped[bytes] = mapped_column(primary_key=True)
    operator_id: Mapped[int] = mapped_column(ForeignKey("operators.id"), index=True)
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
