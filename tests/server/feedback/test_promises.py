"""Deadlines in working time, owners, escalation step by step, and the clock that stands."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from factories import make_device, make_retailer, send
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from contract.errors import Conflict, Rejected
from contract.feed import Feedback
from contract.messages import FeedbackAbout, SendFeedback
from server.feedback import queries, retention, setting, terms, trends, waiting
from server.feedback import service as feedback
from server.kit import audit, outbox
from server.kit.identity import SYSTEM, Operator
from server.kit.retention import ERASED
from server.operators import service as operators

ZONE = "Asia/Shanghai"
MONDAY = datetime(2026, 9, 28, 10, 0, tzinfo=ZoneInfo(ZONE))
PEOPLE = {
    "anna": ("planner",),
    "bo": ("administrator",),
    "chen": ("regional",),
    "dan": ("manager",),
    "eve": ("releaser",),
}


def person(name: str) -> Operator:
    return Operator(1, name, frozenset(PEOPLE[name]))


@pytest.fixture
def shop(session):
    for name, roles in PEOPLE.items():
        operators.add_operator(session, name, roles, by=SYSTEM, at=MONDAY)
    make_retailer(session, "R1")
    return make_device(session, "R1")


@pytest.fixture
def promised(session, shop):
    """Eight hours for the terminal, with a holiday week; anna has it, then chen, then bo."""
    held = setting.made(
        ZONE,
        terms.written(terms.usual(ZONE))
        | {
            "holidays": [f"2026-10-0{day}" for day in range(1, 8)],
            "hours": {"terminal": 8},
            "owners": {"terminal": "anna"},
            "chains": {"terminal": ["anna", "chen", "bo"]},
        },
    )
    assert setting.set_terms(session, held, ZONE, person("bo"), at=MONDAY) >= 1
    return held


def say(session, shop, category="terminal", at=MONDAY):
    return send(
        session, shop, "feedback.send", SendFeedback(kind="complaint", category=category, words="It is dark."), at=at
    ).message


def told(session, about):
    items, _ = outbox.read(session, "R1", after=0)
    return next(Feedback.model_validate(one.data) for one in items if one.key == f"feedback:{about}")


def test_the_category_has_its_owner_and_its_hours_and_holidays_do_not_count(session, shop, promised):
    found = queries.feedback(session, say(session, shop))
    assert (found.owner, found.state) == ("anna", "received")
    assert found.due_at == MONDAY + timedelta(days=1)
    eve_of_the_feast = MONDAY + timedelta(days=2, hours=5)
    assert told(session, say(session, shop, at=eve_of_the_feast)).answer_until == date(2026, 10, 8)
    assert queries.feedback(session, say(session, shop, "goods")).owner is None
    assert setting.in_force(session).hours["goods"] == terms.HOURS["goods"]


def test_what_is_late_goes_to_the_next_person_a_step_once_and_is_audited(session, shop, promised):
    about = say(session, shop)
    due = queries.feedback(session, about).due_at
    assert feedback.keep_time(session, due - timedelta(minutes=1)) == 0
    assert [feedback.keep_time(session, due + timedelta(minutes=minute)) for minute in (0, 1)] == [1, 0]
    found = queries.feedback(session, about)
    assert (found.owner, found.escalated) == ("chen", 1)
    assert [one.escalated for one in waiting.of(session, person("chen"), due)] == [1]
    assert waiting.of(session, person("anna"), due) == []
    assert feedback.keep_time(session, due + timedelta(days=10)) == 1
    assert queries.feedback(session, about).owner == "bo"
    assert feedback.keep_time(session, due + timedelta(days=40)) == 0
    assert [(one.before, one.owner) for one in queries.steps(session, about)] == [("anna", "chen"), ("chen", "bo")]
    trail = list(audit.entries(session, subject=f"feedback:{found.number}"))
    assert [one.action for one in trail].count("feedback.escalated") == 2
    feedback.answer(session, about, person("bo"), answer_zh="", answer_en="Mended.", close=True, at=due)
    assert feedback.keep_time(session, due + timedelta(days=60)) == 0


def test_the_clock_stands_for_a_reason_that_the_shop_reads_and_goes_on_with_what_was_left(session, shop, promised):
    about = say(session, shop)
    with pytest.raises(Rejected):
        feedback.pause(session, about, person("anna"), because_zh=" ", because_en="", at=MONDAY)
    feedback.pause(session, about, person("anna"), because_zh="等零件", because_en="", at=MONDAY + timedelta(hours=3))
    item = told(session, about)
    assert (item.because.en, item.paused_at) == ("等零件", MONDAY + timedelta(hours=3))
    with pytest.raises(Conflict, match="waits already"):
        feedback.pause(session, about, person("anna"), because_zh="x", because_en="", at=MONDAY)
    assert feedback.keep_time(session, MONDAY + timedelta(days=30)) == 0
    assert not queries.feedback(session, about).late(MONDAY + timedelta(days=30))
    assert queries.totals(session, person("anna"), MONDAY + timedelta(days=30)).late == 0
    after_the_feast = datetime(2026, 10, 9, 9, 0, tzinfo=ZoneInfo(ZONE))
    feedback.resume(session, about, person("anna"), at=after_the_feast)
    assert told(session, about).paused_at is None
    assert queries.feedback(session, about).due_at == after_the_feast + timedelta(hours=5)
    with pytest.raises(Conflict):
        feedback.resume(session, about, person("anna"), at=after_the_feast)
    assert feedback.keep_time(session, after_the_feast + timedelta(hours=5)) == 1


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"opens": "18:00"}, "terms_hours"),
        ({"closes": "09:00"}, "terms_hours"),
        ({"closes": "09:01"}, "terms_day_short"),
        ({"hours": {"goods": 1000}, "closes": "12:59"}, "terms_day_short"),
        ({"step_hours": 0}, "terms_range"),
        ({"hours": {"goods": 2000}}, "terms_range"),
        ({"owners": {"goods": "eve"}}, "terms_person"),
        ({"chains": {"goods": ["nobody"]}}, "terms_person"),
        ({"chains": {"goods": ["anna"] * 6}}, "terms_too_many"),
    ],
)
def test_terms_that_nobody_could_keep_are_refused(session, shop, changed, code):
    held = setting.made(ZONE, terms.written(terms.usual(ZONE)) | changed)
    with pytest.raises(Rejected) as refused:
        setting.set_terms(session, held, ZONE, person("bo"), at=MONDAY)
    assert refused.value.code == code
    assert setting.versions(session) == []


def test_the_shortest_day_that_is_taken_holds_the_longest_deadline_over_all_holidays(session, shop):
    first = date(2026, 9, 28)
    days = [(first + timedelta(days=ahead)).isoformat() for ahead in range(terms.DAYS_MOST)]
    held = setting.made(
        ZONE,
        terms.written(terms.usual(ZONE))
        | {"hours": {"goods": terms.HOURS_MOST}, "opens": "09:00", "closes": "13:00", "holidays": days},
    )
    setting.set_terms(session, held, ZONE, person("bo"), at=MONDAY)
    assert held.due_at("goods", MONDAY) > MONDAY + timedelta(days=terms.DAYS_MOST)
    about = say(session, shop, "goods")
    assert feedback.keep_time(session, queries.feedback(session, about).due_at) == 0


def test_who_sets_the_terms_second_by_an_older_version_is_told_and_overwrites_nothing(session, shop, promised):
    seen = setting.in_force(session).version
    newer = setting.set_terms(session, promised, ZONE, person("bo"), at=MONDAY, seen=seen)
    with pytest.raises(Conflict, match="changed meanwhile"):
        setting.set_terms(session, replace(promised, step_hours=99), ZONE, person("bo"), at=MONDAY, seen=seen)
    assert (setting.in_force(session).version, setting.in_force(session).step_hours) == (newer, promised.step_hours)


def test_a_day_that_is_none_and_a_zone_that_is_none_are_refused_with_their_text():
    assert terms.days("2026-10-01\n2026-10-02, 2026-10-03") == {date(2026, 10, day) for day in (1, 2, 3)}
    with pytest.raises(Rejected, match="tomorrow is no day"):
        terms.days("tomorrow")
    with pytest.raises(Rejected):
        setting.made("Nowhere/Land", terms.written(terms.usual(ZONE)))


def test_the_database_lets_nobody_own_what_is_about_himself_nor_close_what_has_no_decision(session, shop, promised):
    about = say(session, shop, "employee")
    for change in (
        "concerns = '{anna}', owner = 'anna'",
        "explanation = '{}', state = 'closed', owner = 'bo', answered_at = now(), closed_at = now()",
    ):
        with pytest.raises(IntegrityError), session.begin_nested():
            session.execute(text(f"UPDATE feedback SET {change} WHERE id = :id"), {"id": about})  # noqa: S608 - ours above


def test_the_longest_chain_ends_and_a_ring_of_superiors_does_too(session, shop, promised):
    operators.set_superior(session, "dan", "chen", by=SYSTEM, at=MONDAY)
    operators.set_superior(session, "chen", "dan", by=SYSTEM, at=MONDAY)
    people = setting.actors(session, None, at=MONDAY)
    held = replace(promised, chains={"employee": ("bo",)})
    assert setting.chain(held, "employee", ["dan"], people) == ("chen", "bo")
    assert setting.first_owner(held, "employee", ["dan"], people) == "chen"


def test_after_sorting_the_new_chain_begins_at_its_beginning(session, shop, promised):
    written = terms.written(promised)
    chains = {"terminal": ["anna", "chen", "bo"], "goods": ["dan", "anna", "bo"]}
    held = setting.made(ZONE, written | {"chains": chains})
    setting.set_terms(session, held, ZONE, person("bo"), at=MONDAY)
    said = say(session, shop)
    for days in (3, 30):
        assert feedback.keep_time(session, MONDAY + timedelta(days=days)) == 1
    assert queries.feedback(session, said).owner == "bo"
    feedback.assign(session, said, "chen", person("bo"), at=MONDAY + timedelta(days=31))
    feedback.sort_again(session, said, "goods", [], person("chen"), at=MONDAY + timedelta(days=31))
    owners = []
    for days in (60, 90, 120, 150):
        feedback.keep_time(session, MONDAY + timedelta(days=days))
        owners.append(queries.feedback(session, said).owner)
    assert owners == ["dan", "anna", "bo", "bo"]
    assert [one.step for one in queries.steps(session, said)] == [1, 2, 3, 4, 5]


def test_an_answer_lets_the_clock_go_on_first_and_neither_it_nor_what_stands_counts_as_late(session, shop, promised):
    answered, standing = say(session, shop), say(session, shop)
    for one in (answered, standing):
        feedback.pause(session, one, person("anna"), because_zh="", because_en="It is asked.", at=MONDAY)
    due_at = queries.feedback(session, answered).due_at
    later = MONDAY + timedelta(days=30)
    feedback.answer(session, answered, person("anna"), answer_zh="", answer_en="Done.", close=False, at=later)
    found = queries.feedback(session, answered)
    assert found.due_at > later > due_at
    assert (found.paused_at, told(session, answered).paused_at) == (None, None)
    (of_shop,) = [one for one in trends.repeats(session, person("anna"), later) if one.sort == "retailer"]
    assert (of_shop.count, of_shop.late) == (2, 0)


def test_words_go_from_what_was_answered_and_never_closed_and_so_does_what_an_employee_was_called(session, shop):
    about = FeedbackAbout(sort="employee", name="Dan, the tall one")
    message = SendFeedback(kind="complaint", category="employee", words="He swore.", about=about)
    meant = send(session, shop, "feedback.send", message, at=MONDAY).message
    answered, waiting_still = say(session, shop), say(session, shop)
    for one in (meant, answered):
        feedback.answer(session, one, person("bo"), answer_zh="", answer_en="Noted.", close=False, at=MONDAY)
    late = MONDAY + timedelta(days=1)
    assert retention.count_words(session, late) == retention.erase_words(session, late, late) == 2
    session.expire_all()
    about_dan = queries.feedback(session, meant)
    assert (about_dan.words, about_dan.about.name, about_dan.concerns) == (ERASED, ERASED, ("dan",))
    assert queries.feedback(session, answered).words == ERASED
    assert queries.feedback(session, waiting_still).words == "It is dark."
    assert retention.count_words(session, late) == 0
