"""Own and agreed figures: kept with who and when, given before the month begins, looked at by a second person."""

from datetime import date

import pytest
from factories import NOW
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from contract.errors import Conflict, Rejected
from server.forecasts import queries, service
from server.kit.identity import Actor, Operator

TODAY = NOW.date()
DECEMBER, NOVEMBER = date(2026, 12, 1), date(2026, 11, 1)
SHOP = Actor("device", "till-1")
ANN = Operator(1, "ann", frozenset({"planner"}))
BEN = Operator(2, "ben", frozenset({"releaser"}))


def own(session, units=20, *, product_class="goods", period=DECEMBER):
    return service.give_own_figure(session, "R1", product_class, period, units, SHOP, at=NOW, today=TODAY)


def agree(session, units=25):
    return service.agree_figure(session, "R1", "goods", DECEMBER, units, ANN, at=NOW, today=TODAY, note="a fair")


def test_a_later_figure_counts_and_the_earlier_one_stays(session, shops):
    own(session, 20)
    own(session, 30)
    agree(session, 25)

    counts = queries.figures(session, ["R1"])["R1"]
    assert counts["goods", DECEMBER, "own"].units == 30
    assert counts["goods", DECEMBER, "agreed"].units == 25
    assert sorted((f.kind, f.version, f.units, f.by) for f in queries.figure_versions(session, "R1")) == [
        ("agreed", 1, 25, "operator:ann"),
        ("own", 1, 20, "device:till-1"),
        ("own", 2, 30, "device:till-1"),
    ]


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"period": NOVEMBER}, "period_begun"),
        ({"period": date(2026, 10, 1)}, "period_begun"),
        ({"period": date(2027, 5, 1)}, "period_far"),
        ({"period": date(2026, 12, 2)}, "period_far"),
        ({"product_class": "gods"}, "unknown_class"),
    ],
)
def test_a_figure_out_of_time_or_class_is_refused(session, shops, given, code):
    with pytest.raises(Rejected) as refused:
        own(session, **given)

    assert refused.value.code == code
    assert queries.figure_versions(session, "R1") == []


def test_an_agreed_figure_takes_a_second_persons_look(session, shops):
    figure = agree(session)

    def look(operator):
        return service.confirm_figure(session, "R1", "goods", DECEMBER, figure.version, operator, at=NOW, today=TODAY)

    with pytest.raises(Rejected, match="second person"):
        look(ANN)
    confirmed = look(BEN)

    assert (confirmed.units, confirmed.by, confirmed.confirms) == (25, "operator:ben", 1)
    with pytest.raises(Conflict, match="changed meanwhile"):
        look(BEN)


def test_no_figure_can_be_changed_or_removed(session, shops):
    own(session)

    for statement in ("UPDATE demand_figures SET units = 1", "DELETE FROM demand_figures"):
        with pytest.raises(DBAPIError, match="permission denied"), session.begin_nested():
            session.execute(text(statement))
