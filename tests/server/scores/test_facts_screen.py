"""What is known of each component and month, how fresh and of how many shops: why a component is absent."""

import re
from datetime import date

import pytest

from server.scores.console_facts import TABLES, first_month
from server.scores.fields import ASSORTMENT, KINDS, PAYMENTS


def cells(page: str, component: str) -> list[str]:
    row = next(row for row in page.split("<tr ") if f'data-label="Component">{component}<' in row)
    return [" ".join(re.sub("<[^>]*>", " ", cell.partition(">")[2]).split()) for cell in row.split("<td ")[1:]]


@pytest.fixture
def planner(signed_in):
    return signed_in("planner", name="anna")


def test_before_anything_came_every_component_says_that_it_is_absent_and_how_to_bring_it(session, planner):
    page = planner.get("/console/scores/facts").text

    assert page.count("absent") == len(TABLES) + 1
    for kind in KINDS:
        assert f"/console/imports?kind={kind.name}" in page
        assert planner.get(f"/console/imports/empty/{kind.name}.csv").text.startswith("\ufeffretailer,period,")


def test_each_component_says_of_how_many_shops_and_until_when(room, signed_in, clock):
    room.facts(PAYMENTS, "R1,2026-09-01,100,90", "R2,2026-09-01,100,90", "R2,2026-08-01,100,90")
    room.deliver("R1", "delivery:1", skus=["K1"])
    room.deliver("R2", "delivery:2", skus=["K1"])
    clock.advance(days=10)
    room.facts(ASSORTMENT, "R2,2026-11-01,8,2", "R3,2026-11-01,8,2", "R4,2026-11-01,8,2")

    page = signed_in("planner").get("/console/scores/facts").text

    told = {
        name: cells(page, name) for name in ("demand", "turnover", "assortment", "payment", "acceptance of deliveries")
    }
    assert [line[1:5] for line in told.values()] == [
        ["out of date", "4 / 4", "10", "Oct 2026"],
        ["absent", "–", "–", "–"],
        ["known", "4 / 4", "1", "Nov 2026"],
        ["out of date", "2 / 4", "2", "Sept 2026"],
        ["in part", "2 / 4", "1", "Nov 2026"],
    ]
    november = next(row for row in page.split("<tr ") if ">Nov 2026</th>" in row)
    assert re.findall(r'data-label="(\w+)">(\d+)', november) == [("Assortment", "4"), ("Deliveries", "2")]


def test_who_brings_no_files_sees_it_without_the_ways_to(room, signed_in):
    page = signed_in("releaser").get("/console/scores/facts").text
    assert "out of date" not in page
    assert "/console/imports" not in page.partition("<main")[2]


def test_the_months_are_those_that_a_run_reads():
    assert first_month(date(2026, 11, 1), 364) == date(2025, 12, 1)
    assert first_month(date(2026, 11, 1), 365) == date(2025, 11, 1)
