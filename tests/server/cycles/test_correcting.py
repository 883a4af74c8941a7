"""Goods that turn out missing after the grants are out: corrected by two persons, told to every shop, kept for ever."""

import hashlib
import html
import io
import zipfile

import pytest

from contract.errors import Conflict, Rejected
from contract.feed import Grants
from contract.messages import Message
from server.catalogue import queries as catalogue
from server.cycles import (
    adjusting,
    cli,
    correcting,
    exporting,
    queries,
    result_queries,
    service,
    supply,
    supply_queries,
)
from server.deliveries import queries as deliveries
from server.deliveries import service as delivering
from server.inventory import depot_queries
from server.kit import audit_trail, outbox
from server.kit.db import transaction
from server.kit.fields import Invalid
from server.kit.identity import SYSTEM, Operator
from server.retailers import service as retailers

pytestmark = pytest.mark.slow

PLANNER = Operator(1, "anna", frozenset({"planner"}))
RELEASER = Operator(2, "bo", frozenset({"releaser"}))
DISPATCHER = Operator(4, "dan", frozenset({"dispatcher"}))
WATER = "a pallet got wet"


def short(town, cycle, **units: int) -> None:
    """Find less of some SKUs than was promised."""
    rows = [{"sku": sku, "supply_units": left, "reserve_units": 5} for sku, left in units.items()]
    with transaction(town.sessions) as session:
        from_rows = supply_lines(session, rows)
        service.correct_supply(session, cycle, from_rows, reason=WATER, by=PLANNER, at=town.clock.now)
    town.work()


def supply_lines(session, rows):
    return supply.read_rows(rows, catalogue.skus(session))


def released(town, cycle) -> None:
    town.act(service.send_for_release, cycle, PLANNER)
    town.act(service.release, cycle, RELEASER)
    town.work()
    assert town.cycle(cycle).state == "published", town.cycle(cycle).trouble


def granted(town, cycle):
    with transaction(town.sessions) as session:
        return {(one.retailer, one.sku): one.granted_units for one in result_queries.grants(session, cycle)}


def told(town, retailer, cycle):
    with transaction(town.sessions) as session:
        items, _ = outbox.read(session, retailer, after=0, limit=1000)
    return next(item.data for item in items if item.key == f"grants:{cycle}:1")


def test_missing_goods_are_shared_out_anew_by_the_same_draw_and_the_old_publication_stays(town, tmp_path):
    cycle = town.published()
    before = granted(town, cycle)
    with transaction(town.sessions) as session:
        first = result_queries.run(session, cycle)
    short(town, cycle, K1=90)
    found = town.cycle(cycle)
    assert (found.state, found.correcting, found.correction_reason) == ("verified", True, WATER)
    assert granted(town, cycle) == before, "what is out stays in force until the correction is released"
    with transaction(town.sessions) as session:
        assert result_queries.revealed_secret(session, cycle) is not None
        assert [one.id for one in queries.published_cycles(session)] == [cycle]
    with pytest.raises(Conflict):
        town.act(service.call_off, cycle, PLANNER, reason="never mind")
    town.act(service.send_for_release, cycle, PLANNER)
    with pytest.raises(Rejected, match="anna"):
        town.act(service.release, cycle, Operator(1, "anna", frozenset({"planner", "releaser"})))
    town.act(service.release, cycle, RELEASER)
    town.work()

    after = granted(town, cycle)
    assert sum(units for (_, sku), units in after.items() if sku == "K1") == 80, (
        "whole packs of 90 less the reserve of 5"
    )
    assert {key: units for key, units in after.items() if key[1] != "K1"} == {
        key: units for key, units in before.items() if key[1] != "K1"
    }
    with transaction(town.sessions) as session:
        out = correcting.publications(session, cycle)
        second = result_queries.run(session, cycle)
        lost = correcting.changes(session, cycle, 1, 2)
        sums = correcting.summed(session, cycle, 1, 2)
        begun = audit_trail.search(session, audit_trail.Asked(words=f"cycle:{cycle}"), limit=50)[0]
        for one in out:
            exporting.write(session, cycle, tmp_path / str(one.number), one.attempt)
    assert first is not None
    assert second is not None
    assert (second.seed, second.policy_text) == (first.seed, first.policy_text)
    assert [(one.number, one.attempt, one.reason, one.released_by) for one in out] == [
        (1, 1, None, "bo"),
        (2, 2, WATER, "bo"),
    ]
    assert {(one.retailer, one.sku): (one.before_units, one.after_units) for one in lost} == {
        key: (before[key], after[key]) for key in before if before[key] != after[key]
    }
    assert (sums.units_lost - sums.units_gained, sums.lines_losing + sums.lines_gaining) == (40, len(lost))
    assert [one.action for one in begun].count("cycle.correction_begun") == 1
    for one, run in zip(out, (first, second), strict=True):
        assert one.result_sha256 == run.result_sha256
        verdict = exporting.check(tmp_path / str(one.number))
        assert verdict.holds, verdict.faults
    files = [(tmp_path / number / "result" / "allocation.csv").read_text("utf-8") for number in "12"]
    assert files[0] != files[1]


