"""Manual decisions: proposed by one person, approved by another, solved around, checked, marked for ever."""

import pytest

from allocation.verification import verify_folders
from contract.errors import Conflict, Rejected
from contract.feed import Grants
from server.cycles import adjusting, exporting, result_queries, service
from server.kit import audit, outbox
from server.kit.db import transaction
from server.kit.identity import Operator

pytestmark = pytest.mark.slow

PLANNER = Operator(1, "anna", frozenset({"planner"}))
RELEASER = Operator(2, "bo", frozenset({"releaser"}))
BOTH = Operator(3, "chen", frozenset({"planner", "releaser"}))


def proposed(town, cycle, *, retailer="R1", sku="K1", units=40, by=PLANNER):
    wanted = adjusting.Decision(retailer, sku, units, "the shop feeds the flood's helpers")
    return town.act(lambda session, cycle, **who: adjusting.propose(session, cycle, wanted, **who), cycle, by)


def approve(town, cycle, adjustment, by=RELEASER):
    town.act(adjusting.approve, cycle, by, adjustment=adjustment)
    town.work()


def drafted(town, cycle):
    with transaction(town.sessions) as session:
        return {(g.retailer, g.sku): g for g in result_queries.drafted_grants(session, cycle)}


def test_an_approved_decision_is_solved_around_checked_and_stays_marked(town, tmp_path):
    cycle = town.verified()
    before = drafted(town, cycle)
    assert before["R1", "K1"].granted_units < 40
    adjustment = proposed(town, cycle)
    assert drafted(town, cycle) == before, "nothing changes before a second person approves"
    approve(town, cycle, adjustment)
    assert town.cycle(cycle).state == "verified", town.cycle(cycle).trouble
    after = drafted(town, cycle)
    assert (after["R1", "K1"].granted_units, after["R1", "K1"].reason) == (40, "adjusted")
    assert sum(g.granted_units for (_, sku), g in after.items() if sku == "K1") == 120
    town.act(service.send_for_release, cycle, PLANNER)
    town.act(service.release, cycle, RELEASER)
    town.work()
    with transaction(town.sessions) as session:
        exporting.write(session, cycle, tmp_path)
        [item] = [i for i in outbox.read(session, "R1", after=0, limit=1000)[0] if i.key == f"grants:{cycle}:1"]
        acts = [e.action for e in audit.entries(session, subject=f"cycle:{cycle}")]
    assert verify_folders(tmp_path / "problem", tmp_path / "result").holds
    stated = (tmp_path / "problem" / "adjustments.csv").read_text()
    assert "R1,K1,40,the shop feeds the flood's helpers,anna,bo" in stated
    assert next(line for line in Grants.model_validate(item.data).lines if line.sku == "K1").reason == "adjusted"
    assert {"cycle.adjustment_proposed", "cycle.adjustment_approved"} <= set(acts)


def test_nobody_approves_his_own_decision(town):
    cycle = town.verified()
    adjustment = proposed(town, cycle, by=BOTH)
    for act in (adjusting.approve, adjusting.decline):
        more = {"reason": "no"} if act is adjusting.decline else {}
        with pytest.raises(Rejected) as refused:
            town.act(act, cycle, BOTH, adjustment=adjustment, **more)
        assert refused.value.code == "same_person"
    assert town.cycle(cycle).attempt == 1


def test_a_declined_proposal_changes_nothing_and_stays_on_record(town):
    cycle = town.verified()
    adjustment = proposed(town, cycle)
    with pytest.raises(Rejected) as refused:
        town.act(service.send_for_release, cycle, PLANNER)
    assert refused.value.params["where"] == "adjustments"
    town.act(adjusting.decline, cycle, RELEASER, adjustment=adjustment, reason="others need it more")
    with transaction(town.sessions) as session:
        [one] = result_queries.adjustments(session, cycle)
    assert (one.state, one.decided_by, one.decided_why) == ("declined", "bo", "others need it more")
    with pytest.raises(Conflict):
        town.act(adjusting.approve, cycle, RELEASER, adjustment=adjustment)
    town.act(service.send_for_release, cycle, PLANNER)
    assert town.cycle(cycle).attempt == 1


