"""Each kind of personal data goes when its term is over and not before; what must hold holds afterwards."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from factories import NOW, make_device, make_retailer, send
from filled import fill
from sqlalchemy import text
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from contract.errors import Rejected
from contract.ids import uuid7
from contract.messages import SendFeedback
from server import worker
from server.feedback import queries as feedback
from server.feedback import service as feedback_service
from server.keeping import erasing, kinds
from server.kit import audit, audit_checking, audit_keys, outbox
from server.kit.db import transaction
from server.kit.identity import SYSTEM, Actor, Operator
from server.kit.retention import ERASED
from server.kit.runtime import Runtime
from server.operators import service as operators

JUST_AFTER = timedelta(seconds=1)
PLANNER = Operator(1, "planner-1", frozenset({"planner"}))
#: What does not begin its term by itself when the database is filled.
BEGUN = (
    "UPDATE operator_sessions SET expires_at = :at",
    "UPDATE sign_in_links SET expires_at = :at",
    "UPDATE operators SET disabled_at = :at WHERE name = 'planner-1'",
    "UPDATE enrolment_codes SET expires_at = :at",
    "UPDATE enrolments SET expires_at = :at",
    "UPDATE device_commands SET state = 'succeeded', ended_at = :at",
    "UPDATE announcements SET expires_at = :at",
    "UPDATE announcement_meetings SET starts_at = CAST(:at AS timestamptz) - interval '1 day', ends_at = :at",
    "UPDATE surveys SET state = 'closed', closed_at = :at",
    "UPDATE webhook_messages SET state = 'delivered', made_at = :at",
    (
        "UPDATE visits SET received_at = :at, words = 'seen', latitude = 52.5, longitude = 13.4, accuracy_m = 9,"
        " place_said = 'given'"
    ),
    "UPDATE feedback_unnamed SET answered_by = 'anna', answered_on = :at, answer_zh = '好', answer_en = 'Good'",
    "UPDATE shop_exports SET state = 'done', done_at = :at, sha256 = '00', content = 'zip'",
)
#: What is dated by days alone.
BY_DAYS = {"feedback_unnamed": timedelta(days=1)}
#: What stands where after everything is over: nobody's words, names, addresses.
GONE = {
    "sign_ins": "SELECT count(*) FROM operator_sessions",
    "people": "SELECT count(*) FROM operators WHERE name = 'planner-1' OR password_hash IS NOT NULL",
    "failed_sign_ins": "SELECT count(*) FROM audit WHERE action = 'operator.sign_in_failed' AND remote IS NOT NULL",
    # What goes up in the filled database does so weeks after NOW, and stays open.
    "audit": "SELECT count(*) FROM audit WHERE salt IS NOT NULL"
    " AND action NOT IN ('audit.erased', 'feedback.escalated')",
    "presence": "SELECT count(*) FROM device_presence",
    "enrolment_codes": "SELECT count(*) FROM enrolment_codes",
    "clones": "SELECT count(*) FROM device_clones",
    "enrolments": "SELECT count(*) FROM enrolments",
    "commands": "SELECT count(*) FROM device_commands",
    "photos": "SELECT sum(octet_length(content)) FROM photos",
    "feedback": "SELECT count(*) FROM feedback f JOIN feedback_entries e ON e.feedback = f.id"
    " WHERE closed_at IS NOT NULL AND (words <> '—' OR words_zh || words_en <> '——')",
    "survey_texts": "SELECT count(*) FROM survey_answers WHERE text <> ''",
    "attachments": "SELECT count(*) FROM announcement_pages",
    "registrations": "SELECT count(*) FROM announcement_registrations",
    "import_files": "SELECT count(*) FROM import_drafts",
    "kept_answers": "SELECT count(*) FROM kept_answers",
    "webhook_messages": "SELECT count(*) FROM webhook_messages WHERE state <> 'waiting'",
    "shop_exports": "SELECT count(*) FROM shop_exports WHERE content IS NOT NULL",
    "visit_places": "SELECT count(*) FROM visits WHERE latitude IS NOT NULL",
    "visit_words": "SELECT count(*) FROM visits WHERE words NOT IN ('', '—')",
    "feedback_unnamed": "SELECT count(*) FROM feedback_unnamed",
    "import_values": "SELECT count(*) FROM import_reports WHERE emptied_at IS NULL",
}


@pytest.fixture
def filled(sessions: sessionmaker[Session]) -> sessionmaker[Session]:
    """A database in which the term of everything begins at NOW."""
    with transaction(sessions) as session:
        fill(session)
        with pytest.raises(Rejected):
            operators.sign_in(session, "planner-1", "wrong", remote="192.0.2.9", ttl_s=900, at=NOW)
        for statement in BEGUN:
            session.execute(text(statement), {"at": NOW})
    return sessions


def erase(session: Session, name: str, before: Any) -> int:
    kind = next(one for one in kinds.KINDS if one.name == name)
    due = kind.due(session, before)
    assert kind.erase(session, before, NOW) == due
    session.flush()
    assert kind.due(session, before) == 0
    return due


@pytest.mark.slow
def test_each_kind_goes_when_its_term_is_over_and_not_before(filled: sessionmaker[Session]):
    assert GONE.keys() == {kind.name for kind in kinds.KINDS}
    for name, question in GONE.items():
        with transaction(filled) as session:
            assert erase(session, name, NOW) == 0, name
            assert erase(session, name, NOW + BY_DAYS.get(name, JUST_AFTER)) > 0, name
            assert not session.scalar(text(question)), name


@pytest.mark.slow
def test_a_night_erases_what_is_due_says_so_and_does_it_once(filled: sessionmaker[Session], runtime: Runtime):
    at = NOW + timedelta(days=30) + JUST_AFTER
    night = replace(runtime, clock=lambda: at)
    with transaction(filled) as session:
        assert not erasing.keep_time(session, at.replace(hour=erasing.HOUR - 1))
        assert erasing.keep_time(session, at.replace(hour=erasing.HOUR))
        assert not erasing.keep_time(session, at.replace(hour=23))
    for _ in range(2):
        erasing.run(night, day=at.date().isoformat())
    with transaction(filled) as session:
        told = [entry.detail for entry in audit.entries(session) if entry.action == erasing.ACTION]
        erased = {one.kind.name: one.last for one in erasing.standing(session, runtime.settings, at=at, dry_run=False)}
        newest, in_all = erasing.runs(session)[0]
        done = (newest.day, newest.done_at)
    assert told == [
        {"sign_ins": 2, "enrolment_codes": 1, "enrolments": 1, "import_files": 1, "kept_answers": 1, "shop_exports": 2}
    ]
    assert {name: count for name, count in erased.items() if count} == told[0]
    assert (done, in_all) == ((at.date(), at), 8)


@pytest.mark.slow
def test_a_term_can_be_set(filled: sessionmaker[Session], runtime: Runtime):
    settings = runtime.settings.model_copy(update={"retention_days": {"photos": 1}})
    with transaction(filled) as session:
        standing = erasing.standing(session, settings, at=NOW + timedelta(days=2), dry_run=True)
    assert {one.kind.name: one.due for one in standing if one.due} == {"photos": 2, "import_files": 1}


@pytest.mark.parametrize("days", [{"photo": 30}, {"photos": 0}])
def test_a_term_for_what_is_no_kind_or_of_no_day_is_refused(runtime: Runtime, days: dict[str, int]):
    with pytest.raises(kinds.TermUnknownError, match="name a kind"):
        kinds.terms(runtime.settings.model_copy(update={"retention_days": days}))


def test_the_chain_holds_after_all_that_is_personal_was_erased(runtime: Runtime, sessions: sessionmaker[Session]):
    with transaction(sessions) as session:
        for number in range(3):
            audit.record(
                session, actor=Actor("operator", "ann"), action="order.placed", subject=f"order:{number}", at=NOW
            )
    worker.seal(runtime)
    at = NOW + timedelta(days=3650) + JUST_AFTER
    with transaction(sessions) as session:
        session.execute(text("INSERT INTO retention_runs (day, asked_at) VALUES (:day, :at)"), {"day": at, "at": at})
    later = replace(runtime, clock=lambda: at)
    erasing.run(later, day=at.date().isoformat())
    worker.seal(later)
    kept = audit_keys.kept_head(runtime.settings)
    assert kept is not None
    with transaction(sessions) as session:
        found = audit_checking.check_chain(
            session, outside=[kept], public_keys=audit_keys.public_keys(runtime.settings), at=at
        )
        assert "ann" not in {entry.actor for entry in audit.entries(session)}
    assert (found.faults, found.emptied) == ((), 3)


def test_a_message_whose_words_were_erased_is_known_for_ever(session: Session):
    make_retailer(session)
    sender, message = make_device(session), uuid7()
    said = SendFeedback(kind="complaint", category="price", words="Too dear.")
    receipt = send(session, sender, "feedback.send", said, id=message)
    feedback_service.answer(session, message, PLANNER, answer_zh="", answer_en="So.", close=True, at=NOW)

    assert erase(session, "feedback", NOW + JUST_AFTER) == 1

    assert send(session, sender, "feedback.send", said, id=message) == receipt
    other = send(session, sender, "feedback.send", said.model_copy(update={"words": ERASED}), id=message)
    assert (other.outcome, other.code) == ("rejected", "id_reused")
    stands = feedback.feedback(session, message)
    assert stands is not None
    assert (stands.words, stands.number, stands.state) == (ERASED, receipt.number, "closed")


def test_the_terminal_is_told_that_the_words_are_gone(session: Session):
    make_retailer(session)
    sender, message = make_device(session), uuid7()
    said = SendFeedback(kind="complaint", category="price", words="Too dear.")
    send(session, sender, "feedback.send", said, id=message)
    feedback_service.answer(session, message, PLANNER, answer_zh="", answer_en="So.", close=True, at=NOW)
    _, before = outbox.read(session, "R1", after=0)

    erase(session, "feedback", NOW + JUST_AFTER)

    items, _ = outbox.read(session, "R1", after=before)
    assert [(item.data["words"], item.data["answer"]["en"]) for item in items] == [(ERASED, ERASED)]


def test_a_former_colleague_is_a_number_and_cannot_come_back_in(session: Session):
    for name in ("ann", "bob"):
        operators.add_operator(session, name, ["administrator"], by=SYSTEM, at=NOW)
    opened = operators.open_session(session, "ann", remote="192.0.2.1", ttl_s=900, at=NOW)
    whose = {"operator_id": opened.operator.id, "at": NOW}
    session.execute(
        text(
            "INSERT INTO operator_passkeys (credential, operator_id, name, public_key, uses, created_at)"
            " VALUES ('a', :operator_id, 'the phone of ann', 'k', 0, :at)"
        ),
        whose,
    )
    session.execute(text("INSERT INTO passkey_challenges VALUES ('c', :operator_id, :at)"), whose)
    operators.disable_operator(session, "ann", by=SYSTEM, at=NOW)

    assert erase(session, "people", NOW + JUST_AFTER) == 1

    names = session.scalars(text("SELECT name FROM operators ORDER BY id")).all()
    assert names == [f"former-{opened.operator.id}", "bob"]
    held = text(
        "SELECT operator_id FROM operator_sessions UNION ALL SELECT operator_id FROM operator_passkeys"
        " UNION ALL SELECT operator_id FROM passkey_challenges"
    )
    assert session.scalars(held).all() == []


@pytest.mark.slow
def test_the_screen_counts_on_demand_and_erases_nothing(
    signed_in: Callable[..., TestClient], filled: sessionmaker[Session], runtime: Runtime, clock: Any
):
    clock.now = NOW + timedelta(days=31)
    browser = signed_in("auditor")
    page = browser.get("/console/retention").text
    assert "Photos sent with claims" in page
    assert "Only counted" not in page
    assert "Only counted" in browser.get("/console/retention?count=now").text
    with transaction(filled) as session:
        left = session.scalar(text("SELECT count(*) FROM import_drafts"))
    assert left == 1


def test_the_screen_is_for_administrators_and_auditors(signed_in: Callable[..., TestClient]):
    assert signed_in("planner").get("/console/retention").status_code == 403
    assert "No night yet" in signed_in("administrator").get("/console/retention").text