class OldGrant(Message):
    """A line as a terminal of the release before reads it."""

    sku: str
    granted_units: int


class OldGrants(Message):
    """Grants as a terminal of the release before reads them."""

    result_sha256: str
    lines: tuple[OldGrant, ...]


def test_who_asks_during_a_correction_is_told_what_is_out_and_reads_the_other_by_its_attempt(town, signed_in, tmp_path):
    cycle = town.published()
    before = granted(town, cycle)
    rows = [{"sku": "K1", "supply_units": 50, "reserve_units": 5}]
    auditor, place = signed_in("auditor", name="au"), f"/api/v1/cycles/{cycle}"

    def read(**asked):
        lines = auditor.get(f"{place}/grants", params=asked).json()
        return {(one["retailer"], one["sku"]): one["granted_units"] for one in lines}, {
            (one["attempt"], one["published"]) for one in lines
        }

    town.supply(cycle, rows, correct=True)
    assert (town.cycle(cycle).state, read()) == ("frozen", (before, {(1, True)})), "it is not shared out again yet"
    assert "export.zip" in auditor.get(f"/console/cycles/{cycle}").text
    town.work()
    assert read() == (before, {(1, True)})
    drafted, shown = read(attempt=2)
    assert (shown, drafted != before) == ({(2, False)}, True)
    assert auditor.get(f"{place}/grants", params={"attempt": 3}).status_code == 404

    told = {}
    for attempt in (None, 2):
        asked = {"retailer": "R4", "sku": "K1"} | ({} if attempt is None else {"attempt": attempt})
        (one,) = auditor.get(f"{place}/explain", params=asked).json()
        assert (one["attempt"], one["published"]) == ((1, True) if attempt is None else (2, False))
        page = auditor.get(f"/console/cycles/{cycle}/explain", params=asked).text
        assert one["text"].splitlines()[0] in html.unescape(page)
        assert ("Attempt 2 is not published. Other grants are out." in page) == (attempt == 2)
        packed = auditor.get(f"{place}/export.zip", params={} if attempt is None else {"attempt": attempt})
        with zipfile.ZipFile(io.BytesIO(packed.content)) as archive:
            told[attempt] = archive.read("result/allocation.csv"), one["text"]
    with transaction(town.sessions) as session:
        cli.export(session, str(town.cycle(cycle).number), tmp_path)
        runs = [result_queries.run(session, cycle, attempt) for attempt in (1, 2)]
    assert (tmp_path / "result" / "allocation.csv").read_bytes() == told[None][0]
    assert [hashlib.sha256(told[attempt][0]).hexdigest() for attempt in (None, 2)] == [
        one.result_sha256 for one in runs
    ]
    assert told[None][1] != told[2][1]
    assert 'name="attempt" value="2"' in auditor.get(f"/console/cycles/{cycle}/review").text


