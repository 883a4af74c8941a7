"""A simulator that cannot fail shows nothing: each planted defect is found within the seeds of a push."""

import pytest
from planted_in_plays import PLANTED

from firmware_sim.device import ground, sweeping

SEEDS = 500


@pytest.mark.slow
@pytest.mark.system
@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_defect_is_found(stands: ground.Ground, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    planted = PLANTED[name]
    planted.plant(monkeypatch)
    plays = [one for one in sweeping.spread(0, SEEDS) if one[0] == planted.scenario]
    found = next((one for play in plays if (one := sweeping.play(stands, *play)).broken), None)
    assert found is not None, f"{name} survives {len(plays)} seeds of {planted.scenario}: {planted.harm}"
