"""The screens of feedback, in both languages: empty, the inbox, one answered, the telephone, home and e-file."""

import pytest
from factories import make_device, make_retailer, make_sku, make_window, place, send

from contract.messages import FeedbackAbout, SendFeedback
from server.feedback import queries
from server.kit.db import transaction


@pytest.fixture
def people(signed_in):
    return {
        "planner": signed_in("planner", name="anna"),
        "administrator": signed_in("administrator", name="bo"),
        "releaser": signed_in("releaser", name="chen"),
        "zh": signed_in("planner", name="dan", language="zh"),
    }


@pytest.fixture
def said(sessions, clock):
    """A complaint about an order, and one about an employee."""
    with transaction(sessions) as session:
        make_retailer(session, "R1")
        sender = make_device(session, "R1")
        make_sku(session, "K1")
        order = place(session, sender, make_window(session), K1=5).message
        about = FeedbackAbout(sort="order", name=str(order))
        found = {}
        for category, words in (("goods", "A carton was wet"), ("employee", "He was rude")):
            message = SendFeedback(kind="complaint", category=category, words=words, about=about)
            found[category] = send(session, sender, "feedback.send", message, at=clock()).message
    return found


def kept(sessions, which):
    with transaction(sessions) as session:
        return queries.feedback(session, which)


def test_nobody_has_said_anything_yet(people):
    assert "No complaints or suggestions" in people["planner"].get("/console/feedback").text
    assert "暂无投诉与建议" in people["zh"].get("/console/feedback").text
    assert people["planner"].get("/console/feedback/01900000-0000-7000-8000-000000000000").status_code == 404


def test_the_inbox_sorts_filters_marks_what_is_late_and_comes_as_a_file(people, said, clock, signed_in):
    page = people["planner"].get("/console/feedback").text
    assert f"/console/feedback/{said['goods']}" in page
    assert f"/console/feedback/{said['employee']}" not in page
    row = f"/console/feedback/{said['goods']}"
    for asked in ("state=open", "kind=complaint", "category=goods", "q=wet", "sort=-due_at"):
        assert row in people["planner"].get(f"/console/feedback?{asked}").text
    for asked in ("state=late", "state=closed", "kind=question", "category=price", "q=nobody"):
        assert row not in people["planner"].get(f"/console/feedback?{asked}").text
    lines = people["planner"].get("/console/feedback?format=csv").text.splitlines()
    assert len(lines) == 2
    assert len(people["administrator"].get("/console/feedback?format=csv").text.splitlines()) == 3
    clock.advance(days=8)
    assert row in signed_in("planner", name="anna").get("/console/feedback?state=late").text


def test_it_is_given_answered_noted_and_closed(people, said, sessions):
    place_of = f"/console/feedback/{said['goods']}"
    anna = people["planner"]
    page = anna.get(place_of).text
    for words in ("A carton was wet", "Shop R1", "order", "#1", "Answer it"):
        assert words in page
    assert "答复" in people["zh"].get(place_of).text
    assert anna.post(f"{place_of}/assign").status_code == 303
    assert kept(sessions, said["goods"]).owner == "anna"
    assert "Nothing is closed unanswered" in anna.post(f"{place_of}/close").text
    assert anna.post(f"{place_of}/note", data={"words": "Ask the depot"}).status_code == 303
    refused = anna.post(f"{place_of}/answer", data={"answer_en": " "})
    assert refused.status_code == 422
    assert "Nothing was done" in refused.text
    assert anna.post(f"{place_of}/answer", data={"answer_en": "It is replaced."}).status_code == 303
    page = anna.get(place_of).text
    assert "Ask the depot" in page
    assert "Answer it" not in page
    assert anna.post(f"{place_of}/close").status_code == 303
    assert kept(sessions, said["goods"]).state == "closed"


def test_it_is_closed_with_the_answer_where_ticked(people, said, sessions):
    given = {"answer_zh": "已补发。", "close": "yes"}
    assert people["zh"].post(f"/console/feedback/{said['goods']}/answer", data=given).status_code == 303
    assert kept(sessions, said["goods"]).state == "closed"