def test_pages_of_grants_stay_with_the_attempt_of_the_first_one_while_another_goes_out(town, signed_in):
    cycle = town.published()
    before = granted(town, cycle)
    auditor = signed_in("auditor", name="au")
    page = auditor.get(f"/api/v1/cycles/{cycle}/grants", params={"limit": 3})
    read = page.json()
    short(town, cycle, K1=50)
    released(town, cycle)
    assert granted(town, cycle) != before

    while following := page.links.get("next"):
        page = auditor.get(following["url"])
        read += page.json()

    assert {one["attempt"] for one in read} == {1}
    assert {(one["retailer"], one["sku"]): one["granted_units"] for one in read} == before


def test_every_terminal_hears_what_changed_and_why_and_an_old_one_reads_the_right_figures(town):
    cycle = town.published()
    before = granted(town, cycle)
    at_first = Grants.model_validate(told(town, "R4", cycle))
    assert (at_first.version, at_first.corrected_at, at_first.correction) == (1, None, None)
    town.clock.advance(hours=3)
    short(town, cycle, K1=50)
    released(town, cycle)
    after = granted(town, cycle)
    for retailer in ("R1", "R2", "R3", "R4"):
        data = told(town, retailer, cycle)
        now = Grants.model_validate(data)
        assert (now.version, now.correction, now.corrected_at) == (2, WATER, town.clock.now)
        assert now.released_at == at_first.released_at
        for line in now.lines:
            was, has = before[retailer, line.sku], after[retailer, line.sku]
            assert (line.granted_units, line.before_units) == (has, was if was != has else None)
        old = OldGrants.model_validate(data)
        assert {line.sku: line.granted_units for line in old.lines} == {
            sku: units for (code, sku), units in after.items() if code == retailer
        }
    short(town, cycle, K1=130)
    released(town, cycle)
    found = Grants.model_validate(told(town, "R4", cycle))
    assert (found.version, {line.before_units for line in found.lines}) == (3, {None}), "it is again as at first"


def test_a_correction_promises_no_more_than_was_promised(town):
    cycle = town.published()
    with pytest.raises(Invalid) as refused:
        short(town, cycle, K1=200)
    assert refused.value.problems["supply_units"].params == {"skus": "K1"}
    assert town.cycle(cycle).state == "published"
    with transaction(town.sessions) as session:
        assert len(supply_queries.supply_versions(session, cycle)) == 1


def test_what_has_left_cannot_be_taken_back_and_what_was_held_can(town):
    cycle = town.published()
    with transaction(town.sessions) as session:
        retailers.suspend_retailer(session, "R4", "till stolen", SYSTEM, at=town.clock.now)
        delivering.dispatch_cycle(session, cycle, DISPATCHER, at=town.clock.now)
    before = granted(town, cycle)
    left = {key: units for key, units in before.items() if key[0] != "R4"}
    gone = sum(units for (_, sku), units in left.items() if sku == "K1")
    with pytest.raises(Invalid) as refused:
        short(town, cycle, K1=gone)
    assert refused.value.problems["supply_units"].params == {"skus": f"K1 ({gone})"}, "the reserve of 5 stays aside"
    with transaction(town.sessions) as session:
        rows = supply_lines(session, [{"sku": "K1", "supply_units": gone + 10}])
        service.correct_supply(session, cycle, rows, reason=WATER, by=PLANNER, at=town.clock.now)
    with pytest.raises(Conflict), transaction(town.sessions) as session:
        delivering.dispatch_cycle(session, cycle, DISPATCHER, at=town.clock.now)
    town.work()
    released(town, cycle)
    after = granted(town, cycle)
    with transaction(town.sessions) as session:
        assert depot_queries.reserved(session) == {"K1": 10}, "of the held notice only what is still granted"
    assert {key: after[key] for key in left} == left
    assert after["R4", "K1"] == 10 < before["R4", "K1"]
    wanted = adjusting.Decision("R1", "K1", left["R1", "K1"] - 10, "he owes us")
    with pytest.raises(Invalid) as refused:
        town.act(lambda session, cycle, **who: adjusting.propose(session, cycle, wanted, **who), cycle, PLANNER)
    assert "granted_units" in refused.value.problems
    with transaction(town.sessions) as session:
        retailers.restore_retailer(session, "R4", SYSTEM, at=town.clock.now)
        (held,) = deliveries.deliveries(session, cycle=cycle, retailer="R4")
        delivering.release_delivery(session, held.id, DISPATCHER, at=town.clock.now)
        (sent,) = deliveries.deliveries(session, cycle=cycle, retailer="R4")
        done = delivering.dispatch_cycle(session, cycle, DISPATCHER, at=town.clock.now)
        assert depot_queries.reserved(session) == {}
    assert [(line.sku, line.shipped_units) for line in sent.lines] == [("K1", 10)]
    assert (done.shipped, done.held) == (0, 0)


