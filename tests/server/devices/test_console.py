"""The fleet's screens: who is online, codes for new terminals, shutting one out."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from devices import key_of, signing
from factories import NOW, make_device, make_retailer
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from contract.ids import uuid7
from contract.messages import ReportStatus
from contract.signing import shown as shown_key
from server.devices import service
from server.kit import certificates
from server.kit.db import transaction
from server.kit.identity import Operator
from server.kit.inbox import Arrival

SignedIn = Callable[..., TestClient]
BOSS = Operator(1, "boss", frozenset({"administrator"}))


@pytest.fixture
def boss(sessions: sessionmaker[Session], signed_in: SignedIn) -> TestClient:
    """An administrator over four shops: one online, one silent, one revoked, one without a terminal."""
    with transaction(sessions) as session:
        for code, route in (("R1", "north"), ("R2", "north"), ("R3", "south"), ("007", "north")):
            make_retailer(session, code, route=route)
        senders = {code: make_device(session, code) for code in ("R1", "R2", "R3")}
        for code, ago in (("R1", timedelta(seconds=20)), ("R2", timedelta(hours=3))):
            status = ReportStatus(version="1.4.0", queue_length=2, language="zh", clock_offset_ms=-250)
            service.report_statuses(session, [(status, Arrival(uuid7(), senders[code], NOW - ago))])
        service.revoke(session, "t-r3", "stolen", BOSS, at=NOW)
    return signed_in("administrator", name="boss")


def shown(page: str) -> list[str]:
    """Return the terminals in the list, in its order."""
    return re.findall(r'href="/console/devices/(t-[\w-]+)"', page)


def issued(page: str) -> list[str]:
    return re.findall(r"<code>([2-9A-Z]{4}-[2-9A-Z]{4})</code>", page)


def test_the_list_shows_every_terminal_with_its_state(boss: TestClient) -> None:
    page = boss.get("/console/devices").text
    assert shown(page) == ["t-r1", "t-r2", "t-r3"]
    assert "3 hours ago" in page
    assert [page.count(f"{word}</span>") for word in ("online", "offline", "revoked")] == [1, 1, 1]


ASKED = [
    ("state=online", ["t-r1"]),
    ("state=offline", ["t-r2"]),
    ("state=revoked", ["t-r3"]),
    ("version=1.4.0", ["t-r1", "t-r2"]),
    ("q=t-r2", ["t-r2"]),
    ("q=shop+r1", ["t-r1"]),
    ("q=nothing", []),
    ("sort=-retailer", ["t-r3", "t-r2", "t-r1"]),
    ("sort=-last_seen_at", ["t-r1", "t-r2", "t-r3"]),
    ("per_page=1&page=2", ["t-r2"]),
]


def test_terminals_are_found_filtered_and_sorted(boss: TestClient) -> None:
    for asked, found in ASKED:
        assert (asked, shown(boss.get(f"/console/devices?{asked}").text)) == (asked, found)


def test_the_list_is_taken_away_whole_whatever_the_page(boss: TestClient) -> None:
    rows = boss.get("/console/devices?format=csv&per_page=1").text.strip().splitlines()
    assert len(rows) == 4
    assert "Shop R2" in rows[2]


def test_one_terminal_shows_who_it_is_and_what_was_done_with_it(boss: TestClient) -> None:
    page = boss.get("/console/devices/t-r3").text
    assert "stolen" in page
    assert "device.revoked" in page
    assert "revoked" in page
    assert "\N{MINUS SIGN}0.2 s" in boss.get("/console/devices/t-r1").text
    assert boss.get("/console/devices/t-none").status_code == 404


def test_a_code_is_shown_large_with_its_picture_and_enrols_one_terminal(
    boss: TestClient, app_client: TestClient
) -> None:
    page = boss.post("/console/devices/enrol", data={"codes": "007"}).text
    (code,) = issued(page)
    assert '<svg width="' in page
    assert f'aria-label="QR code of {code}"' in page
    assert re.findall(r"https?://[^<]+/tablet/#code=([^<]+)</code>", page) == [code.replace("-", "")]
    ends = (NOW + timedelta(minutes=15)).isoformat().replace("+00:00", "Z")
    assert f'data-countdown="{ends}"' in page
    csr = certificates.new_request(key_of("new"))
    waits = app_client.post("/device/v1/enrol", json={"code": code, "model": "kiosk", "csr": csr}).json()
    assert waits["state"] == "waiting"
    other = {"code": code, "csr": certificates.new_request(key_of("other"))}
    assert app_client.post("/device/v1/enrol", json=other).json()["code"] == "code_used"
    page = boss.get("/console/devices/waiting").text
    assert shown_key(waits["fingerprint"]) in page
    assert "1 waits to be let in" in boss.get("/console/devices").text
    assert boss.post(f"/console/devices/waiting/{waits['fingerprint']}/confirm").status_code == 303
    told = app_client.post("/device/v1/enrol", json={"code": code, "csr": csr}).json()["enrolled"]
    assert told["retailer"] == "007"
    assert shown_key(waits["fingerprint"]) in boss.get(f"/console/devices/{told['device']}").text


def test_a_terminal_that_nobody_knows_is_turned_away_with_a_reason(boss: TestClient, app_client: TestClient) -> None:
    (code,) = issued(boss.post("/console/devices/enrol", data={"codes": "007"}).text)
    asked = {"code": code, "csr": certificates.new_request(key_of("stranger"))}
    waits = app_client.post("/device/v1/enrol", json=asked).json()
    place = f"/console/devices/waiting/{waits['fingerprint']}/refuse"
    assert "Say why; the terminal shows it." in boss.post(place, data={"reason": " "}).text
    assert boss.post(place, data={"reason": "not from us"}).status_code == 303
    told = app_client.post("/device/v1/enrol", json=asked).json()
    assert (told["state"], told["reason"], told["enrolled"]) == ("refused", "not from us", None)
    assert "No terminal waits" in boss.get("/console/devices/waiting").text


def test_who_guesses_at_codes_has_to_wait(boss: TestClient, app_client: TestClient) -> None:
    (code,) = issued(boss.post("/console/devices/enrol", data={"codes": "007"}).text)
    guesses = [app_client.post("/device/v1/enrol", json={"code": f"22223{n:03}"}) for n in range(50)]
    assert {guess.json()["code"] for guess in guesses} == {"code_unknown"}
    assert app_client.post("/device/v1/enrol", json={"code": code}).status_code == 429


def test_many_shops_get_their_codes_on_one_sheet(boss: TestClient) -> None:
    page = boss.post("/console/devices/enrol", data={"codes": "007, R1\nR2；R1"}).text
    assert len(set(issued(page))) == 3
    assert "data-print" in page


def test_a_route_gives_codes_to_its_shops_without_a_terminal(boss: TestClient) -> None:
    page = boss.post("/console/devices/enrol", data={"route": "north"}).text
    assert len(issued(page)) == 1
    assert "Shop 007" in page
    page = boss.post("/console/devices/enrol", data={"route": "south"}).text
    assert "Shop R3" in page  # its only terminal is revoked


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"codes": "R1 7"}, "There is no retailer 7."),
        ({"codes": " \n "}, "Name at least one retailer, or a route."),
        ({"codes": " ".join(f"S{n}" for n in range(301))}, "301 codes at once are too many; at most 300."),
        ({"route": "nowhere"}, "Every shop of the route has one."),
    ],
)
def test_what_cannot_be_issued_is_said_and_what_was_typed_stays(
    boss: TestClient, typed: dict[str, str], said: str
) -> None:
    answer = boss.post("/console/devices/enrol", data=typed)
    assert answer.status_code == 422
    assert said in answer.text
    assert typed.get("codes", "").strip() in answer.text
    assert issued(answer.text) == []


def test_revoking_needs_a_reason_and_holds_at_once(boss: TestClient, app_client: TestClient) -> None:
    device = signing("t-r1")
    assert app_client.get("/device/v1/feed", auth=device).status_code == 200
    assert boss.post("/console/devices/t-r1/revoke", data={"reason": "  "}).status_code == 422
    assert app_client.get("/device/v1/feed", auth=device).status_code == 200
    assert "refused at once and for ever" in boss.get("/console/devices/t-r1").text
    assert boss.post("/console/devices/t-r1/revoke", data={"reason": "shop closed"}).status_code == 303
    assert app_client.get("/device/v1/feed", auth=device).json()["code"] == "device_revoked"
    assert "shop closed" in boss.get("/console/devices/t-r1").text


def test_the_first_page_tells_who_is_silent(boss: TestClient, signed_in: SignedIn) -> None:
    page = boss.get("/console/today/goods").text
    assert "Shop R2" in page
    assert "Shop R1" not in page
    assert "Shop R2" not in signed_in("releaser").get("/console/").text


@pytest.mark.parametrize("path", ["", "/enrol", "/t-r1", "/t-r3"])
def test_every_screen_shows_in_chinese(boss: TestClient, path: str) -> None:
    boss.cookies.set("lang", "zh")
    assert '<html lang="zh-Hans"' in boss.get(f"/console/devices{path}").text
