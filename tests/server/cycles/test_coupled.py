"""Policies whose limits reach across lines: frozen with the book, held by the result, checked from the files."""

import hashlib

import pytest
import sqlalchemy as sa
from factories import make_sku

from allocation.verification import verify_folders
from contract.errors import Rejected
from server.cycles import exporting, figures, publishing, queries, result_queries, service, standing
from server.kit import audit
from server.kit.db import transaction
from server.kit.identity import Operator

pytestmark = pytest.mark.slow

PLANNER = Operator(1, "anna", frozenset({"planner"}))
COUPLED = """fairness = "line"
rule = "max_min"
rounding = "webster"
credit = true
retailer_units = 60
quotas = [
  {group = "region", value = "hills", sku = "K1", max_units = 20},
  {group = "market_type", value = "town", sku = "K9", max_units = 0},
]
all_or_nothing = [
  {retailer = "R2", sku = "WINE"},
]
"""


def write(town, text=COUPLED, name="coupled"):
    with transaction(town.sessions) as session:
        return standing.write_policy(
            session,
            name,
            text,
            reason="the council's wish",
            author="anna",
            actor=audit.Actor("operator", "anna"),
            at=town.clock.now,
        )


def credit_of(town, **minor):
    with transaction(town.sessions) as session:
        for code, units in minor.items():
            session.execute(sa.text("UPDATE retailers SET credit_minor = :c WHERE code = :r"), {"c": units, "r": code})


@pytest.fixture(autouse=True)
def nobody_asks_for_k9(town):
    with transaction(town.sessions) as session:
        make_sku(session, "K9")


@pytest.fixture
def under_limits(town):
    """A cycle that was shared out under a coupled policy: R1 may owe 12,000, and each unit costs 1,000."""
    write(town)
    cycle = town.draft()
    town.act(service.choose_policy, cycle, PLANNER, name="coupled", version=1)
    town.ordered(cycle)
    credit_of(town, R1=12_000)
    town.close()
    town.work()
    assert town.cycle(cycle).state == "verified", town.cycle(cycle).trouble
    return cycle


def test_the_result_holds_credit_units_quota_and_all_or_nothing(town, under_limits):
    with transaction(town.sessions) as session:
        grants = {(g.retailer, g.sku): g for g in result_queries.drafted_grants(session, under_limits)}
    of_r1 = sum(g.granted_units for (retailer, _), g in grants.items() if retailer == "R1")
    assert of_r1 <= 12, "a unit costs 1,000 and the credit was 12,000 at the freeze"
    assert any(g.bound_by == "credit:R1" for (retailer, _), g in grants.items() if retailer == "R1")
    hills = grants["R1", "K1"].granted_units + grants["R2", "K1"].granted_units
    assert hills <= 20
    assert grants["R2", "K1"].bound_by == "quota:region=hills:K1"
    assert grants["R4", "K1"].granted_units == 60
    assert grants["R4", "K1"].bound_by == "units:R4"
    assert grants["R2", "WINE"].granted_units in {0, 48}


def test_credit_and_prices_are_those_of_the_freeze_whatever_is_changed_later(town, under_limits):
    with transaction(town.sessions) as session:
        first = result_queries.run(session, under_limits)
        session.execute(sa.text("UPDATE skus SET price_minor = 1"))
    credit_of(town, R1=1_000_000)
    town.supply(under_limits, [{"sku": "K2", "supply_units": 1_000}], correct=True)
    town.work()
    with transaction(town.sessions) as session:
        second = result_queries.run(session, under_limits)
    assert (second.attempt, second.input_sha256, second.result_sha256) == (2, first.input_sha256, first.result_sha256)


def test_an_outsider_checks_the_limits_from_the_files_and_the_policy_by_its_announced_hash(
    town, under_limits, tmp_path
):
    with transaction(town.sessions) as session:
        exporting.write(session, under_limits, tmp_path)
        announced = queries.policy(session, "coupled", 1)
    assert verify_folders(tmp_path / "problem", tmp_path / "result").holds
    assert (tmp_path / "problem" / "quotas.csv").read_text() == "group,value,sku,max_units\nregion,hills,K1,20\n"
    policy = (tmp_path / exporting.ANNOUNCED_POLICY).read_bytes()
    assert hashlib.sha256(policy).hexdigest() == announced.text_sha256


def test_the_review_names_the_limits_that_bound_and_at_which_level(town, under_limits, signed_in):
    page = signed_in("planner", name="anna").get(f"/console/cycles/{under_limits}/review/details").text
    plain = " ".join(page.split())
    assert "credit of <code>R1</code>" in plain
    assert "quota of region hills: <code>K1</code>" in plain
    with transaction(town.sessions) as session:
        run = result_queries.run(session, under_limits)
        bounds = {one.name: one for one in figures.details(session, under_limits, run).bounds}
    assert bounds["units:R4"].missed_units == 20
    assert bounds["quota:region=hills:K1"].level is not None


@pytest.mark.parametrize(
    ("row", "where"),
    [
        ('quotas = [{group = "region", value = "the moon", sku = "*", max_units = 1}]', "quotas, row 1, value"),
        ('quotas = [{group = "region", value = "hills", sku = "K99", max_units = 1}]', "quotas, row 1, sku"),
        ('all_or_nothing = [{retailer = "R99", sku = "K1"}]', "all_or_nothing, row 1, retailer"),
        ('all_or_nothing = [{retailer = "*", sku = "K99"}]', "all_or_nothing, row 1, sku"),
    ],
)
def test_a_limit_that_would_bind_nobody_is_refused(town, row, where):
    with pytest.raises(Rejected) as refused:
        write(town, row)
    assert refused.value.params["where"] == where


def test_an_earlier_version_can_be_restored_as_a_new_one(town):
    write(town)
    write(town, 'rounding = "adams"\n')
    with transaction(town.sessions) as session:
        restored = standing.restore_policy(
            session,
            "coupled",
            1,
            reason="it was right",
            author="anna",
            actor=audit.Actor("operator", "anna"),
            at=town.clock.now,
        )
    assert (restored.version, restored.text) == (3, COUPLED)


def test_of_the_skus_of_a_bundle_a_retailer_is_granted_one_at_most(town):
    write(town, 'bundles = [{bundle = "either", sku = "K1"}, {bundle = "either", sku = "K2"}]\n', "either")
    cycle = town.draft()
    town.act(service.choose_policy, cycle, PLANNER, name="either", version=1)
    town.ordered(cycle)
    town.close()
    town.work()
    assert town.cycle(cycle).state == "verified", town.cycle(cycle).trouble
    with transaction(town.sessions) as session:
        grants = {(one.retailer, one.sku): one for one in result_queries.drafted_grants(session, cycle)}
    for retailer in ("R1", "R3"):  # they asked for both
        of_bundle = [grants[retailer, sku] for sku in ("K1", "K2")]
        assert sorted(one.granted_units > 0 for one in of_bundle) == [False, True]
        [left] = [one for one in of_bundle if not one.granted_units]
        assert (left.reason, left.bound_by) == ("quota", "exclusive:either")
        with transaction(town.sessions) as session:
            carried = publishing.lines_of(session, cycle, retailer)
        assert carried[left.sku].carried_thousandths == 0, "he wanted one of them, and is owed nothing of the other"
    assert grants["R2", "K1"].granted_units > 0


def test_a_bundle_names_skus_of_the_catalogue(town):
    with pytest.raises(Rejected) as refused:
        write(town, 'bundles = [{bundle = "either", sku = "K1"}, {bundle = "either", sku = "NONE"}]\n')
    assert refused.value.params["where"] == "bundles, row 2, sku"
