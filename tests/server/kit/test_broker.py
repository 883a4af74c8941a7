"""Both programs as our child, judged on the real broker by the messages that it delivers."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import child_brokers
import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes

from server.kit import broker
from server.kit.broker import ChildBroker, Limits, password_hash
from server.kit.processes import StartError, inspect, until

if TYPE_CHECKING:
    from paho.mqtt.properties import Properties
    from paho.mqtt.reasoncodes import ReasonCode

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[3]
SERVICE = "svc-ingest"
WATCHER = "svc-watch"
NAMES = (SERVICE, WATCHER, "device-a", "device-b")
SECRETS = {name: secrets.token_urlsafe(32) for name in NAMES}
IDENTITIES = {name: password_hash(secret) for name, secret in SECRETS.items()}
BOTH_VERSIONS = pytest.mark.parametrize("version", [MQTTProtocolVersion.MQTTv311, MQTTProtocolVersion.MQTTv5])


class Session:
    """One client's session: what the broker answered, and what topics it delivered."""

    def __init__(
        self,
        where: ChildBroker,
        name: str,
        *,
        secret: str | None = None,
        client_id: str | None = None,
        version: MQTTProtocolVersion = MQTTProtocolVersion.MQTTv311,
        will: str | None = None,
        retained_will: bool = False,
        lasting: bool = False,
    ) -> None:
        v5 = version == MQTTProtocolVersion.MQTTv5
        self.topics: set[str] = set()
        self.answer: ReasonCode | None = None
        self.ended = threading.Event()
        self._done: set[int] = set()
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=name if client_id is None else client_id,
            clean_session=None if v5 else not lasting,
            protocol=version,
            reconnect_on_failure=False,
        )
        self._client.username_pw_set(name, SECRETS[name] if secret is None else secret)
        if will is not None:
            self._client.will_set(will, b"will", qos=1, retain=retained_will)
        self._client.on_connect = lambda _c, _u, _f, code, _p: setattr(self, "answer", code)
        self._client.on_disconnect = lambda *_: self.ended.set()
        self._client.on_message = lambda _c, _u, message: self.topics.add(message.topic)
        self._client.on_subscribe = lambda _c, _u, number, _r, _p: self._done.add(number)
        self._client.on_publish = lambda _c, _u, number, _r, _p: self._done.add(number)
        self._client.connect("127.0.0.1", where.port)
        self._client.loop_start()
        assert until(lambda: self.answer is not None or self.ended.is_set(), 5)

    @property
    def accepted(self) -> bool:
        """Whether the broker let us in."""
        return self.answer is not None and not self.answer.is_failure

    @property
    def live(self) -> bool:
        """Whether we are still in."""
        return self.accepted and not self.ended.is_set()

    def subscribe(self, *filters: str) -> "Session":
        """Subscribe and wait until the broker has answered, whatever it answered."""
        for wanted in filters:
            _, number = self._client.subscribe(wanted, qos=1)
            assert number is not None
            self._await_answer(number)
        return self

    def publish(self, topic: str, payload: bytes = b"x", *, retain: bool = False) -> None:
        """Publish and wait until the broker has answered: acknowledged, or thrown us out."""
        sent = self._client.publish(topic, payload, qos=1, retain=retain)
        self._await_answer(sent.mid)

    def topics_until(self, topic: str) -> set[str]:
        """Wait for a message that must come; return the topics of all that came so far."""
        assert until(lambda: topic in self.topics, 5), f"{topic} did not come, only {self.topics}"
        return self.topics

    def cut(self) -> None:
        """Lose the connection without a goodbye."""
        sock = self._client.socket()
        assert isinstance(sock, socket.socket)
        sock.shutdown(socket.SHUT_RDWR)
        assert self.ended.wait(5)

    def _await_answer(self, number: int) -> None:
        assert until(lambda: number in self._done or self.ended.is_set(), 5)

    def close(self) -> None:
        """Say goodbye."""
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture(scope="module", params=child_brokers.KINDS)
def child(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChildBroker]:
    data_dir = tmp_path_factory.mktemp("broker") / "data"
    limits = Limits(status_interval_s=1)
    started = child_brokers.start(data_dir, request.param, services=[SERVICE], watchers=[WATCHER], limits=limits)
    yield started
    broker.remove_broker(data_dir)


