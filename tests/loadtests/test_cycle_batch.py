"""The batch measurement of a cycle runs on the tables as they are, and its result holds."""

import pytest

from loadtests import cycle_batch

pytestmark = [pytest.mark.system, pytest.mark.slow]


def test_a_small_batch_comes_through_and_holds() -> None:
    measured = cycle_batch.run(2_000)
    assert measured.holds
    assert measured.lines >= 2_000 * 0.9
    assert measured.retailers > 1
    assert measured.ratio > 0
