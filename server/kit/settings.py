"""Settings, from the environment (``EVENHAND_...``) or from files of secrets; every one is documented here.

``docs/configuration.md`` is written from this module.
"""

import re
from functools import cached_property
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

NOTICE_DAYS_MOST = 1000


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
        description="MQTT broker as our own processes reach it, mqtt://user:password@host:port or mqtts://...; a child "
        "broker where absent.",
    )
    broker_ca_file: Path | None = Field(
        default=None,
        description="Authorities that sign the certificate of an mqtts:// broker; those of this machine where absent.",
    )
    broker_certificate_file: Path | None = Field(
        default=None,
        description="Certificate that this process shows to an mqtts:// broker; its common name is our name there "
        "where the URL has none.",
    )
    broker_key_file: Path | None = Field(default=None, description="Private key of that certificate, not encrypted.")
    broker_kind: Literal["mosquitto", "aedes"] = Field(
        default="mosquitto",
        description="Which broker runs as a child; `aedes` is for machines that have Node.js 20 and no Mosquitto, and "
        "keeps nothing over a restart.",
    )
    broker_modules: Path | None = Field(
        default=None, description="Folder `node_modules` in which Aedes was installed (`npm install aedes`)."
    )
    broker_host: str = Field(
        default="127.0.0.1", description="Address that the child broker listens on for terminals, by TLS alone."
    )
    broker_port: int = Field(
        default=0,
        ge=0,
        le=65535,
        description="Its port for terminals; 0 takes the one that it had before, or a free one.",
    )
    broker_public_host: str | None = Field(
        default=None,
        description="Host that terminals are told to reach the broker at; the broker's own where absent.",
    )
    broker_public_port: int | None = Field(
        default=None,
        ge=1,
        le=65535,
        description="Port that terminals are told to reach the broker at, by TLS; the child broker's own where "
        "absent, 8883 of another broker.",
    )
    broker_watched: bool = Field(
        default=False,
        description="Whether an identity that reads all that terminals send, and writes nothing, stands in the running "
        "installation's file; for checks of terminals and for finding faults. Only with a child broker.",
    )
    web_host: str = Field(default="127.0.0.1", description="Address that the web process listens on.")
    web_port: int = Field(default=8440, ge=0, le=65535, description="Its port; 0 takes a free one.")
    public_url: str | None = Field(default=None, description="Address of the server as browsers and terminals see it.")
    zone: str = Field(default="Asia/Shanghai", description="The distributor's time zone (IANA name).")
    currency: str = Field(default="CNY", description="Currency of prices and credit (ISO 4217).")
    network_name: str = Field(default="Evenhand", description="The distributor's name, shown in the console.")
    map_tiles: str | None = Field(
        default=None,
        description="Address of map tiles with {z}, {x} and {y} (Web Mercator), for the map of terminals; browsers of "
        "the console fetch them from there. Nothing is fetched where absent.",
    )
    map_attribution: str = Field(default="", max_length=200, description="Whom to name for the map tiles.")
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
    secrets_key_file: Path | None = Field(
        default=None,
        description="Keys (a file of mode 600) that seal second factors and webhooks' secrets in the database; made in "
        "the data folder where absent. Processes on several machines need the same.",
    )
    retention_days: dict[str, int] = Field(
        default={},
        description='Days after which a kind of personal data is erased, as JSON such as {"photos": 365}, where it is '
        "not what docs/retention.md says.",
    )
    licence_notice_days: list[int] = Field(
        default=[60, 15],
        description="Days (1 to 1000) before the end of a licence from which its shop is told: one notice for each, as "
        "JSON such as [60, 30, 15]; [] tells nobody.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least level that is logged."
    )
    log_format: Literal["text", "json"] = Field(default="json", description="Form of a line of the log.")
    demo: bool = Field(default=False, description="Relaxes what a demonstration needs relaxed; never in production.")

    @field_validator("licence_notice_days")
    @classmethod
    def _within_reach(cls, days: list[int]) -> list[int]:
        unfit = [one for one in days if not 1 <= one <= NOTICE_DAYS_MOST]
        if unfit:
            raise ValueError(f"{unfit[0]} days: name whole numbers from 1 to {NOTICE_DAYS_MOST}")
        return days

    @field_validator("map_tiles")
    @classmethod
    def _a_tile_server(cls, address: str | None) -> str | None:
        if address is None:
            return None
        parts = urlsplit(address)
        if parts.scheme not in {"https", "http"} or not re.fullmatch(r"[A-Za-z0-9.:\[\]-]+", parts.netloc):
            raise ValueError(f"{address!r}: name an address like https://tiles.example/{{z}}/{{x}}/{{y}}.png")
        if missing := [part for part in ("{z}", "{x}", "{y}") if part not in parts.path + parts.query]:
            raise ValueError(f"{address!r}: {missing[0]} is missing; a tile is named by {{z}}, {{x}} and {{y}}")
        return address

    @cached_property
    def tz(self) -> ZoneInfo:
        """The distributor's zone."""
        return ZoneInfo(self.zone)

    @property
    def run_dir(self) -> Path:
        """Where the running processes write down what they are and where they listen."""
        return self.data_dir / "run"