@pytest.fixture
def connect(child: ChildBroker) -> Iterator[Callable[..., Session]]:
    opened: list[Session] = []

    def open_session(name: str, **options: object) -> Session:
        if child.kind == "aedes" and options.get("version") == MQTTProtocolVersion.MQTTv5:
            pytest.skip("Aedes speaks MQTT 3.1.1 alone")
        session = Session(child, name, **options)  # type: ignore[arg-type]  # passed on as they are
        opened.append(session)
        return session

    # The list holds once an identity that is new with it is let in.
    probe = f"probe-{secrets.token_hex(4)}"
    child.apply_identities((IDENTITIES | {probe: password_hash("probe")}).items())
    assert until(lambda: open_session(probe, secret="probe").accepted, 5)
    yield open_session
    for session in opened:
        session.close()


@pytest.fixture
def own_dir(tmp_path: Path) -> Iterator[Path]:
    """Hand out a data folder of a broker for one test."""
    yield tmp_path / "broker"
    broker.remove_broker(tmp_path / "broker")


# --- who may connect ---


def test_an_identity_connects_and_its_secret_is_checked(connect: Callable[..., Session]) -> None:
    assert connect("device-a").accepted
    assert not connect("device-a", secret="guessed").accepted
    assert not connect("device-z", secret="unknown").accepted


def test_nobody_connects_without_a_name(child: ChildBroker) -> None:
    with socket.create_connection(("127.0.0.1", child.port), timeout=5) as raw:
        raw.sendall(b"\x10\x14\x00\x04MQTT\x04\x02\x00\x3c\x00\x08device-a")
        assert raw.recv(4) in {b"\x20\x02\x00\x05", b""}  # refused as not authorised, or hung up


@BOTH_VERSIONS
def test_a_removed_identity_is_thrown_out_within_a_second_and_cannot_return(
    child: ChildBroker, connect: Callable[..., Session], version: MQTTProtocolVersion
) -> None:
    removed, kept = connect("device-a", version=version), connect("device-b", version=version)
    child.apply_identities((name, IDENTITIES[name]) for name in NAMES if name != "device-a")
    assert removed.ended.wait(1)
    assert not connect("device-a", version=version).accepted
    assert kept.live


def test_an_identity_whose_secret_changed_is_thrown_out_and_returns_with_the_new_one(
    child: ChildBroker, connect: Callable[..., Session]
) -> None:
    session = connect("device-a")
    child.apply_identities((IDENTITIES | {"device-a": password_hash("fresh")}).items())
    assert session.ended.wait(1)
    assert not connect("device-a").accepted
    assert connect("device-a", secret="fresh").accepted


def test_a_new_identity_is_let_in_and_the_others_stay(child: ChildBroker, connect: Callable[..., Session]) -> None:
    others = connect("device-a"), connect(SERVICE)
    child.apply_identities((IDENTITIES | {"device-new": password_hash("fresh")}).items())
    assert until(lambda: connect("device-new", secret="fresh").accepted, 1)
    assert all(session.live for session in others)


def test_identities_can_be_applied_from_another_process(child: ChildBroker, connect: Callable[..., Session]) -> None:
    session = connect("device-a")
    script = (
        "import sys; from pathlib import Path; from server.kit import broker\n"
        "broker.attach(Path(sys.argv[1])).apply_identities([])"
    )
    subprocess.run([sys.executable, "-c", script, child.data_dir], cwd=ROOT, check=True)
    assert session.ended.wait(1)


@BOTH_VERSIONS
@pytest.mark.parametrize("claimed", ["device-b", "svc-ingest", "anything"])
def test_a_client_id_other_than_the_username_has_no_effect(
    connect: Callable[..., Session], claimed: str, version: MQTTProtocolVersion
) -> None:
    other = connect("device-b", version=version).subscribe("eh/v1/+/device-b/down/#")
    impostor = connect("device-a", client_id=claimed, version=version).subscribe("eh/v1/+/device-b/down/#")
    service = connect(SERVICE)
    service.publish("eh/v1/7/device-b/down/receipt")
    other.topics_until("eh/v1/7/device-b/down/receipt")
    assert other.live
    # Its session is device-a's all the same: the next one of device-a takes it over.
    connect("device-a", version=version)
    assert impostor.ended.wait(5)
    assert not impostor.topics


