"""Many seeds, spread over the scenarios and over some processes: each with a town and a database of its own."""

import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing import util
from typing import Any

from firmware_sim.device import ground, playing
from firmware_sim.device.scenarios import SCENARIOS

DEVICES_MOST = 2


@dataclass(frozen=True)
class Played:
    """A seed that was played; ``broken`` names what does not hold, by the invariant's name."""

    scenario: str
    seed: int
    devices: int
    broken: dict[str, list[str]]

    @property
    def replay(self) -> str:
        """The command that plays it again."""
        return f"evenhand sim run {self.scenario} --seed {self.seed} --devices {self.devices}"


def spread(first: int, count: int) -> list[tuple[str, int]]:
    """Return which scenario each of ``count`` seeds plays, in turn."""
    names = list(SCENARIOS)
    return [(names[seed % len(names)], seed) for seed in range(first, first + count)]


def play(stands: ground.Ground, name: str, seed: int) -> Played:
    """Play one, with one device or two: what one alone can show is cheaper to find."""
    devices = 1 + seed // len(SCENARIOS) % DEVICES_MOST
    figures: dict[str, Any] = playing.play(SCENARIOS[name], stands, seed, devices)
    broken = {key: one["broken"] for key, one in figures["invariants"].items() if not one["holds"]}
    return Played(name, seed, devices, broken)


def sweep(plays: Sequence[tuple[str, int]], *, workers: int) -> Iterator[Played]:
    """Play all, side by side; give each as it is done, in their order."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_begin) as pool:
        yield from pool.map(_one, *zip(*plays, strict=True), chunksize=5)


_worker = ExitStack()
_stands: list[ground.Ground] = []


def _begin() -> None:
    _stands.append(_worker.enter_context(ground.prepared(None, DEVICES_MOST)))
    util.Finalize(None, _worker.close, exitpriority=10)


def _one(name: str, seed: int) -> Played:
    (stands,) = _stands
    return play(stands, name, seed)
