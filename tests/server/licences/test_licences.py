"""Licences: the gate at ordering and allocation, what runs out soon, states with reasons, files."""

from datetime import date, timedelta
from typing import Any

import pytest
from factories import NOW, make_retailer
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from contract.errors import Rejected
from contract.licences import EXPIRING_DAYS, stand
from server.kit import records
from server.kit.fields import Invalid
from server.kit.identity import Actor
from server.kit.imports import Upload, bring
from server.licences import queries, service
from server.licences.fields import LICENCES

ANN = Actor("operator", "ann")
DAY = date(2026, 11, 25)
KEY = ("R1", "spirits", "L-1")


def licence(**changed: Any) -> dict[str, Any]:
    return {
        "retailer": "R1",
        "licence_class": "spirits",
        "number": "L-1",
        "valid_from": date(2026, 1, 1),
        "valid_until": date(2026, 12, 31),
        "state": "valid",
        "state_reason": None,
    } | changed


@pytest.fixture
def shop(session: Session) -> str:
    return make_retailer(session)


@pytest.mark.parametrize(
    ("day", "held"),
    [(date(2025, 12, 31), False), (date(2026, 1, 1), True), (date(2026, 12, 31), True), (date(2027, 1, 1), False)],
)
def test_first_and_last_day_are_included(session: Session, shop: str, day: date, held: bool) -> None:  # noqa: FBT001 - a table of cases
    service.save_licence(session, licence(), ANN, at=NOW)
    assert queries.classes_held(session, shop, day) == ({"spirits"} if held else frozenset())
    assert queries.classes_held_by(session, None, day) == ({"R1": {"spirits"}} if held else {})


@pytest.mark.parametrize("state", ["suspended", "cancelled"])
def test_a_licence_that_is_not_valid_opens_nothing_until_it_is_restored(
    session: Session, shop: str, state: str
) -> None:
    service.save_licence(session, licence(), ANN, at=NOW)
    with pytest.raises(Invalid, match="state_reason: A licence is suspended or cancelled for a reason"):
        service.set_state(session, KEY, state, " ", ANN, at=NOW)
    service.set_state(session, KEY, state, "sold to minors", ANN, at=NOW)
    assert queries.classes_held(session, shop, DAY) == frozenset()
    service.set_state(session, KEY, "valid", "", ANN, at=NOW)
    assert queries.classes_held(session, shop, DAY) == {"spirits"}
    assert queries.licences_of(session, shop)[0].state_reason is None


def test_a_licence_of_nobody_or_of_a_turned_span_is_refused(session: Session, shop: str) -> None:
    with pytest.raises(Invalid, match="retailer: There is no retailer “R9”"):
        service.save_licence(session, licence(retailer="R9"), ANN, at=NOW)
    with pytest.raises(Invalid, match="valid_until: The last day lies before the first, 2026-01-01"):
        service.save_licence(session, licence(valid_until=date(2025, 1, 1)), ANN, at=NOW)
    with pytest.raises(Rejected, match="no licence R1 / spirits / L-1"):
        service.set_state(session, KEY, "valid", "", ANN, at=NOW)
    assert queries.licences_of(session, shop) == []


@given(
    st.sampled_from(["valid", "suspended", "cancelled"]),
    st.dates(date(2026, 9, 1), date(2027, 4, 1)),
    st.integers(0, 200),
)
def test_a_licence_opens_the_gate_where_it_stands_valid_or_expiring(state: str, first: date, days: int) -> None:
    last = first + timedelta(days=days)
    stands = stand(state, first, last, DAY)
    assert (stands in ("valid", "expiring")) == (state == "valid" and first <= DAY <= last)
    assert (stands == "expiring") == (state == "valid" and first <= DAY <= last and (last - DAY).days < EXPIRING_DAYS)


def test_the_list_finds_how_a_licence_stands_as_the_rule_says(session: Session, shop: str) -> None:
    spans = [(-400, -1), (-400, 0), (-400, EXPIRING_DAYS - 1), (-400, EXPIRING_DAYS), (1, 400), (0, 400)]
    for number, (first, last) in enumerate(spans):
        for state in ("valid", "suspended", "cancelled"):
            made = licence(
                number=f"{state}-{number}",
                valid_from=DAY + timedelta(days=first),
                valid_until=DAY + timedelta(days=last),
                state=state,
                state_reason=None if state == "valid" else "a reason",
            )
            service.save_licence(session, made, ANN, at=NOW)
    every = queries.licences_of(session, shop)
    for stands in ("valid", "expiring", "expired", "coming", "suspended", "cancelled"):
        found, total = queries.search(session, on=DAY, stands=stands)
        assert {one.number for one in found} == {one.number for one in every if one.stand(DAY) == stands}
        assert total == len(found) > 0


def test_licences_come_by_file_and_go_out_the_same(session: Session, shop: str) -> None:
    content = f"Store,From,To\n{shop},01.01.2026,31.12.2026\nR9,01.01.2026,31.12.2026\n{shop},31.02.2026,31.12.2026\n"
    mapping = """
        [fields]
        retailer = "Store"
        number = "Store"
        licence_class = { constant = "spirits" }
        valid_from = { column = "From", date = "%d.%m.%Y" }
        valid_until = { column = "To", date = "%d.%m.%Y" }
    """
    report = bring(session, LICENCES, Upload("l.csv", content.encode()), mapping, actor=ANN, at=NOW)
    assert report.rows_new == 1
    assert [(row.row, row.problems[0].value, row.problems[0].code) for row in report.refused] == [
        (3, "R9", "not_known"),
        (4, "31.02.2026", "not_a_day"),
    ]
    exported = records.export_csv(LICENCES, records.every(session, LICENCES))
    again = bring(session, LICENCES, Upload("l.csv", exported), "", actor=ANN, at=NOW)
    assert (again.rows_unchanged, again.rows_read) == (1, 1)
