"""Causes: what came by month, category and region, and what came again, each with where it is found."""

import csv
import io
from datetime import timedelta

import pytest
from factories import make_device, make_retailer, make_sku, send

from contract.messages import FeedbackAbout, SendFeedback
from server.feedback import trends
from server.kit.db import transaction
from server.kit.identity import SYSTEM, Operator
from server.operators import service as operators

PLANNER = Operator(1, "anna", frozenset({"planner"}))
RUDE = Operator(2, "rude", frozenset({"administrator"}))
HEAD = Operator(3, "head", frozenset({"administrator"}))


@pytest.fixture
def said(sessions, clock):
    """Of two shops of one route three wet cartons of a SKU, a month apart, and two complaints about an employee."""
    with transaction(sessions) as session:
        for person in (PLANNER, RUDE, HEAD):
            operators.add_operator(session, person.name, sorted(person.roles), by=SYSTEM, at=clock())
        make_sku(session, "K1")
        for code in ("R1", "R2"):
            make_retailer(session, code)
            sender = make_device(session, code)
            for days in (40, 1)[: 2 if code == "R1" else 1]:
                about = FeedbackAbout(sort="sku", name="K1")
                wet = SendFeedback(kind="complaint", category="goods", words="Wet", about=about)
                send(session, sender, "feedback.send", wet, at=clock() - timedelta(days=days))
            about = FeedbackAbout(sort="employee", name="rude")
            he = SendFeedback(kind="complaint", category="employee", words="He shouted", about=about)
            send(session, sender, "feedback.send", he, at=clock())
    return clock()


def test_what_came_again_is_counted_by_shop_route_sku_and_employee(sessions, said):
    with transaction(sessions) as session:
        found = {(one.sort, one.name, one.category): one.count for one in trends.repeats(session, HEAD, said)}
        assert found == {
            ("retailer", "R1", "goods"): 2,
            ("route", "north", "goods"): 3,
            ("sku", "K1", "goods"): 3,
            ("route", "north", "employee"): 2,
            ("employee", "rude", "employee"): 2,
        }
        for reader in (PLANNER, RUDE):
            assert {one.category for one in trends.repeats(session, reader, said)} == {"goods"}


def test_months_categories_and_regions_add_up_and_are_narrowed(sessions, said):
    with transaction(sessions) as session:
        found = trends.counts(session, HEAD, said)
        assert sum(found.months.values()) == sum(found.categories.values()) == sum(found.regions.values()) == 5
        assert found.categories == {"goods": 3, "employee": 2}
        assert list(found.months)[-2:] == sorted(found.months)[-2:]
        assert sum(trends.counts(session, HEAD, said, category="goods", region="nowhere").months.values()) == 0
        assert trends.counts(session, RUDE, said).categories == {"goods": 3}


def test_the_screen_draws_them_with_tables_links_and_a_file(signed_in, said):
    page = signed_in(name="anna").get("/console/feedback/trends").text
    assert page.count("<svg") > 3
    assert 'href="/console/feedback?category=goods&amp;q=K1"' in page
    assert "成因" in signed_in(name="anna", language="zh").get("/console/feedback/trends").text
    rows = list(csv.reader(io.StringIO(signed_in(name="head").get("/console/feedback/trends?format=csv").text)))
    assert len(rows) == 6
    assert "K1" not in signed_in(name="anna").get("/console/feedback/trends?category=price").text
    assert "K1" in signed_in(name="anna").get("/console/feedback?category=goods&q=K1").text
