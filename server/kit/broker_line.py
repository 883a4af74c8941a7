"""How our own processes reach the broker: by a password on loopback, or by TLS to another host, with a certificate.

Each process has a name of its own there, which is its client id too: two with one name would end each other's sessions.
"""

import ssl
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

from cryptography import x509
from cryptography.x509.oid import NameOID
from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from server.kit.processes import StartError
from server.kit.runtime import MQTTS_PORT, broker_url
from server.kit.settings import Settings

PORTS = {"mqtt": 1883, "mqtts": MQTTS_PORT}
KEEPALIVE_S = 30


class BrokerSettingsError(StartError):
    """The settings name no line to a broker; the message says which, and what to do."""


@dataclass(frozen=True)
class BrokerLine:
    """Where the broker is, who we are there, and how that is proved."""

    host: str
    port: int
    name: str | None
    password: str | None = field(repr=False)
    tls: ssl.SSLContext | None

    def client(self, otherwise: str, **more: Any) -> mqtt.Client:
        """Return a client that comes back by itself; ``otherwise`` is its id where we have no name."""
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=self.name or otherwise,
            protocol=MQTTProtocolVersion.MQTTv311,
            **more,
        )
        if self.password is not None:
            client.username_pw_set(self.name or "", self.password)
        if self.tls is not None:
            client.tls_set_context(self.tls)
        client.reconnect_delay_set(min_delay=1, max_delay=5)
        return client

    def connect(self, client: mqtt.Client) -> None:
        """Let ``client`` connect once its loop runs, and again whenever the line is lost."""
        client.connect_async(self.host, self.port, keepalive=KEEPALIVE_S)


def line_to_broker(settings: Settings) -> BrokerLine:
    """Return how the settings say that the broker is reached.

    With ``mqtts`` the broker's certificate must name its host and be signed by ``broker_ca_file``, or by an authority
    that this machine believes where that is absent. The files are read once: start a process again when they change.

    Raises
    ------
    BrokerSettingsError
        The scheme is neither ``mqtt`` nor ``mqtts``, a certificate is named without TLS or without its key, or a file
        cannot be read.
    """
    url = urlsplit(broker_url(settings))
    if url.scheme not in PORTS:
        raise BrokerSettingsError(f"EVENHAND_BROKER_URL begins with {url.scheme}://: name mqtt:// or mqtts://")
    shown = settings.broker_certificate_file
    if url.scheme == "mqtt" and (shown or settings.broker_ca_file):
        raise BrokerSettingsError("certificates for the broker are named, but EVENHAND_BROKER_URL begins with mqtt://")
    if (shown is None) != (settings.broker_key_file is None):
        raise BrokerSettingsError("EVENHAND_BROKER_CERTIFICATE_FILE and EVENHAND_BROKER_KEY_FILE go together")
    try:
        tls = _tls(settings) if url.scheme == "mqtts" else None
        name = unquote(url.username) if url.username else None if shown is None else _name_in(shown.read_bytes())
    except (OSError, ValueError) as error:
        raise BrokerSettingsError(f"a certificate or key for the broker cannot be read: {error}") from error
    password = None if url.password is None else unquote(url.password)
    return BrokerLine(url.hostname or "127.0.0.1", url.port or PORTS[url.scheme], name, password, tls)


def _tls(settings: Settings) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=settings.broker_ca_file)
    if settings.broker_certificate_file is not None:
        context.load_cert_chain(settings.broker_certificate_file, settings.broker_key_file)
    return context


def _name_in(certificate: bytes) -> str:
    """Return the common name, which brokers take for the user's."""
    named = x509.load_pem_x509_certificate(certificate).subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    if len(named) != 1:
        raise ValueError("the certificate has not one common name")
    return str(named[0].value)
