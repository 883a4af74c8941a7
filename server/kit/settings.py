"""Settings, from the environment (``EVENHAND_...``) or from files of secrets; every one is documented here.

``docs/configuration.md`` is written from this module.
"""

from functools import cached_property
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """One installation's settings. Nothing is read after start."""

    model_config = SettingsConfigDict(env_prefix="EVENHAND_", extra="ignore", frozen=True)

    data_dir: Path = Field(
        default=Path(".evenhand"),
        description="Folder of everything that this installation keeps: database, broker, logs, exports.",
    )
    database_url: SecretStr | None = Field(
        default=None,
        description="PostgreSQL as the application's role, postgresql+psycopg://...; embedded where absent.",
    )
    database_owner_url: SecretStr | None = Field(
        default=None, description="PostgreSQL as the owner of the schema; used by migrations alone."
    )
    database_pool: int = Field(default=10, ge=1, description="Connections that one process keeps at most.")
    broker_url: SecretStr | None = Field(
        default=None,
        description="MQTT broker, mqtt://user:password@host:port; a child Mosquitto where absent.",
    )
    broker_public_host: str | None = Field(
        default=None,
        description="Host that terminals are told to reach the broker at; the broker's own where absent.",
    )
    web_host: str = Field(default="127.0.0.1", description="Address that the web process listens on.")
    web_port: int = Field(default=8440, ge=0, le=65535, description="Its port; 0 takes a free one.")
    public_url: str | None = Field(default=None, description="Address of the server as browsers and terminals see it.")
    zone: str = Field(default="Asia/Shanghai", description="The distributor's time zone (IANA name).")
    currency: str = Field(default="CNY", description="Currency of prices and credit (ISO 4217).")
    network_name: str = Field(default="Evenhand", description="The distributor's name, shown in the console.")
    grace_s: int = Field(
        default=30,
        ge=0,
        le=600,
        description="Seconds after the published close in which orders are still taken.",
    )
    session_ttl_s: int = Field(default=12 * 3600, ge=60, description="An operator's session ends after this.")
    sign_in_link_ttl_s: int = Field(default=900, ge=60, description="A one-use sign-in link ends after this.")
    second_factor_required: bool = Field(
        default=True,
        description="Administrators and releasers must set up a second factor; never in a demonstration.",
    )
    token_requests_per_minute: int = Field(
        default=600, ge=1, description="Requests that a program may make with one token in a minute, each web process."
    )
    webhook_private_addresses: bool = Field(
        default=False, description="Webhooks may lead to addresses of private networks and of this machine."
    )
    ingest_batch: int = Field(default=64, ge=1, le=1000, description="Messages that one commit takes at most.")
    ingest_wait_ms: int = Field(default=5, ge=0, le=1000, description="How long a commit waits for more messages.")
    audit_key_file: Path | None = Field(
        default=None,
        description="Private Ed25519 key (PEM, mode 600) that signs the audit's heads; made in the data "
        "folder where absent. Workers on several machines need the same.",
    )
    retention_days: dict[str, int] = Field(
        default={},
        description='Days after which a kind of personal data is erased, as JSON such as {"photos": 365}, where it is '
        "not what docs/retention.md says.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least level that is logged."
    )
    log_format: Literal["text", "json"] = Field(default="json", description="Form of a line of the log.")
    demo: bool = Field(default=False, description="Relaxes what a demonstration needs relaxed; never in production.")

    @cached_property
    def tz(self) -> ZoneInfo:
        """The distributor's zone."""
        return ZoneInfo(self.zone)

    @property
    def run_dir(self) -> Path:
        """Where the running processes write down what they are and where they listen."""
        return self.data_dir / "run"
