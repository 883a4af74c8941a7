"""Where stretches of series are worked on: here, or in processes, with or without keeping what is done.

What is kept survives the process that did it: a run that was stopped goes on where it stopped. A stretch's file is
written under another name, brought to the disk, and only then given its own, so that half of one is never taken for
the whole.
"""

import hashlib
import importlib.metadata
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context, parent_process
from pathlib import Path
from threading import Thread
from typing import Any, Final, Protocol, TypeVar

import numpy as np

from allocation.forecasting.calendar import Calendar
from allocation.forecasting.history import History

Result = TypeVar("Result", bound=tuple[Any, ...])

_VERSIONS_OF: Final = ("evenhand", "numpy", "scipy", "statsforecast")


class Places(Protocol):
    """Where stretches are worked on."""

    def each(
        self,
        stage: str,
        act: Callable[[History], Result],
        kind: type[Result],
        stretches: Sequence[History],
        told: Callable[[int], None],
    ) -> Sequence[Result]:
        """Return what `act` gives for each stretch, in order.

        Parameters
        ----------
        stage
            Different for each call of a run.
        kind
            What `act` gives: a named tuple of arrays.
        told
            Hears of each stretch that is done, as the number of series so far.
        """
        ...


class Here:
    """In this process, one after the other."""

    def each(
        self,
        stage: str,
        act: Callable[[History], Result],
        kind: type[Result],
        stretches: Sequence[History],
        told: Callable[[int], None],
    ) -> Sequence[Result]:
        """Work on each in turn."""
        del stage, kind
        found, done = [], 0
        for stretch in stretches:
            found.append(act(stretch))
            done += len(stretch)
            told(done)
        return found


@dataclass(frozen=True)
class Processes:
    """In processes, each stretch's result in a file of a folder; see :func:`in_processes`."""

    pool: ProcessPoolExecutor
    folder: Path

    def each(
        self,
        stage: str,
        act: Callable[[History], Result],
        kind: type[Result],
        stretches: Sequence[History],
        told: Callable[[int], None],
    ) -> Sequence[Result]:
        """Work on those whose file is not there yet."""
        name = hashlib.sha256(stage.encode()).hexdigest()[:12]
        paths = [self.folder / f"{name}-{number:06d}.npz" for number in range(len(stretches))]
        missing = [not path.exists() for path in paths]
        done = sum(len(stretch) for stretch, is_missing in zip(stretches, missing, strict=True) if not is_missing)
        told(done)
        to_do = [stretch for stretch, is_missing in zip(stretches, missing, strict=True) if is_missing]
        into = [path for path, is_missing in zip(paths, missing, strict=True) if is_missing]
        for stretch, _ in zip(to_do, self.pool.map(partial(_kept, act), to_do, into), strict=True):
            done += len(stretch)
            told(done)
        return _Kept(paths, kind)


@contextmanager
def in_processes(workers: int, beside: Path, history: History, horizon: int, calendar: Calendar) -> Iterator[Places]:
    """Yield processes that keep what they do in a hidden folder beside a file; it is removed once all is done.

    A run with the same history, horizon, calendar and versions goes on from that folder; others leave it alone.
    """
    key = _digest(history, horizon, calendar)
    folder = beside.absolute().parent / f".{beside.name}.{key[:16]}.parts"
    folder.mkdir(parents=True, exist_ok=True)
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_end_with_parent)
    try:
        yield Processes(pool, folder)
    except BaseException:
        pool.shutdown(wait=True, cancel_futures=True)
        raise
    pool.shutdown()
    shutil.rmtree(folder, ignore_errors=True)


def _end_with_parent() -> None:
    """See that this process ends when the one that started it is killed."""
    parent = parent_process()
    if parent is not None:
        Thread(target=_wait_and_end, args=(parent,), daemon=True).start()


def _wait_and_end(parent: Any) -> None:
    parent.join()
    os._exit(1)


class _Kept(Sequence[Result]):
    """Results that are read from their files each time they are looked at."""

    def __init__(self, paths: Sequence[Path], kind: type[Result]) -> None:
        self._paths = paths
        self._kind = kind

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, position: Any) -> Any:
        with np.load(self._paths[position], allow_pickle=False) as columns:
            return self._kind(*(columns[field] for field in self._kind._fields))  # type: ignore[attr-defined]


def _kept(act: Callable[[History], Any], stretch: History, path: Path) -> None:
    """Work on a stretch and keep what it gives."""
    found = act(stretch)
    fresh = path.with_suffix(f".{os.getpid()}.part")
    with fresh.open("wb") as file:
        np.savez(file, **found._asdict())
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def _digest(history: History, horizon: int, calendar: Calendar) -> str:
    """Return what tells this work from any other."""
    versions = {name: importlib.metadata.version(name) for name in _VERSIONS_OF}
    told = [history.frequency.value, horizon, history.names, history.classes, sorted(calendar), versions]
    digest = hashlib.sha256(json.dumps(told).encode())
    arrays = (history.first, history.weekday, history.bounds, history.values, history.members)
    for array in (*arrays, *(calendar[name] for name in sorted(calendar))):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
