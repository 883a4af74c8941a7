"""What our own broker is started with and told: by whom it is believed, whom it believes, who was revoked."""

import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from server.devices import authority, queries
from server.kit import broker as brokers
from server.kit import certificates
from server.kit.settings import Settings

LISTED_EVERY = timedelta(days=1)
LISTS_APART_S = 1.1
"""Lists say their time in seconds, and of two of the same second a broker believes the first."""


@dataclass
class BrokerTrust:
    """What one broker was told last; one for each broker that a supervisor keeps."""

    settings: Settings
    trusted: str = ""
    renew_at: datetime | None = None
    revoked: frozenset[str] = frozenset()
    groups: dict[str, str] = field(default_factory=dict)
    told: bool = False
    listed_at: datetime | None = None
    _listed_s: float = 0.0

    def begin(self, session: Session, *, at: datetime) -> brokers.Tls:
        """Return what a broker is to be started with: a new key, and a certificate for it."""
        hosts = [self.settings.broker_public_host, self.settings.broker_host, "localhost", "127.0.0.1"]
        key = certificates.new_key()
        named = [host for host in hosts if host and host not in {"0.0.0.0", "::"}]  # noqa: S104 - no name of anybody
        issued = authority.issue_to_broker(session, key.public_key(), named, at=at)
        self.renew_at = certificates.renew_at(issued.issued_at, issued.expires_at)
        self.trusted = authority.trusted_pem(session)
        self.revoked, self.told = frozenset(queries.revoked(session)), False
        return brokers.Tls(
            issued.pem,
            certificates.key_pem(key),
            self.trusted,
            self._list(session, at),
            host=self.settings.broker_host,
            port=self.settings.broker_port or None,
        )

    def is_over(self, session: Session, *, at: datetime) -> bool:
        """Return whether the broker is to be started anew: others are believed now, or its certificate is old."""
        return authority.trusted_pem(session) != self.trusted or (self.renew_at is not None and at >= self.renew_at)

    def tell(self, broker: brokers.Broker, services: list[tuple[str, str]], session: Session, *, at: datetime) -> None:
        """Tell the broker what is new: groups, and who was revoked, whose session ends."""
        groups, revoked = queries.broker_groups(session), frozenset(queries.revoked(session))
        is_due = self.listed_at is None or revoked != self.revoked or at - self.listed_at >= LISTED_EVERY
        if self.told and groups == self.groups and not is_due:
            return
        fresh = self._list(session, at) if is_due else None
        broker.apply_identities(services, groups, revocations=fresh, ended=sorted(revoked - self.revoked))
        self.groups, self.revoked, self.told = groups, revoked, True

    def _list(self, session: Session, at: datetime) -> str:
        time.sleep(max(0.0, self._listed_s + LISTS_APART_S - time.monotonic()))
        self.listed_at, self._listed_s = at, time.monotonic()
        return authority.revocations_pem(session, at=at)
