"""Where the figures of scores come from: files of facts, confirmed deliveries; each later one beside the earlier."""

from datetime import date

import pytest
from factories import make_sku

from allocation.scoring.history import TABLES
from server.kit.db import transaction
from server.scores import fact_queries, facts, fields
from server.scores.fields import ASSORTMENT, INSPECTIONS, PAYMENTS, SERVICE

from .conftest import month

OCTOBER, NOVEMBER, DECEMBER = date(2026, 10, 1), date(2026, 11, 1), date(2026, 12, 1)


def parts(room, shop, found):
    return {part["component"]: part for part in room.scores(found)[shop].parts}


def known(room, day=DECEMBER, number=2**62):
    with transaction(room.runtime.sessions) as session:
        return [
            (fact.facts, fact.retailer, fact.period.month, fact.whole, fact.part)
            for fact in fact_queries.facts_until(session, day, number)
        ]


def test_each_kind_of_facts_makes_its_component(room):
    reports = [
        room.facts(PAYMENTS, "R1,2026-09-01,1000,400", "R1,2026-10-01,1000,500", "R4,2026-10-01,500,500"),
        room.facts(INSPECTIONS, "R1,2026-10-01,2,2", "R2,2026-10-01,1,0"),
        room.facts(SERVICE, "R1,2026-10-01,10,7"),
        room.facts(ASSORTMENT, "R1,2026-10-01,40,10", "R2,2026-10-01,40,20"),
    ]

    found = room.draft()

    assert [report.rows_new for report in reports] == [3, 2, 1, 2]
    assert set(found.certificate["absent"]) == {"turnover", "acceptance"}
    own = parts(room, "R1", found)
    assert {
        name: (own[name]["numerator"], own[name]["denominator"]) for name in own if name not in {"demand", "trend"}
    } == {
        "payment": ("900", "2000"),
        "compliance": ("2", "2"),
        "service": ("7", "10"),
        "assortment": ("10", "40"),
    }
    assert parts(room, "R3", found)["payment"]["periods"] == "0"


@pytest.mark.parametrize("kind", fields.KINDS, ids=lambda kind: kind.name)
def test_the_columns_of_a_kind_are_those_of_the_scoring_library(kind):
    assert tuple(kind.columns) == TABLES[kind.name]


def test_every_row_of_facts_is_taken_or_refused_with_its_reason(room):
    report = room.facts(
        PAYMENTS,
        "R1,2026-10-01,1000,900",
        "R2,2026-10-01,0,0",
        "R1,2026-09-01,1000,-1",
        "R1,2026-08-01,1000,1001",
        "R1,2026-07-15,1000,900",
        "R9,2026-10-01,1000,900",
        "R3,2026-10-01,1000,900",
        "R3,2026-10-01,1000,900",
        "R4,2026-10-01,1000,900",
        "R4,2026-10-01,1000,800",
        "R1,2026-11-01,1000,900",
        "R1,2027-01-01,1000,900",
        "R1,2026-06-01,1000.5,900",
        "R1,2026-05-01,NaN,",
    )

    assert report.rows_new == 3
    assert [(row.row, one.column, one.code, one.value) for row in report.refused for one in row.problems] == [
        (4, "paid_minor", "out_of_range", "-1"),
        (5, "paid_minor", "above_whole", "1001"),
        (6, "period", "not_a_month", "2026-07-15"),
        (7, "retailer", "not_known", "R9"),
        (9, "retailer", "repeated", "R3"),
        (10, "retailer", "contradicted", "R4"),
        (11, "retailer", "contradicted", "R4"),
        (12, "period", "not_over", "2026-11-01"),
        (13, "period", "not_over", "2027-01-01"),
        (14, "due_minor", "not_whole", "1000.5"),
        (15, "due_minor", "not_whole", "NaN"),
        (15, "paid_minor", "empty", ""),
    ]


def test_a_later_figure_is_a_new_version_and_the_earlier_one_stays(room):
    room.facts(PAYMENTS, "R1,2026-10-01,1000,900")
    room.facts(PAYMENTS, "R1,2026-10-01,1000,900")
    room.facts(PAYMENTS, "R1,2026-10-01,1000,950")

    with transaction(room.runtime.sessions) as session:
        told = fact_queries.versions_of(session, "payments", "R1", OCTOBER)
    assert [(one.whole, one.part, one.source, one.by) for one in told] == [
        (1000, 950, "file", "operator:ann"),
        (1000, 900, "file", "operator:ann"),
    ]
    assert told[0].number > told[1].number


