"""A complaint about an employee never passes through that employee: not on any route, in no file, by no query."""

import io
import zipfile
from datetime import timedelta

import pytest
import sqlalchemy as sa
from factories import make_device, make_retailer, send
from pictures import named, picture
from places import parts_of
from starlette.testclient import TestClient

from contract.errors import Rejected
from contract.messages import FeedbackAbout, SendFeedback
from server.feedback import queries, setting, terms
from server.feedback import service as feedback
from server.keeping import shop_exports
from server.kit import http
from server.kit.db import EVERYTHING, act_for, transaction
from server.kit.identity import ROLES, SYSTEM, Operator
from server.operators import service as operators

WORDS = "He wanted a quince for it"
RUDE = Operator(1, "rude", frozenset(ROLES))
BOSS = Operator(2, "boss", frozenset({"regional"}))
HEAD = Operator(3, "head", frozenset({"administrator"}))
EVERYBODY = (RUDE, BOSS, HEAD)


@pytest.fixture
def said(sessions, clock):
    """A complaint with a photo about an employee who holds every role; the id, once the worker made one step."""
    with transaction(sessions) as session:
        for person in EVERYBODY:
            operators.add_operator(session, person.name, sorted(person.roles), by=SYSTEM, at=clock())
        operators.set_superior(session, "rude", "boss", by=SYSTEM, at=clock())
        make_retailer(session, "R1")
        about = FeedbackAbout(sort="employee", name="Mr Rude")
        message = SendFeedback(kind="complaint", category="other", words=WORDS, about=about, photos=(named(picture()),))
        return send(session, make_device(session, "R1"), "feedback.send", message, at=clock()).message


def test_the_superior_has_it_and_the_next_ones_are_never_the_employee(sessions, said, clock):
    with transaction(sessions) as session:
        found = queries.feedback(session, said)
        assert (found.category, found.concerns, found.owner) == ("employee", ("rude",), "boss")
        chain = {"chains": {"employee": ["rude", "head"]}, "owners": {"employee": "rude"}}
        held = setting.made("UTC", terms.written(terms.usual("UTC")) | chain)
        setting.set_terms(session, held, "UTC", HEAD, at=clock())
        assert feedback.keep_time(session, clock() + timedelta(days=60)) == 1
        assert queries.feedback(session, said).owner == "head"
        assert feedback.keep_time(session, clock() + timedelta(days=90)) == 0
        with pytest.raises(Rejected, match="rude"):
            feedback.assign(session, said, "rude", HEAD, at=clock())


def test_nobody_enters_a_complaint_about_himself(sessions, said, clock):
    about = FeedbackAbout(sort="employee", name="rude")
    message = SendFeedback(kind="complaint", category="employee", words="x", about=about)
    with transaction(sessions) as session, pytest.raises(Rejected, match="about yourself"):
        feedback.enter_feedback(session, "R1", message, RUDE, at=clock())
    with transaction(sessions) as session, pytest.raises(Rejected, match="about yourself"):
        feedback.sort_again(session, said, "employee", ["head"], HEAD, at=clock())


def test_whom_it_turns_out_to_concern_loses_it_at_once(sessions, said, clock):
    with transaction(sessions) as session:
        sender = make_device(session, "R1", device="till-2")
        other = send(session, sender, "feedback.send", SendFeedback(kind="complaint", category="goods", words="Late"))
        feedback.assign(session, other.message, "rude", HEAD, at=clock())
        feedback.sort_again(session, other.message, "employee", ["rude"], HEAD, at=clock())
        found = queries.feedback(session, other.message)
        assert (found.owner, found.concerns) == ("boss", ("rude",))
        for act in (feedback.close, feedback.resume):
            with pytest.raises(Rejected, match="There is no"):
                act(session, other.message, RUDE, at=clock())


def test_the_database_alone_keeps_it_from_the_employee(sessions, said):
    counted = {
        "feedback": "SELECT count(*) FROM feedback",
        "photos": "SELECT count(*) FROM photo_uses",
        "inbox": "SELECT count(*) FROM inbox",
        "feed": "SELECT count(*) FROM feed_entries WHERE kind = 'feedback'",
        "kept from": "SELECT 1 - count(*) FROM hidden_from_person",
    }
    for person, seen in (("rude", 0), ("boss", 1), ("", 1)):
        with sessions() as session:
            act_for(session, EVERYTHING, person=person)
            found = {name: session.scalar(sa.text(query)) for name, query in counted.items()}
            assert found == dict.fromkeys(counted, seen)