@BOTH_VERSIONS
def test_an_empty_client_id_is_refused(connect: Callable[..., Session], version: MQTTProtocolVersion) -> None:
    assert not connect("device-a", client_id="", version=version).live


def test_a_wrong_secret_does_not_throw_out_the_owner_of_the_name(connect: Callable[..., Session]) -> None:
    owner = connect("device-a").subscribe("eh/v1/+/device-a/down/#")
    connect("device-a", secret="guessed")
    connect(SERVICE).publish("eh/v1/7/device-a/down/receipt")
    owner.topics_until("eh/v1/7/device-a/down/receipt")


# --- who reads and writes what ---


@BOTH_VERSIONS
def test_a_device_receives_its_own_down_and_broadcasts_whatever_it_subscribes_to(
    connect: Callable[..., Session], version: MQTTProtocolVersion
) -> None:
    curious = connect("device-a", version=version).subscribe(
        "#",
        "+/+/+/+/#",
        "eh/v1/#",
        "eh/v1/+/device-b/#",
        "eh/v1/7/device-b/down/receipt",
        "eh/v1/+/+/up/#",
        "$SYS/#",
        "$share/group/eh/v1/#",
        "$share/group/#",
        "$share/group/$SYS/#",
        "$CONTROL/#",
    )
    neighbour = connect("device-b").subscribe("eh/v1/+/device-b/down/#")
    service = connect(SERVICE).subscribe("eh/v1/+/+/up/#")
    service.publish("eh/v1/7/device-b/down/receipt")
    neighbour.publish("eh/v1/7/device-b/up/order")
    curious.publish("eh/v1/7/device-a/up/order")
    service.publish("eh/v1/all/down/notice")
    service.publish("eh/v1/7/device-a/down/receipt")
    neighbour.topics_until("eh/v1/7/device-b/down/receipt")
    service.topics_until("eh/v1/7/device-b/up/order")
    assert curious.topics_until("eh/v1/7/device-a/down/receipt") == {
        "eh/v1/all/down/notice",
        "eh/v1/7/device-a/down/receipt",
    }


def test_the_brokers_own_figures_are_for_services_only(connect: Callable[..., Session]) -> None:
    curious = connect("device-a").subscribe("$SYS/#", "$share/group/$SYS/#", "eh/v1/+/device-a/down/#")
    service = connect(SERVICE).subscribe("$SYS/#")
    assert until(lambda: bool(service.topics), 5)
    service.publish("eh/v1/7/device-a/down/receipt")
    assert curious.topics_until("eh/v1/7/device-a/down/receipt") == {"eh/v1/7/device-a/down/receipt"}


def test_a_watcher_hears_what_devices_send_and_is_heard_by_nobody(connect: Callable[..., Session]) -> None:
    watcher = connect(WATCHER).subscribe("#", "eh/v1/#", "$SYS/#")
    neighbour = connect("device-b").subscribe("eh/v1/+/device-b/down/#", "eh/v1/all/down/#")
    service = connect(SERVICE).subscribe("eh/v1/+/+/up/#")
    for topic in ("eh/v1/7/device-b/down/receipt", "eh/v1/7/device-b/up/order", "eh/v1/all/down/notice"):
        watcher.publish(topic)
        if watcher.ended.is_set():
            watcher = connect(WATCHER).subscribe("#", "eh/v1/#", "$SYS/#")
    service.publish("eh/v1/7/device-b/down/grants")
    connect("device-a").publish("eh/v1/7/device-a/up/order")
    assert watcher.topics_until("eh/v1/7/device-a/up/order") == {"eh/v1/7/device-a/up/order"}
    assert neighbour.topics_until("eh/v1/7/device-b/down/grants") == {"eh/v1/7/device-b/down/grants"}
    assert service.topics_until("eh/v1/7/device-a/up/order") == {"eh/v1/7/device-a/up/order"}


