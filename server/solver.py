"""Entry point: what calculates for long, in a process of its own, one job at a time.

Guarantees: nobody waits for a calculation but those who asked for it: relay, feeds, clock and requests run elsewhere;
a solver that dies is replaced, and the next one begins its job again; memory that a job took is given back after it.
"""

import ctypes
import functools
import gc
from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa

from server.cycles import score_what_if as cycles_score_what_if
from server.cycles import steps as cycles_steps
from server.cycles import what_if as cycles_what_if
from server.forecasts import making as forecasts_making
from server.forecasts import service as forecasts
from server.inventory import telling as inventory_telling
from server.kit import jobs, working
from server.kit.processes import Ending
from server.kit.runtime import Runtime
from server.scores import making as scores_making
from server.scores import service as scores
from server.scores import telling as scores_telling
from server.signals import making as signals_making
from server.signals import service as signals
from server.visits import making as visits_making
from server.visits import plans as visit_plans

#: Job name -> function that opens its own transactions, and holds none while it calculates.
TASKS: Mapping[str, Callable[..., None]] = {
    "cycles.freeze": cycles_steps.run_freeze,
    "cycles.solve": cycles_steps.run_solve,
    "cycles.verify": cycles_steps.run_verify,
    "cycles.publish": cycles_steps.run_publish,
    cycles_what_if.TASK: cycles_what_if.run,
    cycles_score_what_if.TASK: cycles_score_what_if.run,
    inventory_telling.TASK: inventory_telling.run,
    forecasts.TASK: forecasts_making.run,
    scores.TASK: scores_making.run,
    scores.TELL: scores_telling.run,
    scores.TELL_SHOPS: scores_telling.shops,
    signals.TASK: signals_making.run,
    visit_plans.TASK: visits_making.run,
}


def main(runtime: Runtime) -> None:
    """Run until SIGTERM or SIGINT."""
    working.work(runtime, jobs.SOLVING, {name: _sparing(run) for name, run in TASKS.items()}, Ending())


def give_back() -> None:
    """Give memory that nothing needs any more back to the system; Python's, Arrow's and the C library's."""
    gc.collect()
    pa.default_memory_pool().release_unused()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's alone
    if trim is not None:
        trim(0)


def _sparing(run: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(run)
    def job(runtime: Runtime, **args: Any) -> None:
        try:
            run(runtime, **args)
        finally:
            give_back()

    return job
