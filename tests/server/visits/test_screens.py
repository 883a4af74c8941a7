"""Screens of visits: rules refused in words, a plan asked for and moved, a draft sent twice, own figures."""

from collections.abc import Callable
from datetime import timedelta

from factories import NOW, make_retailer, make_sku
from pictures import picture
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from contract.ids import uuid7
from server.kit.db import transaction
from server.kit.runtime import Runtime
from server.visits import making, plans, retention, ruling
from server.visits.models import VisitRow

SignedIn = Callable[..., TestClient]
TODAY = NOW.date()
RULE = {"name": "Villages", "sort": "visit", "when": "interval", "days": "14", "shops": "0", "who": "manager"}
RULE |= {"minutes": "30", "tiers": "1 2", "markets": "village", "regions": "", "questions": "Is it open?"}


def shops(sessions: sessionmaker[Session], count: int = 3) -> None:
    with transaction(sessions) as session:
        for number in range(1, count + 1):
            make_retailer(session, f"R{number}", tier=1)


def draft(**said: object) -> dict[str, object]:
    whole = {"id": str(uuid7()), "retailer": "R1", "sort": "visit", "at": NOW.isoformat(), "outcome": "done"}
    return {**whole, **said}


def test_rules_are_written_in_a_form_and_refused_in_words(signed_in: SignedIn, sessions: sessionmaker[Session]) -> None:
    planner = signed_in("planner")
    assert "There are no rules yet" in planner.get("/console/visits/rules").text
    assert planner.post("/console/visits/rules/usual").status_code == 303
    said = planner.get("/console/visits/rules").text
    assert "customer manager visits each shop within every 7 days: tier 1." in said
    assert "month-sample/2026-11-25/2026-11" in said  # the seed of the lot
    wrong = planner.post("/console/visits/rules/edit", data={**RULE, "tiers": "A", "seen": "1", "reason": "more"})
    assert wrong.status_code == 422
    assert "“A” is no tier" in wrong.text
    assert planner.post("/console/visits/rules/edit", data={**RULE, "seen": "1", "reason": "more"}).status_code == 303
    second = planner.post("/console/visits/rules/edit", data={**RULE, "seen": "1", "reason": "more"})
    assert second.status_code == 409  # the second of two
    with transaction(sessions) as session:
        assert [rule.key for rule in ruling.in_force(session).rules][-1] == "villages"
    assert signed_in("manager").post("/console/visits/rules/usual").status_code == 403


def test_a_plan_is_asked_for_made_and_moved(
    signed_in: SignedIn, sessions: sessionmaker[Session], runtime: Runtime
) -> None:
    shops(sessions)
    planner, mia = signed_in("planner"), signed_in("manager", name="mia")
    planner.post("/console/visits/rules/usual")
    asked = {"first_day": TODAY.isoformat(), "days": "7", "stops_a_day": "1", "minutes_a_day": "480", "speed_kmh": "25"}
    asked |= {"route": "", "weekends": "no", "manager": "mia"}
    assert "Nobody is chosen" in planner.post("/console/visits/plans", data={**asked, "manager": "nobody"}).text
    odd = planner.post("/console/visits/plans", data=asked | {"away_mia": "tomorrow"})
    assert (odd.status_code, "“tomorrow” is not a day" in odd.text) == (422, True)
    off = f"{TODAY.isoformat()}，{(TODAY + timedelta(days=1)).isoformat()}"
    address = planner.post("/console/visits/plans", data=asked | {"away_mia": off}).headers["location"]
    assert "reading what is due" in planner.get(address).text
    plan = address.rpartition("/")[2]
    making.run(runtime, plan=plan)
    page = planner.get(address).text
    assert "without a place" in page  # these shops have none, and it says so
    with transaction(sessions) as session:
        first = next(one for one in plans.stops(session, plan) if one.day)
        assert min(one.day for one in plans.stops(session, plan) if one.day) == TODAY + timedelta(days=2)
    later = (TODAY + timedelta(days=5)).isoformat()
    moving = {"seen": "0", "manager": "mia", "day": later, "retailer": first.retailer, "place": "1"}
    assert mia.post(f"{address}/move", data=moving).status_code == 303
    told = planner.post(f"{address}/move", data=moving)
    assert (told.status_code, "Nothing was moved" in told.text) == (409, True)
    away = {"seen": "1", "manager": "mia", "day": later, "why": "away"}
    assert planner.post(f"{address}/away", data=away).status_code == 303
    assert "What changed since it was made" in planner.get(address).text
    assert mia.post(f"{address}/away", data=away).status_code == 403