@BOTH_VERSIONS
def test_a_device_writes_only_its_own_up(connect: Callable[..., Session], version: MQTTProtocolVersion) -> None:
    listeners = [
        connect(SERVICE).subscribe("#", "eh/v1/#", "eh/v1/+/+/up/#"),
        connect("device-b").subscribe("eh/v1/+/device-b/down/#", "eh/v1/all/down/#"),
    ]
    device = connect("device-a", version=version)
    for foreign in (
        "eh/v1/7/device-b/up/order",
        "eh/v1/7/device-b/down/receipt",
        "eh/v1/7/device-a/down/receipt",
        "eh/v1/all/down/notice",
        "eh/v1/7/device-a/side/order",
        "eh/v1/7/device-a",
        "eh/v2/7/device-a/up/order",
        "$SYS/broker/uptime",
        "$CONTROL/dynamic-security/v1",
    ):
        device.publish(foreign)
        if device.ended.is_set():  # the broker may also answer by throwing it out
            device = connect("device-a", version=version)
    device.publish("eh/v1/7/device-a/up/order")
    assert listeners[0].topics_until("eh/v1/7/device-a/up/order") == {"eh/v1/7/device-a/up/order"}
    assert not listeners[1].topics


def test_a_will_is_heard_only_from_the_devices_own_up(connect: Callable[..., Session]) -> None:
    service = connect(SERVICE).subscribe("eh/v1/#", "eh/v1/+/+/up/#")
    neighbour = connect("device-b").subscribe("eh/v1/+/device-b/down/#")
    for foreign in ("eh/v1/7/device-b/up/order", "eh/v1/7/device-b/down/receipt", "eh/v1/all/down/notice"):
        session = connect("device-a", will=foreign)
        if session.live:
            session.cut()
    connect("device-a", will="eh/v1/7/device-a/up/gone").cut()
    assert service.topics_until("eh/v1/7/device-a/up/gone") == {"eh/v1/7/device-a/up/gone"}
    assert not neighbour.topics


@BOTH_VERSIONS
def test_a_device_hears_the_broadcasts_of_its_own_group_whatever_it_subscribes_to(
    child: ChildBroker, connect: Callable[..., Session], version: MQTTProtocolVersion
) -> None:
    child.apply_identities(IDENTITIES.items(), {"device-a": "g-north", "device-b": "g-south"})
    service = connect(SERVICE)
    for group in ("g-north", "g-south", "all"):
        service.publish(f"eh/v1/{group}/down/news", retain=True)
    wide = ("#", "eh/v1/#", "eh/v1/+/down/#", "eh/v1/g-south/down/news", "$share/group/eh/v1/#")
    curious = connect("device-a", version=version).subscribe(*wide)
    neighbour = connect("device-b").subscribe("eh/v1/g-south/down/news")
    neighbour.topics_until("eh/v1/g-south/down/news")  # it was left for whoever comes later
    service.publish("eh/v1/g-south/down/news", retain=True)
    service.publish("eh/v1/7/device-a/down/receipt")
    assert curious.topics_until("eh/v1/7/device-a/down/receipt") == {
        "eh/v1/7/device-a/down/receipt",
        "eh/v1/g-north/down/news",
        "eh/v1/all/down/news",
    }
    for group in ("g-north", "all"):  # and it tells nobody anything
        connect("device-a", version=version).publish(f"eh/v1/{group}/down/forged", retain=True)
    late = connect("device-b").subscribe("#")
    assert "eh/v1/all/down/forged" not in late.topics_until("eh/v1/all/down/news")


def test_a_device_that_moved_hears_its_new_group_at_once_and_the_old_one_no_more(
    child: ChildBroker, connect: Callable[..., Session]
) -> None:
    child.apply_identities(IDENTITIES.items(), {"device-a": "g-before"})
    moved = connect("device-a").subscribe("eh/v1/+/down/news")
    service = connect(SERVICE)
    child.apply_identities(IDENTITIES.items(), {"device-a": "g-after"})

    def hears_south() -> bool:
        service.publish("eh/v1/g-after/down/news")
        return "eh/v1/g-after/down/news" in moved.topics

    assert until(hears_south, 5)
    service.publish("eh/v1/g-before/down/news")
    service.publish("eh/v1/7/device-a/down/receipt")
    moved.subscribe("eh/v1/7/device-a/down/receipt")
    service.publish("eh/v1/7/device-a/down/receipt")
    assert "eh/v1/g-before/down/news" not in moved.topics_until("eh/v1/7/device-a/down/receipt")
    assert moved.live


