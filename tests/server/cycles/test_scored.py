"""A cycle whose weights come from published scores, to the files that an outsider checks."""

import json
import tomllib
from datetime import date
from uuid import UUID

import pytest
from factories import make_device, make_retailer
from sqlalchemy import select

from evenhand import cli
from server.cycles import exporting, result_queries
from server.cycles.models import BookLine, BookRetailer
from server.forecasts import rules as months
from server.forecasts.fields import HISTORY
from server.forecasts.models import ForecastVersion
from server.kit import records
from server.kit.db import transaction
from server.scores import decisions, making
from server.scores import queries as scores
from server.scores import service as scoring

from .conftest import PLANNER, RELEASER

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
    assert frozen.score_version == scored.score_version
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
    assert "score_version" not in (tmp_path / exporting.ANNOUNCED_POLICY).read_text()
    monkeypatch.setattr("sys.argv", ["evenhand", "verify", str(tmp_path / "problem"), str(tmp_path / "result")])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 0
    assert "holds" in capsys.readouterr().out


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