def test_a_draft_counts_once_and_its_photo_with_it(signed_in: SignedIn, sessions: sessionmaker[Session]) -> None:
    shops(sessions)
    with transaction(sessions) as session:
        make_sku(session, "K1")
    mia = signed_in("manager", name="mia")
    mia.headers["Accept"] = "application/json"
    kept = draft(
        counts=[{"sku": "K1", "stock_units": 12, "shelf_units": None}],
        promises=[{"words": "a new sign", "due_on": TODAY.isoformat()}],
    )
    answers = [mia.post("/console/visits/kept", json=kept).json() for _ in range(2)]
    assert [one["again"] for one in answers] == [False, True]
    assert {one["number"] for one in answers} == {answers[0]["number"]}
    other = mia.post("/console/visits/kept", json={**kept, "words": "other"})
    assert (other.status_code, other.json()["code"]) == (409, "id_reused")
    assert mia.post("/console/visits/kept", json=draft(outcome="reached")).status_code == 422
    photo = f"/console/visits/kept/{kept['id']}/photos/1"
    assert [mia.put(photo, content=picture()).status_code for _ in range(2)] == [204, 204]
    assert mia.put(photo, content=b"x" * 300_000).status_code == 413
    mia.headers["Accept"] = "text/html"
    page = mia.get(f"/console/visits/kept/{kept['id']}")
    assert "the person did not give it" in page.text
    assert mia.get(photo).headers["content-type"] == "image/jpeg"
    assert "a new sign" in mia.get("/console/today/visits").text
    assert "a new sign" in mia.get("/console/retailers/file/visits?code=R1").text
    listed = mia.get("/api/v1/visits", headers={"Accept": "application/json"}).json()
    assert [one["retailer"] for one in listed] == ["R1"]


def test_a_manager_sees_his_own_figures_and_a_planner_everybodys(
    signed_in: SignedIn, sessions: sessionmaker[Session]
) -> None:
    shops(sessions)
    mia, max_ = signed_in("manager", name="mia"), signed_in("manager", name="max")
    for person in (mia, max_):
        person.post("/console/visits/kept", json=draft())
    assert "max" not in mia.get("/console/visits/coverage?format=csv").text
    everybody = signed_in("planner").get("/console/visits/coverage?format=csv").text
    assert ("mia,0,0,0,0,1" in everybody, "max,0,0,0,0,1" in everybody) == (True, True)


def test_places_are_erased_after_their_term_and_the_visit_stays(
    signed_in: SignedIn, sessions: sessionmaker[Session]
) -> None:
    shops(sessions)
    where = {"latitude": 31.2, "longitude": 121.4, "accuracy_m": 12}
    kept = draft(place=where, place_said="given", words="sold out")
    assert signed_in("manager").post("/console/visits/kept", json=kept).status_code == 200
    later = NOW + timedelta(days=1)
    with transaction(sessions) as session:
        for kind in retention.RETENTION:
            assert kind.due(session, NOW) == 0
            assert kind.due(session, later) == kind.erase(session, later, later) == 1
            assert kind.erase(session, later, later) == 0
    with transaction(sessions) as session:
        row = session.get_one(VisitRow, kept["id"])
        assert (row.latitude, row.place_said, row.words, row.outcome) == (None, "erased", "—", "done")
