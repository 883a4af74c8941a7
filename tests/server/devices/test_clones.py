"""Two machines with one identity are noticed; a shop whose address changes is not taken for them."""

from collections.abc import Iterable
from pathlib import Path

import pytest
from devices import signing
from factories import make_device, make_retailer

from server.devices import clones
from server.devices import http as devices_http
from server.kit import audit
from server.kit.broker_log import BrokerLog, Connected
from server.kit.db import transaction

A, B, C = "192.0.2.1", "192.0.2.2", "192.0.2.3"


def seen(uses: Iterable[tuple[float, str]], way: clones.Way = "mqtt", *, took_over: bool = False) -> list[str] | None:
    watch = clones.Watch(way)
    found = [watch.used("t-1", address, at_s, took_over=took_over) for at_s, address in uses]
    told = [one for one in found if one is not None]
    assert len(told) <= 1, "it is said once"
    return told[0] if told else None


@pytest.mark.parametrize(
    "uses",
    [
        [(0, A), (2, B), (4, A), (6, B)],
        [(0, A), (1, A), (20, B), (21, B), (40, A), (59, B), (61, A)],
        [(0, A), (2, B), (4, C), (6, A), (8, B)],
    ],
)
def test_an_identity_that_goes_to_and_fro_is_two_machines(uses):
    assert {A, B} <= set(seen(uses) or ())


@pytest.mark.parametrize(
    "uses",
    [
        [(0, A), (5, B), (10, B), (3600, B)],
        [(0, A), (5, B), (10, A), (20, A)],
        [(0, A), (5, B), (10, C), (15, C)],
        [(0, A), (70, B), (140, A), (210, B), (280, A)],
        [(second, A) for second in range(0, 600, 3)],
    ],
    ids=["moves", "fails over and back", "changes twice", "slowly", "stays"],
)
def test_a_shop_whose_address_changes_is_one_machine(uses):
    assert seen(uses) is None


def test_sessions_that_throw_each_other_out_behind_one_address_are_two_machines():
    assert seen([(0, A), (2, A), (4, A)], took_over=True) == [A]
    assert seen([(0, A), (50, A), (100, A), (150, A)], took_over=True) is None


def test_the_brokers_log_says_who_came_from_where_and_who_was_thrown_out(tmp_path: Path):
    log = tmp_path / "mosquitto.log"
    log.write_text("2026: New client connected from 192.0.2.9:1 as t-0 (p2, c0, k30, u't-0').\n")
    reading = BrokerLog(log)
    with log.open("a") as sink:
        sink.write("2026: New client connected from 192.0.2.1:51234 as t-1 (p2, c0, k30, u't-1').\n")
        sink.write("2026: Client t-1 already connected, closing old connection.\n")
        sink.write("2026: New client connected from ::1:51235 as t-1 (p2, c0, k30, u't-1').\n2026: New cli")
    assert reading.news() == [Connected("t-1", A, took_over=False), Connected("t-1", "::1", took_over=True)]
    assert reading.news() == []
    log.write_text("2026: New client connected from 192.0.2.2:1 as t-2 (p2, c0, k30, u't-2').\n")
    assert reading.news() == [Connected("t-2", B, took_over=False)]


def test_two_machines_that_sign_as_one_are_alerted_and_shown_with_both_addresses(
    app_client, signed_in, sessions, monkeypatch
):
    with transaction(sessions) as session:
        make_retailer(session)
        make_device(session)
    monkeypatch.setattr(devices_http, "WATCH", clones.Watch("http"))
    for address in (A, B, A, B, A):
        monkeypatch.setattr("server.kit.http.remote_of", lambda _request, address=address: address)
        assert app_client.get("/device/v1/feed?after=0", auth=signing("t-r1")).status_code == 200
    with transaction(sessions) as session:
        told = [entry for entry in audit.entries(session) if entry.action == "device.cloned"]
        assert [(entry.alert, entry.detail["addresses"]) for entry in told] == [(True, [A, B])]
        assert clones.cloned(session) == ["t-r1"]
    page = signed_in("fleet").get("/console/devices/t-r1").text
    assert A in page
    assert B in page
    assert "Two machines use this identity" in page
