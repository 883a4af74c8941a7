"""From the history to a draft, and from a draft to what is in force."""

from datetime import date

import pytest
from sqlalchemy import update

from contract.errors import Conflict, Rejected
from server.kit import audit
from server.kit.db import transaction
from server.kit.fields import Invalid
from server.kit.identity import Operator
from server.scores import decisions, making, policies, queries, rules, service
from server.scores.models import ScoreRun

from .conftest import PLANNER, RELEASER, SHOPS, month

NOVEMBER = date(2026, 11, 1)


def test_who_sells_more_stands_higher_and_what_is_not_known_is_said_to_be_absent(room):
    found = room.draft()

    scores = room.scores(found)
    assert list(scores) == ["R1", "R2", "R3", "R4"]
    assert (found.as_of, found.retailers, found.policy_version) == (NOVEMBER, 4, None)
    assert set(found.certificate["components"]) == {"demand", "trend"}
    assert {"payment", "acceptance", "turnover"} <= set(found.certificate["absent"])
    assert [part["component"] for part in scores["R1"].parts] == ["demand", "trend"]
    assert scores["R1"].previous_tier == 15
    assert scores["R1"].earned_tier < 15 < scores["R4"].earned_tier
    assert scores["R1"].weight > scores["R4"].weight
    assert found.guards["largest_share"]["largest_share_permille"] == 50


def test_what_is_asked_for_raises_no_score(room):
    before = room.draft()
    room.bring(*(month("R4", ahead, SHOPS["R4"], requested_units=90_000, granted_units=9_000) for ahead in range(12)))
    room.bring(month("R4", -1, None, requested_units=90_000, granted_units=9_000))

    after = room.draft()

    assert after.score_version == before.score_version


def test_no_month_from_the_day_of_the_score_on_counts(room):
    before = room.draft()
    room.bring(month("R4", 12, 1_000_000))

    assert room.draft().score_version == before.score_version


def test_months_out_of_stock_do_not_count_as_little_demand(room):
    before = room.scores(room.draft())
    room.bring(*(month("R3", ahead, 100, out_days=20) for ahead in range(6, 12)))
    room.bring(*(month("R4", ahead, 100, out_days=0) for ahead in range(6, 12)))

    after = room.scores(room.draft())

    demand = {shop: float(scores[shop].parts[0]["raw"]) for scores in (after,) for shop in ("R3", "R4")}
    assert demand["R3"] > 1.5 * demand["R4"]
    assert after["R3"].score_milli >= before["R4"].score_milli


def test_a_confirmed_delivery_counts_for_acceptance_from_the_next_month_on(room, clock):
    room.deliver("R1", "delivery:1", accepted=False)
    room.deliver("R1", "delivery:1", accepted=True)
    room.deliver("R4", "delivery:2", accepted=True)
    assert "acceptance" not in room.draft().certificate["components"]
    clock.advance(days=10)

    found = room.draft()

    acceptance = {shop: one.parts[-1] for shop, one in room.scores(found).items()}
    assert acceptance["R1"]["component"] == "acceptance"
    assert (acceptance["R1"]["numerator"], acceptance["R1"]["denominator"]) == ("0", "1")
    assert acceptance["R4"]["numerator"] == "1"


def test_a_second_person_publishes_and_the_next_run_moves_on_from_there(room):
    first = room.draft()
    with pytest.raises(Rejected, match="second person"):
        room.publish(first.number, PLANNER)

    published = room.publish(first.number)
    second = room.draft()

    assert (published.state, published.published_by) == ("published", "bo")
    assert second.previous == first.number
    earned = {shop: score.earned_tier for shop, score in room.scores(first).items()}
    assert {shop: score.previous_tier for shop, score in room.scores(second).items()} == earned
    assert second.certificate["previous"]["score_version"] == first.score_version
    with pytest.raises(Conflict, match="published"):
        room.publish(first.number)


def test_a_draft_that_was_made_before_other_scores_came_into_force_is_not_published(room):
    first, second = room.draft(), room.draft()
    room.publish(second.number)

    with pytest.raises(Conflict, match="changed meanwhile"):
        room.publish(first.number)


def test_one_run_at_a_time_and_none_without_history(room, runtime, session):
    room.ask()
    assert room.queued() == ["scores.make"]
    with pytest.raises(Conflict):
        room.ask()


def test_without_history_nothing_is_scored(session, clock):
    with pytest.raises(Conflict, match="no history"):
        service.ask_run(session, PLANNER, at=clock.now, today=clock.now.date())


def test_a_run_that_was_killed_begins_again_and_one_that_is_done_stays(room):
    number = room.ask()
    with transaction(room.runtime.sessions) as session:
        session.execute(update(ScoreRun).values(state="working"))

    done = room.work(number)

    assert done.state == "draft"
    assert room.work(number) == done


def test_a_run_that_is_stopped_stores_nothing_and_another_may_be_asked_for(room, signed_in, monkeypatch):
    browser, number = signed_in("planner", name="ann"), room.ask()
    compute = making.scores_of

    def stopped_meanwhile(basis):
        assert "Stop it" in browser.get("/console/scores").text
        assert browser.post("/console/scores/stop", data={"number": number}).status_code == 303
        return compute(basis)

    with monkeypatch.context() as slow:
        slow.setattr(making, "scores_of", stopped_meanwhile)
        stopped = room.work(number)

    assert (stopped.state, stopped.stopped_by, stopped.retailers) == ("stopped", "ann", 0)
    assert room.scores(stopped) == {}
    assert "ann stopped it" in browser.get(f"/console/scores/run/{number}").text
    assert room.work(room.ask()).state == "draft"


