"""A cycle whose weights come from published scores, to the files that an outsider checks."""

import hashlib
import json
import tomllib
from datetime import date
from uuid import UUID

import pytest
from factories import make_device, make_retailer, send
from sqlalchemy import select

from contract.feed import Appeal
from contract.messages import AppealScore
from evenhand import cli
from server.cycles import crediting, exporting, result_queries, service
from server.cycles.models import BookLine, BookRetailer
from server.forecasts import rules as months
from server.forecasts.fields import HISTORY
from server.forecasts.models import ForecastVersion
from server.kit import outbox, records
from server.kit.db import transaction
from server.scores import answering, decisions, making, policies, remedies
from server.scores import queries as scores
from server.scores import service as scoring

from .conftest import BOTH, PLANNER, RELEASER

FORECAST = UUID("01920000-0000-7000-8000-000000000001")
SOLD = {"R1": 400, "R2": 300, "R3": 200, "R4": 100}


def month(shop, ahead):
    period = months.later(date(2025, 11, 1), ahead)
    known = {"sold_units": SOLD[shop], "requested_units": None, "granted_units": None, "out_days": 0, "source": "file"}
    return {"retailer": shop, "product_class": "goods", "period": period} | known


@pytest.fixture
def scored(town):
    """The scores of the town in force, made beside a forecast; a shop that came after them."""
    now = town.clock.now
    with transaction(town.sessions) as session:
        cells = [month(shop, ahead) for shop in SOLD for ahead in range(12)]
        records.hold(session, HISTORY)
        records.write(session, HISTORY, cells, at=now)
        HISTORY.written(session, [records.Written(None, cell) for cell in cells], now)
        session.add(
            ForecastVersion(
                id=FORECAST,
                cut_off=date(2026, 11, 1),
                horizon=6,
                history_number=48,
                asked_by="system:evenhand",
                asked_at=now,
                state="done",
                stage="told",
                series=0,
                series_done=0,
                input_sha256="ab" * 32,
                done_at=now,
            )
        )
        session.flush()
        number = scoring.ask_run(session, PLANNER, at=now, today=now.date())
        asked = scores.run(session, number)
    making.run(town.runtime, run=str(asked.id))
    town.forget_queue()
    with transaction(town.sessions) as session:
        found = scoring.publish_run(session, number, RELEASER, at=now)
        make_retailer(session, "R9", region="shore", route="south", tier=2, weight=33)
        town.devices["R9"] = make_device(session, "R9")
    return found


def book(town, cycle):
    with transaction(town.sessions) as session:
        rows = session.scalars(select(BookRetailer).where(BookRetailer.cycle == cycle))
        return {row.retailer: (row.tier, row.weight) for row in rows}


def weights_of(frozen_book):
    """The hash as ``docs/allocation.md`` defines it."""
    pairs = sorted([shop, weight] for shop, (_, weight) in frozen_book.items())
    return hashlib.sha256(json.dumps(pairs, separators=(",", ":")).encode()).hexdigest()


def fed(town, retailer, kind):
    with transaction(town.sessions) as session:
        return [item.data for item in outbox.read(session, retailer, after=0)[0] if item.kind == kind]


def test_the_book_takes_tier_and_weight_of_the_scores_in_force_and_the_files_say_which(
    town, scored, tmp_path, capsys, monkeypatch
):
    cycle = town.draft()
    window = town.ordered(cycle)
    town.order("R9", window, K1=20)
    town.close()
    town.work()

    frozen = town.cycle(cycle)
    assert frozen.state == "verified", frozen.trouble
    assert frozen.score_version == frozen.announced_scores == scored.score_version
    assert frozen.forecast_version.endswith(f":{'ab' * 32}")
    with transaction(town.sessions) as session:
        published = {one.retailer: (one.tier, one.weight) for one in scores.scores(session, scored)}
        exporting.write(session, cycle, tmp_path)
    frozen_book = book(town, cycle)
    assert frozen_book.pop("R9") == (2, 33)
    assert frozen_book == {shop: published[shop] for shop in SOLD}
    assert frozen_book["R1"][1] > frozen_book["R4"][1]
    certificate = json.loads((tmp_path / "result" / "certificate.json").read_text())
    policy = tomllib.loads((tmp_path / "problem" / "policy.toml").read_text())
    for said in (certificate["policy"], policy):
        assert said["score_version"] == scored.score_version
        assert said["forecast_version"] == frozen.forecast_version
    assert (
        certificate["seed_proof"]["weights_sha256"]
        == frozen.weights_sha256
        == weights_of(frozen_book | {"R9": (2, 33)})
    )
    assert {one["score_version"] for one in fed(town, "R1", "window")} == {scored.score_version}
    told = fed(town, "R1", "book")[-1]
    assert (told["weights_sha256"], told["score_version"]) == (frozen.weights_sha256, scored.score_version)
    assert "score_version" not in (tmp_path / exporting.ANNOUNCED_POLICY).read_text()
    monkeypatch.setattr("sys.argv", ["evenhand", "verify", str(tmp_path / "problem"), str(tmp_path / "result")])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 0
    assert "holds" in capsys.readouterr().out