def test_a_run_sees_the_facts_as_they_stood_when_it_was_asked_for(room):
    room.facts(PAYMENTS, "R1,2026-10-01,1000,900")
    number = room.ask()
    room.facts(PAYMENTS, "R1,2026-10-01,1000,100", "R2,2026-10-01,1000,1000")

    found = room.work(number)

    assert parts(room, "R1", found)["payment"]["numerator"] == "900"
    assert parts(room, "R2", found)["payment"]["periods"] == "0"
    assert parts(room, "R1", room.draft())["payment"]["numerator"] == "100"


def test_a_month_that_is_not_over_is_no_fact_of_a_run(room):
    room.deliver("R1", "delivery:1", skus=["K1"])

    assert {"acceptance", "assortment"} <= set(room.draft().certificate["absent"])
    assert known(room, NOVEMBER) == []
    assert known(room) == [("deliveries", "R1", 11, 1, 1), ("assortment", "R1", 11, 1, 1)]


def test_a_planted_leak_ends_the_run_and_is_named(room, monkeypatch):
    leak = fact_queries.Fact("payments", "R1", NOVEMBER, 1000, 1000)
    monkeypatch.setattr(fact_queries, "facts_until", lambda *_: iter([leak]))

    failed = room.work(room.ask())

    assert failed.state == "failed"
    assert failed.trouble == "payments: 2026-11-01 is not before the day of the score, 2026-11-01"


def test_deliveries_are_counted_once_each_and_every_count_stays(room):
    for told, accepted in (("delivery:1", True), ("delivery:2", False), ("delivery:1", True), ("delivery:2", True)):
        room.deliver("R1", told, accepted=accepted)

    with transaction(room.runtime.sessions) as session:
        told = fact_queries.versions_of(session, "deliveries", "R1", NOVEMBER)
    assert [(one.whole, one.part, one.by) for one in told] == [(2, 1, "device:till-1"), (1, 1, "device:till-1")]


def test_the_assortment_is_what_a_shop_accepted_of_what_anybody_did(room, clock):
    with transaction(room.runtime.sessions) as session:
        for sku in ("K2", "K3"):
            make_sku(session, sku)
    room.deliver("R1", "delivery:1", skus=["K1", "K2"])
    room.deliver("R1", "delivery:2", skus=["K1", "K3"])
    room.deliver("R2", "delivery:3", skus=["K2"])
    room.deliver("R3", "delivery:4", accepted=False)
    clock.advance(days=10)

    found = room.draft()

    ranges = {shop: parts(room, shop, found)["assortment"] for shop in ("R1", "R2", "R3")}
    assert {shop: (part["numerator"], part["denominator"]) for shop, part in ranges.items()} == {
        "R1": ("3", "3"),
        "R2": ("1", "3"),
        "R3": ("0", "3"),
    }


def test_the_assortment_of_a_file_stands_before_what_deliveries_say(room, clock):
    room.deliver("R1", "delivery:1", skus=["K1"])
    room.deliver("R2", "delivery:2", skus=["K1"])
    clock.advance(days=10)
    room.facts(ASSORTMENT, "R1,2026-11-01,8,2")

    assert [fact for fact in known(room) if fact[0] == "assortment"] == [
        ("assortment", "R1", 11, 8, 2),
        ("assortment", "R2", 11, 1, 1),
    ]


def test_what_is_asked_for_is_no_fact(room):
    room.facts(PAYMENTS, "R1,2026-10-01,1000,900", "R4,2026-10-01,1000,900")
    before = room.draft()

    room.bring(*(month("R4", ahead, 100, requested_units=90_000, granted_units=9_000) for ahead in range(12)))

    assert room.draft().score_version == before.score_version


def test_numbers_are_settled_before_a_run_takes_the_newest(room):
    """A version that is being written holds the run up: it would get a smaller number and come later."""
    with transaction(room.runtime.sessions) as writing, transaction(room.runtime.sessions) as asking:
        facts.hold_numbers(writing)
        asking.connection().exec_driver_sql("SET LOCAL lock_timeout = '50ms'")
        with pytest.raises(Exception, match="lock timeout"):
            facts.newest(asking)
        asking.rollback()
