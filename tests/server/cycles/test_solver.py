"""The solver is a process of its own: what it was doing when it was killed is done by the next one."""

import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import sqlalchemy as sa
from running import until

from server import solver
from server.cycles import result_queries
from server.kit import jobs
from server.kit.db import transaction

pytestmark = [pytest.mark.system, pytest.mark.slow]

SOLVER = """
    import pathlib, sys, time
    import allocation
    from server import solver
    from server.kit import working
    from server.kit.clock import system_clock
    from server.kit.db import make_engine, make_sessions
    from server.kit.runtime import Runtime
    from server.kit.sealing import Seal
    from server.kit.settings import Settings

    def never_ends(*_args, **_kwargs):
        print("solving", flush=True)
        time.sleep(600)  # a signal ends it long before

    working.HEARTBEAT_S, working.STALLED_AFTER_S, working.GRACE_S, working.ENDED_WITHIN_S = 0.2, 2.0, 0.5, 1
    if sys.argv[2] == "stuck":
        allocation.solve = never_ends
    engine, settings = make_engine(sys.argv[1], pool=2), Settings(data_dir=pathlib.Path(sys.argv[3]))
    solver.main(Runtime(settings, engine, make_sessions(engine, seal=Seal(settings)), system_clock, None))
"""


@pytest.fixture
def start(database, town):
    """Start solvers; what still runs at the end is killed by its id."""
    started = []

    def start_solver(how):
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(SOLVER), database.app_url, how, town.runtime.settings.data_dir],
            cwd=Path(solver.__file__).parents[1],
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start_solver
    for process in started:
        process.kill()
        process.wait(10)
        process.stdout.close()


@pytest.fixture
def closed(town):
    """A cycle whose steps wait in the queue."""
    cycle = town.draft()
    town.ordered(cycle)
    town.close()
    town.work(steps=1)
    assert town.cycle(cycle).state == "closed"
    return cycle


def test_a_solver_killed_in_the_middle_leaves_its_job_to_the_next_one(town, closed, start):
    killed = start("stuck")
    assert killed.stdout.readline().strip() == "solving"
    killed.kill()
    killed.wait(10)
    after = start("sound")
    until("the checked result", lambda: town.cycle(closed).state == "verified", within_s=120)
    with transaction(town.sessions) as session:
        assert result_queries.run(session, closed).verdict["holds"]
    after.terminate()
    assert after.wait(30) == 0


def test_a_solver_that_is_asked_to_end_does_not_wait_for_a_long_solve(town, closed, start):
    asked = start("stuck")
    assert asked.stdout.readline().strip() == "solving"
    asked.terminate()
    assert asked.wait(30) == -signal.SIGALRM
    assert town.cycle(closed).state == "frozen"


def test_what_calculates_for_long_waits_in_the_solvers_queue(town, closed):
    with transaction(town.sessions) as session:
        waiting = session.execute(sa.text("SELECT task_name, queue_name FROM procrastinate_jobs")).all()
    assert {tuple(one) for one in waiting} == {("cycles.freeze", jobs.SOLVING), ("signals.look", jobs.SOLVING)}
    assert {"cycles.solve", "cycles.verify", "cycles.publish", "cycles.what_if", "signals.look"} <= solver.TASKS.keys()
