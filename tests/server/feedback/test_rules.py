"""States, reopening, decisions, who sees what, and who is next."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from contract.errors import Conflict, Rejected
from server.feedback import rules
from server.kit.identity import Operator

SHANGHAI = ZoneInfo("Asia/Shanghai")
FRIDAY = datetime(2026, 11, 27, 1, 0, tzinfo=UTC)


@pytest.mark.parametrize("state", ["received", "looked_at"])
def test_nothing_is_closed_unanswered(state):
    rules.check_open(state)
    with pytest.raises(Conflict, match="Nothing is closed unanswered"):
        rules.check_closing(7, state)


@pytest.mark.parametrize("state", ["answered", "closed"])
def test_what_is_answered_is_neither_given_nor_answered_again(state):
    with pytest.raises(Conflict, match="stands at"):
        rules.check_open(state)


def test_what_is_answered_is_closed_once():
    rules.check_closing(7, "answered")
    with pytest.raises(Conflict):
        rules.check_closing(7, "closed")


def test_a_closed_one_is_rated_once():
    rules.check_rating(7, "closed", None)
    with pytest.raises(Rejected, match="not closed"):
        rules.check_rating(7, "answered", None)
    with pytest.raises(Conflict, match="already"):
        rules.check_rating(7, "closed", 4)


def test_reopening_is_possible_on_the_last_day_and_not_on_the_next():
    until = rules.reopen_until(FRIDAY, SHANGHAI, 14)
    assert until == date(2026, 12, 11)
    next_day = datetime(2026, 12, 12, tzinfo=SHANGHAI)
    just = next_day - timedelta(microseconds=1)
    rules.check_reopening(7, "closed", FRIDAY, just, SHANGHAI, again=True, days=14)
    with pytest.raises(Rejected, match="2026-12-11"):
        rules.check_reopening(7, "closed", FRIDAY, next_day, SHANGHAI, again=True, days=14)


def test_reopening_happens_as_often_as_it_can_be_and_after_an_answer():
    with pytest.raises(Rejected, match="as often as it can be"):
        rules.check_reopening(7, "closed", FRIDAY, FRIDAY, SHANGHAI, again=False, days=14)
    with pytest.raises(Rejected, match="not answered"):
        rules.check_reopening(7, "looked_at", None, FRIDAY, SHANGHAI, again=True, days=14)


def person(name: str, *roles: str, scopes: frozenset[str] | None = None) -> Operator:
    return Operator(1, name, frozenset(roles), scopes=scopes)


def test_what_is_about_an_employee_is_seen_by_its_owner_and_administrators_and_never_by_whom_it_concerns():
    assert rules.sees(person("bo", "administrator"), "employee", ["anna"], "chen")
    assert rules.sees(person("chen", "regional"), "employee", ["anna"], "chen")
    assert not rules.sees(person("dan", "planner"), "employee", ["anna"], "chen")
    assert not rules.sees(person("anna", "administrator"), "employee", ["anna"], "chen")
    assert not rules.sees(person("anna", "administrator"), "goods", ["anna"], "anna")
    assert not rules.sees(person("token:erp", "administrator", scopes=frozenset()), "employee", [], None)


def test_while_nobody_knows_whom_it_concerns_its_owner_alone_sees_it():
    assert rules.sees(person("chen", "regional"), "employee", [], "chen")
    assert not rules.sees(person("bo", "administrator"), "employee", [], "chen")
    assert rules.sees(person("bo", "administrator"), "employee", [], None)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("Anna Li", ["anna li"]),
        ("anna", ["anna li", "annabel"]),
        ("the driver, Bo Chen", ["bo chen"]),
        ("李经理", []),
        ("a", []),
    ],
)
def test_an_account_is_found_by_how_a_shop_calls_the_employee(said, meant):
    assert rules.concerned(said, ["anna li", "annabel", "bo chen", "dan"]) == meant


def test_the_next_person_is_neither_the_owner_nor_concerned_nor_shut_out():
    chain = ("anna", "bo", "chen", "dan")
    assert rules.next_person(chain, (), "zoe", (), chain) == "anna"
    assert rules.next_person(chain, (), "anna", (), chain) == "bo"
    assert rules.next_person(chain, ("bo",), "bo", ("anna",), chain) == "chen"
    assert rules.next_person(chain, (), "zoe", ("anna",), ("dan",)) == "dan"
    assert rules.next_person(chain, chain, "dan", (), chain) is None


def test_the_next_person_stands_behind_the_owner_else_is_the_first_who_has_not_had_it():
    chain = ("anna", "bo", "chen")
    assert rules.next_person(chain, (), "bo", (), chain) == "chen"
    assert rules.next_person(chain, ("anna",), "zoe", (), chain) == "bo"
    assert rules.next_person(chain, chain, "zoe", (), chain) is None


def test_what_is_disputed_is_decided_and_nothing_else_is():
    rules.check_decision(7, "upheld", disputed=True)
    rules.check_decision(7, None, disputed=False)
    with pytest.raises(Rejected, match="upheld or dismissed"):
        rules.check_decision(7, None, disputed=True)
    with pytest.raises(Rejected):
        rules.check_decision(7, "dismissed", disputed=False)
