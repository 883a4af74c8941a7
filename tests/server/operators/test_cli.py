"""The first people come by the command."""

from datetime import timedelta

from factories import NOW
from sqlalchemy.orm import Session

from server.kit import audit_trail
from server.operators import cli, queries, service


def test_the_first_administrator_comes_by_the_command_and_signs_in_by_the_link(session: Session) -> None:
    cli.add(session, "first", ["administrator"], at=NOW)
    address = cli.link(session, "FIRST", base_url="http://127.0.0.1:8440", ttl_s=900, at=NOW)
    base, _, token = address.rpartition("/")
    assert base == "http://127.0.0.1:8440/console/sign-in/link"
    opened = service.use_link(session, token, remote="127.0.0.1", ttl_s=60, at=NOW + timedelta(minutes=14))
    assert opened.operator.may("administrator")


def test_people_are_listed_with_what_they_may_do(session: Session) -> None:
    cli.add(session, "first", ["administrator"], at=NOW)
    cli.add(session, "second", ["planner"], at=NOW)
    cli.set_roles(session, "second", ["releaser"], at=NOW)
    cli.disable(session, "second", at=NOW)
    assert [(one.name, one.roles, one.disabled_at is None) for one in cli.people(session, at=NOW)] == [
        ("first", {"administrator"}, True),
        ("second", {"releaser"}, False),
    ]
    cli.enable(session, "second", at=NOW)
    service.open_session(session, "second", remote="", ttl_s=60, at=NOW)
    assert cli.end_sessions(session, "second", at=NOW) == 1
    person = queries.operator(session, "second", at=NOW)
    assert person is not None
    assert person.disabled_at is None


def test_the_audit_says_that_the_command_did_it(session: Session) -> None:
    cli.add(session, "first", ["administrator"], at=NOW)
    session.flush()
    found, _ = audit_trail.search(session, audit_trail.Asked(subject="operator:first"), limit=1)
    assert found[0].actor == "system:command"
