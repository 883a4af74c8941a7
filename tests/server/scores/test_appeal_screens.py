"""The screens of appeals, in both languages: empty, the inbox, one appeal answered by two persons, the telephone."""

import re

import pytest
from factories import make_device, send

from contract.messages import AppealScore
from server.kit.db import transaction
from server.scores import appeal_queries, making

from .conftest import PLANNER, RELEASER

pytestmark = pytest.mark.slow


@pytest.fixture
def people(signed_in):
    return {
        "planner": signed_in("planner", name="anna"),
        "releaser": signed_in("releaser", name="bo"),
        "both": signed_in("planner", "releaser", name="chen"),
        "zh": signed_in("planner", name="dan", language="zh"),
    }


@pytest.fixture
def appeal(room):
    """An appeal of R4 against a published run, about demand."""
    found = room.publish(room.draft().number, RELEASER)
    with transaction(room.runtime.sessions) as session:
        sender = make_device(session, "R4")
        said = AppealScore(run=found.number, component="demand", words="October was 420", figure=420)
        return send(session, sender, "score.appeal", said, at=room.clock()).message


def kept(room, appeal):
    with transaction(room.runtime.sessions) as session:
        return appeal_queries.appeal(session, appeal)


def test_nobody_has_appealed_yet(people):
    assert "No appeals" in people["planner"].get("/console/appeals").text
    assert "暂无申诉" in people["zh"].get("/console/appeals").text
    assert people["planner"].get("/console/appeals/01900000-0000-7000-8000-000000000000").status_code == 404


def test_the_inbox_sorts_filters_and_comes_as_a_file(room, people, signed_in, appeal):
    page = people["planner"].get("/console/appeals").text
    assert "#1" in page
    assert "Shop R4" in page
    assert "terminal" in page
    assert "Shop R4" in people["planner"].get("/console/appeals?state=open&q=r4&sort=-answer_until").text
    assert "Shop R4" not in people["planner"].get("/console/appeals?state=upheld").text
    assert "Shop R4" not in people["planner"].get("/console/appeals?q=nobody").text
    lines = people["planner"].get("/console/appeals?format=csv").text.splitlines()
    assert len(lines) == 2
    assert "R4" in lines[1]
    assert "late" not in page
    room.clock.advance(days=20)
    assert "late" in signed_in("planner", name="anna").get("/console/appeals").text


def test_appeals_are_reached_from_scores_run_shop_and_home(room, people, appeal):
    number = kept(room, appeal).run
    assert "Appeals: 1 open" in people["planner"].get("/console/scores").text
    run = people["planner"].get(f"/console/scores/run/{number}").text
    assert "1 appeal, 1 open" in run
    assert "Appeals are taken until" in run
    assert f"/console/appeals/{appeal}" in people["planner"].get("/console/scores/shop?code=R4").text
    assert "Appeals against scores" in people["planner"].get("/console/today/voices").text


def test_an_appeal_is_dismissed_with_the_figures_beside_it(room, people, appeal):
    page = people["planner"].get(f"/console/appeals/{appeal}").text
    for words in ("October was 420", "What stands in the books now", "Answer it", f"{appeal}/figures"):
        assert words in page
    figures = people["planner"].get(f"/console/appeals/{appeal}/figures").text
    assert all(words in figures for words in ("100.0 units a month", "4 of 4", "The figures behind it"))
    assert "申诉" in people["zh"].get(f"/console/appeals/{appeal}").text
    given = people["planner"].post(f"/console/appeals/{appeal}/look-at", data={"owner": "anna"})
    assert given.status_code == 303
    refused = people["planner"].post(f"/console/appeals/{appeal}/answer", data={"verdict": "dismissed"})
    assert refused.status_code == 422
    assert "Nothing was done" in refused.text
    done = people["planner"].post(
        f"/console/appeals/{appeal}/answer", data={"verdict": "dismissed", "answer_en": "The receipts say 100."}
    )
    assert done.status_code == 303
    page = people["planner"].get(f"/console/appeals/{appeal}").text
    assert "The receipts say 100." in page
    assert "Answer it" not in page
    assert kept(room, appeal).state == "dismissed"


def test_an_answer_is_not_upheld_by_an_older_page_once_another_one_waits(room, people, appeal):
    place, api = f"/console/appeals/{appeal}", f"/api/v1/scores/appeals/{appeal}"
    form = {"verdict": "figures", "answer_en": "Booked too low.", "class_0": "goods", "month_0": "2026-10"}
    shown = []
    for sold in ("420", "999"):
        assert people["planner"].post(f"{place}/answer", data=form | {"sold_0": sold}).status_code == 303
        page = people["releaser"].get(place).text
        hidden = re.search(rf'action="{place}/approve"[^>]*>.*?name="seen" value="([^"]+)"', page)
        assert hidden is not None
        shown.append(hidden[1])
        if sold == "420":
            assert people["both"].post(f"{place}/return", data={"why": "look at the receipts"}).status_code == 303
        room.clock.advance(minutes=1)
    late = people["releaser"].post(f"{place}/approve", data={"seen": shown[0]})
    assert (late.status_code, "was changed meanwhile" in late.text) == (422, True)
    late = people["releaser"].post(f"{api}/approve", headers={"Accept": "application/json", "If-Match": shown[0]})
    assert (late.status_code, late.json()["code"]) == (409, "changed_meanwhile")
    assert kept(room, appeal).state == "proposed"
    assert people["releaser"].post(f"{place}/approve", data={"seen": shown[1]}).status_code == 303


