"""Tables of integrations."""

from datetime import datetime

from sqlalchemy import Identity, Index, String, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from server.kit.db import Base


class ApiToken(Base):
    """What a program shows with each request. The program holds the token, the table its SHA-256."""

    __tablename__ = "api_tokens"
    __table_args__ = (Index("uq_api_tokens_name", text("lower(name)"), unique=True),)

    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    name: Mapped[str]
    token_sha256: Mapped[bytes] = mapped_column(unique=True)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(String))
    regions: Mapped[list[str]] = mapped_column(ARRAY(String))
    classes: Mapped[list[str]] = mapped_column(ARRAY(String))
    made_by: Mapped[str]
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    last_remote: Mapped[str | None]
    revoked_at: Mapped[datetime | None]
