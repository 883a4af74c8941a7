"""Over the wire: a terminal's figure, its receipt, and what its feed says afterwards."""

from datetime import date

import pytest
from factories import NOW, make_device, send
from sqlalchemy import update
from sqlalchemy.orm import Session

from contract.feed import Forecast
from contract.messages import GiveFigure
from server.forecasts import queries, service
from server.forecasts.models import ForecastVersion, SeriesRow
from server.kit import outbox
from server.kit.identity import SYSTEM, Operator, Sender

DECEMBER = date(2026, 12, 1)
ANN = Operator(1, "ann", frozenset({"planner"}))


@pytest.fixture
def till(session: Session, shops) -> Sender:
    return make_device(session, "R1")


@pytest.fixture
def made(session: Session, shops) -> queries.Version:
    """A version from the history before November: of December 100 to 140, most likely 120."""
    service.note_requests(session, date(2026, 10, 1), {("R1", "goods"): (90, 90)}, "cycles", at=NOW)
    number = service.ask_version(session, SYSTEM, at=NOW, today=NOW.date())
    row = session.query(ForecastVersion).one()
    six = [110.2, 120.4, 80.0, 80.0, 80.0, 80.0]
    session.add(
        SeriesRow(
            version=row.id,
            product_class="goods",
            retailer="R1",
            first_period=date(2026, 10, 1),
            demand=[90.0],
            way=[1],
            mean=six,
            lo80=[value - 20 for value in six],
            hi80=[value + 20 for value in six],
            tested_periods=0,
            error=None,
            naive_error=None,
        )
    )
    session.execute(update(ForecastVersion).values(state="done", done_at=NOW, series=1, series_done=1))
    found = queries.version(session, number)
    assert found is not None
    return found


def told(session: Session, retailer: str = "R1") -> list[Forecast]:
    items, _ = outbox.read(session, retailer, after=0)
    return [Forecast.model_validate(item.data) for item in items if item.kind == "forecast"]


def give(session: Session, till: Sender, **changed: object):
    message = GiveFigure.model_validate({"product_class": "goods", "period": DECEMBER, "units": 130} | changed)
    return send(session, till, "forecast.figure", message)


def test_a_terminals_figure_gets_a_receipt_and_stands_in_its_feed(session, till, made):
    receipt = give(session, till, version=made.number)

    assert (receipt.outcome, receipt.revision) == ("accepted", 1)
    (forecast,) = told(session)
    assert (forecast.version, forecast.part, forecast.parts) == (made.number, 1, 1)
    (goods,) = forecast.classes
    december = goods.months[1]
    assert (december.period, december.mean_units, december.low_units, december.high_units) == (DECEMBER, 120, 100, 141)
    assert (december.own_units, december.agreed_units) == (130, None)
    assert queries.figure_versions(session, "R1")[0].by == f"device:{till.device}"


@pytest.mark.parametrize(
    ("changed", "code"), [({"period": "2026-11-01"}, "period_begun"), ({"product_class": "x"}, "unknown_class")]
)
def test_a_refused_figure_says_why_and_changes_nothing(session, till, made, changed, code):
    receipt = give(session, till, **changed)

    assert (receipt.outcome, receipt.code) == ("rejected", code)
    assert queries.figure_versions(session, "R1") == []


def test_an_agreed_figure_is_told_at_once(session, till, made):
    service.agree_figure(session, "R1", "goods", DECEMBER, 125, ANN, at=NOW, today=NOW.date())

    (forecast,) = told(session)
    assert forecast.classes[0].months[1].agreed_units == 125


def test_before_the_first_forecast_a_figure_is_kept_and_nothing_is_told(session, till):
    assert give(session, till).outcome == "accepted"
    assert told(session) == []
