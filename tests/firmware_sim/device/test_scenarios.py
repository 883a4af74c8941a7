"""Each scenario holds; the same seed gives the same figures and the same log, another seed others."""

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from evenhand.cli import app
from firmware_sim.device import ground, playing
from firmware_sim.device.scenarios import SCENARIOS

CHECKOUT = Path(__file__).parents[3]
FOUND = json.loads(Path(__file__).with_name("found_seeds.json").read_text(encoding="utf-8"))


def _without_wall(figures: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in figures.items() if name != "wall_seconds"}


@pytest.mark.slow
@pytest.mark.system
@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_holds_and_what_it_is_about_happens(stands: ground.Ground, name: str) -> None:
    figures = playing.play(SCENARIOS[name], stands, 3, 3)
    assert figures["holds"], figures
    assert figures["balanced"]
    assert {happens.what for happens in SCENARIOS[name].happens} & figures["faults"].keys()
    compared = {key: one["compared"] for key, one in figures["invariants"].items()}
    assert min(compared["I1"], compared["I2"], compared["I6"]) > 0, compared


@pytest.mark.slow
@pytest.mark.system
def test_the_same_seed_gives_the_same_figures_and_log_and_another_seed_others(stands: ground.Ground) -> None:
    logs = [io.StringIO() for _ in range(3)]
    chosen = SCENARIOS["power-cut-ordering"]
    first, again, other = (
        _without_wall(playing.play(chosen, stands, seed, 3, log)) for seed, log in zip((7, 7, 8), logs, strict=True)
    )
    assert first == again
    assert logs[0].getvalue() == logs[1].getvalue()
    assert first["sha256"] != other["sha256"]
    assert first["ledger"] != other["ledger"] or first["faults"] != other["faults"]
    events = [json.loads(line) for line in logs[0].getvalue().splitlines()]
    assert [event["ms"] for event in events] == sorted(event["ms"] for event in events)
    assert {"saved", "dark", "fault", "act"} <= {event["what"] for event in events}


@pytest.mark.slow
@pytest.mark.system
@pytest.mark.parametrize("found", FOUND, ids=lambda found: f"{found['scenario']}-{found['seed']}")
def test_what_a_seed_once_found_stays_mended(stands: ground.Ground, found: dict[str, Any]) -> None:
    figures = playing.play(SCENARIOS[found["scenario"]], stands, found["seed"], found["devices"])
    assert figures["holds"], (found["what"], figures["invariants"])


def test_the_list_tells_the_story_of_every_scenario() -> None:
    listed = CliRunner().invoke(app, ["sim", "list"]).stdout
    assert all(name in listed and one.story in listed for name, one in SCENARIOS.items())


def test_the_guide_tells_of_every_scenario_and_of_the_outage_behind_it() -> None:
    guide = (CHECKOUT / "docs" / "simulator.md").read_text(encoding="utf-8")
    for name, one in SCENARIOS.items():
        assert f"`{name}`" in guide
        assert one.outage in guide


@pytest.mark.slow
@pytest.mark.system
def test_a_play_by_the_command_writes_one_object_last_and_the_log(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    words = ["sim", "run", "window-rush", "--seed", "5", "--devices", "2", "--json", "--trace", str(log)]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    figures = json.loads(done.stdout.splitlines()[-1])
    assert (figures["scenario"], figures["seed"], figures["devices"]) == ("window-rush", 5, 2)
    assert figures["ledger"]["sent"] == figures["ledger"]["stored"]
    assert re.fullmatch("[0-9a-f]{64}", figures["sha256"])
    assert all("ms" in json.loads(line) for line in log.read_text(encoding="utf-8").splitlines())
