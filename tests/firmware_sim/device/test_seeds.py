"""Five hundred seeds, spread over the scenarios: whatever fails names the command that plays it again."""

import pytest

from firmware_sim.device import ground, sweeping

pytestmark = [pytest.mark.slow, pytest.mark.system]
SEEDS, BLOCK = 500, 50
BLOCKS = range(0, SEEDS, BLOCK)


def _hold(stands: ground.Ground, first: int) -> None:
    played = [sweeping.play(stands, *one) for one in sweeping.spread(first, BLOCK)]
    failed = [f"{one.replay}: {one.broken}" for one in played if one.broken]
    assert not failed, "\n".join(failed)


class TestOneHalf:
    """Two classes: a run on several processes gives each to another one."""

    @pytest.mark.parametrize("first", BLOCKS[::2])
    def test_seeds_hold(self, stands: ground.Ground, first: int) -> None:
        _hold(stands, first)


class TestTheOther:
    """See above."""

    @pytest.mark.parametrize("first", BLOCKS[1::2])
    def test_seeds_hold(self, stands: ground.Ground, first: int) -> None:
        _hold(stands, first)
