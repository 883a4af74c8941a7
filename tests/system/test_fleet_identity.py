"""Identity and isolation of devices on the real broker, by TLS: the rows of the fleet's table, each by its name.

What a device may not do is judged by what is delivered, never by what the broker grants.
"""

import contextlib
import itertools
import socket
import ssl
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import child_brokers
import httpx2
import pytest
from running import Town, Wire, connect, ordering, over_http, until

from contract import topics
from contract.device_api import Certified, Renew
from firmware_sim.identities import DeviceIdentity
from server.devices import authority
from server.kit import certificates
from server.kit.db import transaction
from server.kit.identity import SYSTEM
from server.kit.runtime import open_runtime

pytestmark = [
    pytest.mark.system,
    pytest.mark.slow,
    pytest.mark.parametrize("town", child_brokers.KINDS, indirect=True, scope="module"),
]

Wired = Callable[..., Wire]
OFF = timedelta(hours=48)
SENDINGS = 20


@pytest.fixture(scope="module")
def open_window(town: Town) -> UUID:
    return town.announce(open_for_s=3600)[1]


def settled(wire: Wire, window: UUID) -> None:
    """Let a device order, again until the receipt, as terminals do: a broker that has just begun loses messages."""
    order = wire.envelope(ordering(window, K2=1))
    for _ in range(SENDINGS):
        wire.send("order.place", order)
        with contextlib.suppress(AssertionError):
            assert wire.receipt(order.id, within_s=5).outcome == "accepted"
            return
    raise AssertionError(f"no receipt after {SENDINGS} sendings")


def renewed(town: Town, identity: DeviceIdentity) -> DeviceIdentity:
    """Renew a certificate for a new key, as a terminal does."""
    key = certificates.new_key()
    asked = Renew(csr=certificates.new_request(key)).model_dump()
    answer = httpx2.post(f"{town.stage.url}/device/v1/renew", json=asked, auth=identity.auth, timeout=60)
    certified = Certified.model_validate(answer.raise_for_status().json())
    return DeviceIdentity(identity.enrolled.model_copy(update={"certified": certified}), key)


def believing(town: Town, identity: DeviceIdentity) -> DeviceIdentity:
    """Learn who is believed, as a terminal does."""
    answer = httpx2.get(f"{town.stage.url}/device/v1/certificate", auth=identity.auth, timeout=60)
    told = Certified.model_validate(answer.raise_for_status().json())
    certified = identity.enrolled.certified
    assert certified is not None
    own = certified.model_copy(update={"authorities": told.authorities})
    return replace(identity, enrolled=identity.enrolled.model_copy(update={"certified": own}))


def test_isolation_nothing_retained_and_no_will_of_a_device_reaches_another(
    town: Town, open_window: UUID, wired: Wired
) -> None:
    pair = [town.enrol("S01"), town.enrol("S02")]
    for intruder, victim in itertools.permutations(pair):
        forbidden = (
            topics.down_topic(victim.device, "receipt"),
            topics.up_topic(victim.device, "order.place"),
            topics.down_topic(intruder.device, "receipt"),
            topics.news_topic(topics.EVERYONE),
            topics.news_topic(topics.group_of("north", "town")),
            "$SYS/broker/clients/total",
        )
        for topic in forbidden:
            wire = connect(intruder, will=(topic, b"a last word"), tries_for_s=60)
            wire.client.publish(topic, b"left behind", qos=1, retain=True).wait_for_publish(30)
            sock = wire.client.socket()
            assert sock is not None
            sock.shutdown(socket.SHUT_RDWR)  # a power cut: the broker speaks the will
            wire.client.loop_stop()
        heard = [told for one in pair for told in all_that_reaches(wired(one, filters=(), tries_for_s=60), open_window)]
        assert heard
        assert not [told for told in heard if told[1] in {b"a last word", b"left behind"}]
        assert {topic.split("/")[3] for topic, _ in heard} <= {one.device for one in pair}


def all_that_reaches(wire: Wire, window: UUID) -> list[tuple[str, bytes]]:
    """Subscribe to everything in every way; return what came until the answer to what was sent afterwards."""
    heard: list[tuple[str, bytes]] = []
    wire.client.on_message = lambda _client, _data, message: heard.append((message.topic, bytes(message.payload)))
    for wanted in ("#", "+/#", "eh/v1/+/+/down/#", "$share/all/eh/v1/+/+/down/#", "$SYS/#"):
        wire.client.subscribe(wanted, qos=1)
    last = str(wire.send("order.place", ordering(window, K2=1))).encode()
    until("the receipt", lambda: any(last in payload for _, payload in list(heard)), within_s=60)
    return heard


