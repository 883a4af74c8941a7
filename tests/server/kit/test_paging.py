"""Cursors that hold their place, and that take nothing for a place that is none."""

from datetime import UTC, date, datetime
from uuid import UUID

import pytest
from fastapi import Response
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from contract.errors import Rejected
from server.kit import paging
from server.kit.paging import Page, read, write

PLACE = "/api/v1/orders"
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


def page(limit: int, after: tuple[paging.Key, ...] | None = None, query: bytes = b"") -> Page:
    scope = {
        "type": "http",
        "method": "GET",
        "path": PLACE,
        "query_string": query,
        "headers": [(b"host", b"evenhand.test")],
        "scheme": "https",
        "server": ("evenhand.test", 443),
    }
    return Page(Request(scope), Response(), limit, after)


@given(st.lists(st.integers() | texts, min_size=1, max_size=4))
def test_a_cursor_holds_the_key_of_a_row(key: list[int | str]) -> None:
    assert read(PLACE, write(PLACE, tuple(key))) == tuple(key)


def test_days_instants_and_ids_come_back_as_what_they_were() -> None:
    key = (datetime(2026, 11, 25, 1, tzinfo=UTC), date(2026, 11, 25), UUID(int=7), 3)
    asked = page(10, read(PLACE, write(PLACE, key)))
    assert asked.key(datetime, date, UUID, int) == key


@given(st.text(max_size=60) | st.binary(max_size=40).map(lambda some: some.hex()))
def test_what_is_no_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(Rejected) as refused:
        read(PLACE, cursor)
    assert refused.value.code == "malformed"


@pytest.mark.parametrize(
    "cursor",
    [
        write("/api/v1/claims", (1,)),
        write(PLACE, (1.5,)),
        write(PLACE, (None,)),
        write(PLACE, (True,)),
        "WyIvYXBpL3YxL29yZGVycyIsICJcdWQ4MDAiXQ",  # half of a character
    ],
)
def test_a_cursor_of_something_else_is_refused(cursor: str) -> None:
    with pytest.raises(Rejected):
        read(PLACE, cursor)


@pytest.mark.parametrize(
    ("held", "kinds"),
    [
        (("x",), (int,)),
        ((1,), (str,)),
        ((1, 2), (int,)),
        (("2026-11-25T01:00:00",), (datetime,)),
        (("noon",), (datetime,)),
        (("noon",), (date,)),
        (("noon",), (UUID,)),
    ],
)
def test_a_key_that_does_not_fit_the_list_is_refused(held: tuple[paging.Key, ...], kinds: tuple[type, ...]) -> None:
    with pytest.raises(Rejected):
        page(10, held).key(*kinds)


def test_the_answer_says_where_the_next_page_is_and_keeps_what_was_asked() -> None:
    asked = page(2, query=b"cycle=c1&cursor=old&limit=2")
    rows, cursor = asked.cut([9, 8, 7], lambda number: (number,))
    assert (rows, read(PLACE, str(cursor))) == ([9, 8], (8,))
    assert asked.response.headers["Link"] == f'<{PLACE}?cycle=c1&limit=2&cursor={cursor}>; rel="next"'


@pytest.mark.parametrize("found", [[], [9], [9, 8]])
def test_the_last_page_says_that_it_is_the_last(found: list[int]) -> None:
    asked = page(2)
    assert asked.cut(found, lambda number: (number,)) == (found, None)
    assert "Link" not in asked.response.headers


def test_a_list_that_never_changes_goes_on_at_its_place() -> None:
    rows, seen, after = list(range(5)), [], None
    for _ in range(3):
        asked = page(2, after)
        seen += asked.of_fixed(lambda offset, limit: rows[offset : offset + limit])
        link = asked.response.headers.get("Link", "")
        after = read(PLACE, link.partition("cursor=")[2].partition(">")[0]) if link else None
    assert (seen, after) == (rows, None)
    with pytest.raises(Rejected):
        page(2, (-1,)).of_fixed(lambda offset, limit: rows[offset : offset + limit])
