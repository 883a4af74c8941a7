"""Leases: every shard has one reader, and a reader that dies is replaced."""

from sqlalchemy import text

from server.kit import leases
from server.kit.db import transaction


def share(sessions, holder):
    with transaction(sessions) as session:
        return leases.share(session, "ingest", holder, total=64)


def test_one_holder_gets_everything(sessions):
    assert share(sessions, "a") == frozenset(range(64))


def test_a_second_holder_gets_half_without_two_ever_holding_one(sessions):
    assert len(share(sessions, "a")) == 64
    assert share(sessions, "b") == frozenset()
    kept = share(sessions, "a")
    taken = share(sessions, "b")
    assert (len(kept), len(taken)) == (32, 32)
    assert kept | taken == frozenset(range(64))


def test_what_a_holder_leaves_goes_to_the_other_at_once(sessions):
    share(sessions, "a")
    share(sessions, "b")
    share(sessions, "a")
    share(sessions, "b")
    with transaction(sessions) as session:
        leases.leave(session, "ingest", "a")
    assert share(sessions, "b") == frozenset(range(64))


def test_what_a_dead_holder_held_goes_to_the_other_when_it_expires(sessions):
    share(sessions, "a")
    with transaction(sessions) as session:
        session.execute(text("UPDATE leases SET expires_at = clock_timestamp() - interval '1 second'"))
        session.execute(text("UPDATE lease_holders SET expires_at = clock_timestamp() - interval '1 second'"))
    assert share(sessions, "b") == frozenset(range(64))
    assert share(sessions, "a") == frozenset()