@pytest.mark.slow
def test_no_route_shows_it_to_the_employee_in_whatever_role(sessions, said, signed_in, runtime):
    with transaction(sessions) as session:
        parts = parts_of(session, "R1")
        number = queries.feedback(session, said).number
    traces = (WORDS, str(said), f"feedback:{number}")
    seen_by_boss = "".join(page.text for _, page in _every_page(signed_in(name="head"), parts))
    assert all(trace in seen_by_boss for trace in (WORDS, str(said), f"feedback:{number}"))
    asked = 0
    for address, page in _every_page(signed_in(name="rude"), parts):
        asked += 1
        own = [trace for trace in traces if trace not in address]
        assert not [trace for trace in own if trace in page.text], address
    assert asked > 100
    rude = signed_in(name="rude")
    for act in ("assign", "answer", "note", "close", "pause", "resume"):
        for place in ("/console/feedback", "/api/v1/feedback"):
            data = {"owner": "rude", "answer_en": "x", "words": "x", "note": "x", "because_en": "x"}
            sent = {"data": data} if "console" in place else {"json": {"answer_en": "x"} if act == "answer" else {}}
            assert rude.post(f"{place}/{said}/{act}", **sent).status_code in {404, 422}, act
    with transaction(sessions) as session:
        assert queries.feedback(session, said).state == "received"


def test_the_shops_archive_has_it_unless_the_employee_asks(runtime, said, clock):
    for person, there in ((RUDE, False), (HEAD, True)):
        with transaction(runtime.sessions) as session:
            export = shop_exports.ask(session, "R1", "asked by letter", person, at=clock())
        shop_exports.run(runtime, export=str(export))
        with transaction(runtime.sessions) as session:
            content, _ = shop_exports.take(session, export, person, at=clock())
            if not there:
                with pytest.raises(Rejected, match="rude asked for this archive"):
                    shop_exports.take(session, export, HEAD, at=clock())
            else:
                with pytest.raises(Rejected, match="head asked for this archive"):
                    shop_exports.take(session, export, RUDE, at=clock())
        archive = zipfile.ZipFile(io.BytesIO(content))
        held = "".join(archive.read(name).decode() for name in archive.namelist() if name.endswith((".json", ".csv")))
        assert (WORDS in held, str(said) in held) == (there, there)


@pytest.fixture
def unknown(sessions, said, clock):
    """A complaint about an employee whom nobody knows yet; boss has it."""
    with transaction(sessions) as session:
        sender = make_device(session, "R1", device="till-2")
        about = FeedbackAbout(sort="employee", name="the tall one")
        message = SendFeedback(kind="complaint", category="other", words="The tall one shouted", about=about)
        sent = send(session, sender, "feedback.send", message, at=clock()).message
        feedback.assign(session, sent, "boss", HEAD, at=clock())
    return sent


def test_who_sorts_a_complaint_about_himself_loses_it_to_those_above(sessions, said, clock):
    with transaction(sessions) as session:
        sender = make_device(session, "R1", device="till-2")
        heard = SendFeedback(kind="complaint", category="other", words="Rude was rude")
        sent = send(session, sender, "feedback.send", heard, at=clock()).message
        feedback.assign(session, sent, "rude", RUDE, at=clock())
        feedback.sort_again(session, sent, "employee", [], RUDE, at=clock())
        found = queries.feedback(session, sent)
        assert (found.owner, found.concerns) == ("boss", ())
        with pytest.raises(Rejected, match="There is no"):
            feedback.answer(session, sent, RUDE, answer_zh="", answer_en="no", close=True, at=clock())
        feedback.assign(session, sent, "head", BOSS, at=clock())
        feedback.sort_again(session, sent, "employee", ["rude"], HEAD, at=clock())
        feedback.sort_again(session, sent, "employee", [], BOSS, at=clock())
        found = queries.feedback(session, sent)
        assert (found.owner, found.state, found.concerns) == (None, "received", ())  # administrators see it