def test_a_proposal_waits_for_nobody_once_its_cycle_is_called_off(town):
    def waiting():
        with transaction(town.sessions) as session:
            return [result_queries.waiting_for(session, who.name) for who in (PLANNER, RELEASER)]

    cycle = town.verified()
    proposed(town, cycle)
    assert waiting() == [{}, {cycle: 1}]
    town.act(service.call_off, cycle, PLANNER, reason="the harvest is lost")
    assert waiting() == [{}, {}]


def test_a_decision_can_be_replaced_and_taken_back(town):
    cycle = town.verified()
    first = drafted(town, cycle)
    approve(town, cycle, proposed(town, cycle))
    approve(town, cycle, proposed(town, cycle, units=20))
    assert drafted(town, cycle)["R1", "K1"].granted_units == 20
    approve(town, cycle, proposed(town, cycle, units=None))
    assert drafted(town, cycle) == first
    with transaction(town.sessions) as session:
        assert [one.granted_units for one in result_queries.adjustments(session, cycle)] == [None, 20, 40]


@pytest.mark.parametrize(
    ("line", "where"),
    [
        ({"retailer": "R9"}, "sku"),
        ({"units": 15}, "granted_units"),
        ({"units": 50}, "granted_units"),
        ({"units": -10}, "granted_units"),
        ({"units": None}, "granted_units"),
        ({"retailer": "R3", "sku": "WINE"}, "sku"),
    ],
)
def test_what_a_line_could_not_get_is_refused(town, line, where):
    cycle = town.verified()
    with pytest.raises(Rejected) as refused:
        proposed(town, cycle, **line)
    assert refused.value.params["where"] == where


def test_decisions_beyond_the_supply_are_refused_when_they_are_approved(town):
    cycle = town.verified()
    approve(town, cycle, proposed(town, cycle, retailer="R4", units=80))
    adjustment = proposed(town, cycle, retailer="R3", units=60)
    with pytest.raises(Rejected) as refused:
        town.act(adjusting.approve, cycle, RELEASER, adjustment=adjustment)
    assert "K1" in refused.value.params["what"]
    assert town.cycle(cycle).attempt == 2


@pytest.mark.slow
def test_the_review_page_and_the_programs_interface_take_them_through(town, signed_in):
    cycle = town.verified()
    planner, releaser = signed_in("planner", name="anna"), signed_in("releaser", name="bo")
    place = f"/console/cycles/{cycle}"
    fields = {"retailer": "R1", "sku": "K1", "granted_units": "15", "reason": "flood"}
    answer = planner.post(f"{place}/adjustments", data=fields)
    assert answer.status_code == 422
    assert "15 is no whole number of packs of 10" in answer.text
    assert planner.post(f"{place}/adjustments", data=fields | {"granted_units": "40"}).status_code == 303
    assert "Approve" not in planner.get(f"{place}/review").text
    assert "waits for a second person" in releaser.get(f"{place}/review").text
    releaser.headers["Accept"] = planner.headers["Accept"] = "application/json"
    [one] = releaser.get(f"/api/v1/cycles/{cycle}/adjustments").json()
    assert planner.post(f"/api/v1/cycles/{cycle}/adjustments/{one['id']}/approve").status_code == 403
    assert releaser.post(f"/api/v1/cycles/{cycle}/adjustments/{one['id']}/approve").status_code == 204
    town.work()
    releaser.headers["Accept"] = "text/html"
    page = releaser.get(f"{place}/review").text
    assert "decided by hand" in page
    assert "from attempt 2" in page
    new = {"retailer": "R2", "sku": "K1", "granted_units": 0, "reason": "closed for repairs"}
    made = planner.post(f"/api/v1/cycles/{cycle}/adjustments", json=new)
    assert made.status_code == 201
    answer = releaser.post(f"{place}/adjustments/{made.json()['id']}/decline", data={"reason": "open again"})
    assert answer.status_code == 303
