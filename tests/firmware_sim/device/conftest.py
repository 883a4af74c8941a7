"""A town on a database of its own, one for the plays of a file."""

from collections.abc import Iterator

import pytest

from firmware_sim.device import ground


@pytest.fixture(scope="module")
def stands() -> Iterator[ground.Ground]:
    with ground.prepared(None, 3) as made:
        yield made
