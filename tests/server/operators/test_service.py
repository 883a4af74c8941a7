"""People, their sessions and links, on a real database."""

import time
from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from factories import NOW
from sqlalchemy import insert, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, sessionmaker

from contract.errors import Conflict, Rejected
from server.kit import audit_trail
from server.kit.db import transaction
from server.kit.identity import SYSTEM, Actor, Operator
from server.operators import queries, service
from server.operators.models import OperatorRow, OperatorSession, SignInLink

GOOD = "eleven geese by the weir"
ADMIN = Actor("operator", "root-ish")


def person(session: Session, name: str = "ann", *roles: str, password: str | None = GOOD) -> Operator:
    added = service.add_operator(session, name, roles or ("planner",), by=SYSTEM, at=NOW)
    if password is not None:
        service.change_password(session, added, present="", new=password, token="", at=NOW)
    return added


def enter(session: Session, name: str = "ann", password: str = GOOD, *, later_s: int = 0) -> service.SignedIn:
    return service.sign_in(session, name, password, remote="10.0.0.1", ttl_s=3600, at=NOW + timedelta(seconds=later_s))


def refused(code: str, act: object) -> None:
    with pytest.raises((Rejected, Conflict)) as told:
        act()  # type: ignore[operator]
    assert told.value.code == code


def acts(session: Session, subject: str) -> list[str]:
    session.flush()
    return [entry.action for entry in audit_trail.search(session, audit_trail.Asked(subject=subject), limit=50)[0]]


def test_who_knows_the_password_gets_a_session(session: Session) -> None:
    person(session, "ann", "planner", "releaser")
    opened = enter(session)
    found = queries.session_of(session, opened.token, NOW)
    assert found == (opened.operator, opened.csrf)
    assert opened.operator.roles == {"planner", "releaser"}
    assert acts(session, "operator:ann")[0] == "operator.signed_in"


def test_the_case_and_spacing_of_a_name_do_not_matter(session: Session) -> None:
    person(session, "Ann Lind")
    assert enter(session, "  ann   LIND ").operator.name == "Ann Lind"
    refused("already_exists", lambda: service.add_operator(session, "ANN LIND", (), by=SYSTEM, at=NOW))


@pytest.mark.parametrize(
    ("name", "password"),
    [("ann", "eleven geese by the weir "), ("ann", ""), ("bob", GOOD), ("", GOOD), ("a:b", GOOD), ("new", "")],
)
def test_every_failed_sign_in_looks_the_same_and_is_written_down(session: Session, name: str, password: str) -> None:
    person(session)
    person(session, "new", password=None)
    refused("sign_in_failed", lambda: enter(session, name, password))
    known = f"operator:{name}" if name in {"ann", "new"} else "operator:?"
    assert acts(session, known)[0] == "operator.sign_in_failed"


def test_an_unknown_name_takes_as_long_as_a_wrong_password(session: Session, real_hashes: PasswordHasher) -> None:
    assert real_hashes.memory_cost >= 64 * 1024
    person(session)

    def seconds(name: str) -> float:
        spent = []
        for _ in range(3):
            begun = time.perf_counter()
            refused("sign_in_failed", lambda: enter(session, name, "not the password"))
            spent.append(time.perf_counter() - begun)
        return min(spent)

    assert seconds("nobody") > 0.4 * seconds("ann")


def test_a_session_ends_by_itself(session: Session) -> None:
    person(session)
    opened = enter(session)
    assert queries.session_of(session, opened.token, NOW + timedelta(seconds=3599)) is not None
    assert queries.session_of(session, opened.token, NOW + timedelta(seconds=3600)) is None
    enter(session, later_s=3600)
    assert len(session.scalars(select(OperatorSession)).all()) == 1  # the one that was over is swept away


def test_neither_passwords_nor_tokens_stand_in_the_database(session: Session) -> None:
    person(session)
    opened = enter(session)
    link = service.make_link(session, "ann", ttl_s=900, by=SYSTEM, at=NOW)
    session.flush()
    held = [
        str(row)
        for table in ("operators", "operator_sessions", "sign_in_links", "audit")
        for row in session.execute(text(f"SELECT {table}::text FROM {table}"))  # noqa: S608 - names from above
    ]
    assert held
    assert not [row for row in held if any(secret in row for secret in (GOOD, opened.token, link))]


def test_a_hash_with_weaker_parameters_is_renewed_at_sign_in(session: Session) -> None:
    person(session)
    row = session.scalars(select(OperatorRow)).one()
    row.password_hash = weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(GOOD)
    enter(session)
    assert row.password_hash != weak
    enter(session)


def test_a_link_signs_in_once(session: Session) -> None:
    person(session, password=None)
    token = service.make_link(session, "ann", ttl_s=900, by=ADMIN, at=NOW)
    assert queries.link_owner(session, token, NOW) == "ann"
    opened = service.use_link(session, token, remote="10.0.0.1", ttl_s=3600, at=NOW + timedelta(seconds=899))
    assert not opened.has_password
    assert queries.link_owner(session, token, NOW) is None
    refused("link_spent", lambda: service.use_link(session, token, remote="", ttl_s=3600, at=NOW))


def test_a_link_ends_by_time_by_a_newer_one_and_by_shutting_out(session: Session) -> None:
    person(session, "boss", "administrator")
    person(session, password=None)
    late = NOW + timedelta(seconds=900)
    for spoil in (
        lambda: late,
        lambda: service.make_link(session, "ann", ttl_s=900, by=ADMIN, at=NOW) and NOW,
        lambda: service.disable_operator(session, "ann", by=ADMIN, at=NOW) or NOW,
    ):
        token = service.make_link(session, "ann", ttl_s=900, by=ADMIN, at=NOW)
        at = spoil()
        refused("link_spent", lambda token=token, at=at: service.use_link(session, token, remote="", ttl_s=1, at=at))


