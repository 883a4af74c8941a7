"""A whole cycle by the JSON interface, as programs and the demo drive it."""

import io
import zipfile
from datetime import timedelta

import pytest

from allocation.verification import verify_folders
from loadtests.console_pages import listening
from server import worker
from server.cycles import exporting
from server.kit.db import transaction


@pytest.fixture
def people(signed_in):
    """A planner, a releaser, and somebody who is both; as programs."""

    def program(*roles, name):
        client = signed_in(*roles, name=name)
        client.headers["Accept"] = "application/json"
        return client

    return {
        "planner": program("planner", name="anna"),
        "releaser": program("releaser", name="bo"),
        "both": program("planner", "releaser", name="chen"),
        "clerk": program("administrator", name="dee"),
    }


def made(answer, status=201):
    assert answer.status_code == status, answer.text
    return answer.json() if status != 204 else None


def draft(planner, clock):
    now = clock.now
    cycle = made(
        planner.post("/api/v1/cycles", json={"name_zh": "第49周", "name_en": "Week 49", "week": "2026-12-02"})
    )["id"]
    window = {
        "opens_at": (now + timedelta(minutes=1)).isoformat(),
        "closes_at": (now + timedelta(hours=1)).isoformat(),
    }
    made(planner.post(f"/api/v1/cycles/{cycle}/windows", json=window))
    return cycle


def test_a_cycle_is_driven_to_its_published_files_by_http_alone(town, people, clock, tmp_path):
    planner, releaser = people["planner"], people["releaser"]
    cycle = draft(planner, clock)
    lines = [
        {"sku": "K1", "supply_packs": 13, "reserve_units": 5, "scarce": True},
        {"sku": "WINE", "supply_units": 60},
        {"sku": "K2", "supply_units": 1000},
    ]
    answer = planner.post(f"/api/v1/cycles/{cycle}/supply", json={"reason": "arrivals", "lines": lines})
    assert made(answer) == {"version": 1}
    made(planner.post(f"/api/v1/cycles/{cycle}/announce"), 204)
    town.open(cycle)
    status = planner.get(f"/api/v1/cycles/{cycle}").json()
    assert status["state"] == "open"
    assert status["progress"]["retailers_due"] == 5
    assert status["windows"][0]["closes_local"].endswith("UTC+08:00")
    for retailer, quantities in {"R1": {"K1": 40}, "R2": {"K1": 40, "WINE": 48}, "R4": {"K1": 80}}.items():
        assert town.order(retailer, status["windows"][0]["id"], **quantities).outcome == "accepted"
    progress = planner.get(f"/api/v1/cycles/{cycle}").json()["progress"]
    assert (progress["orders"], progress["retailers_in"], progress["units"]) == (3, 3, 208)
    assert {region["region"]: region["retailers_in"] for region in progress["regions"]} == {"hills": 2, "shore": 1}
    town.close()
    town.work()
    status = planner.get(f"/api/v1/cycles/{cycle}").json()
    assert (status["state"], status["run"]["verified"]) == ("verified", True)
    assert (status["figures"]["requested_units"], status["figures"]["granted_units"]) == (208, 168)
    made(planner.post(f"/api/v1/cycles/{cycle}/send-for-release"), 204)
    made(releaser.post(f"/api/v1/cycles/{cycle}/release"), 204)
    town.work()
    status = planner.get(f"/api/v1/cycles/{cycle}").json()
    assert (status["state"], status["sent_by"], status["released_by"]) == ("published", "anna", "bo")
    packed = releaser.get(f"/api/v1/cycles/{cycle}/export.zip")
    assert packed.headers["content-type"] == "application/zip"
    zipfile.ZipFile(io.BytesIO(packed.content)).extractall(tmp_path)
    assert verify_folders(tmp_path / "problem", tmp_path / "result").holds
    words = planner.get(f"/api/v1/cycles/{cycle}/explain", params={"retailer": "R4", "lang": "zh"}).json()
    assert words[0]["sku"] == "K1"
    assert words[0]["text"]
    assert planner.get("/api/v1/cycles").json()[0]["state"] == "published"


def test_an_archive_begins_before_its_files_are_made_and_is_refused_before_it_begins(town, people):
    cycle = town.verified()
    with transaction(town.runtime.sessions) as session, listening(town.runtime.engine) as heard:
        pieces = exporting.archive(session, cycle)
        first = next(pieces)
        before = len(heard)
        rest = b"".join(pieces)
    assert first.startswith(b"PK")
    assert exporting.ANNOUNCED_POLICY.encode() in first
    assert before < len(heard)
    with zipfile.ZipFile(io.BytesIO(first + rest)) as whole:
        assert whole.testzip() is None
        assert {"problem/requests.csv", "result/allocation.csv", "result/certificate.json"} < set(whole.namelist())
    refused = people["planner"].get(f"/api/v1/cycles/{cycle}/export.zip", params={"attempt": 7})
    assert (refused.status_code, refused.json()["code"]) == (404, "not_found")