def test_a_releaser_reads_and_does_not_act(people, said):
    place_of = f"/console/feedback/{said['goods']}"
    assert "Answer it" not in people["releaser"].get(place_of).text
    for act in ("assign", "answer", "note", "close"):
        assert people["releaser"].post(f"{place_of}/{act}").status_code == 403
    assert people["releaser"].get("/console/feedback/new").status_code == 403


def test_what_is_about_an_employee_is_not_there_for_others(people, said):
    place_of = f"/console/feedback/{said['employee']}"
    assert "He was rude" in people["administrator"].get(place_of).text
    for who in ("planner", "releaser"):
        assert people[who].get(place_of).status_code == 404
        assert people[who].get(f"/api/v1/feedback/{said['employee']}").status_code == 404
    assert people["planner"].post(f"{place_of}/note", data={"words": "x"}).status_code == 404
    assert "an employee" not in people["planner"].get("/console/feedback").text
    efile = people["administrator"].get("/console/retailers/file/feedback?code=R1").text
    efile += people["administrator"].get("/console/retailers/timeline?code=R1").text
    assert efile.count(f"/console/feedback/{said['goods']}") >= 2
    assert place_of not in efile


def test_today_counts_what_is_open_and_late(people, said, clock, signed_in):
    page = people["planner"].get("/console/today/voices").text
    assert "Complaints and suggestions" in page
    assert f"/console/feedback/{said['goods']}" in page
    assert f"/console/feedback/{said['employee']}" not in page
    assert f"/console/feedback/{said['employee']}" in people["administrator"].get("/console/today/voices").text
    clock.advance(days=8)
    anna = signed_in("planner", name="anna")
    assert "late" in anna.get("/console/today/voices").text
    assert anna.post(f"/console/feedback/{said['goods']}/assign").status_code == 303
    page = anna.get("/console/today/voices").text
    assert 'href="/console/feedback/mine"' in page
    assert "wait for you" in page
    mine = anna.get("/console/feedback/mine").text
    assert f"/console/feedback/{said['goods']}" in mine
    assert "Nothing waits for you" in signed_in("releaser", name="chen").get("/console/feedback/mine").text


def test_a_call_is_written_down(people, said, sessions):
    anna = people["planner"]
    assert "Which shop?" in anna.get("/console/feedback/new").text
    assert "There is no shop R9" in anna.get("/console/feedback/new?retailer=R9").text
    page = anna.get("/console/feedback/new?retailer=R1").text
    assert "order #1" in page
    form = {"retailer": "R1", "kind": "suggestion", "category": "price", "words": "Print it"}
    assert anna.post("/console/feedback/new", data=form | {"words": " "}).status_code == 422
    assert "Nothing was kept" in anna.post("/console/feedback/new", data=form | {"about": "sku:K9"}).text
    made = anna.post("/console/feedback/new", data=form)
    assert made.status_code == 303
    assert "telephone, entered by anna" in anna.get(made.headers["location"]).text
    hidden = anna.post("/console/feedback/new", data=form | {"category": "employee"})
    assert hidden.headers["location"] == "/console/feedback"


def test_programs_do_the_same(people, said):
    anna = people["planner"]
    line = {"kind": "question", "category": "price", "words": "Why 12?"}
    made = anna.post("/api/v1/feedback", json={"retailer": "R1", "said": line})
    assert made.status_code == 201
    place_of = f"/api/v1/feedback/{made.json()['id']}"
    assert anna.post(f"{place_of}/assign", json={"owner": "anna"}).status_code == 204
    assert anna.post(f"{place_of}/note", json={"note": "see list"}).status_code == 204
    assert anna.post(f"{place_of}/close").status_code == 409
    assert anna.post(f"{place_of}/answer", json={"answer_en": "So it is."}).status_code == 204
    assert anna.post(f"{place_of}/close").status_code == 204
    status = anna.get(place_of).json()
    assert (status["state"], [one["sort"] for one in status["entries"]]) == ("closed", ["answer", "note"])
    assert len(anna.get("/api/v1/feedback").json()) == 2
    assert len(people["administrator"].get("/api/v1/feedback?retailer=R1").json()) == 3
