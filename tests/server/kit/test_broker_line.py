"""Our own processes reach a broker on another host by TLS with certificates, tried on a real broker."""

import queue
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import child_brokers
import pytest
from pydantic import SecretStr

from server.kit import broker, certificates
from server.kit.broker_line import BrokerLine, BrokerSettingsError, line_to_broker
from server.kit.settings import Settings

pytestmark = pytest.mark.system

INGEST, WORKER = "svc-ingest", "svc-worker"
HEARD_WITHIN_S = 15.0


@dataclass(frozen=True)
class Elsewhere:
    """A broker whose only way in is by TLS, and the folder with what each process shows it."""

    port: int
    folder: Path
    authority: certificates.Authority

    def settings(self, name: str | None, *, host: str = "localhost", ca: str = "authorities.pem") -> Settings:
        shown = {} if name is None else {"certificate": self.folder / f"{name}.pem", "key": self.folder / f"{name}.key"}
        return Settings(
            broker_url=SecretStr(f"mqtts://{host}:{self.port}"),
            broker_ca_file=self.folder / ca,
            **{f"broker_{what}_file": path for what, path in shown.items()},
        )


def write_identity(folder: Path, authority: certificates.Authority, name: str) -> None:
    """Write key and certificate as ``evenhand fleet authority certificate`` does."""
    key = certificates.new_key()
    (folder / f"{name}.key").write_text(certificates.key_pem(key))
    (folder / f"{name}.pem").write_text(
        certificates.issue_to_client(authority, key.public_key(), name, datetime.now(UTC)).pem
    )


@pytest.fixture(scope="module", params=child_brokers.KINDS)
def elsewhere(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Elsewhere]:
    folder = tmp_path_factory.mktemp("elsewhere")
    now = datetime.now(UTC)
    authority, stranger = (certificates.new_authority(name, now) for name in ("Fleet 1", "Somebody else"))
    for name in (INGEST, WORKER, "device-a"):
        write_identity(folder, authority, name)
    write_identity(folder, stranger, "stranger")
    (folder / "authorities.pem").write_text(authority.certificate_pem)
    (folder / "others.pem").write_text(stranger.certificate_pem)
    key = certificates.new_key()
    tls = broker.Tls(
        certificates.issue_to_server(authority, key.public_key(), ["localhost"], now).pem,
        certificates.key_pem(key),
        authority.certificate_pem,
        certificates.revocation_list(authority, [], now),
    )
    started = child_brokers.start(folder / "broker", request.param, services=[INGEST, WORKER], tls=tls)
    assert started.public_port is not None
    yield Elsewhere(started.public_port, folder, authority)
    broker.remove_broker(folder / "broker")


class Talking:
    """A process of ours on its line, and what it hears."""

    def __init__(self, line: BrokerLine) -> None:
        self.connected: queue.Queue[bool] = queue.Queue()
        self.subscribed: queue.Queue[bool] = queue.Queue()
        self.failed: queue.Queue[bool] = queue.Queue()
        self.heard: queue.Queue[str] = queue.Queue()
        self.client = line.client("nobody", clean_session=True)
        self.client.on_connect = lambda _c, _d, _f, reason, _p: self.connected.put(not reason.is_failure)
        self.client.on_connect_fail = lambda _c, _d: self.failed.put(True)
        self.client.on_disconnect = lambda _c, _d, _f, _r, _p: self.failed.put(True)
        self.client.on_subscribe = lambda _c, _d, _m, _r, _p: self.subscribed.put(True)
        self.client.on_message = lambda _c, _d, message: self.heard.put(message.topic)
        line.connect(self.client)
        self.client.loop_start()

    def end(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def talking(elsewhere: Elsewhere) -> Iterator[list[Talking]]:
    opened: list[Talking] = []
    yield opened
    for one in opened:
        one.end()


def test_ingest_hears_and_the_relay_is_heard_by_tls_with_certificates(
    elsewhere: Elsewhere, talking: list[Talking]
) -> None:
    ingest, relay, device = (Talking(line_to_broker(elsewhere.settings(name))) for name in (INGEST, WORKER, "device-a"))
    talking += [ingest, relay, device]
    assert all(one.connected.get(timeout=HEARD_WITHIN_S) for one in talking)
    for one, wanted in ((ingest, "eh/v1/7/+/up/#"), (device, "eh/v1/+/device-a/down/#")):
        one.client.subscribe(wanted, qos=1)
        assert one.subscribed.get(timeout=HEARD_WITHIN_S)
    device.client.publish("eh/v1/7/device-b/up/order.place", b"x", qos=1)
    device.client.publish("eh/v1/7/device-a/up/order.place", b"x", qos=1)
    assert ingest.heard.get(timeout=HEARD_WITHIN_S) == "eh/v1/7/device-a/up/order.place"
    relay.client.publish("eh/v1/7/device-a/down/receipt", b"x", qos=1)
    assert device.heard.get(timeout=HEARD_WITHIN_S) == "eh/v1/7/device-a/down/receipt"


@pytest.mark.parametrize("name", [None, "stranger"])
def test_a_process_without_a_certificate_of_the_fleet_is_not_let_in(
    elsewhere: Elsewhere, talking: list[Talking], name: str | None
) -> None:
    talking.append(Talking(line_to_broker(elsewhere.settings(name))))
    assert talking[0].failed.get(timeout=HEARD_WITHIN_S)
    assert talking[0].connected.empty()


@pytest.mark.parametrize(
    ("host", "ca"),
    [
        pytest.param("localhost", "others.pem", id="signed by nobody we believe"),
        pytest.param("127.0.0.1", "authorities.pem", id="of another name"),
    ],
)
def test_a_broker_that_cannot_prove_itself_is_not_spoken_to(elsewhere: Elsewhere, host: str, ca: str) -> None:
    line = line_to_broker(elsewhere.settings(INGEST, host=host, ca=ca))
    assert line.tls is not None
    with (
        socket.create_connection((line.host, line.port), timeout=HEARD_WITHIN_S) as raw,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        line.tls.wrap_socket(raw, server_hostname=line.host)


def test_the_name_is_the_certificates_where_the_url_has_none(elsewhere: Elsewhere) -> None:
    line = line_to_broker(elsewhere.settings(WORKER))
    assert (line.name, line.password, line.port) == (WORKER, None, elsewhere.port)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"broker_url": "ws://somewhere"}, "name mqtt:// or mqtts://"),
        ({"broker_url": "mqtt://somewhere", "broker_ca_file": "ca.pem"}, "begins with mqtt://"),
        ({"broker_url": "mqtts://somewhere", "broker_certificate_file": "own.pem"}, "go together"),
        ({"broker_url": "mqtts://somewhere", "broker_ca_file": "missing.pem"}, "cannot be read"),
    ],
)
def test_settings_that_name_no_line_are_refused_in_one_line(settings: dict[str, str], said: str) -> None:
    with pytest.raises(BrokerSettingsError, match=said):
        line_to_broker(Settings.model_validate(settings))


def test_a_url_alone_says_name_password_and_port_as_before() -> None:
    line = line_to_broker(Settings(broker_url=SecretStr("mqtt://svc-ingest:a%2Fb@127.0.0.1")))
    assert (line.name, line.password, line.port, line.tls) == ("svc-ingest", "a/b", 1883, None)
