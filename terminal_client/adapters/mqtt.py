"""The broker through paho-mqtt: one persistent session, subscribed anew on every connection.

Works with brokers of version 3.1.1. A message counts as taken in only after the core has written it.
"""

import logging
import random
from collections.abc import Callable

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from contract.envelope import Envelope, FeedItem
from contract.errors import Refusal
from contract.topics import down_filter, up_topic
from terminal_client.core import signals
from terminal_client.core.store import Identity
from terminal_client.core.sync import IN_FLIGHT

log = logging.getLogger(__name__)
KEEPALIVE_S = 30
RECONNECT_MOST_S = 30


class MqttLink:
    """A connection to the broker that keeps coming back until it is closed."""

    def __init__(self, identity: Identity, deliver: Callable[[signals.Event], None]) -> None:
        self._device = identity.device
        self._deliver = deliver
        self._closed = False
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id=identity.device,
            clean_session=False,
            protocol=paho.MQTTv311,
        )
        client.username_pw_set(identity.device, identity.secret)
        client.max_inflight_messages_set(IN_FLIGHT)
        # Not all terminals of a network come back in the same second.
        client.reconnect_delay_set(1 + random.randrange(3), RECONNECT_MOST_S)  # noqa: S311 - a spread, not a secret
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        self._client = client
        client.connect_async(identity.broker_host or "", identity.broker_port or 1883, KEEPALIVE_S)
        client.loop_start()

    def close(self) -> None:
        """Say goodbye and stop; the broker keeps the session."""
        self._closed = True
        self._client.disconnect()
        self._client.loop_stop()

    def publish(self, kind: str, envelope: Envelope) -> None:
        """Hand a message to the broker."""
        self._client.publish(up_topic(self._device, kind), envelope.encode(), qos=1)

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
        client.subscribe(down_filter(self._device), qos=1)

    def _on_subscribe(
        self,
        _client: paho.Client,
        _userdata: object,
        _mid: int,
        reasons: list[ReasonCode],
        _properties: Properties | None,
    ) -> None:
        if any(reason.is_failure for reason in reasons):
            log.warning("the broker refused the subscription")
            return
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
        try:
            item = FeedItem.decode(bytes(message.payload))
        except Refusal as error:
            log.warning("a message on %s cannot be read: %s", message.topic, error)
            return
        self._tell(signals.ItemArrived(item))

    def _tell(self, event: signals.Event) -> None:
        if not self._closed:
            self._deliver(event)