def test_scores_that_are_published_after_the_close_count_for_the_next_cycle(town, scored):
    cycle = town.draft()
    town.ordered(cycle)
    town.close()
    assert town.cycle(cycle).state == "announced", "its windows are closed, and nobody has noticed that all are"
    now = town.clock.advance(seconds=1)
    with transaction(town.sessions) as session:
        policies.write_policy(session, "tiers = 5\n", PLANNER, reason="fewer tiers", at=now)
        number = scoring.ask_run(session, PLANNER, at=now, today=now.date())
        asked = scores.run(session, number)
    making.run(town.runtime, run=str(asked.id))
    with transaction(town.sessions) as session:
        later = scoring.publish_run(session, number, RELEASER, at=now)

    town.work()

    frozen = town.cycle(cycle)
    assert later.score_version != scored.score_version
    assert (frozen.state, frozen.score_version) == ("verified", scored.score_version)


def test_who_is_suspended_by_decision_on_the_day_of_the_freeze_is_granted_nothing(town, scored):
    with transaction(town.sessions) as session:
        decided = decisions.propose_decision(
            session,
            "R2",
            "suspended",
            None,
            date(2026, 11, 1),
            date(2026, 12, 31),
            PLANNER,
            reason="sold to minors",
            at=town.clock.now,
        )
        decisions.approve_decision(session, decided, RELEASER, at=town.clock.now, today=town.clock.now.date())

    cycle = town.published()

    with transaction(town.sessions) as session:
        lines = session.scalars(select(BookLine).where(BookLine.cycle == cycle, BookLine.retailer == "R2")).all()
        assert {line.ineligible_why for line in lines} == {"suspended: sold to minors"}
        assert {grant.granted_units for grant in result_queries.grants(session, cycle) if grant.retailer == "R2"} == {0}


def test_without_scores_in_force_weights_are_the_retailers_own_and_nothing_is_named(town):
    cycle = town.verified()

    frozen = town.cycle(cycle)
    assert (frozen.score_version, frozen.forecast_version) == (None, None)
    assert book(town, cycle)["R1"] == (1, 10)


def test_the_review_says_of_which_scores_the_tiers_are(town, signed_in, scored):
    cycle = town.draft()
    town.ordered(cycle)
    town.close()
    town.work()

    page = signed_in("planner").get(f"/console/cycles/{cycle}/review").text
    assert f"tiers of score run #{scored.number}" in page
    assert scored.score_version in page
    assert RELEASER.name in page
    assert "ab" * 32 in page


def test_the_review_says_where_no_scores_were_in_force(town, signed_in):
    cycle = town.draft()
    town.ordered(cycle)
    town.close()
    town.work()

    page = signed_in("planner").get(f"/console/cycles/{cycle}/review").text
    assert "tiers of the list of retailers" in page
    assert "No scores were in force at the freeze" in page


def carried_in(town, cycle, shop, sku):
    with transaction(town.sessions) as session:
        line = BookLine.cycle == cycle, BookLine.retailer == shop, BookLine.sku == sku
        return session.scalars(select(BookLine.carry_thousandths).where(*line)).one()


