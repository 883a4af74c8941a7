"""The first exchange, cut at any point, goes on where it was."""

from pathlib import Path
from typing import Any

import pytest

NEWS = 25


@pytest.mark.parametrize("cut_after", range(12))
def test_a_first_exchange_that_is_cut_anywhere_goes_on_and_reads_no_page_twice(
    make: Any, tmp_path: Path, cut_after: int
) -> None:
    world = make.world(tmp_path / "t", seed=cut_after)
    world.server.reference = make.reference(*(make.item(f"SKU-{n}") for n in range(20)))
    for _ in range(NEWS):
        make.window(world)
    asked: list[int] = []
    page = world.server.page
    world.server.page = lambda after: asked.append(after) or page(after)
    for _ in range(cut_after):
        world.wires.travel()
    before = world.store.progress().cursor
    world.wires.parcels.clear()
    world.restart()
    assert world.store.progress().cursor == before
    world.run(120)
    assert world.store.progress().cursor == world.server.head == NEWS
    assert world.store.rows("SELECT count(*) FROM feed WHERE kind = 'window'") == [(NEWS,)]
    assert world.store.reference().version == "v1"
    first_reading = [after for after in asked if after < NEWS]
    assert len(first_reading) == len(set(first_reading))
    world.engine.stop()
    world.store.close()
