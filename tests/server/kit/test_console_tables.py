"""What a person asked to see of a list stands in its address."""

from dataclasses import dataclass

import pytest
from starlette.requests import Request

from server.kit.console import Column, Filter, TableView

COLUMNS = (Column("name", "Name"), Column("asked_units", "Asked", "units"), Column("note", "Note", sortable=False))
FILTERS = (Filter("state", "State", (("open", "Open"), ("closed", "Closed"))),)


def view(query: str) -> TableView:
    """Return the view of an address."""
    request = Request(
        {"type": "http", "path": "/console/list", "query_string": query.encode(), "headers": [], "method": "GET"}
    )
    return TableView.of(request, COLUMNS, filters=FILTERS, sort="-asked_units", per_page=50)


def test_without_a_choice_the_screen_decides_the_order() -> None:
    plain = view("")
    assert (plain.sort, plain.descending, plain.page, plain.search) == ("asked_units", True, 1, "")
    assert plain.url() == "/console/list"


def test_everything_asked_for_stands_in_the_address_again() -> None:
    asked = view("q=%E6%B0%B8%E5%AE%89&state=open&sort=name&page=3")
    assert (asked.search, asked.filters["state"], asked.sort, asked.descending, asked.offset) == (
        "永安",
        "open",
        "name",
        False,
        100,
    )
    assert view(asked.url().partition("?")[2]) == asked


def test_a_second_sorting_by_the_same_column_turns_it_round() -> None:
    assert view("sort=name").sorted_by("name") == "/console/list?sort=-name"
    assert view("sort=-name").sorted_by("name") == "/console/list?sort=name"
    assert view("sort=name&page=4").sorted_by("asked_units") == "/console/list?sort=asked_units"


@pytest.mark.parametrize(
    "query",
    ["sort=password", "sort=note", "page=0", "page=-3", "page=x", "page=٣", "state=mine", "format=exe", "per_page=x"],
)
def test_what_the_list_does_not_know_is_left_out(query: str) -> None:
    assert view(query).url() == "/console/list"
    assert view(query).page == 1
    assert view(query).format == ""


def test_an_address_cannot_ask_for_everything_at_once() -> None:
    assert view("per_page=999999999").per_page == 500
    assert len(view("q=" + "x" * 5_000).search) == 128


def test_a_column_reads_mappings_and_objects() -> None:
    @dataclass
    class Line:
        asked_units: int

    assert COLUMNS[1].value(Line(5)) == COLUMNS[1].value({"asked_units": 5}) == 5
    assert Column("double", "Double", "number", read=lambda row: row.asked_units * 2).value(Line(5)) == 10


def test_columns_are_chosen_in_the_address_and_the_first_always_stands() -> None:
    asked = view("columns=note.unknown")
    assert [column.key for column in asked.shown(COLUMNS)] == ["name", "note"]
    assert asked.url(page=2).endswith("page=2&columns=note")
    assert view("columns=name&columns=asked_units&columns=note").shown(COLUMNS) == list(COLUMNS)


@pytest.mark.parametrize(("of_list", "shown"), [("/console/list", 2), ("/console/another", 3)])
def test_columns_chosen_last_count_for_their_list_alone(of_list: str, shown: int) -> None:
    cookie = f'columns="{of_list}:name.note"'.encode()
    request = Request(
        {
            "type": "http",
            "path": "/console/list",
            "query_string": b"",
            "headers": [(b"cookie", cookie)],
            "method": "GET",
        }
    )
    assert len(TableView.of(request, COLUMNS).shown(COLUMNS)) == shown