def test_an_appeal_is_upheld_by_two_persons_and_a_corrected_run_is_published_by_a_second_one(room, people, appeal):
    place = f"/console/appeals/{appeal}"
    form = {"verdict": "figures", "answer_zh": "十月少记了。"}
    nothing = people["planner"].post(f"{place}/answer", data=form)
    assert "names what is changed" in nothing.text
    assert "十月少记了。" in nothing.text
    wrong = people["planner"].post(
        f"{place}/answer", data=form | {"class_0": "goods", "month_0": "October", "sold_0": "420"}
    )
    assert "is not a day" in wrong.text
    sent = form | {"class_0": "goods", "month_0": "2026-10", "sold_0": "420"}
    assert people["planner"].post(f"{place}/answer", data=sent).status_code == 303
    assert "waits for a second person" in people["planner"].get(place).text
    assert "Uphold it as the second person" not in people["planner"].get(place).text
    assert people["planner"].post(f"{place}/approve").status_code == 403
    assert "Uphold it as the second person" in people["releaser"].get(place).text
    room.clock.advance(minutes=1)
    assert people["releaser"].post(f"{place}/approve").status_code == 303

    assert "units sold 100, now 420" in people["planner"].get(place).text
    number = kept(room, appeal).run
    run = people["planner"].get(f"/console/scores/run/{number}").text
    assert "Appeals have corrected figures" in run
    room.clock.advance(minutes=1)
    asked = people["planner"].post(f"/console/scores/run/{number}/correct")
    assert asked.status_code == 303
    corrected = int(asked.headers["location"].rsplit("/", 1)[1])
    making.run(room.runtime, run=str(room.run(corrected).id))
    assert "Corrects" in people["releaser"].get(f"/console/scores/run/{corrected}").text
    short = people["releaser"].post(f"/console/scores/run/{corrected}/publish", data={"appeal_days": "1"})
    assert "3 to 60 days" in short.text
    done = people["releaser"].post(f"/console/scores/run/{corrected}/publish", data={"appeal_days": "30"})
    assert done.status_code == 303
    assert f"Counts since run #{corrected}." in people["planner"].get(place).text
    again = people["planner"].post(f"/console/scores/run/{number}/correct")
    assert "are not in force any more" in again.text


def test_an_answer_is_handed_back(room, people, appeal):
    place = f"/console/appeals/{appeal}"
    sent = {"verdict": "figures", "answer_en": "so", "facts": "deliveries", "facts_month": "2026-10"}
    sent |= {"whole": "4", "part": "4"}
    assert people["planner"].post(f"{place}/answer", data=sent).status_code == 303
    assert people["releaser"].post(f"{place}/return", data={"why": " "}).status_code == 422
    assert people["releaser"].post(f"{place}/return", data={"why": "no receipt for it"}).status_code == 303
    assert "handed back by bo: no receipt for it" in people["planner"].get(place).text
    assert kept(room, appeal).state == "looked_at"


def test_who_published_is_told_that_another_person_answers(room, people):
    found = room.publish(room.draft().number, people_as("chen"))
    with transaction(room.runtime.sessions) as session:
        said = AppealScore(run=found.number)
        made = send(session, make_device(session, "R4"), "score.appeal", said, at=room.clock()).message
    page = people["both"].get(f"/console/appeals/{made}").text
    assert "Another person answers this" in page
    assert 'name="verdict"' not in page
    refused = people["both"].post(f"/console/appeals/{made}/answer", data={"verdict": "dismissed", "answer_en": "no"})
    assert "chen published these scores" in refused.text
    assert 'name="verdict"' in people["planner"].get(f"/console/appeals/{made}").text


def people_as(name):
    return type(PLANNER)(9, name, frozenset({"planner", "releaser"}))


def test_an_appeal_on_the_telephone_is_entered_for_the_shop(room, people, appeal):
    assert "Which shop calls?" in people["planner"].get("/console/appeals/new").text
    assert "There is no shop R99" in people["planner"].get("/console/appeals/new?retailer=R99").text
    page = people["planner"].get("/console/appeals/new?retailer=R3").text
    assert "Keep the appeal" in page
    form = {"retailer": "R3", "run": kept(room, appeal).run, "component": "trend", "words": "called at noon"}
    assert "is not a whole number" in people["planner"].post("/console/appeals/new", data=form | {"figure": "x"}).text
    made = people["planner"].post("/console/appeals/new", data=form | {"figure": "50"})
    assert made.status_code == 303
    page = people["planner"].get(made.headers["location"]).text
    assert "on the telephone, entered by anna" in page
    twice = people["planner"].post("/console/appeals/new", data=form)
    assert "is open already" in twice.text
    assert people["releaser"].post("/console/appeals/new", data=form).status_code == 403