def credit(town, scored, thousandths=500):
    """Uphold an appeal of R4 with a credit of K1."""
    with transaction(town.sessions) as session:
        said = AppealScore(run=scored.number, component="demand", words="my sales were higher")
        appeal = send(session, town.devices["R4"], "score.appeal", said, at=town.clock.now).message
    today = town.clock.now.date()
    with transaction(town.sessions) as session:
        answering.answer_appeal(
            session,
            appeal,
            "upheld",
            PLANNER,
            answer_zh="",
            answer_en="You are right.",
            remedy=remedies.CarryOn(sort="carry", sku="K1", carry_thousandths=thousandths),
            at=town.clock.now,
            today=today,
        )
    with transaction(town.sessions) as session:
        answering.approve_answer(session, appeal, BOTH, at=town.clock.now, today=today)


def taken_in(town, cycle):
    with transaction(town.sessions) as session:
        found = crediting.taken_in(session, cycle)
    return {line: [(one.because, one.carry_thousandths) for one in given] for line, given in found.items()}


def test_a_credit_waits_for_a_book_that_takes_it_in_whatever_is_shared_out_again_or_called_off(town, scored):
    first = town.verified()
    town.clock.advance(minutes=1)
    credit(town, scored)
    town.clock.advance(minutes=1)
    town.supply(first, [{"sku": "K2", "supply_units": 900}], correct=True)
    town.work()
    assert (town.cycle(first).attempt, carried_in(town, first, "R4", "K1")) == (2, 0), "the book is the old one"
    later = []
    for _ in range(2):
        town.clock.advance(days=1)
        later.append(town.verified())
    assert [carried_in(town, one, "R4", "K1") for one in later] == [500, 0]
    town.act(service.call_off, later[0], PLANNER, reason="a strike")
    town.clock.advance(days=1)
    last = town.verified()
    assert carried_in(town, last, "R4", "K1") == 500, "what was called off took nothing"
    assert [taken_in(town, one) for one in (first, later[1], last)] == [{}, {}, {("R4", "K1"): [("appeal", 500)]}]


def test_an_upheld_appeal_is_made_good_by_a_credit_that_one_cycle_takes_in(town, signed_in, scored):
    first = town.verified()
    town.clock.advance(minutes=1)
    with transaction(town.sessions) as session:
        message = AppealScore(run=scored.number, component="demand", words="my sales were higher")
        receipt = send(session, town.devices["R4"], "score.appeal", message, at=town.clock.now)
        assert receipt.outcome == "accepted"
    place = f"/console/appeals/{receipt.message}"
    planner, releaser = signed_in("planner", name="cleo"), signed_in("releaser", name="dora")
    said = {"verdict": "carry", "answer_en": "You lost half a pack.", "answer_zh": ""}
    refused = planner.post(f"{place}/answer", data={**said, "carry_sku": "K0", "carry_percent": "50"})
    assert (refused.status_code, "K0 is not in the catalogue" in refused.text) == (422, True)
    refused = planner.post(f"{place}/answer", data={**said, "carry_sku": "K1", "carry_percent": "101"})
    assert refused.status_code == 422, "more than a pack"
    assert planner.post(f"{place}/answer", data={**said, "carry_sku": "K1", "carry_percent": "50"}).status_code == 303
    assert planner.post(f"{place}/approve").status_code == 403
    assert releaser.post(f"{place}/approve").status_code == 303
    sentence = "A credit of 0.50 packs of K1"
    page = planner.get(place).text
    assert sentence in page
    assert "remedy SKU K1, by a credit in the next cycle, credit in thousandths of a pack 500" in page
    with transaction(town.sessions) as session:
        items, _ = outbox.read(session, "R4", after=0)
        told = next(Appeal.model_validate(one.data) for one in items if one.key == f"appeal:{receipt.message}")
    assert told.state == "upheld"
    assert sentence in told.remedy.en
    assert "补还 0.50 包" in told.remedy.zh

    town.clock.advance(days=1)
    second = town.verified()
    town.clock.advance(days=1)
    third = town.verified()

    assert [carried_in(town, one, "R4", "K1") for one in (first, second, third)] == [0, 500, 0]
    assert {carried_in(town, second, shop, "K1") for shop in ("R1", "R2", "R3")} == {0}, "nobody else's"
    pages = [
        signed_in("planner", name="cleo").get(f"/console/cycles/{one}/explain?retailer=R4").text
        for one in (second, third)
    ]
    assert ["+0.500 of it by appeal #1" in page for page in pages] == [True, False]
