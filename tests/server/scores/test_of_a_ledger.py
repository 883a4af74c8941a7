"""A ledger of years past becomes history on the server, is forecast there, and scored as the command scores it."""

import csv
import random
from datetime import date
from pathlib import Path

import pytest
from factories import make_sku
from real_books import PANEL
from typer.testing import CliRunner

from evenhand.score_command import app
from server.catalogue.models import SkuRow
from server.forecasts import making as forecasting
from server.forecasts import queries as forecasts
from server.forecasts import service as forecast
from server.forecasts.fields import HISTORY
from server.kit.db import transaction
from server.kit.identity import SYSTEM, Actor
from server.kit.imports import Upload, bring
from server.kit.records import Kind
from server.kit.runtime import Runtime
from server.retailers.fields import RETAILERS
from server.scores.fields import ASSORTMENT

from .conftest import Room

pytestmark = pytest.mark.slow  # loading the models takes seconds

ANN = Actor("operator", "ann")
STORES = '[fields]\ncode = "retailer"\nname = "retailer"\n'
MONTHS = '[fields]\nretailer = "retailer"\nproduct_class = { constant = "" }\nperiod = "period"\nsold_units = "sold"\n'
COLUMNS = ("--retailer", "store", "--sku", "item", "--units", "bottles")
LAST = date(2026, 10, 1)
"""The last month that is over by the tests' clock."""


def command(*words: object) -> str:
    answer = CliRunner().invoke(app, [str(word) for word in words])
    assert answer.exit_code == 0, answer.output
    return answer.output


def ledger_of_six_stores(folder: Path) -> Path:
    """A ledger of thirty months with returns; store 6 begins late."""
    rng = random.Random(11)  # noqa: S311 - a made-up ledger, not a secret
    path = folder / "lines.csv"
    rows = ["date,store,item,bottles"]
    for number in range(30):
        month = f"{2018 + number // 12}-{number % 12 + 1:02d}"
        for store in range(1, 7 if number > 20 else 6):
            rows += [
                f"{month}-{day:02d},{store},i{rng.randint(1, 9)},{12 * store + rng.randint(0, 6)}" for day in (1, 15)
            ]
        rows.append(f"{month}-28,1,i1,-2")
    path.write_text("\n".join([*rows, "2020-07-01,1,i1,5"]) + "\n")
    return path


def brought(runtime: Runtime, clock, kind: Kind, path: Path, mapping: str = "") -> None:
    with transaction(runtime.sessions) as session:
        report = bring(session, kind, Upload(path.name, path.read_bytes()), mapping, actor=ANN, at=clock())
    assert report.rows_refused == 0, report


def forecast_all(runtime: Runtime, clock) -> list[forecasts.Series]:
    with transaction(runtime.sessions) as session:
        number = forecast.ask_version(session, SYSTEM, at=clock(), today=clock().date())
        asked = forecasts.version(session, number)
    assert asked is not None
    forecasting.run(runtime, version=str(asked.id))
    with transaction(runtime.sessions) as session:
        found = forecasts.version(session, number)
        assert found is not None
        assert found.state == "done", found.trouble
        return list(forecasts.every_series(session, found.id))


@pytest.mark.parametrize("name", ["six stores", "real panel"])
def test_a_ledger_is_history_on_the_server_and_scored_as_the_command_scores_it(
    runtime: Runtime, clock, tmp_path: Path, name: str
) -> None:
    if name == "real panel" and not PANEL.is_file():
        pytest.skip("the real ledger is not beside the checkout")
    ledger = PANEL if name == "real panel" else ledger_of_six_stores(tmp_path)
    folder, scored = tmp_path / "folder", tmp_path / "scored"
    command("history-of", ledger, "--out", folder, *COLUMNS, "--period", "month", "--last", LAST)
    command("score", folder, "--out", scored, "--as-of", "2026-11-01")
    with (scored / "scores.csv").open(newline="") as file:
        by_command = {row["retailer"]: row["score"] for row in csv.DictReader(file)}

    with transaction(runtime.sessions) as session:
        make_sku(session)
        session.get_one(SkuRow, "K1").category = ""
    for kind, mapping in ((RETAILERS, STORES), (HISTORY, MONTHS), (ASSORTMENT, "")):
        brought(runtime, clock, kind, folder / f"{kind.name}.csv", mapping)
    series = forecast_all(runtime, clock)
    room = Room(runtime, clock)
    draft = room.draft()
    assert set(draft.certificate["components"]) == {"demand", "trend", "assortment"}
    on_server = {shop: f"{score.score_milli / 1000:.3f}" for shop, score in room.scores(draft).items()}

    assert on_server == by_command
    assert len(set(on_server.values())) > 1
    assert {one.retailer for one in series} == set(by_command)
    assert all(
        0 <= low <= mean <= high for one in series for low, mean, high in zip(one.lo80, one.mean, one.hi80, strict=True)
    )
    if name == "six stores":
        means = {one.retailer: one.mean[0] for one in series}
        assert means["1"] < means["3"] < means["5"]
        assert float(on_server["1"]) < float(on_server["5"])
