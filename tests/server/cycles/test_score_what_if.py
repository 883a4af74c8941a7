"""What-ifs of score policies: scored twice by one history, shared out twice on the last book, nothing changed."""

import re
from datetime import date

import pytest
from sqlalchemy import func, select

import allocation
from allocation.errors import WorkLimitError
from contract.errors import Conflict
from server.cycles import result_queries, score_what_if
from server.cycles.models import BookRetailer
from server.forecasts import rules as months
from server.forecasts.fields import HISTORY
from server.kit import records
from server.kit.db import transaction
from server.kit.fields import Invalid
from server.scores import decisions, making, policies
from server.scores import queries as scores
from server.scores import service as scoring
from server.scores.models import ScoreRow, ScoreRun

from .conftest import PLANNER, RELEASER

pytestmark = pytest.mark.slow

SOLD = {"R1": 400, "R2": 300, "R3": 200, "R4": 100}
STEEP = (
    "tier_moves_max = 30\nmargin_points = 0\n[weights]\ndemand = 100\n"
    "[guards]\nlargest_share_permille = 1000\nsmall_floor_percent = 0\n"
)


@pytest.fixture
def history(town):
    """A year of sales, in which R1 sells most."""
    cells = [
        {
            "retailer": shop,
            "product_class": "goods",
            "period": months.later(date(2025, 11, 1), ahead),
            "sold_units": sold,
            "requested_units": None,
            "granted_units": None,
            "out_days": 0,
            "source": "file",
        }
        for shop, sold in SOLD.items()
        for ahead in range(12)
    ]
    with transaction(town.sessions) as session:
        records.hold(session, HISTORY)
        records.write(session, HISTORY, cells, at=town.clock.now)
        HISTORY.written(session, [records.Written(None, cell) for cell in cells], town.clock.now)


@pytest.fixture
def scored(town, history):
    """Scores in force, by the default policy."""
    now = town.clock.now
    with transaction(town.sessions) as session:
        number = scoring.ask_run(session, PLANNER, at=now, today=now.date())
        asked = scores.run(session, number)
    making.run(town.runtime, run=str(asked.id))
    town.forget_queue()
    with transaction(town.sessions) as session:
        published = scoring.publish_run(session, number, RELEASER, at=now)
    town.forget_queue()
    return published


def ask(town, **candidate):
    with transaction(town.sessions) as session:
        now = town.clock.now
        chosen = score_what_if.Candidate(**candidate)
        return score_what_if.ask(session, chosen, by=PLANNER, at=now, today=now.date())


def found(town, comparison):
    with transaction(town.sessions) as session:
        return score_what_if.find(session, comparison)


def rows(town, comparison):
    with transaction(town.sessions) as session:
        return {row.retailer: row for row in score_what_if.rows(session, comparison)}


def kept(town):
    """What a what-if must leave as it is."""
    with transaction(town.sessions) as session:
        counts = [session.scalar(select(func.count()).select_from(table)) for table in (ScoreRun, ScoreRow)]
        book = session.execute(select(BookRetailer.retailer, BookRetailer.tier, BookRetailer.weight)).all()
        return counts, sorted(map(tuple, book)), scores.policies(session), scores.in_force(session)


def test_tiers_weights_and_grants_under_another_policy_stand_beside_those_in_force(town, scored):
    cycle = town.verified()
    before = kept(town)
    with transaction(town.sessions) as session:
        grants = result_queries.drafted_grants(session, cycle)
    comparison = ask(town, text=STEEP)
    assert (found(town, comparison).state, found(town, comparison).cycle) == ("waiting", cycle)
    assert town.work() == ["cycles.score_what_if"]

    one, listed = found(town, comparison), rows(town, comparison)

    assert (one.state, one.steps_done, one.trouble) == ("done", one.steps, None), one.trouble
    assert (one.first_version, one.second_version) == (0, None)
    # R4 sells least: without floor and margin it weighs next to nothing.
    assert listed["R4"].second_weight < listed["R4"].first_weight
    assert listed["R4"].second_units < listed["R4"].first_units
    assert listed["R4"].units_change == listed["R4"].second_units - listed["R4"].first_units
    assert listed["R5"].requested_units is None
    assert one.figures["scores"]["down"] == sum(row.tiers_up < 0 for row in listed.values())
    assert one.figures["scores"]["second"]["floor_changes"] == 0
    assert one.figures["book"]["retailers"]["losing"] == sum((row.units_change or 0) < 0 for row in listed.values())
    granted = {side: sum(row["granted"] for row in one.figures["book"]["tiers"][side]) for side in ("first", "second")}
    assert granted["first"] == sum(row.first_units or 0 for row in listed.values())
    assert granted["second"] == sum(row.second_units or 0 for row in listed.values())
    # The first side repeats what the scores in force gave: the same grants as in the cycle.
    assert granted["first"] == sum(grant.granted_units for grant in grants)
    own = {shop: sum(g.granted_units for g in grants if g.retailer == shop) for shop in SOLD}
    assert own == {shop: listed[shop].first_units for shop in SOLD}
    assert kept(town) == before
    with transaction(town.sessions) as session:
        assert result_queries.drafted_grants(session, cycle) == grants


