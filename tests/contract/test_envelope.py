"""The envelope: its size, its id, and refusals that say what does not fit."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.envelope import MAX_BYTES, Envelope, FeedItem
from contract.errors import Rejected
from contract.ids import uuid7
from contract.messages import AnswerSurvey, OrderLine, PlaceOrder

AT = datetime(2026, 11, 25, 1, 0, tzinfo=UTC)


def written(**changes: Any) -> bytes:
    fields = {"id": str(uuid7()), "device": "t-1", "seq": 1, "sent_at": AT.isoformat(), "schema": 1, "data": {}}
    return json.dumps(fields | changes).encode()


def padded_to(size: int) -> bytes:
    return written(data={"pad": "x" * (size - len(written(data={"pad": ""})))})


def test_an_envelope_carries_a_message_there_and_back():
    order = PlaceOrder(window=uuid7(), lines=(OrderLine(sku="春城（硬金）", quantity_units=10),))
    sent = Envelope.of(id=uuid7(), device="t-1", seq=7, sent_at=AT, message=order)

    received = Envelope.decode(sent.encode())

    assert received == sent
    assert PlaceOrder.model_validate(received.data) == order


def test_exactly_the_limit_is_taken_and_one_byte_more_is_not():
    Envelope.decode(padded_to(MAX_BYTES))

    with pytest.raises(Rejected) as refused:
        Envelope.decode(padded_to(MAX_BYTES + 1))

    assert (refused.value.code, refused.value.params) == ("too_large", {"size": MAX_BYTES + 1, "limit": MAX_BYTES})


def test_a_message_above_the_limit_is_refused_before_it_leaves():
    lines = tuple(OrderLine(sku=f"{n:064}", quantity_units=1) for n in range(200))
    envelope = Envelope.of(id=uuid7(), device="t-1", seq=1, sent_at=AT, message=PlaceOrder(window=uuid7(), lines=lines))

    with pytest.raises(Rejected, match="at most 16384"):
        envelope.encode()


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"id": str(uuid4())}, "id"),
        ({"id": "1"}, "id"),
        ({"seq": -1}, "seq"),
        ({"sent_at": "2026-11-25T09:00:00"}, "sent_at"),  # without its zone no instant
        ({"schema": 0}, "schema"),
        ({"data": []}, "data"),
        ({"device": None}, "device"),
    ],
)
def test_a_field_that_does_not_fit_is_named(changes: dict[str, Any], where: str):
    with pytest.raises(Rejected) as refused:
        Envelope.decode(written(**changes))

    assert refused.value.code == "malformed"
    assert refused.value.params["where"] == where


@given(st.binary(max_size=200))
def test_no_bytes_do_anything_but_be_read_or_be_refused(raw: bytes):
    for reader in (Envelope, FeedItem):
        try:
            reader.decode(raw)
        except Rejected as refused:
            assert refused.code == "malformed"  # noqa: PT017 - what is read needs no refusal


@pytest.mark.parametrize("quantity", [0, -1, 1.5, "10", True, 2**31])
def test_a_quantity_is_a_whole_number_of_units_and_nothing_near_it(quantity: object):
    with pytest.raises(ValueError, match="quantity_units"):
        PlaceOrder.model_validate({"window": str(uuid7()), "lines": [{"sku": "K1", "quantity_units": quantity}]})


def test_lists_that_no_shop_writes_are_refused():
    with pytest.raises(ValueError, match="at most 1000"):
        PlaceOrder.model_validate(
            {"window": str(uuid7()), "lines": [{"sku": str(n), "quantity_units": 1} for n in range(1001)]}
        )
    with pytest.raises(ValueError, match="at most 50"):
        AnswerSurvey.model_validate({"survey": str(uuid7()), "answers": [{"question": str(n)} for n in range(51)]})


def test_a_feed_item_names_its_schema_as_the_wire_does():
    item = FeedItem(seq=1, key="stock:K1", kind="stock", at=AT, data={})

    assert json.loads(item.encode())["schema"] == 1
    assert FeedItem.decode(item.encode()) == item


def test_ids_carry_their_time_and_version():
    made = uuid7(now_ms=lambda: 0x019ABCDEF012, random_bits=lambda bits: (1 << bits) - 1)

    assert made == UUID("019abcde-f012-7fff-bfff-ffffffffffff")
    assert (made.version, made.variant) == (7, uuid4().variant)


@given(st.integers(0, 2**48 - 2), st.integers(1, 1000))
def test_a_later_id_sorts_behind_an_earlier_one(stamp: int, later_ms: int):
    later = min(stamp + later_ms, 2**48 - 1)

    assert uuid7(now_ms=lambda: stamp) < uuid7(now_ms=lambda: later)