def test_roles_hold_and_the_sender_is_refused(town, people, clock):
    cycle = town.verified()
    for person, act in (("releaser", "send-for-release"), ("clerk", "send-for-release"), ("planner", "release")):
        answer = people[person].post(f"/api/v1/cycles/{cycle}/{act}")
        assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")
    made(people["both"].post(f"/api/v1/cycles/{cycle}/send-for-release"), 204)
    answer = people["both"].post(f"/api/v1/cycles/{cycle}/release")
    assert (answer.status_code, answer.json()["code"]) == (422, "same_person")
    assert people["clerk"].get(f"/api/v1/cycles/{cycle}").status_code == 200


def test_a_refused_file_stores_nothing_and_names_its_row(town, people, clock):
    cycle = draft(people["planner"], clock)
    answer = people["planner"].post(
        f"/api/v1/cycles/{cycle}/supply.csv",
        data={"reason": "arrivals"},
        files={"file": ("s.csv", b"sku,supply_units\nK1,10\nK9,1\n", "text/csv")},
    )
    assert answer.status_code == 422
    assert answer.json()["params"]["where"] == "row 3, sku"
    assert people["planner"].get(f"/api/v1/cycles/{cycle}/supply").json() == []
    answer = people["planner"].post(
        f"/api/v1/cycles/{cycle}/supply.csv",
        data={"reason": "arrivals"},
        files={"file": ("s.csv", "\ufeffsku,supply_units\r\nK1,10\r\n".encode(), "text/csv")},
    )
    assert made(answer) == {"version": 1}


def test_a_correction_that_the_frozen_book_cannot_be_shared_out_with_stores_nothing(town, people):
    cycle = town.verified()
    answer = people["planner"].post(
        f"/api/v1/cycles/{cycle}/supply", json={"reason": "slip", "lines": [{"sku": "K2", "supply_units": 5}]}
    )
    assert answer.status_code == 422
    assert "K1" in answer.json()["params"]["what"]
    found = town.cycle(cycle)
    assert (found.state, found.supply_version, found.attempt) == ("verified", 1, 1)


def test_schedules_are_shown_beforehand_with_their_offsets_and_changes_of_clocks(town, people):
    planner = people["planner"]
    body = {"opens_weekday": 6, "opens_time": "16:00", "closes_weekday": 7, "closes_time": "02:30"}
    answer = planner.put("/api/v1/schedules/*", json={**body, "zone": "America/New_York"})
    assert answer.status_code == 204, answer.text
    shown = planner.get("/api/v1/schedules", params={"week": "2027-03-08", "weeks": 2}).json()[0]["coming"]
    assert shown[0]["closes_at"] == "2027-03-14T07:00:00Z"
    assert (shown[0]["closes_local"], shown[0]["notes"]) == ("2027-03-14 03:00 UTC-04:00", ["closes_missing"])
    assert shown[1]["notes"] == []
    answer = planner.put("/api/v1/schedules/*", json={**body, "zone": "Mars/Olympus"})
    assert (answer.status_code, answer.json()["params"]["where"]) == (422, "zone")
    answer = planner.put("/api/v1/schedules/nowhere", json=body)
    assert (answer.status_code, answer.json()["params"]["where"]) == (422, "route")
    assert planner.delete("/api/v1/schedules/*").status_code == 204


def test_the_supply_missing_is_told_in_words_with_a_way_on(town, people, clock):
    planner = people["planner"]
    cycle = draft(planner, clock)
    made(planner.post(f"/api/v1/cycles/{cycle}/announce"), 204)
    window = town.open(cycle)
    town.order("R1", window, K1=40)
    town.close()
    town.work()
    trouble = planner.get(f"/api/v1/cycles/{cycle}").json()["trouble"]
    assert (trouble["step"], trouble["code"]) == ("freeze", "supply_missing")
    assert "K1" in trouble["text"]
    made(
        planner.post(
            f"/api/v1/cycles/{cycle}/supply", json={"reason": "late", "lines": [{"sku": "K1", "supply_units": 40}]}
        )
    )
    worker.tick(town.runtime)
    town.work()
    assert planner.get(f"/api/v1/cycles/{cycle}").json()["state"] == "verified"


def test_policies_are_versions_with_a_hash(town, people):
    planner = people["planner"]
    body = {"name": "small first", "text": 'rounding = "adams"\n', "reason": "the council's wish"}
    assert made(planner.post("/api/v1/policies", json=body))["version"] == 1
    assert made(planner.post("/api/v1/policies", json={**body, "text": 'rounding = "dean"\n'}))["version"] == 2
    listed = planner.get("/api/v1/policies").json()
    assert {(one["name"], one["version"]) for one in listed} >= {("small first", 1), ("small first", 2)}
    answer = planner.post("/api/v1/policies", json={**body, "text": 'rounding = "up"'})
    assert (answer.status_code, answer.json()["params"]["where"]) == (422, "policy")
