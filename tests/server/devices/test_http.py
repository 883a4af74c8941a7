"""A device's way in: enrolment by code, messages and feed over HTTP, and nobody else's data."""

from datetime import timedelta
from uuid import UUID

import pytest
from devices import signing
from factories import NOW, envelope, lines, make_device, make_retailer, make_sku, make_window

from contract.errors import Rejected
from contract.ids import uuid7
from contract.messages import PlaceOrder
from server.devices import queries, service
from server.kit.db import transaction
from server.kit.identity import Operator, Sender
from server.licences.models import LicenceRow

ADMIN = Operator(1, "admin", frozenset({"administrator"}))
SECRET = "s" * 43


@pytest.fixture
def town(sessions):
    """Two shops with a terminal each, and an open window."""
    with transaction(sessions) as session:
        make_sku(session)
        for code in ("R1", "R2"):
            make_retailer(session, code)
        make_device(session, "R1", device="t-1", secret=SECRET)
        make_device(session, "R2", device="t-2", secret="x" * 43)
        return make_window(session)


def up(client, window: UUID, *, device="t-1", secret=SECRET, named="t-1", quantity=3, same=None):
    message = PlaceOrder(window=window, lines=lines(K1=quantity))
    body = envelope(Sender(named, ""), message, id=same).encode()
    return client.post("/device/v1/up/order.place", content=body, auth=signing(device, secret))


def test_an_order_over_http_gets_the_same_receipt_as_over_mqtt(app_client, town):
    answer = up(app_client, town)
    assert answer.status_code == 200
    receipt = answer.json()
    assert (receipt["outcome"], receipt["kind"]) == ("accepted", "order.place")
    feed = app_client.get("/device/v1/feed?after=0", auth=signing("t-1", SECRET)).json()
    assert [item["kind"] for item in feed["items"]] == ["window", "order", "receipt"]
    assert feed["items"][-1]["data"]["number"] == receipt["number"]
    assert feed["more"] is False
    assert feed["items"][-1]["data"]["device"] == "t-1"


def test_a_repeat_over_http_gets_the_stored_receipt(app_client, town):
    same = uuid7()
    first = up(app_client, town, same=same).json()
    assert up(app_client, town, same=same).json() == first


def test_a_page_of_the_feed_names_the_history_of_the_database_the_same_each_time(app_client, town):
    names = {app_client.get("/device/v1/feed?after=0", auth=signing("t-1", SECRET)).json()["history"] for _ in range(2)}
    assert len(names) == 1
    assert all(part.isdecimal() for part in names.pop().split("-"))


def test_a_device_reads_its_own_retailers_feed_alone(app_client, town):
    up(app_client, town)
    other = app_client.get("/device/v1/feed?after=0", auth=signing("t-2", "x" * 43)).json()
    assert [item["kind"] for item in other["items"]] == ["window"]


@pytest.mark.parametrize(("device", "secret"), [("t-1", "x" * 43), ("t-3", SECRET)])
def test_another_key_than_a_devices_is_not_enrolled(app_client, town, device, secret):
    answer = up(app_client, town, device=device, secret=secret)
    assert (answer.status_code, answer.json()["code"]) == (401, "not_enrolled")


def test_an_envelope_that_names_another_device_is_refused(app_client, town):
    answer = up(app_client, town, named="t-2")
    assert (answer.status_code, answer.json()["code"]) == (422, "wrong_device")


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"id": "1"}', b"\xff\xfe", b'{"id": "01890000-0000-4000-8000-000000000000"}']
)
def test_what_is_no_envelope_is_refused_by_name(app_client, town, body):
    answer = app_client.post("/device/v1/up/order.place", content=body, auth=signing("t-1", SECRET))
    assert (answer.status_code, answer.json()["code"]) == (422, "malformed")


def test_a_message_above_16_kib_is_refused(app_client, town):
    answer = app_client.post("/device/v1/up/order.place", content=b" " * 16_385, auth=signing("t-1", SECRET))
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_a_revoked_device_is_told_to_stop(app_client, town, sessions):
    with transaction(sessions) as session:
        service.revoke(session, "t-1", "lost", ADMIN, at=NOW)
    answer = up(app_client, town)
    assert (answer.status_code, answer.json()["family"]) == (403, "revoked")


def test_the_reference_is_sent_once_and_then_only_when_it_changed(app_client, town, sessions):
    first = app_client.get("/device/v1/reference", auth=signing("t-1", SECRET))
    assert [item["sku"] for item in first.json()["catalogue"]] == ["K1"]
    same = {"If-None-Match": first.headers["ETag"]}
    assert app_client.get("/device/v1/reference", auth=signing("t-1", SECRET), headers=same).status_code == 304
    with transaction(sessions) as session:
        make_sku(session, "K2", case_barcodes=("16901234567899=600",))
    changed = app_client.get("/device/v1/reference", auth=signing("t-1", SECRET), headers=same)
    assert [item["sku"] for item in changed.json()["catalogue"]] == ["K1", "K2"]
    assert changed.json()["catalogue"][1]["case_barcodes"] == [{"barcode": "16901234567899", "units": 600}]


def test_the_reference_tells_licences_and_how_they_stand(app_client, town, sessions):
    known = {"If-None-Match": app_client.get("/device/v1/reference", auth=signing("t-1", SECRET)).headers["ETag"]}
    day = NOW.date()
    with transaction(sessions) as session:
        licence = LicenceRow(
            retailer="R1",
            licence_class="C",
            number="L-7",
            valid_from=day,
            valid_until=day,
            state="suspended",
            state_reason="unpaid",
            changed_at=NOW,
        )
        session.add(licence)
    told = app_client.get("/device/v1/reference", auth=signing("t-1", SECRET), headers=known).json()["licences"]
    written = {"valid_from": day.isoformat(), "valid_until": day.isoformat(), "state": "suspended", "reason": "unpaid"}
    assert {"licence_class": "C", "number": "L-7"} | written in told


def test_no_code_is_issued_where_one_retailer_is_unknown(session):
    make_retailer(session, "R1")
    with pytest.raises(Rejected, match="R9"):
        service.issue_codes(session, ["R1", "R9"], ADMIN, at=NOW)


def test_revoking_twice_keeps_the_first_reason(session):
    make_retailer(session, "R1")
    make_device(session, "R1", device="t-9", secret=SECRET)
    service.revoke(session, "t-9", "lost", ADMIN, at=NOW)
    service.revoke(session, "t-9", "again", ADMIN, at=NOW + timedelta(days=1))
    told = queries.device(session, "t-9")
    assert told is not None
    assert (told.revoked_at, told.revoked_reason) == (NOW, "lost")
