"""The way in over HTTP: signed by the device's key, once, by a clock that may be wrong."""

from datetime import datetime, timedelta

import pytest
from devices import key_of, signing
from factories import NOW, make_device, make_retailer

from contract.device_api import Certified, Renew
from server.devices import service
from server.kit import certificates
from server.kit.db import transaction
from server.kit.identity import Operator

ADMIN = Operator(1, "admin", frozenset({"administrator"}))
FEED = "/device/v1/feed?after=0"


@pytest.fixture(autouse=True)
def town(sessions):
    with transaction(sessions) as session:
        for code in ("R1", "R2"):
            make_retailer(session, code)
            make_device(session, code)


def get(client, target: str = FEED, *, at: datetime = NOW, device: str = "t-r1", **changed: str):
    return client.get(target, headers=signing(device).fields("GET", target, b"", at=at) | changed)


def test_a_signed_request_counts_once(app_client):
    fields = signing("t-r1").fields("GET", FEED, b"", at=NOW)
    assert app_client.get(FEED, headers=fields).status_code == 200
    again = app_client.get(FEED, headers=fields)
    assert (again.status_code, again.json()["code"]) == (401, "request_repeated")


def test_what_was_signed_for_one_address_opens_no_other(app_client):
    fields = signing("t-r1").fields("GET", FEED, b"", at=NOW)
    for other in ("/device/v1/feed?after=1", "/device/v1/reference"):
        assert app_client.get(other, headers=fields).json()["code"] == "not_enrolled"


def test_another_devices_name_of_the_key_is_no_use_without_its_key(app_client):
    mine, other = signing("t-r1"), signing("t-r2")
    fields = mine.fields("GET", FEED, b"", at=NOW)
    stolen = {"Signature-Input": fields["Signature-Input"].replace(mine.name, other.name)}
    assert app_client.get(FEED, headers=fields | stolen).json()["code"] == "not_enrolled"


@pytest.mark.parametrize("off", [timedelta(hours=48), timedelta(hours=-48)])
def test_a_clock_that_is_wrong_by_two_days_is_told_the_time_and_goes_on(app_client, off):
    answer = get(app_client, at=NOW + off)
    assert (answer.status_code, answer.json()["code"]) == (401, "clock_off")
    assert answer.json()["params"]["server_s"] == int(NOW.timestamp())
    assert app_client.get(FEED, auth=signing("t-r1")).status_code == 200, "whoever follows the server's time"


def test_nobody_learns_the_time_or_anything_by_a_key_that_is_not_a_devices(app_client):
    stranger = signing("t-r1", "another key").fields("GET", FEED, b"", at=NOW - timedelta(days=3))
    assert app_client.get(FEED, headers=stranger).json()["code"] == "not_enrolled"


def test_a_terminal_whose_certificate_is_over_may_renew_it_and_nothing_else(app_client, clock):
    clock.advance(days=certificates.DEVICE_LIFE.days)
    auth = signing("t-r1")
    assert app_client.get(FEED, auth=auth).json()["code"] == "certificate_expired"
    key = key_of("t-r1", "the next key")
    asked = Renew(csr=certificates.new_request(key)).model_dump()
    told = Certified.model_validate(app_client.post("/device/v1/renew", json=asked, auth=auth).json())
    assert told.expires_at == clock() + certificates.DEVICE_LIFE
    assert app_client.get(FEED, auth=signing("t-r1", "the next key")).status_code == 200


def test_both_keys_are_good_while_one_takes_the_others_place(app_client):
    asked = Renew(csr=certificates.new_request(key_of("t-r1", "the next key"))).model_dump()
    assert app_client.post("/device/v1/renew", json=asked, auth=signing("t-r1")).status_code == 200
    for secret in ("s" * 43, "the next key"):
        assert app_client.get(FEED, auth=signing("t-r1", secret)).status_code == 200


def test_a_revoked_terminal_is_refused_at_once_also_its_renewal(app_client, sessions):
    with transaction(sessions) as session:
        service.revoke(session, "t-r1", "stolen", ADMIN, at=NOW)
    asked = Renew(csr=certificates.new_request(key_of("t-r1", "the next key"))).model_dump()
    for answer in (get(app_client), app_client.post("/device/v1/renew", json=asked, auth=signing("t-r1"))):
        assert (answer.status_code, answer.json()["code"]) == (403, "device_revoked")