def test_groups_hold_after_a_restart_of_the_broker(own_dir: Path) -> None:
    first = broker.start(own_dir, services=[SERVICE])
    first.apply_identities(IDENTITIES.items(), {"device-a": "g-north"})
    first.stop()
    again = broker.start(own_dir, services=[SERVICE])
    reader = Session(again, "device-a").subscribe("#")
    service = Session(again, SERVICE)
    service.publish("eh/v1/g-north/down/news")
    reader.topics_until("eh/v1/g-north/down/news")
    with pytest.raises(ValueError, match="cannot be a group"):
        again.apply_identities(IDENTITIES.items(), {"device-a": "+"})
    for session in (reader, service):
        session.close()


def test_what_a_device_left_to_be_read_again_can_be_cleared_by_a_service(connect: Callable[..., Session]) -> None:
    connect("device-a").publish("eh/v1/7/device-a/up/left", retain=True)
    service = connect(SERVICE).subscribe("eh/v1/+/+/up/#")
    service.topics_until("eh/v1/7/device-a/up/left")
    service.publish("eh/v1/7/device-a/up/left", b"", retain=True)
    fresh = connect(SERVICE).subscribe("eh/v1/+/+/up/#")
    fresh.publish("eh/v1/7/device-a/up/after")
    assert fresh.topics_until("eh/v1/7/device-a/up/after") == {"eh/v1/7/device-a/up/after"}


# --- limits ---


def test_an_envelope_of_16_kib_passes_and_a_larger_packet_ends_its_senders_session_only(
    child: ChildBroker, connect: Callable[..., Session]
) -> None:
    service = connect(SERVICE).subscribe("eh/v1/+/+/up/#")
    device = connect("device-a")
    device.publish("eh/v1/7/device-a/up/order", b"x" * 16 * 1024)
    service.topics_until("eh/v1/7/device-a/up/order")
    device.publish("eh/v1/7/device-a/up/photo", b"x" * 17 * 1024)
    assert device.ended.wait(5)
    connect("device-a").publish("eh/v1/7/device-a/up/again")
    assert "eh/v1/7/device-a/up/photo" not in service.topics_until("eh/v1/7/device-a/up/again")
    assert child.pid is not None


def test_a_packet_that_announces_a_quarter_gigabyte_is_refused_at_its_first_bytes(
    child: ChildBroker, connect: Callable[..., Session]
) -> None:
    with socket.create_connection(("127.0.0.1", child.port), timeout=5) as raw:
        raw.sendall(b"\x10\xff\xff\xff\x7f")
        assert raw.recv(1) == b""
    assert connect("device-a").accepted


def test_version_5_clients_are_told_the_limits(child: ChildBroker, connect: Callable[..., Session]) -> None:
    connect("device-a", version=MQTTProtocolVersion.MQTTv5)
    told: list[Properties] = []
    client = mqtt.Client(CallbackAPIVersion.VERSION2, "device-a", protocol=MQTTProtocolVersion.MQTTv5)
    client.username_pw_set("device-a", SECRETS["device-a"])
    client.on_connect = lambda _c, _u, _f, _r, properties: told.append(properties)
    client.connect("127.0.0.1", child.port, keepalive=3600)
    client.loop_start()
    assert until(lambda: bool(told), 5)
    client.disconnect()
    client.loop_stop()
    assert told[0].packetType == PacketTypes.CONNACK
    assert told[0].MaximumPacketSize == Limits().packet_bytes  # type: ignore[attr-defined]  # set by what came
    assert told[0].ServerKeepAlive == Limits().keepalive_s  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["up", "down", "all", "", "a/b", "+", "#", "Device", "a:b", "a\n", "x" * 65])
def test_a_name_that_would_bend_a_topic_is_refused_and_changes_nothing(child: ChildBroker, name: str) -> None:
    before = (child.home / "passwords").read_text()
    with pytest.raises(ValueError, match="cannot be an identity"):
        child.apply_identities([("device-a", IDENTITIES["device-a"]), (name, password_hash("s"))])
    assert (child.home / "passwords").read_text() == before


