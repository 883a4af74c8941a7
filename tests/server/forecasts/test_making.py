"""A version from the history to the shops: what it knows, what it leaves alone, and that it can be taken up again."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from factories import make_retailer, make_sku
from sqlalchemy import event, func, select, text
from sqlalchemy.orm import Session

from allocation.errors import InputError
from contract.errors import Conflict
from contract.feed import Forecast
from server.forecasts import making, queries, rules, service
from server.forecasts.fields import HISTORY
from server.forecasts.models import ForecastVersion, SeriesRow
from server.kit import audit, outbox, records
from server.kit.db import transaction
from server.kit.identity import SYSTEM, Operator
from server.kit.runtime import Runtime

pytestmark = pytest.mark.slow  # loading the models takes seconds

SHOPS = ("R1", "R2", "R3")
JULY, NOVEMBER = date(2024, 7, 1), date(2026, 11, 1)
SEASON = (0.7, 0.8, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.1, 1.1, 1.2, 1.4)


def month(shop: str, ahead: int, **changed: object) -> dict[str, object]:
    """A month's record: a shop of ten times its number of units, in a year's shape, never quite the same."""
    period = rules.later(JULY, ahead)
    sold = round(100 * int(shop[1]) * SEASON[period.month - 1]) + ahead * 7 % 5
    known = {"sold_units": sold, "requested_units": None, "granted_units": None, "out_days": 0, "source": "file"}
    return {"retailer": shop, "product_class": "goods", "period": period} | known | changed


def bring(session: Session, *cells: dict[str, object], at) -> None:
    records.hold(session, HISTORY)
    records.write(session, HISTORY, cells, at=at)
    HISTORY.written(session, [records.Written(None, cell) for cell in cells], at)


@pytest.fixture
def known(runtime: Runtime, clock) -> None:
    """Twenty-eight months of three shops, up to the end of October 2026."""
    with transaction(runtime.sessions) as session:
        make_sku(session)
        for shop in SHOPS:
            make_retailer(session, shop)
        bring(session, *(month(shop, ahead) for shop in SHOPS for ahead in range(28)), at=clock())


def make(runtime: Runtime) -> queries.Version:
    with transaction(runtime.sessions) as session:
        now = runtime.clock()
        number = service.ask_version(session, SYSTEM, at=now, today=now.date())
        asked = queries.version(session, number)
    finish(runtime, asked)
    with transaction(runtime.sessions) as session:
        return queries.version(session, number)


def finish(runtime: Runtime, asked: queries.Version) -> None:
    """Work off the jobs of a version, one a block."""
    for _ in range(10):
        making.run(runtime, version=str(asked.id))
        with transaction(runtime.sessions) as session:
            found = queries.version(session, asked.number)
        if found.stage == making.TOLD or found.state == "failed":
            return
    raise AssertionError(found)


def series(runtime: Runtime, version: queries.Version) -> list[queries.Series]:
    with transaction(runtime.sessions) as session:
        return [replace(one, version=None) for one in queries.every_series(session, version.id)]


def told(runtime: Runtime, shop: str) -> list[Forecast]:
    with transaction(runtime.sessions) as session:
        items, _ = outbox.read(session, shop, after=0)
        return [Forecast.model_validate(item.data) for item in items if item.kind == "forecast"]


def test_a_version_forecasts_every_shop_and_tells_it(runtime, known):
    made = make(runtime)

    assert (made.state, made.stage, made.series_done, made.cut_off) == ("done", making.TOLD, 3, NOVEMBER)
    assert "statsforecast" in made.library_version
    assert len(made.input_sha256) == 64
    for one, size in zip(series(runtime, made), (100, 200, 300), strict=True):
        assert one.first_period == JULY
        assert len(one.demand) == 28
        expected = [size * SEASON[period.month - 1] for period in made.periods]
        assert one.mean == pytest.approx(expected, rel=0.2)
        assert all(low <= mean <= high for low, mean, high in zip(one.lo80, one.mean, one.hi80, strict=True))
        assert one.tested_periods > 0
        assert one.error is not None
    (forecast,) = told(runtime, "R2")
    assert forecast.version == made.number
    assert [m.period for m in forecast.classes[0].months] == made.periods[:4]


def test_nothing_from_the_cut_off_on_changes_a_figure(runtime, known, clock):
    before = make(runtime)
    with transaction(runtime.sessions) as session:
        bring(session, *(month(shop, 28, sold_units=99_999) for shop in SHOPS), at=clock())

    after = make(runtime)

    assert series(runtime, after) == series(runtime, before)
    assert after.input_sha256 == before.input_sha256


def test_a_planted_leak_is_caught(runtime, known, clock, monkeypatch):
    with transaction(runtime.sessions) as session:
        bring(session, month("R1", 28, sold_units=99_999), at=clock())
    honest = queries.cells_until

    def leaking(session, cut_off, *rest, **named):
        return honest(session, rules.later(cut_off, 1), *rest, **named)

    monkeypatch.setattr(queries, "cells_until", leaking)
    with transaction(runtime.sessions) as session:  # the leaking reader reads a month more
        number = queries.history_number(session, rules.later(NOVEMBER, 1))
        service.ask_version(session, SYSTEM, at=clock(), today=clock().date())
        session.execute(text("UPDATE forecast_versions SET history_number = :number"), {"number": number})
        asked = queries.version(session)
    making.run(runtime, version=str(asked.id))

    with transaction(runtime.sessions) as session:
        failed = queries.version(session)
        assert failed.state == "failed"
        assert "2026-11-01 is not before the cut-off" in failed.trouble
        assert audit.entries(session, subject=f"forecast:{failed.number}")[0].alert
    assert told(runtime, "R1") == []


def test_a_job_that_was_killed_goes_on_with_what_is_missing(runtime, known, clock, monkeypatch):
    with transaction(runtime.sessions) as session:
        make_sku(session, "K2")
        session.execute(text("UPDATE skus SET category = 'other' WHERE sku = 'K2'"))
        bring(session, *(month("R1", ahead, product_class="other") for ahead in range(28)), at=clock())
        number = service.ask_version(session, SYSTEM, at=clock(), today=clock().date())
        asked = queries.version(session, number)
    computed = []
    honest = making.series_rows

    def counting(demand, found, product_class):
        computed.append(product_class)
        if product_class == "other" and computed.count("other") == 1:
            raise KeyboardInterrupt
        return honest(demand, found, product_class)

    monkeypatch.setattr(making, "series_rows", counting)
    making.run(runtime, version=str(asked.id))  # one block, then what else waits has its turn
    with transaction(runtime.sessions) as session:
        waiting = (
            "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'forecasts.make' AND queue_name = 'solving'"
        )
        assert session.scalar(text(waiting)) == 2
    with pytest.raises(KeyboardInterrupt):
        making.run(runtime, version=str(asked.id))
    with transaction(runtime.sessions) as session:
        stopped = queries.version(session)
    assert (stopped.state, stopped.series, stopped.series_done) == ("working", 4, 3)
    with transaction(runtime.sessions) as session:  # what comes meanwhile belongs to the next version
        bring(session, month("R1", 27, product_class="other", sold_units=1), at=clock())

    finish(runtime, asked)
    making.run(runtime, version=str(asked.id))

    assert computed == ["goods", "other", "other"]
    with transaction(runtime.sessions) as session:
        made = queries.version(session)
        assert (made.state, made.series_done) == ("done", 4)
        assert [one.demand[-1] for one in queries.series_of(session, made.id, ["R1"])["R1"]] == [114.0, 114.0]


def test_a_shop_of_which_only_shortage_is_known_has_no_forecast(runtime, known, clock):
    with transaction(runtime.sessions) as session:
        make_sku(session, "K2")
        session.execute(text("UPDATE skus SET category = 'empty' WHERE sku = 'K2'"))
        bring(session, month("R1", 27, product_class="empty", sold_units=None, out_days=9), at=clock())

    made = make(runtime)

    assert (made.state, made.series, made.series_done) == ("done", 4, 4)
    assert [(one.product_class, one.retailer) for one in series(runtime, made)] == [("goods", code) for code in SHOPS]


def test_what_the_library_refuses_is_told_and_the_version_before_counts_on(runtime, known, monkeypatch):
    good = make(runtime)

    def refused(*_):
        raise InputError("history", "numbers are needed", column="sold")

    monkeypatch.setattr(making, "series_rows", refused)
    make(runtime)

    with transaction(runtime.sessions) as session:
        assert "numbers are needed" in queries.version(session, state="failed").trouble
        assert queries.version(session, state="done").number == good.number


def test_a_past_forecast_stays_beside_what_came(runtime, known, clock, at_another_time):
    make(runtime)
    with transaction(runtime.sessions) as session:
        bring(session, *(month(shop, 28, sold_units=100) for shop in SHOPS), at=clock())
    later = at_another_time(clock() + timedelta(days=10))
    second = make(later)

    assert second.cut_off == date(2026, 12, 1)
    with transaction(runtime.sessions) as session:
        (past,) = queries.past(session, ["R1"], since=NOVEMBER)["R1"]["goods"]
    assert (past.period, past.version, past.came_units) == (NOVEMBER, 1 if second.number == 2 else past.version, 100)
    assert rules.mean_error([past]) == pytest.approx(abs(past.forecast_units - 100) / 100)
    (forecast,) = told(runtime, "R1")
    assert [one.came_units for one in forecast.classes[0].past][-1] == 100
    assert forecast.classes[0].error == pytest.approx(rules.mean_error([past]), abs=0.001)


def test_of_forecasts_made_from_one_day_the_newest_alone_is_read(runtime, known, clock, at_another_time):
    versions = [make(runtime) for _ in range(3)]
    with transaction(runtime.sessions) as session:
        bring(session, *(month(shop, 28, sold_units=100) for shop in SHOPS), at=clock())
    make(at_another_time(clock() + timedelta(days=10)))
    read = []

    def look(row, _context):
        read.append(row.version)

    event.listen(SeriesRow, "load", look)
    try:
        with transaction(runtime.sessions) as session:
            (past,) = queries.past(session, ["R1"], since=NOVEMBER)["R1"]["goods"]
    finally:
        event.remove(SeriesRow, "load", look)
    assert (past.version, read) == (versions[-1].number, [versions[-1].id])


def test_a_version_that_is_stopped_stores_no_further_block_and_the_next_one_may_be_asked_for(
    runtime, known, clock, monkeypatch
):
    with transaction(runtime.sessions) as session:
        number = service.ask_version(session, SYSTEM, at=clock(), today=clock().date())
        asked = queries.version(session, number)
    honest = making.series_rows

    def stopped_meanwhile(*args):
        with transaction(runtime.sessions) as session:
            service.stop_version(session, number, Operator(1, "anna", frozenset({"planner"})), at=clock())
        return honest(*args)

    with monkeypatch.context() as slow:
        slow.setattr(making, "series_rows", stopped_meanwhile)
        making.run(runtime, version=str(asked.id))
    making.run(runtime, version=str(asked.id))  # its job comes again

    with transaction(runtime.sessions) as session:
        stopped = queries.version(session, number)
        assert (stopped.state, stopped.series_done, stopped.done_at) == ("stopped", 0, clock())
        assert session.scalar(select(func.count()).select_from(SeriesRow)) == 0
        assert queries.version(session, state="done") is None
        with pytest.raises(Conflict):
            service.stop_version(session, number, Operator(1, "anna", frozenset({"planner"})), at=clock())
        assert service.ask_version(session, SYSTEM, at=clock(), today=clock().date()) > number


def test_one_version_at_a_time_and_none_without_history(runtime, clock, known):
    with transaction(runtime.sessions) as session:
        service.ask_version(session, SYSTEM, at=clock(), today=clock().date())
        with pytest.raises(Conflict, match="waiting"):
            service.ask_version(session, SYSTEM, at=clock(), today=clock().date())
        with pytest.raises(Conflict, match="no history"):
            service.ask_version(session, SYSTEM, at=clock(), today=JULY)


def test_the_night_brings_a_version_only_where_something_is_new(runtime, clock, known):
    zone = runtime.settings.tz
    evening = clock().astimezone(zone).replace(hour=1)

    def tick(now):
        with transaction(runtime.sessions) as session:
            return service.keep_time(session, now)

    assert tick(evening) is None
    first = tick(evening.replace(hour=2))
    assert first is not None
    assert tick(evening.replace(hour=3)) is None
    with transaction(runtime.sessions) as session:
        asked = session.scalars(select(ForecastVersion.id)).one()
    making.run(runtime, version=str(asked))
    assert tick(evening.replace(hour=2) + timedelta(days=1)) is None
    with transaction(runtime.sessions) as session:
        bring(session, month("R1", 27, sold_units=90), at=clock())
    assert tick(evening.replace(hour=2) + timedelta(days=2)) == first + 1
