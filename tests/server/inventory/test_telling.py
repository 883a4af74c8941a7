"""What the ledgers tell the demand history: once a month is over, and never over what a file says."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from factories import make_retailer, make_sku
from sqlalchemy import text

from contract.ids import uuid7
from contract.messages import MovedLine, MoveStock
from server import solver
from server.forecasts import queries as forecasts
from server.forecasts import service as forecast_service
from server.forecasts.fields import HISTORY
from server.inventory import rules, telling
from server.inventory import service as inventory
from server.kit.db import transaction
from server.kit.identity import SYSTEM, Actor, Sender
from server.kit.imports import Upload, bring
from server.kit.inbox import Arrival

OCTOBER, NOVEMBER = date(2026, 10, 1), date(2026, 11, 1)
NIGHT = datetime(2026, 12, 1, 1, 30, tzinfo=UTC)


def at(month: int, day: int) -> datetime:
    return datetime(2026, month, day, 12, tzinfo=UTC)


class Shop:
    """A shop of which a test tells."""

    def __init__(self, runtime, code):
        self.runtime, self.code = runtime, code

    def gets(self, sku, units, when):
        with transaction(self.runtime.sessions) as session:
            cause = inventory.Cause("receipt", "delivery", uuid7(), SYSTEM)
            inventory.book(session, self.code, {sku: rules.Change(units)}, cause, at=when)

    def sells(self, sku, units, when, *, told=None):
        with transaction(self.runtime.sessions) as session:
            message = MoveStock(kind="sale", moved_at=when, lines=(MovedLine(sku=sku, units=units),))
            inventory.move_stock(session, message, Arrival(uuid7(), Sender("till-1", self.code), told or when))

    def history(self):
        with transaction(self.runtime.sessions) as session:
            cells = forecasts.history(session, self.code).get("goods", [])
            return {cell.period.month: (cell.sold_units, cell.out_days, cell.source) for cell in cells}


@pytest.fixture
def shop(runtime):
    with transaction(runtime.sessions) as session:
        make_sku(session, "A")
        make_sku(session, "B")
        make_retailer(session, "R1")
        make_retailer(session, "R2")
    return Shop(runtime, "R1")


@pytest.fixture
def night(runtime, clock):
    """Let a night pass."""

    def pass_by(now=NIGHT):
        clock.now = now
        with transaction(runtime.sessions) as session:
            asked = telling.keep_time(session, now.astimezone(ZoneInfo("UTC")))
        if asked:
            solver.TASKS[telling.TASK](runtime, day=now.date().isoformat())
        return asked

    return pass_by


def test_a_month_that_is_over_comes_with_its_sales_and_days_without_stock(shop, night):
    shop.gets("A", 10, at(11, 1))
    shop.gets("B", 10, at(11, 1))
    shop.sells("A", 10, at(11, 10))
    shop.sells("B", 3, at(11, 12))

    assert night()

    assert shop.history() == {11: (13, 10, "terminal")}  # one of two was out for 20 of 30 days


def test_the_month_under_way_is_not_told_and_a_night_is_told_once(shop, night):
    shop.gets("A", 10, at(11, 1))
    shop.sells("A", 4, at(11, 10))

    assert night(at(11, 20))
    assert shop.history() == {}
    assert not night(at(11, 20))


def test_a_sale_that_comes_late_is_a_new_version_and_the_earlier_one_stays(runtime, shop, night):
    shop.gets("A", 10, at(11, 1))
    shop.sells("A", 4, at(11, 10))
    night()
    shop.sells("A", 2, at(11, 29), told=at(12, 4))

    night(NIGHT + timedelta(days=4))
    night(NIGHT + timedelta(days=5))

    assert shop.history()[11][0] == 6
    with transaction(runtime.sessions) as session:
        versions = forecasts.cell_versions(session, "R1", "goods", NOVEMBER)
    assert [cell.sold_units for cell, _ in versions] == [6, 4]


def test_a_shop_that_tells_of_no_sale_is_not_said_to_have_sold_nothing(shop, night):
    shop.gets("A", 10, at(11, 1))
    night()
    assert shop.history() == {}


def test_what_a_file_says_stays_and_what_cycles_say_stands_beside(runtime, shop, night):
    shop.gets("A", 10, at(10, 1))
    shop.sells("A", 1, at(10, 10))
    shop.sells("A", 4, at(11, 10))
    with transaction(runtime.sessions) as session:
        rows = b"retailer,product_class,period,sold_units\nR1,goods,2026-10-01,40\n"
        bring(session, HISTORY, Upload("h.csv", rows), "", actor=Actor("operator", "ann"), at=at(11, 2))
        forecast_service.note_requests(session, NOVEMBER, {("R1", "goods"): (9, 8)}, "cycles", at=at(11, 3))

    night()

    assert {month: told[0] for month, told in shop.history().items()} == {10: 40, 11: 4}
    with transaction(runtime.sessions) as session:
        november = forecasts.history(session, "R1")["goods"][1]
        assert (november.requested_units, november.granted_units, november.sold_units) == (9, 8, 4)
        forecast_service.note_requests(session, NOVEMBER, {("R1", "goods"): (9, 9)}, "cycles", at=at(12, 2))
    shop.sells("A", 1, at(11, 30), told=at(12, 3))
    night(NIGHT + timedelta(days=4))
    assert shop.history()[11][0] == 5


def test_shops_are_told_apart_and_days_are_the_distributors(runtime, shop, night):
    other = Shop(runtime, "R2")
    for one, units in ((shop, 3), (other, 5)):
        one.gets("A", 10, at(10, 1))
        one.sells("A", units, datetime(2026, 10, 31, 23, 30, tzinfo=UTC))  # in Shanghai the 1st of November

    night()

    assert [{month: told[0] for month, told in one.history().items()} for one in (shop, other)] == [{11: 3}, {11: 5}]


def test_before_the_night_nothing_is_asked_for_and_a_job_is_queued_in_it(runtime, shop):
    with transaction(runtime.sessions) as session:
        assert not telling.keep_time(session, NIGHT.replace(hour=0))
        assert telling.keep_time(session, NIGHT)
        assert not telling.keep_time(session, NIGHT.replace(hour=5))
        queued = session.execute(text("SELECT task_name, queue_name FROM procrastinate_jobs")).all()
    assert [tuple(row) for row in queued] == [("inventory.tell", "solving")]