def test_before_any_cycle_was_shared_out_scores_alone_are_compared(town, history):
    with transaction(town.sessions) as session:
        version = policies.write_policy(session, STEEP, PLANNER, reason="why", at=town.clock.now).version
    comparison = ask(town, version=version)
    town.work()
    one = found(town, comparison)
    assert (one.state, one.cycle, one.figures["book"], one.second_version) == ("done", None, None, version)
    assert {row.first_units for row in rows(town, comparison).values()} == {None}


def test_any_retailer_is_explained_under_both(town, scored):
    town.verified()
    comparison = ask(town, text=STEEP)
    town.work()
    with transaction(town.sessions) as session:
        said = score_what_if.explain(session, comparison, "R4", "en")
        chinese = score_what_if.explain(session, comparison, "R4", "zh")
        assert score_what_if.explain(session, comparison, "R9", "en") is None
        assert score_what_if.explain(session, comparison, "R5", "en").lines == []
    assert "trend" in said.first_score
    assert "trend" not in said.second_score
    assert "您的评分为" in chinese.second_score
    (line,) = said.lines
    assert (line.sku, line.first_units) == ("K1", said.row.first_units)
    assert line.first_text != line.second_text


def test_who_is_suspended_by_decision_gets_nothing_under_either(town, scored):
    town.verified()
    with transaction(town.sessions) as session:
        day = town.clock.now.date()
        made = decisions.propose_decision(
            session,
            "R2",
            "suspended",
            None,
            date(2026, 10, 1),
            date(2027, 1, 1),
            PLANNER,
            reason="why",
            at=town.clock.now,
        )
        decisions.approve_decision(session, made, RELEASER, at=town.clock.now, today=day)
        assert day >= date(2026, 11, 1)
    comparison = ask(town, text=STEEP)
    town.work()
    row = rows(town, comparison)["R2"]
    assert (row.first_weight, row.first_units, row.second_units) == (0, 0, 0)


def test_what_cannot_be_asked_is_refused(town, scored):
    with pytest.raises(Invalid) as refused:
        ask(town, version=0)
    assert list(refused.value.problems) == ["policy"]
    with pytest.raises(Invalid):
        ask(town, text="tiers = 0\n")


def test_without_history_there_is_nothing_to_score(town):
    with pytest.raises(Conflict, match="no history"):
        ask(town, text=STEEP)


def test_what_cannot_be_worked_out_says_why_and_is_not_tried_for_ever(town, scored, monkeypatch):
    town.verified()
    comparison = ask(town, text=STEEP)

    def no_proof(*_args, **_kwargs):
        raise WorkLimitError("no proof within the limit")

    with monkeypatch.context() as broken:
        broken.setattr(allocation, "solve", no_proof)
        town.work()
    one = found(town, comparison)
    assert (one.state, one.trouble) == ("failed", "no proof within the limit")
    score_what_if.run(town.runtime, comparison=str(comparison))
    assert found(town, comparison) == one


