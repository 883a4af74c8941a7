"""One retailer's device cannot read or write another's; judged by what is delivered, not by what is granted.

Tried on each broker that can be a child of ours. That something does not come is known once something comes that was
sent after it on the same way.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import child_brokers
import httpx2
import pytest
from running import Town, Wire, connect, feed_of, ordering, over_http, until

from contract import topics
from contract.device_api import Reference
from contract.ids import uuid7
from firmware_sim.identities import DeviceIdentity
from server.kit import certificates

pytestmark = [
    pytest.mark.system,
    pytest.mark.slow,
    pytest.mark.parametrize("town", child_brokers.KINDS, indirect=True, scope="module"),
]

Wired = Callable[..., Wire]
EVERYWHERE = (
    "#",
    "+/#",
    "eh/v1/+/+/down/#",
    "eh/v1/+/+/down/receipt",
    "eh/v1/+/+/down/grants",
    "eh/v1/+/+/up/#",
    "$share/all/eh/v1/+/+/down/#",
    "$SYS/#",
)


@pytest.fixture(scope="module")
def open_window(town: Town) -> UUID:
    return town.announce(open_for_s=3600)[1]


@pytest.fixture(scope="module")
def one(town: Town) -> DeviceIdentity:
    return town.enrol("S01")


@pytest.fixture(scope="module")
def other(town: Town) -> DeviceIdentity:
    return town.enrol("S02")


def settled(wire: Wire, window: UUID) -> UUID:
    """Let a device order and hear the receipt: everything it sent before has been decided."""
    order = wire.send("order.place", ordering(window, K2=1))
    assert wire.receipt(order).outcome == "accepted"
    return order


def test_what_a_device_publishes_as_another_never_reaches_the_server(
    town: Town, open_window: UUID, one: DeviceIdentity, other: DeviceIdentity, wired: Wired
) -> None:
    intruder, victim = wired(one), wired(other)
    forged = intruder.envelope(ordering(open_window, K1=9), device=other.device)
    own_name = intruder.envelope(ordering(open_window, K1=9))
    for envelope in (forged, own_name):
        for topic in (
            topics.up_topic(other.device, "order.place"),
            f"eh/v1/{topics.shard_of(one.device)}/{other.device}/up/order.place",
            topics.down_topic(other.device, "receipt"),
            "eh/v1/all/down/receipt",
        ):
            intruder.send("order.place", envelope, topic=topic)
    settled(intruder, open_window)
    settled(victim, open_window)
    for shop in ("S01", "S02"):
        assert not town.has_order(shop, forged.id)
        assert not town.has_order(shop, own_name.id)
    for wire in (intruder, victim):
        assert not wire.receipts(forged.id)
        assert not wire.receipts(own_name.id)


def test_an_envelope_in_another_devices_name_is_not_taken_on_ones_own_topic(
    town: Town, open_window: UUID, one: DeviceIdentity, other: DeviceIdentity, wired: Wired
) -> None:
    intruder, victim = wired(one), wired(other)
    forged = intruder.send("order.place", intruder.envelope(ordering(open_window, K1=9), device=other.device))
    settled(intruder, open_window)
    settled(victim, open_window)
    assert not town.has_order("S01", forged)
    assert not town.has_order("S02", forged)
    assert not victim.receipts(forged)


def test_wildcards_bring_a_device_nothing_but_its_own_messages(
    town: Town, one: DeviceIdentity, other: DeviceIdentity, wired: Wired
) -> None:
    releaser = town.stage.sign_in("second person", "releaser")
    cycle, window = town.announce(open_for_s=4, supply_units=4)
    own = topics.down_filter(other.device)
    curious = wired(one, filters=(topics.down_filter(one.device), own, *EVERYWHERE))
    victim = wired(other)
    theirs, mine = (wire.send("order.place", ordering(window, K1=4)) for wire in (victim, curious))
    for wire, order in ((victim, theirs), (curious, mine)):
        assert wire.receipt(order).outcome == "accepted"

    path = f"/api/v1/cycles/{cycle}"
    until("the result", lambda: town.planner.get(path)["state"] == "verified", within_s=60)
    town.planner.post(f"{path}/send-for-release")
    releaser.post(f"{path}/release")
    for wire in (victim, curious):
        until("the grants", lambda wire=wire: any(item.kind == "grants" for _, item in list(wire.heard)), within_s=30)

    foreign = {topic for topic, _ in curious.heard if topic.split("/")[3] != one.device}
    assert not foreign
    assert str(theirs) not in {item.data.get("message") for _, item in curious.heard}
    assert {topic.split("/")[3] for topic, _ in victim.heard} == {other.device}


def test_a_device_that_takes_anothers_client_id_neither_ends_nor_hears_its_session(
    open_window: UUID, one: DeviceIdentity, other: DeviceIdentity, wired: Wired
) -> None:
    victim = wired(other)
    thief = wired(one, client_id=other.device)
    order = settled(victim, open_window)
    settled(thief, open_window)
    assert victim.client.is_connected()
    assert not thief.receipts(order)
    assert {topic.split("/")[3] for topic, _ in thief.heard} == {one.device}


def test_a_device_cannot_sign_in_with_anothers_name_and_its_own_key(
    town: Town, one: DeviceIdentity, other: DeviceIdentity
) -> None:
    strangers = certificates.new_authority("Evenhand fleet 1", datetime.now(UTC))
    made = certificates.issue_to_client(strangers, one.key.public_key(), other.device, datetime.now(UTC))
    certified = other.enrolled.certified
    assert certified is not None
    mixed = replace(
        other,
        enrolled=other.enrolled.model_copy(
            update={"certified": certified.model_copy(update={"certificate": made.pem})}
        ),
        key=one.key,
    )
    with pytest.raises(ConnectionRefusedError):
        connect(mixed, tries_for_s=0)
    assert over_http(town, mixed, "reference").json()["retailer"] == "S01", "the key says who asks, whatever is said"


def test_a_message_on_a_shard_that_is_not_the_devices_is_refused_and_alerted(
    town: Town, open_window: UUID, one: DeviceIdentity, wired: Wired
) -> None:
    device = wired(one)
    right = topics.shard_of(one.device)
    strays = {
        shard: device.send(
            "order.place",
            ordering(open_window, K1=5),
            topic=f"eh/v1/{shard}/{one.device}/up/order.place",
        )
        for shard in range(topics.SHARDS)
        if shard != right
    }
    settled(device, open_window)
    assert not any(town.has_order("S01", stray) or device.receipts(stray) for stray in strays.values())
    alerted = {alert["topic"] for alert in town.alerts("message.topic_refused")}
    assert {f"eh/v1/{shard}/{one.device}/up/order.place" for shard in strays} <= alerted


def test_over_http_an_envelope_in_another_devices_name_is_refused(
    town: Town, open_window: UUID, one: DeviceIdentity, other: DeviceIdentity, wired: Wired
) -> None:
    forged = wired(one).envelope(ordering(open_window, K1=9), device=other.device)
    answer = over_http(town, one, "up/order.place", forged)
    assert answer.is_client_error
    assert answer.json()["code"] == "wrong_device"
    assert not town.has_order("S01", forged.id)
    assert not town.has_order("S02", forged.id)


def test_over_http_nobody_touches_anothers_order(
    town: Town, open_window: UUID, one: DeviceIdentity, other: DeviceIdentity, wired: Wired
) -> None:
    order = settled(wired(other), open_window)
    attempts = {
        "order.cancel": {"order": str(order), "revision": 1},
        "order.amend": {"order": str(order), "revision": 1, "lines": [{"sku": "K1", "quantity_units": 7}]},
    }
    for kind, data in attempts.items():
        envelope = wired(one).envelope(ordering(open_window, K1=1)).model_copy(update={"id": uuid7(), "data": data})
        answer = over_http(town, one, f"up/{kind}", envelope)
        assert answer.json()["code"] == "unknown_order", answer.text
    kept = town.planner.get(f"/api/v1/orders/S02/{order}")
    assert (kept["state"], kept["revision"]) == ("accepted", 1)


def test_feed_and_reference_are_the_devices_own(
    town: Town, open_window: UUID, one: DeviceIdentity, other: DeviceIdentity, wired: Wired
) -> None:
    orders = {who.device: settled(wired(who), open_window) for who in (one, other)}
    for who, somebody, shop in ((one, other, "S01"), (other, one, "S02")):
        keys = {item.key for item in feed_of(town, who)}
        assert f"receipt:{orders[who.device]}" in keys
        assert not {f"receipt:{orders[somebody.device]}", f"order:{orders[somebody.device]}"} & keys
        answer = over_http(town, who, f"reference?retailer={'S02' if shop == 'S01' else 'S01'}")
        assert Reference.model_validate(answer.json()).retailer == shop


def test_a_devices_credentials_open_nothing_of_the_operators(town: Town, one: DeviceIdentity) -> None:
    for path in ("/api/v1/orders", "/api/v1/orders/S02/x", "/api/v1/devices", "/console/orders"):
        answer = httpx2.get(f"{town.stage.url}{path}", auth=one.auth, timeout=30)
        assert answer.status_code in {303, 401, 403, 404}, path


def test_a_revoked_device_is_refused_by_http_at_once_and_loses_its_session_within_a_minute(
    town: Town, open_window: UUID, wired: Wired, record_property: Callable[[str, object], None]
) -> None:
    lost = town.enrol("S03")
    wire = wired(lost)
    settled(wire, open_window)
    town.planner.post(f"/api/v1/devices/{lost.device}/revoke", {"reason": "stolen"})
    revoked = time.monotonic()
    answer = over_http(town, lost, "up/order.place", wire.envelope(ordering(open_window, K1=1)))
    assert answer.is_client_error
    assert over_http(town, lost, "feed?after=0").is_client_error
    until("the end of the session", lambda: not wire.client.is_connected(), within_s=60)
    record_property("session_ended_after_s", round(time.monotonic() - revoked, 2))
    with pytest.raises(ConnectionRefusedError):
        connect(lost, tries_for_s=0)
