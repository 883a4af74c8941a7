"""What a device was heard to send: envelopes by broker and by HTTP, in the order in which they were heard."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qs, urlsplit

import h11
from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from contract.envelope import Envelope
from contract.errors import Rejected
from contract.topics import ROOT
from firmware_sim.line import Overheard

Way = Literal["mqtt", "http"]
_UP = "/device/v1/up/"
FEED = "/device/v1/feed"
GRANTED_WITHIN_S = 30.0


@dataclass(frozen=True)
class Said:
    """One envelope as it was sent; ``where`` is the topic or the path."""

    over: Way
    where: str
    kind: str
    raw: bytes

    @property
    def envelope(self) -> Envelope | None:
        """What it holds; none where it is no envelope."""
        try:
            return Envelope.decode(self.raw)
        except Rejected:
            return None


class Ear:
    """Everything heard so far. Safe to use from several threads."""

    def __init__(self) -> None:
        self._said: list[Said] = []
        self._asked: list[str] = []
        self._news = threading.Condition()

    def hear(self, said: Said) -> None:
        """Take an envelope in."""
        with self._news:
            self._said.append(said)
            self._news.notify_all()

    def hear_request(self, target: str) -> None:
        """Take in that something was asked for by HTTP."""
        with self._news:
            self._asked.append(target)
            self._news.notify_all()

    @property
    def mark(self) -> int:
        """A place in what was heard: everything after it is new."""
        with self._news:
            return len(self._said)

    def said(self, *kinds: str, after: int = 0, before: int | None = None) -> Sequence[Said]:
        """Return what was heard after a mark, or before one, of these kinds or of all."""
        with self._news:
            return [one for one in self._said[after:before] if not kinds or one.kind in kinds]

    def pulled_after(self) -> Sequence[int]:
        """Return the numbers after which the feed was asked for, by broker and by HTTP: up to them all was written."""
        with self._news:
            pulls = [said.envelope for said in self._said if said.kind == "feed.pull"]
            targets = [urlsplit(one) for one in self._asked]
        numbers = [str(pull.data.get("after")) for pull in pulls if pull is not None]
        numbers += [(parse_qs(one.query).get("after") or ["0"])[0] for one in targets if one.path == FEED]
        return [int(number) for number in numbers if number.isdecimal()]

    def wait(self, holds: Callable[[], bool], within_s: float) -> bool:
        """Return whether ``holds`` comes true in time; it is looked at whenever something is heard, and each moment."""
        deadline = time.monotonic() + within_s
        while not holds():
            if time.monotonic() >= deadline:
                return False
            with self._news:
                self._news.wait(0.2)
        return True


class HttpEar:
    """Reads the requests that pass over a line, as far as they are plain text, and tells an :class:`Ear`."""

    def __init__(self, ear: Ear, port: int) -> None:
        self._ear = ear
        self._port = port
        self._open: dict[int, _Connection | None] = {}

    def __call__(self, heard: Overheard) -> None:
        """Take in what was overheard."""
        if heard.port != self._port:
            return
        if not heard.data:
            self._open.pop(heard.connection, None)
            return
        connection = self._open.setdefault(heard.connection, _Connection())
        if connection is None:
            return
        try:
            for path, body in connection.take(heard.data):
                self._tell(path, body)
        except h11.RemoteProtocolError:  # encrypted, or no HTTP
            self._open[heard.connection] = None

    def _tell(self, target: str, body: bytes) -> None:
        path = target.partition("?")[0]
        self._ear.hear_request(target)
        if path.startswith(_UP):
            self._ear.hear(Said("http", path, path.removeprefix(_UP), body))


class _Connection:
    """The requests of one connection, one after the other."""

    def __init__(self) -> None:
        self._http = h11.Connection(h11.SERVER)
        self._target = ""
        self._body = bytearray()

    def take(self, data: bytes) -> list[tuple[str, bytes]]:
        """Return the requests that ``data`` completes: target and body."""
        self._http.receive_data(data)
        whole: list[tuple[str, bytes]] = []
        while True:
            event = self._http.next_event()
            if isinstance(event, h11.Request):
                self._target, self._body = event.target.decode("ascii", "replace"), bytearray()
            elif isinstance(event, h11.Data):
                self._body += event.data
            elif isinstance(event, h11.EndOfMessage):
                whole.append((self._target, bytes(self._body)))
                self._answer()
            elif event is h11.PAUSED:
                self._http.start_next_cycle()
            else:
                return whole

    def _answer(self) -> None:
        """Let the reader go on: the real answer comes from the server."""
        self._http.send(h11.Response(status_code=200, headers=[("content-length", "0")]))
        self._http.send(h11.EndOfMessage())
        if self._http.their_state is h11.DONE:
            self._http.start_next_cycle()


class BrokerEar:
    """Hears everything that devices publish, as an identity that may read it and write nothing."""

    def __init__(self, ear: Ear, url: str) -> None:
        """Begin to listen at ``url``, with name and password in it.

        Raises
        ------
        TimeoutError
            The broker did not grant the subscription.
        """
        self._ear = ear
        self._granted = threading.Event()
        where = urlsplit(url)
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=where.username or "")
        self._client.username_pw_set(where.username, where.password)
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = lambda *_: self._granted.set()
        self._client.on_message = self._on_message
        self._client.connect(where.hostname or "127.0.0.1", where.port or 1883)
        self._client.loop_start()
        if not self._granted.wait(GRANTED_WITHIN_S):
            self.close()
            raise TimeoutError(f"the broker at {where.hostname}:{where.port} does not let anybody listen")

    def close(self) -> None:
        """Stop listening."""
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(self, client: mqtt.Client, *_rest: object) -> None:
        client.subscribe(f"{ROOT}/+/+/up/#", qos=1)

    def _on_message(self, _client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        if message.retain:  # said before anybody listened, perhaps by another device
            return
        self._ear.hear(Said("mqtt", message.topic, message.topic.rpartition("/")[2], bytes(message.payload)))