def test_a_crash_in_the_middle_lets_the_next_call_begin_anew(town, scored, monkeypatch):
    town.verified()
    comparison = ask(town, text=STEEP)

    def power_cut(*_args, **_kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as cut:
        cut.setattr(score_what_if, "compare_results", power_cut)
        with pytest.raises(KeyboardInterrupt):
            score_what_if.run(town.runtime, comparison=str(comparison))
    assert (found(town, comparison).state, found(town, comparison).steps_done) == ("working", 5)
    score_what_if.run(town.runtime, comparison=str(comparison))
    assert found(town, comparison).state == "done"


@pytest.mark.parametrize("language", ["zh", pytest.param("en", marks=pytest.mark.slow)])
def test_the_screens_lead_from_the_text_being_written_to_winners_and_losers(town, scored, signed_in, language):
    town.verified()
    planner = signed_in("planner", name="anna", language=language)
    assert planner.get("/console/scores/what-ifs").status_code == 200
    refused = planner.post("/console/scores/what-ifs", data={"version": "0"})
    assert refused.status_code == 422
    wrong = planner.post("/console/scores/what-ifs/typed", data={"act": "text", "text": "tiers = 0\n"})
    assert wrong.status_code == 422
    assert "score.toml" in wrong.text
    asked = planner.post("/console/scores/what-ifs/typed", data={"act": "text", "text": STEEP})
    place = asked.headers["location"].partition("?")[0]
    assert "hx-get" in planner.get(place).text
    assert "HX-Refresh" not in planner.get(f"{place}/progress").headers
    town.work()
    assert planner.get(f"{place}/progress").headers["HX-Refresh"] == "true"

    page = planner.get(place).text

    for words in ("Gini", "hills", "R4", {"en": "to a better tier", "zh": "升档"}[language]):
        assert words in page
    told = planner.get(f"{place}/explain", params={"retailer": "R4"}, headers={"HX-Request": "true"}).text
    assert "Shop R4" in told
    assert planner.get(f"{place}/explain", params={"retailer": "R9"}).status_code == 200
    table = planner.get(f"{place}?format=csv&sort=units_change").text.splitlines()
    assert [line.split(",")[0] for line in table[1:]][-1] != "R4"
    losers = planner.get(f"{place}?format=csv&units=down").text.splitlines()
    assert any(line.startswith("R4,") for line in losers)
    assert planner.get("/console/scores/what-ifs").text.count(place) == 1
    if language == "zh":
        plain = re.sub(r"<[^>]+>", " ", re.sub(r"<(script|style|svg|code|pre).*?</\1>", " ", page, flags=re.DOTALL))
        assert re.findall(r"[A-Z][a-z]+(?: [a-z]+){2,}", plain) == []


def test_programs_ask_and_read_the_figures(town, scored, signed_in):
    town.verified()
    planner = signed_in("planner", name="anna")
    planner.headers["Accept"] = "application/json"
    assert planner.post("/api/v1/scores/what-ifs", json={}).status_code == 422
    made = planner.post("/api/v1/scores/what-ifs", json={"text": STEEP})
    assert made.status_code == 201, made.text
    town.work()
    place = f"/api/v1/scores/what-ifs/{made.json()['id']}"
    status = planner.get(place).json()
    assert (status["state"], status["figures"]["book"]["format"]) == ("done", "evenhand-comparison-1")
    assert [line["retailer"] for line in planner.get(f"{place}/retailers", params={"limit": 2}).json()] == ["R1", "R2"]
    assert planner.get(f"{place}/explain", params={"retailer": "R4"}).json()["lines"][0]["sku"] == "K1"
    assert planner.get(f"{place}/explain", params={"retailer": "R9"}).status_code == 404
    (listed,) = planner.get("/api/v1/scores/what-ifs").json()
    assert listed["figures"] is None
    assert signed_in("administrator").post("/api/v1/scores/what-ifs", json={"text": STEEP}).status_code == 403


def test_a_person_stops_it_before_it_is_shared_out(town, scored, signed_in, monkeypatch):
    town.verified()
    comparison = ask(town, text=STEEP)
    browser, page = signed_in("planner", name="ann"), f"/console/scores/what-ifs/{comparison}"
    compute, solved = making.scores_of, []

    def stopped_meanwhile(basis):
        browser.post(f"{page}/stop")
        return compute(basis)

    monkeypatch.setattr(making, "scores_of", stopped_meanwhile)
    monkeypatch.setattr(allocation, "solve", lambda *_, **__: solved.append(1))
    town.work()
    one = found(town, comparison)
    assert (one.state, one.stopped_by, one.steps_done, one.figures) == ("stopped", "ann", 1, None)
    assert solved == []
    assert "ann stopped it" in browser.get(page).text