def test_a_run_that_the_policy_does_not_fit_fails_and_says_why(room):
    with transaction(room.runtime.sessions) as session:
        policies.write_policy(session, "tiers = 5\n", PLANNER, reason="fewer tiers", at=room.clock())

    failed = room.work(room.ask())

    assert (failed.state, failed.policy_version) == ("failed", 1)
    assert "the policy has tiers 1 to 5" in failed.trouble
    with transaction(room.runtime.sessions) as session:
        assert audit.entries(session, subject=f"score:{failed.number}")[0].alert


def test_a_text_that_is_no_policy_is_refused_and_the_same_one_is_kept_once(room):
    with transaction(room.runtime.sessions) as session:
        with pytest.raises(Invalid, match="tier_moves_max"):
            policies.write_policy(session, "tier_moves_max = 0\n", PLANNER, reason="why", at=room.clock())
        first = policies.write_policy(session, "margin_points = 5\n", PLANNER, reason="why", at=room.clock())
        again = policies.write_policy(session, "margin_points = 5\n", PLANNER, reason="why", at=room.clock())
        assert again == first
        assert queries.policies(session) == [first]


def test_decisions_take_two_persons_and_end_on_their_day(room):
    with transaction(room.runtime.sessions) as session:
        made = decisions.propose_decision(
            session, "R1", "suspended", None, NOVEMBER, date(2026, 12, 1), PLANNER, reason="why", at=room.clock()
        )
    unapproved = room.draft()
    assert room.scores(unapproved)["R1"].status == "scored"
    with transaction(room.runtime.sessions) as session:
        with pytest.raises(Rejected, match="second person"):
            decisions.approve_decision(session, made, PLANNER, at=room.clock(), today=NOVEMBER)
        decisions.approve_decision(session, made, RELEASER, at=room.clock(), today=NOVEMBER)

    found = room.publish(room.draft().number)

    assert room.scores(found)["R1"].status == "suspended"
    held = room.standings(found, ["R1"], date(2026, 11, 30))["R1"]
    ended = room.standings(found, ["R1"], date(2026, 12, 1))["R1"]
    assert (held.suspended, ended.suspended) == ("why", None)
    assert ended.weight == found.certificate["policy"]["tier_weights"][ended.tier - 1]


def test_a_decision_since_the_publication_has_its_effect_at_once(room):
    found = room.publish(room.draft().number)
    before = room.standings(found, ["R1"], NOVEMBER)["R1"]
    room.decide("R1", "lowered", 25, NOVEMBER, date(2026, 12, 1))

    lowered = room.standings(found, ["R1"], NOVEMBER)["R1"]

    assert (lowered.tier, lowered.weight) == (25, 6)
    assert room.standings(found, ["R1"], date(2026, 12, 1))["R1"] == before


@pytest.mark.parametrize(
    ("kind", "tier", "until", "code"),
    [
        ("suspended", None, NOVEMBER, "decision_dates"),
        ("suspended", 3, date(2026, 12, 1), "decision_tier"),
        ("lowered", None, date(2026, 12, 1), "decision_tier"),
        ("lowered", 0, date(2026, 12, 1), "decision_tier"),
    ],
)
def test_what_is_no_decision_is_refused(kind, tier, until, code):
    with pytest.raises(Rejected) as refused:
        rules.check_decision(kind, tier, NOVEMBER, until)
    assert refused.value.code == code


def test_people_act_by_http(room, signed_in):
    def program(*roles: str, name: str):
        client = signed_in(*roles, name=name)
        client.headers["Accept"] = "application/json"
        return client

    planner, releaser = program("planner", name="anna"), program("planner", "releaser", name="bo")
    assert planner.get("/api/v1/scores/policy").json()["version"] is None
    written = planner.post("/api/v1/scores/policy", json={"text": "margin_points = 5\n", "reason": "steadier"})
    assert written.json()["version"] == 1
    decision = {"retailer": "R4", "decision": "lowered", "tier": 28, "since": "2026-11-01", "until": "2026-12-01"}
    proposed = planner.post("/api/v1/scores/decisions", json=decision | {"reason": "sold to minors"})
    assert proposed.status_code == 201, proposed.text
    assert releaser.post(f"/api/v1/scores/decisions/{proposed.json()['id']}/approve").status_code == 204
    number = planner.post("/api/v1/scores/runs").json()["number"]
    making.run(room.runtime, run=str(room.run(number).id))

    status = planner.get(f"/api/v1/scores/runs/{number}").json()
    assert (status["state"], status["components"], status["policy_version"]) == ("draft", ["demand", "trend"], 1)
    assert planner.post(f"/api/v1/scores/runs/{number}/publish").status_code == 403
    assert releaser.post(f"/api/v1/scores/runs/{number}/publish").status_code == 204
    lines = planner.get(f"/api/v1/scores/runs/{number}/retailers", params={"limit": 2}).json()
    assert [line["retailer"] for line in lines] == ["R1", "R2"]
    assert planner.get("/api/v1/scores/retailers/R1").json()[0]["run"] == number
    assert planner.get("/api/v1/scores/decisions").json()[0]["approver"] == "bo"
    assert planner.get("/api/v1/scores/runs").json()[0]["published_by"] == "bo"
    assert planner.get("/api/v1/scores/runs/99").status_code == 404


def test_the_one_who_asked_may_hold_both_roles_and_still_not_publish(room):
    both = Operator(3, "chen", frozenset({"planner", "releaser"}))
    number = room.ask(both)
    room.work(number)
    with pytest.raises(Rejected, match="chen"):
        room.publish(number, both)