def test_a_decision_that_was_proposed_before_goods_left_takes_none_of_them_back(town):
    cycle = town.published()
    out = granted(town, cycle)["R4", "K1"]
    wanted = adjusting.Decision("R4", "K1", out - 10, "he owes us")

    def propose(session, cycle, **who):
        return adjusting.propose(session, cycle, wanted, **who)

    adjustment = town.act(propose, cycle, PLANNER)
    with transaction(town.sessions) as session:
        delivering.dispatch_cycle(session, cycle, DISPATCHER, at=town.clock.now)
    with pytest.raises(Invalid) as refused:
        town.act(adjusting.approve, cycle, RELEASER, adjustment=adjustment)
    assert refused.value.problems["granted_units"].params == {"shipped": out}
    assert (town.cycle(cycle).state, granted(town, cycle)["R4", "K1"]) == ("published", out)
    with transaction(town.sessions) as session:
        assert [one.state for one in result_queries.adjustments(session, cycle)] == ["proposed"], "it can be declined"


def test_the_console_leads_through_a_correction_and_keeps_both_publications_readable(town, signed_in):
    cycle = town.published()
    place = f"/console/cycles/{cycle}"
    planner, releaser = signed_in("planner", name="anna"), signed_in("releaser", name="bo")
    page = planner.get(f"{place}/supply").text
    assert "The grants are out" in page
    typed = {"sku": "K1", "supply_units": "90", "reserve_units": "5", "reason": WATER}
    more = planner.post(f"{place}/supply/line", data=typed | {"supply_units": "900"})
    assert more.status_code == 422
    assert "than was promised of: K1" in more.text
    assert planner.post(f"{place}/supply/line", data=typed).status_code == 303
    town.work()
    for path in ("", "/review", "/publications", "/supply"):
        page = planner.get(place + path).text
        assert "A correction is under way" in page, path
    assert "Call off" not in planner.get(place).text
    page = planner.get(f"{place}/publications").text
    assert "in force" in page
    assert "R4" in page
    assert planner.post(f"{place}/send").status_code == 303
    assert "The corrected grants go to every terminal" in releaser.get(f"{place}/review").text
    assert releaser.post(f"{place}/release").status_code == 303
    town.work()
    page = releaser.get(f"{place}/publications").text
    assert "Publication 2" in page
    assert "Publication 1" in page
    assert "replaced" in page
    assert f"Corrected because: {WATER}" in page
    table = releaser.get(f"{place}/publications?format=csv&sort=sku").text
    with transaction(town.sessions) as session:
        lost = correcting.changes(session, cycle, 1, 2)
    assert len(table.splitlines()) == 1 + len(lost)
    first = releaser.get(f"{place}/review?attempt=1").text
    assert "It went out as publication 1 and stays readable" in first
    assert releaser.get(f"{place}/review?attempt=9").status_code == 404
    for number, attempt in ((1, "?attempt=1"), (2, "")):
        answer = releaser.get(f"{place}/export.zip{attempt}")
        assert answer.status_code == 200, number
    told_by_api = signed_in("auditor", name="au").get(f"/api/v1/cycles/{cycle}/publications").json()
    assert [(one["number"], one["reason"]) for one in told_by_api] == [(1, None), (2, WATER)]
    changed = signed_in("auditor", name="au").get(f"/api/v1/cycles/{cycle}/publications/2/changes").json()
    assert {(one["retailer"], one["sku"]) for one in changed} == {(one.retailer, one.sku) for one in lost}