def test_identity_who_has_no_certificate_of_the_fleet_is_not_even_heard(town: Town) -> None:
    known = town.enrol("S03")
    certified = known.enrolled.certified
    assert certified is not None
    bare = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    bare.load_verify_locations(cadata=certified.authorities)
    heard = b""
    with (
        contextlib.suppress(OSError),
        socket.create_connection(known.broker, timeout=30) as raw,
        bare.wrap_socket(raw, server_hostname=known.broker[0]) as plain,
    ):
        plain.sendall(b"\x10\x10\x00\x04MQTT\x04\x02\x00\x3c\x00\x04nobo")
        heard = plain.recv(4)
    assert not heard


def test_clocks_wrong_by_two_days_either_way_find_the_brokers_certificate_valid(town: Town) -> None:
    known = town.enrol("S04")
    with (
        socket.create_connection(known.broker, timeout=30) as raw,
        known.tls().wrap_socket(raw, server_hostname=known.broker[0]) as wrapped,
    ):
        shown = wrapped.getpeercert() or {}
    begins, ends = (
        datetime.fromtimestamp(ssl.cert_time_to_seconds(str(shown[name])), UTC) for name in ("notBefore", "notAfter")
    )
    now = datetime.now(UTC)
    assert begins < now - OFF
    assert ends > now + OFF


def test_clones_are_noticed_within_a_minute_and_shown_with_both_addresses(town: Town) -> None:
    copied = town.enrol("S05")
    addresses = ("127.0.0.2", "127.0.0.3") * 3
    wires = [connect(copied, bind_address=address, tries_for_s=60) for address in addresses]
    until("the alert", lambda: town.alerts("device.cloned"), within_s=60)
    for wire in wires:
        wire.client.disconnect()
        wire.client.loop_stop()
    [alert] = [one for one in town.alerts("device.cloned") if one["subject"] == f"device:{copied.device}"]
    assert {"127.0.0.2", "127.0.0.3"} <= set(alert["addresses"])
    page = town.planner.http.get(f"/console/devices/{copied.device}", headers={"Accept": "text/html"}).text
    assert "127.0.0.2 · 127.0.0.3" in page


def test_rotate_the_certificate_before_and_the_next_one_are_both_let_in(
    town: Town, open_window: UUID, wired: Wired
) -> None:
    before = town.enrol("S06")
    after = renewed(town, before)
    for identity in (before, after, before):
        wire = wired(identity, tries_for_s=60)
        settled(wire, open_window)
        assert over_http(town, identity, "feed?after=0").status_code == 200
        wire.client.disconnect()


def test_rotate_authority_old_and_new_are_believed_until_the_old_one_is_retired(
    town: Town, open_window: UUID, wired: Wired
) -> None:
    old, left_behind = town.enrol("S07"), town.enrol("S08")
    broker = town.pid_of("broker")
    with open_runtime(town.stage.settings, need_broker=False) as runtime:
        with transaction(runtime.sessions) as session:
            authority.begin_rotation(session, SYSTEM, at=datetime.now(UTC))
        until("a broker that believes both", lambda: town.pid_of("broker") not in {None, broker}, within_s=60)
        settled(wired(old, tries_for_s=60), open_window)
        new = renewed(town, believing(town, old))
        settled(wired(new, tries_for_s=60), open_window)
        broker = town.pid_of("broker")
        with transaction(runtime.sessions) as session:
            authority.end_rotation(session, SYSTEM, at=datetime.now(UTC), even_if_needed=True)
        until(
            "a broker that believes the new one alone", lambda: town.pid_of("broker") not in {None, broker}, within_s=60
        )
    settled(wired(new, tries_for_s=60), open_window)
    with (
        socket.create_connection(left_behind.broker, timeout=30) as raw,
        pytest.raises(ssl.SSLCertVerificationError, match="certificate verify failed"),
    ):
        left_behind.tls().wrap_socket(raw, server_hostname=left_behind.broker[0])
    late = renewed(town, left_behind)
    settled(wired(late, tries_for_s=60), open_window)
