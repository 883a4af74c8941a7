"""The broker through paho-mqtt: one persistent session, subscribed anew on every connection.

Works with brokers of version 3.1.1. A message counts as taken in only after the core has written it.
"""

import logging
import random
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Literal

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from pydantic import ValidationError

from contract.envelope import Envelope, FeedItem
from contract.errors import Refusal
from contract.ids import uuid7
from contract.messages import ReportPresence
from contract.topics import News, down_filter, news_topic, parse_news, up_topic
from terminal_client.adapters.keys import KeyFolder
from terminal_client.core import signals
from terminal_client.core.store import Identity
from terminal_client.core.sync import IN_FLIGHT

log = logging.getLogger(__name__)
KEEPALIVE_S = 30
RECONNECT_MOST_S = 30


def tls(identity: Identity, keys: KeyFolder) -> ssl.SSLContext:
    """Return how both sides prove who they are: each by a certificate of the fleet's authority, and by nothing else."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(cadata=identity.authorities)
    context.load_cert_chain(keys.certificate_path(identity.key, identity.certificate), keys.path(identity.key))
    return context


class MqttLink:
    """A connection to the broker that keeps coming back until it is closed."""

    def __init__(self, identity: Identity, keys: KeyFolder, deliver: Callable[[signals.Event], None]) -> None:
        self._device = identity.device
        self._deliver = deliver
        self._closed = False
        self._groups: tuple[str, ...] = ()
        self._own_subscription: int | None = None
        self._session = uuid7()
        self._presence_topic = up_topic(identity.device, "device.presence")
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=identity.device,
            clean_session=False,
            protocol=paho.MQTTv311,
        )
        client.tls_set_context(tls(identity, keys))
        client.max_inflight_messages_set(IN_FLIGHT)
        # Not all terminals of a network come back in the same second.
        client.reconnect_delay_set(1 + random.randrange(3), RECONNECT_MOST_S)  # noqa: S311 - a spread, not a secret
        client.on_pre_connect = self._on_pre_connect
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        self._client = client
        client.connect_async(identity.broker_host or "", identity.broker_port or 8883, KEEPALIVE_S)
        client.loop_start()

    def close(self) -> None:
        """Say goodbye and stop; the broker keeps the session."""
        self._closed = True
        if self._client.is_connected():
            self._client.publish(self._presence_topic, self._presence("signed_off"), qos=1, retain=True)
        self._client.disconnect()
        self._client.loop_stop()

    def publish(self, kind: str, envelope: Envelope) -> None:
        """Hand a message to the broker."""
        self._client.publish(up_topic(self._device, kind), envelope.encode(), qos=1)

    def follow(self, groups: tuple[str, ...]) -> None:
        """Hear the news of these groups from now on, after a reconnection too, and of no others."""
        before, self._groups = self._groups, groups
        for group in before:
            if group not in groups:
                self._client.unsubscribe(news_topic(group))
        for group in groups:
            if group not in before:
                self._client.subscribe(news_topic(group), qos=1)

    def _on_pre_connect(self, client: paho.Client, _userdata: object) -> None:
        """Name the connection that is about to begin, and leave with the broker what it says once that is lost."""
        self._session = uuid7()
        client.will_set(self._presence_topic, self._presence("lost"), qos=1, retain=True)

    def _presence(self, state: Literal["connected", "signed_off", "lost"]) -> bytes:
        said = ReportPresence(state=state, session=self._session)
        now = datetime.now(UTC)
        return Envelope.of(id=uuid7(), device=self._device, seq=0, sent_at=now, message=said).encode()

    def _on_connect(
        self,
        client: paho.Client,
        _userdata: object,
        _flags: paho.ConnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            # Whether the identity is gone is for the server to say, by HTTP.
            log.warning("the broker refused the connection: %s", reason)
            return
        _, self._own_subscription = client.subscribe(down_filter(self._device), qos=1)
        for group in self._groups:
            client.subscribe(news_topic(group), qos=1)

    def _on_subscribe(
        self,
        _client: paho.Client,
        _userdata: object,
        mid: int,
        reasons: list[ReasonCode],
        _properties: Properties | None,
    ) -> None:
        if any(reason.is_failure for reason in reasons):
            log.warning("the broker refused the subscription")
            return
        if mid == self._own_subscription:
            self._client.publish(self._presence_topic, self._presence("connected"), qos=1, retain=True)
            self._tell(signals.Connected())

    def _on_disconnect(
        self,
        _client: paho.Client,
        _userdata: object,
        _flags: paho.DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        log.info("disconnected: %s", reason)
        self._tell(signals.Disconnected())

    def _on_message(self, _client: paho.Client, _userdata: object, message: paho.MQTTMessage) -> None:
        group = parse_news(message.topic)
        if group is not None:
            self._hear(group, bytes(message.payload))
            return
        try:
            item = FeedItem.decode(bytes(message.payload))
        except Refusal as error:
            log.warning("a message on %s cannot be read: %s", message.topic, error)
            return
        self._tell(signals.ItemArrived(item))

    def _hear(self, group: str, payload: bytes) -> None:
        if not payload:  # it was cleared
            return
        try:
            self._tell(signals.NewsArrived(group, News.model_validate_json(payload)))
        except ValidationError as error:
            log.warning("news of %s cannot be read: %s", group, error)

    def _tell(self, event: signals.Event) -> None:
        if not self._closed:
            self._deliver(event)