def test_of_two_who_use_a_link_at_once_one_gets_in(sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        person(session, password=None)
        token = service.make_link(session, "ann", ttl_s=900, by=ADMIN, at=NOW)
    with transaction(sessions) as first:
        service.use_link(first, token, remote="", ttl_s=60, at=NOW)
        with transaction(sessions) as second:
            second.execute(text("SET LOCAL lock_timeout = '50ms'"))
            with pytest.raises(Exception, match="lock timeout"):
                service.use_link(second, token, remote="", ttl_s=60, at=NOW)
            second.rollback()
    with transaction(sessions) as late:
        refused("link_spent", lambda: service.use_link(late, token, remote="", ttl_s=60, at=NOW))


def test_shutting_out_ends_every_session_and_letting_in_restores_the_password(session: Session) -> None:
    person(session, "boss", "administrator")
    person(session)
    opened = enter(session)
    service.disable_operator(session, "ann", by=ADMIN, at=NOW)
    assert queries.session_of(session, opened.token, NOW) is None
    refused("sign_in_failed", lambda: enter(session))
    refused("wrong_state", lambda: service.make_link(session, "ann", ttl_s=60, by=ADMIN, at=NOW))
    service.enable_operator(session, "ann", by=ADMIN, at=NOW)
    enter(session)


def test_the_last_administrator_can_neither_be_shut_out_nor_lose_the_role(session: Session) -> None:
    person(session, "boss", "administrator", "planner")
    refused("last_administrator", lambda: service.disable_operator(session, "boss", by=ADMIN, at=NOW))
    refused("last_administrator", lambda: service.set_roles(session, "boss", ["planner"], by=ADMIN, at=NOW))
    person(session, "second", "administrator")
    service.set_roles(session, "boss", ["planner"], by=ADMIN, at=NOW)
    refused("last_administrator", lambda: service.disable_operator(session, "second", by=ADMIN, at=NOW))


def test_new_roles_hold_in_sessions_that_are_open(session: Session) -> None:
    person(session)
    opened = enter(session)
    service.set_roles(session, "ann", ["releaser"], by=ADMIN, at=NOW)
    session.flush()
    found = queries.session_of(session, opened.token, NOW)
    assert found is not None
    assert found[0].roles == {"releaser"}


def test_a_new_password_needs_the_present_one_and_ends_the_other_sessions(session: Session) -> None:
    ann = person(session)
    here, there = enter(session), enter(session)

    def change(present: str, new: str) -> None:
        service.change_password(session, ann, present=present, new=new, token=here.token, at=NOW)

    refused("password_wrong", lambda: change("guess", "nine herons on the pier"))
    refused("password_short", lambda: change(GOOD, "geese"))
    change(GOOD, "nine herons on the pier")
    assert queries.session_of(session, here.token, NOW) is not None
    assert queries.session_of(session, there.token, NOW) is None
    refused("sign_in_failed", lambda: enter(session))
    enter(session, password="nine herons on the pier")


def test_signing_out_ends_this_session_and_everywhere_the_others(session: Session) -> None:
    person(session)
    first, second, third = enter(session), enter(session), enter(session)
    service.sign_out(session, first.token, at=NOW)
    service.sign_out(session, first.token, at=NOW)
    assert service.end_sessions(session, "ann", by=ADMIN, at=NOW, keep=third.token) == 1
    assert queries.session_of(session, second.token, NOW) is None
    assert queries.session_of(session, third.token, NOW) is not None


def test_unknown_people_and_roles_are_named(session: Session) -> None:
    with pytest.raises(Rejected, match="no role king"):
        service.add_operator(session, "ann", ["king"], by=SYSTEM, at=NOW)
    with pytest.raises(Rejected, match="no operator nobody"):
        service.set_roles(session, "nobody", [], by=SYSTEM, at=NOW)


def test_the_database_itself_refuses_a_second_name_and_an_unknown_role(session: Session) -> None:
    person(session)
    for name, roles in (("ANN", []), ("bob", ["king"])):
        values = {"name": name, "roles": roles, "password_hash": None, "created_at": NOW, "disabled_at": None}
        with session.begin_nested() as attempt:
            with pytest.raises(IntegrityError):
                session.execute(insert(OperatorRow).values(values))
            attempt.rollback()


def test_every_act_is_in_the_audit(session: Session) -> None:
    person(session, "boss", "administrator")
    person(session)
    opened = enter(session)
    service.set_roles(session, "ann", ["releaser"], by=ADMIN, at=NOW)
    service.make_link(session, "ann", ttl_s=60, by=ADMIN, at=NOW)
    service.sign_out(session, opened.token, at=NOW)
    service.end_sessions(session, "ann", by=ADMIN, at=NOW)
    service.disable_operator(session, "ann", by=ADMIN, at=NOW)
    service.enable_operator(session, "ann", by=ADMIN, at=NOW)
    assert acts(session, "operator:ann") == [
        "operator.enabled",
        "operator.disabled",
        "operator.sessions_ended",
        "operator.signed_out",
        "operator.link_made",
        "operator.roles_set",
        "operator.signed_in",
        "operator.password_changed",
        "operator.added",
    ]


def test_no_link_is_left_without_an_end(session: Session) -> None:
    person(session)
    service.make_link(session, "ann", ttl_s=900, by=ADMIN, at=NOW)
    assert session.scalars(select(SignInLink)).one().expires_at == NOW + timedelta(seconds=900)