def test_a_damaged_hash_and_a_doubled_name_are_refused(child: ChildBroker) -> None:
    with pytest.raises(ValueError, match="'device-a' is not in the form"):
        child.apply_identities([("device-a", "secret")])
    with pytest.raises(ValueError, match="'device-a' comes twice"):
        child.apply_identities([("device-a", password_hash("s")), ("device-a", password_hash("t"))])


# --- the process ---


def test_the_broker_never_runs_as_root_and_listens_on_loopback_alone(child: ChildBroker) -> None:
    assert child.pid is not None
    assert Path(f"/proc/{child.pid}").stat().st_uid != 0
    listening = [
        line.split()[1].split(":")
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        for line in Path(table).read_text().splitlines()[1:]
        if line.split()[3] == "0A"
    ]
    assert [address for address, port in listening if int(port, 16) == child.port] == ["0100007F"]


def test_a_killed_broker_comes_back_on_its_port_with_its_identities(own_dir: Path) -> None:
    first = broker.start(own_dir, services=[SERVICE])
    first.apply_identities(IDENTITIES.items())
    assert first.pid is not None
    os.kill(first.pid, signal.SIGKILL)
    assert until(lambda: first.pid is None, 5)
    second = broker.start(own_dir, services=[SERVICE])
    assert second.url == first.url
    session = Session(second, "device-a")
    assert session.accepted
    session.close()


def test_what_is_queued_survives_a_clean_stop(own_dir: Path) -> None:
    first = broker.start(own_dir, services=[SERVICE])
    first.apply_identities(IDENTITIES.items())
    service = Session(first, SERVICE, lasting=True).subscribe("eh/v1/+/+/up/#")
    service.close()
    device = Session(first, "device-a")
    device.publish("eh/v1/7/device-a/up/order")
    device.close()
    first.stop()
    second = broker.start(own_dir, services=[SERVICE])
    service = Session(second, SERVICE, lasting=True)
    service.topics_until("eh/v1/7/device-a/up/order")
    service.close()


def test_damaged_state_is_put_aside(own_dir: Path) -> None:
    first = broker.start(own_dir, services=[SERVICE])
    first.stop()
    (first.home / "state" / "mosquitto.db").write_bytes(b"no such format" * 100)
    assert broker.start(own_dir, services=[SERVICE]).pid is not None
    assert (first.home / "state" / "mosquitto.db.damaged").exists()


def test_a_second_start_attaches_to_the_running_broker(child: ChildBroker) -> None:
    assert broker.start(child.data_dir, services=[SERVICE], kind=child.kind) == child
    script = (
        "import sys; from pathlib import Path; from server.kit import broker\n"
        "print(broker.start(Path(sys.argv[1]), services=[]).pid)"
    )
    said = subprocess.run(
        [sys.executable, "-c", script, child.data_dir], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert int(said.stdout) == child.pid


def test_the_broker_ends_when_its_parent_is_killed(own_dir: Path) -> None:
    script = (
        "import signal, sys; from pathlib import Path; from server.kit import broker\n"
        "print(broker.start(Path(sys.argv[1]), services=[]).pid, flush=True)\n"
        "signal.pause()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, own_dir], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert inspect(pid) is not None
        parent.kill()
        assert until(lambda: inspect(pid) is None, 2)


def test_a_taken_port_is_named_and_a_taken_former_port_is_left_for_another(own_dir: Path) -> None:
    first = broker.start(own_dir, services=[])
    first.stop()
    with socket.socket() as squatter:
        squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        squatter.bind(("127.0.0.1", first.port))
        squatter.listen()
        with pytest.raises(StartError, match=f"port {first.port} on loopback is taken"):
            broker.start(own_dir, services=[], port=first.port)
        assert broker.start(own_dir, services=[]).port != first.port


def test_a_missing_mosquitto_says_what_to_do(own_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(broker, "PLACES", ())
    with pytest.raises(StartError, match=r"run `make setup`, or set EVENHAND_BROKER_URL"):
        broker.start(own_dir, services=[])


def test_applying_identities_where_no_broker_was_started_says_so(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="no broker was started in"):
        broker.attach(tmp_path)
