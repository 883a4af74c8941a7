"""What-ifs: two policies on one frozen book, worked out beside the cycle, kept, explained, and never in its way."""

import re

import pytest
import sqlalchemy as sa

import allocation
from allocation.errors import WorkLimitError
from contract.errors import Conflict, Rejected
from server.cycles import result_queries, standing, what_if
from server.kit import audit
from server.kit.db import transaction
from server.kit.identity import Operator

pytestmark = pytest.mark.slow

PLANNER = Operator(1, "anna", frozenset({"planner"}))
FAIR = what_if.PolicyName("fair share", 1)
TIGHT = what_if.PolicyName("tight", 1)


@pytest.fixture
def tight(town):
    """A policy under which the hills get little, and no shop more than 30 units."""
    with transaction(town.sessions) as session:
        standing.write_policy(
            session,
            "tight",
            "retailer_units = 30\n"
            'quotas = [{group = "region", value = "hills", sku = "K1", max_units = 10}]\n'
            'all_or_nothing = [{retailer = "R2", sku = "WINE"}]\n',
            reason="what if",
            author="anna",
            actor=audit.Actor("operator", "anna"),
            at=town.clock.now,
        )
    return TIGHT


def ask(town, cycle, first=FAIR, second=TIGHT):
    return town.act(what_if.ask, cycle, PLANNER, first=first, second=second)


def found(town, comparison):
    with transaction(town.sessions) as session:
        return what_if.find(session, comparison)


def test_two_policies_are_compared_on_one_book_and_the_cycle_stays_as_it_is(town, tight):
    cycle = town.verified()
    before = town.cycle(cycle)
    with transaction(town.sessions) as session:
        grants, run = result_queries.drafted_grants(session, cycle), result_queries.run(session, cycle)
    comparison = ask(town, cycle)
    assert found(town, comparison).state == "waiting"
    assert town.work() == ["cycles.what_if"]
    one = found(town, comparison)
    assert (one.state, one.steps_done, one.trouble) == ("done", one.steps, None)
    assert one.figures["a"]["totals"]["granted"] == sum(grant.granted_units for grant in grants)
    assert one.figures["a"]["name"] == "fair share v1"
    assert one.figures["b"]["reasons"]["quota"] > 0
    hills = next(row for row in one.figures["groups"]["region"] if row["value"] == "hills")
    assert hills["b"] < hills["a"]
    assert {row["retailer"] for row in one.figures["retailers"]["losers"]} >= {"R4"}
    assert town.cycle(cycle) == before
    with transaction(town.sessions) as session:
        assert (result_queries.drafted_grants(session, cycle), result_queries.run(session, cycle)) == (grants, run)


def test_any_retailer_is_explained_under_both(town, tight):
    cycle = town.verified()
    comparison = ask(town, cycle)
    town.work()
    with transaction(town.sessions) as session:
        lines = {line.sku: line for line in what_if.explain(session, comparison, "R4", "en")}
        assert what_if.explain(session, comparison, "R5", "en") == []
        chinese = what_if.explain(session, comparison, "R4", "zh")
    assert lines["K1"].second_units == 30 < lines["K1"].first_units
    assert "your limit on units leaves no room for more" in lines["K1"].second_text
    assert "ran out" in lines["K1"].first_text or "draw" in lines["K1"].first_text
    assert "配额" in chinese[0].second_text


def test_first_come_first_served_is_the_baseline_within_the_limits_of_the_first_policy(town, tight):
    cycle = town.verified()
    comparison = ask(town, cycle, second=what_if.BASELINE)
    town.work()
    one = found(town, comparison)
    assert (one.state, one.second) == ("done", what_if.BASELINE)
    assert (one.figures["b"]["name"], one.figures["b"]["policy"]["rule"]) == ("first come, first served", "first_come")
    with transaction(town.sessions) as session:
        granted = {}
        for retailer in ("R1", "R2", "R3", "R4"):
            for line in what_if.explain(session, comparison, retailer, "en"):
                granted[retailer, line.sku] = line.second_units
                assert f"there was room for {line.second_units}." in line.second_text
        [chinese] = what_if.explain(session, comparison, "R4", "zh")
    # They ordered in the order of their names; of K1 there are 120 units in packs of ten.
    assert [granted[f"R{number}", "K1"] for number in (1, 2, 3, 4)] == [40, 40, 40, 0]
    assert "先" in chinese.second_text
    within = ask(town, cycle, first=TIGHT, second=what_if.BASELINE)
    town.work()
    assert found(town, within).figures["b"]["totals"]["granted"] < one.figures["b"]["totals"]["granted"]


