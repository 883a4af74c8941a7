"""However many items are appended at once, each feed is numbered without a gap, in the order in which they came."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from contract.feed import ReferenceChanged
from server.kit import outbox

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
    session.execute(outbox.update(outbox.FeedEntry).values(published_at=clock()))
    outbox.append(session, [item("A", "x", "3")], at=clock() + timedelta(seconds=1))
    entry = session.scalars(select(outbox.FeedEntry).execution_options(populate_existing=True)).one()
    assert (entry.seq, entry.data, entry.published_at) == (2, {"version": "3"}, None)