def test_a_decision_is_withdrawn_or_ended_early_on_the_shops_page(room, people):
    form = {"code": "R2", "decision": "suspended", "since": "2026-11-01", "until": "2027-03-01", "reason": "why"}
    for _ in range(2):
        assert people["planner"].post("/console/scores/shop/decision", data=form).status_code == 303
    second, first = _decisions(people)
    sent = {"code": "R2", "decision": first["id"]}
    assert people["planner"].post("/console/scores/shop/withdraw", data=sent).status_code == 303
    assert people["planner"].post("/console/scores/shop/withdraw", data=sent).status_code == 422
    sent = {"code": "R2", "decision": second["id"]}
    assert people["releaser"].post("/console/scores/shop/approve", data=sent).status_code == 303
    end = sent | {"ends": "2026-12-01", "reason": "paid"}
    past = people["planner"].post("/console/scores/shop/end", data=end | {"ends": "2026-11-01"})
    assert "can end early from" in past.text
    assert people["planner"].post("/console/scores/shop/end", data=end).status_code == 303
    (waiting,) = _decisions(people)[0]["ends"]
    assert "Is to end early" in people["releaser"].get("/console/scores/shop?code=R2").text
    ended = {"code": "R2", "end": waiting["id"]}
    assert people["planner"].post("/console/scores/shop/end/approve", data=ended).status_code == 403
    assert people["releaser"].post("/console/scores/shop/end/approve", data=ended).status_code == 303
    assert people["releaser"].post("/console/scores/shop/end/withdraw", data=ended).status_code == 422
    page = people["planner"].get("/console/scores/shop?code=R2").text
    assert "Ends early" in page
    assert "withdrawn by anna: no effect" in page
    assert _decisions(people)[0]["holds_until"] == "2026-12-01"


def test_programs_do_the_same(room, people, appeal):
    planner, releaser = people["planner"], people["releaser"]
    for one in (planner, releaser):
        one.headers["Accept"] = "application/json"
    place = f"/api/v1/scores/appeals/{appeal}"
    assert (
        planner.get("/api/v1/scores/appeals", params={"retailer": "R4", "state": "received"}).json()[0]["number"] == 1
    )
    assert planner.post(f"{place}/look-at", json={"owner": "anna"}).status_code == 204
    month = {"facts": "sales", "product_class": "goods", "period": "2026-10-01", "sold_units": 420}
    remedy = {"sort": "figures", "changes": [month]}
    answer = planner.post(f"{place}/answer", json={"verdict": "upheld", "answer_en": "so", "remedy": remedy})
    assert answer.status_code == 201, answer.text
    assert planner.post(f"{place}/approve").status_code == 403
    assert releaser.post(f"{place}/return", json={"why": "look again"}).status_code == 204
    planner.post(f"{place}/answer", json={"verdict": "upheld", "answer_en": "so", "remedy": remedy})
    assert releaser.post(f"{place}/approve").status_code == 204
    status = planner.get(place).json()
    assert [one["returned_by"] for one in status["answers"]] == [None, "bo"]
    assert status["corrections"][0]["after"]["sold_units"] == 420
    room.clock.advance(minutes=1)
    corrected = planner.post(f"/api/v1/scores/runs/{status['run']}/correct")
    assert corrected.status_code == 201
    assert planner.get(f"/api/v1/scores/runs/{corrected.json()['number']}").json()["corrects"] == status["run"]
    said = {"run": status["run"], "component": "trend"}
    assert planner.post("/api/v1/scores/appeals", json={"retailer": "R3", "appeal": said}).status_code == 201
    assert planner.get("/api/v1/scores/appeals/01900000-0000-7000-8000-000000000000").status_code == 404


def test_decisions_by_programs(room, people):
    planner, releaser = people["planner"], people["releaser"]
    for one in (planner, releaser):
        one.headers["Accept"] = "application/json"
    body = {"retailer": "R2", "decision": "suspended", "since": "2026-11-01", "until": "2027-03-01", "reason": "why"}
    first, second = (planner.post("/api/v1/scores/decisions", json=body).json()["id"] for _ in range(2))
    assert planner.post(f"/api/v1/scores/decisions/{first}/withdraw").status_code == 204
    assert releaser.post(f"/api/v1/scores/decisions/{second}/approve").status_code == 204
    end = {"ends": "2026-12-01", "reason": "paid"}
    ended = planner.post(f"/api/v1/scores/decisions/{second}/ends", json=end).json()["id"]
    assert releaser.post(f"/api/v1/scores/decisions/ends/{ended}/withdraw").status_code == 204
    again = planner.post(f"/api/v1/scores/decisions/{second}/ends", json=end).json()["id"]
    assert releaser.post(f"/api/v1/scores/decisions/ends/{again}/approve").status_code == 204
    assert _decisions(people)[0]["holds_until"] == "2026-12-01"


def _decisions(people):
    return people["planner"].get("/api/v1/scores/decisions", headers={"Accept": "application/json"}).json()
