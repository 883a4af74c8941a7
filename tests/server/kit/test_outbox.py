"""However many items are appended at once, each feed is numbered without a gap, in the order in which they came."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from contract.feed import ReferenceChanged
from server.kit import outbox
from server.kit.db import transaction

QUOTED = 'a "quoted", \\ and 中文 version'


def item(recipient, key, version):
    return outbox.Item(recipient, key, "reference", ReferenceChanged(version=version))


@pytest.mark.parametrize("at_once", [1, 2, 1000])
def test_feeds_are_numbered_alike_however_many_go_into_one_statement(session, clock, monkeypatch, at_once):
    monkeypatch.setattr(outbox, "ITEMS_A_STATEMENT", at_once)
    outbox.append_one(session, "B", "old", "reference", ReferenceChanged(version="0"), at=clock())
    now = clock.advance(minutes=1)
    items = [
        item("B", "x", "1"),
        item("A", "x", QUOTED),
        item("B", "y", "2"),
        item("B", "old", "3"),
        item("B", "z", "4"),
    ]
    outbox.append(session, iter(items), at=now)
    told = {name: outbox.read(session, name, after=0) for name in ("A", "B")}
    assert [(one.seq, one.key, one.data["version"]) for one in told["A"][0]] == [(1, "x", QUOTED)]
    assert [(one.seq, one.key, one.data["version"]) for one in told["B"][0]] == [
        (2, "x", "1"),
        (3, "y", "2"),
        (4, "old", "3"),
        (5, "z", "4"),
    ]
    assert (told["A"][1], told["B"][1]) == (1, 5)
    assert {one.at for one in told["B"][0]} == {now}


def test_of_several_with_one_key_the_last_counts_and_waits_to_be_published(session, clock):
    outbox.append(session, [item("A", "x", "1"), item("A", "x", "2")], at=clock())
    session.execute(update(outbox.FeedEntry).values(published_at=clock()))
    outbox.append(session, [item("A", "x", "3")], at=clock() + timedelta(seconds=1))
    entry = session.scalars(select(outbox.FeedEntry).execution_options(populate_existing=True)).one()
    assert (entry.seq, entry.data, entry.published_at) == (2, {"version": "3"}, None)


def test_what_is_gathered_is_numbered_as_if_it_had_come_at_once_and_a_rolled_back_step_tells_nothing(session, clock):
    first, second = clock(), clock() + timedelta(seconds=1)
    with outbox.gathered(session):
        outbox.append(session, [item("B", "x", "1"), item("B", "y", "2")], at=first)
        step = session.begin_nested()
        outbox.append(session, [item("B", "lost", "0"), item("C", "lost", "0")], at=first)
        with session.begin_nested():
            outbox.append(session, [item("B", "lost deeper", "0")], at=first)
        step.rollback()
        with session.begin_nested():
            outbox.append(session, [item("A", "x", "1"), item("B", "x", "3")], at=second)
        assert outbox.read(session, "B", after=0) == ([], 0)
    told = {name: outbox.read(session, name, after=0) for name in ("A", "B", "C")}
    assert [(one.seq, one.key, one.data["version"], one.at) for one in told["B"][0]] == [
        (2, "y", "2", first),
        (3, "x", "3", second),
    ]
    assert [(one.seq, one.key) for one in told["A"][0]] == [(1, "x")]
    assert (told["A"][1], told["B"][1], told["C"][1]) == (1, 3, 0)


def test_nothing_is_told_where_an_error_leaves_the_gathering(session, clock):
    gathering = outbox.gathered(session)
    gathering.__enter__()
    outbox.append(session, [item("A", "x", "1")], at=clock())
    away = ValueError("away")
    assert not gathering.__exit__(ValueError, away, None)
    outbox.append(session, [item("A", "y", "2")], at=clock())
    assert [one.key for one in outbox.read(session, "A", after=0)[0]] == ["y"]


def test_two_that_tell_the_same_shops_in_opposite_order_do_not_wait_for_each_other(sessions, clock):
    """Without gathering, the first holds A and waits for B, the second holds B and waits for A."""
    both_began = threading.Barrier(2, timeout=20)

    def tell(order: str) -> None:
        with transaction(sessions) as session, outbox.gathered(session):
            outbox.append(session, [item(order[0], order, "1")], at=clock())
            session.flush()
            both_began.wait()
            outbox.append(session, [item(order[1], order, "1")], at=clock())
            outbox.resend(session, {order[0]: 0})

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(tell, ("AB", "BA")))
    with transaction(sessions) as session:
        assert [outbox.read(session, name, after=0)[1] for name in "AB"] == [2, 2]


def test_what_stands_after_a_number_of_each_shop_waits_again_and_nothing_else(session, clock):
    outbox.append(session, [item(name, key, "1") for name in ("A", "B", "C") for key in ("x", "y")], at=clock())
    session.execute(update(outbox.FeedEntry).values(published_at=clock()))
    with outbox.gathered(session):
        outbox.resend(session, {"A": 1, "B": 2, "nobody": 0})
        outbox.resend(session, {"A": 2})
    waiting = select(outbox.FeedEntry.recipient, outbox.FeedEntry.seq).where(outbox.FeedEntry.published_at.is_(None))
    assert session.execute(waiting).all() == [("A", 2)]


def test_what_a_terminal_has_heard_is_noted_without_waiting_for_who_changes_it(sessions, clock):
    with transaction(sessions) as session:
        outbox.append(session, [item("A", "x", "1"), item("A", "y", "1")], at=clock(), by_broadcast=True)
    heard = select(outbox.FeedEntry.key).where(outbox.FeedEntry.heard_at.is_not(None)).order_by(outbox.FeedEntry.key)
    with transaction(sessions) as changing:
        outbox.append(changing, [item("A", "x", "2")], at=clock(), by_broadcast=True)
        with transaction(sessions) as session:
            outbox.heard_by(session, {"A": 2, "B": 5}, at=clock())
        with transaction(sessions) as session:
            assert session.scalars(heard).all() == ["y"]
    with transaction(sessions) as session:
        outbox.heard(session, "A", 3, at=clock())
        assert session.scalars(heard).all() == ["x", "y"]
