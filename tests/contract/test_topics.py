"""Topics: shards that never move, and addresses that cannot be forged into another's."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract import topics

DEVICES = st.from_regex(r"[a-z0-9-]{1,64}", fullmatch=True)

#: Terminals keep their sessions under these; a shard that moved would lose what waits there.
KNOWN_SHARDS = {"t-0f3a": 16, "t-r1": 47, "a": 18, "device-1": 41, "0": 38, "z" * 64: 35}


def test_known_devices_keep_their_shards():
    assert {device: topics.shard_of(device) for device in KNOWN_SHARDS} == KNOWN_SHARDS


@given(DEVICES)
def test_the_shard_is_the_hash_of_the_device(device: str):
    assert topics.shard_of(device) == int(hashlib.sha256(device.encode()).hexdigest()[:8], 16) % 64


@given(DEVICES)
def test_an_upward_topic_reads_back(device: str):
    address = topics.parse_up(topics.up_topic(device, "order.place"))

    assert address == topics.Address(topics.shard_of(device), device, "order.place")


@pytest.mark.parametrize(
    "topic",
    [
        "eh/v1/17/t-0f3a/up/order.place",  # another's shard
        "eh/v1/016/t-0f3a/up/order.place",
        "eh/v1/16/t-0f3a/down/order.place",
        "eh/v2/16/t-0f3a/up/order.place",
        "eh/v1/16/t-0f3a/up/order.place/more",
        "eh/v1/16/t-0f3a/up",
        "eh/v1/16/t-0f3a/up/ORDER",
        "eh/v1/16/t-0f3a/up/",
        "eh/v1/18/A/up/order.place",
        "eh/v1/16/+/up/#",
        "eh/v1/x/t-0f3a/up/order.place",
        "",
    ],
)
def test_any_other_topic_is_refused(topic: str):
    with pytest.raises(ValueError, match=r"topic|shard"):
        topics.parse_up(topic)


def test_filters_reach_a_device_and_a_shard():
    assert topics.down_topic("t-0f3a", "receipt") == "eh/v1/16/t-0f3a/down/receipt"
    assert topics.down_filter("t-0f3a") == "eh/v1/16/t-0f3a/down/#"
    assert topics.shard_filter(16) == "eh/v1/16/+/up/#"


@pytest.mark.parametrize("name", ["", "A", "a/b", "a+", "#", "a b", "é", "a" * 65, "t-1\n"])
def test_device_ids_are_plain(name: str):
    assert not topics.valid_device_id(name)