def test_it_works_on_a_past_cycle_before_the_next_window_opens(town, tight):
    past = town.published()
    town.draft()
    comparison = ask(town, past)
    town.work()
    assert found(town, comparison).state == "done"


def test_what_cannot_be_worked_out_says_why_and_is_not_tried_for_ever(town, tight, monkeypatch):
    cycle = town.verified()
    comparison = ask(town, cycle)

    def no_proof(*_args, **_kwargs):
        raise WorkLimitError("no proof within the limit")

    with monkeypatch.context() as broken:
        broken.setattr(allocation, "solve", no_proof)
        town.work()
    one = found(town, comparison)
    assert (one.state, one.trouble) == ("failed", "no proof within the limit")
    what_if.run(town.runtime, comparison=str(comparison))
    assert found(town, comparison) == one


def test_a_crash_in_the_middle_lets_the_next_call_begin_anew(town, tight, monkeypatch):
    cycle = town.verified()
    comparison = ask(town, cycle)

    def power_cut(*_args, **_kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as cut:
        cut.setattr(what_if, "compare_results", power_cut)
        with pytest.raises(KeyboardInterrupt):
            what_if.run(town.runtime, comparison=str(comparison))
    assert (found(town, comparison).state, found(town, comparison).steps_done) == ("working", 3)
    what_if.run(town.runtime, comparison=str(comparison))
    assert found(town, comparison).state == "done"


def stop(town, comparison):
    with transaction(town.sessions) as session:
        what_if.stop(session, comparison, by=PLANNER, at=town.clock.now)


def test_one_that_waits_is_stopped_and_never_worked_on(town, tight):
    comparison = ask(town, town.verified())
    stop(town, comparison)
    town.work()
    one = found(town, comparison)
    assert (one.state, one.stopped_by, one.figures, one.done_at) == ("stopped", "anna", None, town.clock.now)
    with transaction(town.sessions) as session:
        assert audit.entries(session, subject=f"what_if:{comparison}")[0].action == "what_if.stopped"
    with pytest.raises(Conflict):
        stop(town, comparison)


def test_one_that_is_worked_on_is_stopped_at_its_next_step_and_stores_nothing(town, tight, monkeypatch):
    comparison = ask(town, town.verified())
    solve, solved = allocation.solve, []

    def stopped_meanwhile(*args, **kwargs):
        solved.append(1)
        stop(town, comparison)
        return solve(*args, **kwargs)

    with monkeypatch.context() as slow:
        slow.setattr(allocation, "solve", stopped_meanwhile)
        assert town.work() == ["cycles.what_if"]
    one = found(town, comparison)
    assert (one.state, one.steps_done, one.figures, one.trouble) == ("stopped", 1, None, None)
    assert solved == [1], "the second policy is not tried any more"


def test_a_person_stops_it_by_the_button_and_is_told_where_it_is_over(town, tight, signed_in):
    comparison = ask(town, town.verified())
    page = f"/console/policies/what-ifs/{comparison}"
    assert "Stop it" not in signed_in("administrator").get(page).text
    assert signed_in("administrator").post(f"{page}/stop").status_code == 403
    browser = signed_in("planner", name="ann")
    assert f'action="{page}/stop"' in browser.get(f"{page}/progress").text
    assert browser.post(f"{page}/stop").headers["location"] == page
    text = browser.get(page).text
    assert "It was stopped; nothing more of it is stored." in text
    assert "ann stopped it" in text
    assert browser.get(f"{page}/progress").headers["HX-Refresh"] == "true"
    browser.post(f"{page}/stop")
    assert "It was over already; nothing was stopped." in browser.get(page).text


def test_it_holds_no_transaction_while_it_solves(town, tight, monkeypatch, database):
    cycle = town.verified()
    comparison = ask(town, cycle)
    solve, seen = allocation.solve, []

    def watched(*args, **kwargs):
        engine = sa.create_engine(database.owner_url, poolclass=sa.NullPool)
        with engine.connect() as connection:
            seen.extend(
                connection.scalars(
                    sa.text(
                        "SELECT state FROM pg_stat_activity WHERE datname = current_database()"
                        " AND pid <> pg_backend_pid() AND state LIKE 'idle in transaction%'"
                    )
                )
            )
        return solve(*args, **kwargs)

    monkeypatch.setattr(allocation, "solve", watched)
    town.work()
    assert found(town, comparison).state == "done"
    assert seen == []


def test_what_cannot_be_compared_is_refused(town, tight):
    draft = town.draft()
    with pytest.raises(Conflict):
        ask(town, draft)
    cycle = town.verified()
    with pytest.raises(Rejected) as refused:
        ask(town, cycle, second=FAIR)
    assert refused.value.params["where"] == "second"
    with pytest.raises(Rejected) as refused:
        ask(town, cycle, second=what_if.PolicyName("tight", 9))
    assert refused.value.code == "not_found"


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_screens_lead_from_the_question_to_the_answer(town, tight, signed_in, language):
    cycle = town.verified()
    releaser = signed_in("releaser", name="bo", language=language)
    assert f"/console/policies/what-ifs?cycle={cycle}" in releaser.get(f"/console/cycles/{cycle}/review").text
    page = releaser.get("/console/policies/what-ifs", params={"cycle": str(cycle)})
    assert '<option value="tight|1"' in page.text
    assert '<option value="first_come"' in page.text
    fields = {"cycle": str(cycle), "first": "fair share|1", "second": "fair share|1"}
    assert releaser.post("/console/policies/what-ifs", data=fields).status_code == 422
    answer = releaser.post("/console/policies/what-ifs", data=fields | {"second": "tight|1"})
    place = answer.headers["location"].partition("?")[0]
    assert "hx-get" in releaser.get(place).text
    assert "HX-Refresh" not in releaser.get(f"{place}/progress").headers
    town.work()
    assert releaser.get(f"{place}/progress").headers["HX-Refresh"] == "true"
    page = releaser.get(place).text
    for words in ("fair share v1", "tight v1", "Gini", "hills", "R4"):
        assert words in page
    told = releaser.get(f"{place}/explain", params={"retailer": "R4"}, headers={"HX-Request": "true"}).text
    assert "Shop R4" in told
    assert releaser.get(f"{place}/explain", params={"retailer": "R9"}).status_code == 200
    asked = releaser.post("/console/policies/what-ifs", data=fields | {"second": "first_come"})
    town.work()
    baseline = releaser.get(asked.headers["location"].partition("?")[0]).text
    assert {"zh": "先到先得", "en": "first come, first served"}[language] in baseline
    if language == "zh":
        plain = re.sub(r"<[^>]+>", " ", re.sub(r"<(script|style|svg|code|pre).*?</\1>", " ", page, flags=re.DOTALL))
        assert re.findall(r"[A-Z][a-z]+(?: [a-z]+){2,}", plain) == []


def test_programs_ask_and_read_the_figures(town, tight, signed_in):
    cycle = town.verified()
    planner = signed_in("planner", name="anna")
    planner.headers["Accept"] = "application/json"
    body = {"first": {"name": "fair share", "version": 1}, "second": {"name": "tight", "version": 1}}
    made = planner.post(f"/api/v1/cycles/{cycle}/what-ifs", json=body)
    assert made.status_code == 201, made.text
    town.work()
    status = planner.get(f"/api/v1/what-ifs/{made.json()['id']}").json()
    assert (status["state"], status["figures"]["format"]) == ("done", "evenhand-comparison-1")
    [listed] = planner.get(f"/api/v1/cycles/{cycle}/what-ifs").json()
    assert listed["figures"] is None
    lines = planner.get(f"/api/v1/what-ifs/{status['id']}/explain", params={"retailer": "R4", "lang": "zh"}).json()
    assert lines[0]["second_units"] == 30
    made = planner.post(f"/api/v1/cycles/{cycle}/what-ifs", json=body | {"second": "first_come"})
    town.work()
    status = planner.get(f"/api/v1/what-ifs/{made.json()['id']}").json()
    assert (status["state"], status["second"]) == ("done", "first come, first served")
