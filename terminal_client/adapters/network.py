"""Broker and HTTP together: the transport of a real terminal."""

import logging
from collections.abc import Callable

from contract.envelope import Envelope
from terminal_client.adapters.http import Connection, HttpWorker
from terminal_client.adapters.keys import KeyFolder
from terminal_client.adapters.mqtt import MqttLink
from terminal_client.core import signals
from terminal_client.core.store import Identity

log = logging.getLogger(__name__)


class Network:
    """Implements :class:`terminal_client.core.ports.Transport`; without a broker's address, by HTTP alone."""

    def __init__(self, server_url: str, keys: KeyFolder) -> None:
        """Take the server's address; ``ValueError`` where it is none."""
        Connection(server_url)
        self._keys = keys
        self._server_url = server_url
        self._http: HttpWorker | None = None
        self._mqtt: MqttLink | None = None

    def open(self, identity: Identity, deliver: Callable[[signals.Event], None]) -> None:
        """Start both ways."""
        self._http = HttpWorker(self._server_url, self._keys, identity, deliver)
        if identity.broker_host is not None and identity.key:
            try:
                self._mqtt = MqttLink(identity, self._keys, deliver)
            except (OSError, ValueError) as error:  # the key or the certificate is damaged: HTTP says what to do
                log.warning("the broker cannot be reached: %s", error)

    def close(self) -> None:
        """Stop both ways."""
        http, mqtt = self._http, self._mqtt
        self._http = self._mqtt = None
        if mqtt is not None:
            mqtt.close()
        if http is not None:
            http.close()

    def publish(self, kind: str, envelope: Envelope) -> None:
        """See the port."""
        if self._mqtt is not None:
            self._mqtt.publish(kind, envelope)

    def post(self, kind: str, envelope: Envelope) -> None:
        """See the port."""
        if self._http is not None:
            self._http.post(kind, envelope)

    def pull(self, after: int) -> None:
        """See the port."""
        if self._http is not None:
            self._http.pull(after)

    def follow(self, groups: tuple[str, ...]) -> None:
        """See the port."""
        if self._mqtt is not None:
            self._mqtt.follow(groups)

    def fetch_reference(self, version: str | None) -> None:
        """See the port."""
        if self._http is not None:
            self._http.fetch_reference(version)
