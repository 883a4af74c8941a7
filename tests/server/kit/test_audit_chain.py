"""I5: an audit entry that was changed, taken out, moved or cut off is found."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from sqlalchemy.orm import Session

from server import worker
from server.kit import audit, audit_checking, audit_keys, audit_trail, embedded
from server.kit.audit_chain import Entry, Head
from server.kit.audit_checking import AuditCheck, Checked
from server.kit.db import transaction
from server.kit.identity import SYSTEM, Actor
from server.kit.runtime import Runtime

ANN = Actor("operator", "ann")
AT = datetime(2026, 11, 25, 1, 0, tzinfo=UTC)


def write(runtime: Runtime, *acts: str) -> None:
    """Write acts down in a transaction of their own."""
    with transaction(runtime.sessions) as session:
        audit.came_from(session, "192.0.2.7")
        for number, act in enumerate(acts):
            audit.record(session, actor=ANN, action=act, subject=f"order:{number}", at=AT, detail={"lines": 3})


def checked(runtime: Runtime, *, outside: list[Head] | None = None, after: timedelta = timedelta()) -> Checked:
    with transaction(runtime.sessions) as session:
        return audit_checking.check_chain(
            session,
            outside=outside or [],
            public_keys=audit_keys.public_keys(runtime.settings),
            at=runtime.clock() + after,
        )


def kinds(found: Checked) -> list[tuple[str, int | None, int | None]]:
    return [(one.kind, one.ordinal, one.entry) for one in found.faults]


@pytest.fixture
def sealed(runtime: Runtime) -> Runtime:
    """A server with six entries in two batches of the chain."""
    for acts in (
        ("order.placed", "order.amended", "order.amended"),
        ("order.placed", "order.amended", "order.cancelled"),
    ):
        write(runtime, *acts)
        worker.seal(runtime)
    return runtime


@pytest.fixture
def tamper(database: embedded.Cluster) -> Iterator[Callable[[str], None]]:
    """Run a statement as somebody who may do everything with the database."""
    with psycopg.connect(database.admin_url.replace("+psycopg", "", 1), autocommit=True) as connection:
        yield lambda statement: connection.execute(statement) and None


def test_a_chain_that_nobody_touched_holds(sealed: Runtime) -> None:
    found = checked(sealed, after=timedelta(hours=1))
    assert (found.entries, found.emptied, found.faults) == (6, 0, ())
    kept = audit_keys.kept_head(sealed.settings)
    assert kept is not None
    assert (kept.ordinal, kept.link) == (6, found.link)


def test_entries_say_from_where_the_act_came(sealed: Runtime) -> None:
    with transaction(sealed.sessions) as session:
        entries, _ = audit_trail.search(session, audit_trail.Asked(), limit=9)
        assert {entry.remote for entry in entries} == {"192.0.2.7"}


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("UPDATE audit SET detail = '{\"lines\": 4}' WHERE id = 2", ("changed", 2, 2)),
        ("UPDATE audit SET actor = 'operator:bob' WHERE id = 2", ("changed", 2, 2)),
        ("UPDATE audit SET at = at + interval '1 microsecond' WHERE id = 2", ("changed", 2, 2)),
        ("UPDATE audit SET alert = true WHERE id = 2", ("changed", 2, 2)),
        ("UPDATE audit SET remote = NULL WHERE id = 2", ("changed", 2, 2)),
        ("DELETE FROM audit WHERE id = 3", ("missing", 3, 3)),
        ("DELETE FROM audit WHERE id = 6", ("missing", 6, 6)),
    ],
)
def test_an_entry_that_was_changed_or_taken_out_is_named(
    sealed: Runtime, tamper: Callable[[str], None], statement: str, fault: tuple[str, int, int]
) -> None:
    tamper(statement)
    assert kinds(checked(sealed)) == [fault]


def test_two_entries_that_changed_places_are_named(sealed: Runtime, tamper: Callable[[str], None]) -> None:
    tamper(
        "UPDATE audit SET (actor, subject, detail, remote, salt) = (b.actor, b.subject, b.detail, b.remote, b.salt) "
        "FROM audit b WHERE (audit.id, b.id) IN ((4, 5), (5, 4))"
    )
    assert kinds(checked(sealed)) == [("changed", 4, 4), ("changed", 5, 5)]


def test_an_end_that_was_cut_off_is_found_by_the_head_that_was_kept(
    sealed: Runtime, tamper: Callable[[str], None]
) -> None:
    kept = audit_keys.kept_head(sealed.settings)
    assert kept is not None
    for table, column in (("audit", "id"), ("audit_seals", "ordinal"), ("audit_heads", "ordinal")):
        tamper(f"DELETE FROM {table} WHERE {column} > 3")  # noqa: S608 - names of the line above
    assert kinds(checked(sealed)) == []  # within the database alone nothing is amiss
    assert kinds(checked(sealed, outside=[kept])) == [("cut_off", 6, None)]


def test_a_chain_that_was_made_anew_is_another_one(sealed: Runtime, tamper: Callable[[str], None]) -> None:
    kept = audit_keys.kept_head(sealed.settings)
    assert kept is not None
    tamper("UPDATE audit SET detail = '{\"lines\": 40}' WHERE id = 2")
    tamper("INSERT INTO audit_unsealed SELECT id FROM audit; DELETE FROM audit_seals; DELETE FROM audit_heads")
    worker.seal(sealed)
    assert kinds(checked(sealed)) == []
    assert kinds(checked(sealed, outside=[kept])) == [("other_chain", 6, 6)]


def test_a_seal_that_was_taken_out_is_found(sealed: Runtime, tamper: Callable[[str], None]) -> None:
    tamper("DELETE FROM audit_seals WHERE ordinal = 2")
    found = kinds(checked(sealed, after=timedelta(hours=1)))
    assert ("order", 2, None) in found
    assert ("unsealed", None, 2) in found


def test_a_head_with_another_signature_is_not_believed(sealed: Runtime) -> None:
    kept = audit_keys.kept_head(sealed.settings)
    assert kept is not None
    forged = replace(kept, link=bytes(32))
    assert kinds(checked(sealed, outside=[forged])) == [("signature", 6, None)]
    assert kinds(checked(sealed, outside=[replace(kept, key="0" * 64)])) == [("signature", 6, None)]


def test_what_never_came_into_the_chain_is_found(sealed: Runtime, tamper: Callable[[str], None]) -> None:
    write(sealed, "order.placed")
    tamper("DELETE FROM audit_unsealed")
    worker.seal(sealed)
    assert kinds(checked(sealed)) == []
    assert kinds(checked(sealed, after=timedelta(minutes=2))) == [("unsealed", None, 7)]


def test_the_application_can_neither_change_nor_remove(sealed: Runtime) -> None:
    for statement in (
        "UPDATE audit SET alert = true",
        "DELETE FROM audit",
        "DELETE FROM audit_seals",
        "TRUNCATE audit",
    ):
        with sealed.engine.connect() as connection, pytest.raises(Exception, match="permission denied"):
            connection.exec_driver_sql(statement)


def test_a_personal_part_can_be_erased_and_the_chain_holds(sealed: Runtime, tamper: Callable[[str], None]) -> None:
    with transaction(sealed.sessions) as session:
        assert audit.erase(session, [1, 2, 5], "kept for two years", SYSTEM, at=AT) == 3
    worker.seal(sealed)
    found = checked(sealed)
    assert (found.entries, found.emptied, found.faults) == (7, 3, ())
    with transaction(sealed.sessions) as session:
        entries, _ = audit_trail.search(session, audit_trail.Asked(oldest_first=True), limit=9)
        assert [(one.id, one.actor, one.detail, one.remote) for one in entries[:2]] == [
            (1, "operator:", {}, None),
            (2, "operator:", {}, None),
        ]
        assert entries[6].detail == {"entries": [[1, 2], [5, 5]], "reason": "kept for two years"}
    tamper("UPDATE audit SET salt = NULL, detail = '{}' WHERE id = 3")  # emptied behind the audit's back
    assert kinds(checked(sealed)) == [("emptied", 3, 3)]


def test_what_is_erased_before_it_is_sealed_is_sealed_as_erased(runtime: Runtime) -> None:
    write(runtime, "order.placed")
    with transaction(runtime.sessions) as session:
        assert audit.erase(session, [1], "asked for", SYSTEM, at=AT) == 1
    worker.seal(runtime)
    assert checked(runtime).faults == ()


def test_a_late_commit_comes_into_the_chain_behind(sealed: Runtime) -> None:
    """Numbers are given out before the commit: an entry with a smaller number may come later."""
    with sealed.sessions() as late:
        audit.record(late, actor=ANN, action="order.placed", subject="order:9", at=AT)
        late.flush()
        write(sealed, "order.amended")
        worker.seal(sealed)
        late.commit()
    worker.seal(sealed)
    found = checked(sealed, after=timedelta(hours=1))
    assert (found.entries, found.faults) == (8, ())


def check_in_background(runtime: Runtime) -> AuditCheck:
    with transaction(runtime.sessions) as session:
        number = audit_checking.ask(session, ANN, at=AT)
        assert audit_checking.ask(session, ANN, at=AT) == number  # one at a time
    audit_checking.run(runtime, number=number)
    with transaction(runtime.sessions) as session:
        return audit_checking.check_numbered(session, number)


def test_a_check_in_the_background_says_what_it_found(sealed: Runtime, tamper: Callable[[str], None]) -> None:
    done = check_in_background(sealed)
    assert (done.open, done.entries, audit_checking.faults_of(done)) == (False, 6, [])
    tamper("DELETE FROM audit WHERE id = 3")
    assert [one.kind for one in audit_checking.faults_of(check_in_background(sealed))] == ["missing"]
    with transaction(sealed.sessions) as session:
        alerts, _ = audit_trail.search(session, audit_trail.Asked(alerts=True), limit=9)
        assert [(one.action, one.detail) for one in alerts] == [("audit.checked", {"entries": 6, "faults": 1})]


def test_a_check_is_asked_for_each_night(session: Session) -> None:
    evening, night = datetime(2026, 11, 25, 2, 59, tzinfo=UTC), datetime(2026, 11, 25, 3, 0, tzinfo=UTC)
    assert [audit_checking.keep_time(session, at) for at in (evening, night)] == [False, True]
    audit_checking.checks(session)[0].open = False
    session.flush()
    later = [night + timedelta(hours=hours) for hours in (1, 20, 24)]
    assert [audit_checking.keep_time(session, at) for at in later] == [False, False, True]


def test_heads_are_exported_and_read_again() -> None:
    head = Head(7, bytes(32), AT, "ab" * 32, b"\x01" * 64)
    assert Head.of_json(head.as_json()) == head
    for line in ("", "{}", '{"ordinal": 1, "link": "zz"}', head.as_json().replace("+00:00", "")):
        with pytest.raises(ValueError, match="not a signed head"):
            Head.of_json(line)


def test_equal_acts_of_two_people_cannot_be_told_from_their_digests() -> None:
    one = Entry(1, AT, "operator:ann", "order.placed", "order:1", {}, None, alert=False, salt=b"1" * 16)
    assert one.personal_digest() != replace(one, salt=b"2" * 16).personal_digest()
    assert one.personal_digest() == replace(one, id=2).personal_digest()