def test_the_superior_who_says_whom_it_concerns_keeps_it(sessions, unknown, clock):
    with transaction(sessions) as session:
        feedback.sort_again(session, unknown, "employee", ["rude"], BOSS, at=clock())
        assert queries.feedback(session, unknown).owner == "boss"


def test_while_nobody_knows_whom_it_concerns_the_database_shows_it_to_its_owner_alone(sessions, unknown):
    counted = {
        "feedback": "SELECT count(*) FROM feedback WHERE id = CAST(:id AS uuid)",
        "inbox": "SELECT count(*) FROM inbox WHERE client_id = CAST(:id AS uuid)",
        "feed": "SELECT count(*) FROM feed_entries WHERE key = 'feedback:' || :id",
        "told of": "SELECT count(*) FROM feedback LEFT JOIN hidden_from_person ON subject = 'feedback:' || number"
        " WHERE id = CAST(:id AS uuid) AND subject IS NULL",
    }
    for person, seen in (("boss", 1), ("head", 0), ("rude", 0), ("token:erp", 0), ("", 1)):
        with sessions() as session:
            act_for(session, EVERYTHING, person=person)
            found = {name: session.scalar(sa.text(query), {"id": str(unknown)}) for name, query in counted.items()}
            assert found == dict.fromkeys(counted, seen), person


def test_its_owner_hands_it_on_and_a_call_is_written_down_for_whom_it_is_hidden_from_then_on(
    sessions, unknown, signed_in, clock
):
    boss = signed_in(name="boss")
    assert boss.post(f"/console/feedback/{unknown}/assign", data={"owner": "head"}).status_code == 303
    assert boss.get(f"/console/feedback/{unknown}").status_code == 404
    assert signed_in(name="head").get(f"/console/feedback/{unknown}").status_code == 200
    with transaction(sessions) as session:
        held = setting.made("UTC", terms.written(terms.usual("UTC")) | {"owners": {"employee": "boss"}})
        setting.set_terms(session, held, "UTC", HEAD, at=clock())
    called = {"retailer": "R1", "kind": "complaint", "category": "employee", "words": "The short one swore"}
    assert signed_in(name="head").post("/console/feedback/new", data=called | {"employee": "shorty"}).status_code == 303
    sorted_away = {"category": "employee"}
    with transaction(sessions) as session:
        heard = SendFeedback(kind="complaint", category="goods", words="Someone was rude")
        sent = feedback.enter_feedback(session, "R1", heard, HEAD, at=clock())
    assert signed_in(name="head").post(f"/console/feedback/{sent}/sort", data=sorted_away).status_code == 303
    with transaction(sessions) as session:
        said = session.execute(
            sa.text("SELECT owner FROM feedback WHERE words LIKE '%swore' OR id = :id"), {"id": sent}
        )
        assert [owner for (owner,) in said] == ["boss", "boss"]


def test_the_shops_archive_has_what_its_owner_alone_sees_for_the_owner_alone(runtime, unknown, clock):
    for person, there in ((HEAD, False), (BOSS, True)):
        with transaction(runtime.sessions) as session:
            export = shop_exports.ask(session, "R1", "asked by letter", person, at=clock())
        shop_exports.run(runtime, export=str(export))
        with transaction(runtime.sessions) as session:
            content, _ = shop_exports.take(session, export, person, at=clock())
        archive = zipfile.ZipFile(io.BytesIO(content))
        held = b"".join(archive.read(name) for name in archive.namelist())
        assert (b"The tall one shouted" in held) is there


def _every_page(browser: TestClient, parts: dict[str, str]):
    """Ask for every address that is read, with searches and as a file, and yield what came."""
    app = browser.app
    for route in http.of_people(app):
        if "GET" not in route.methods or "events" in route.path or "progress" in route.path:
            continue
        address = route.path
        for name, value in parts.items():
            address = address.replace("{" + name + "}", value)
        if "{" in address:
            continue
        for asked in ("", "?q=quince", "?format=csv", f"?code={parts['retailer']}", "?category=employee&q=feedback"):
            yield address, browser.get(address + asked)
