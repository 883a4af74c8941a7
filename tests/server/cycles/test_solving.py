"""Solving holds no transaction, and a worker that is killed in the middle of it is replaced by the next one."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import sqlalchemy as sa

import allocation
from allocation.hashing.canonical import input_sha256
from server.cycles import problems, result_queries, steps, terms
from server.kit.db import transaction

OPEN = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL
"""
WORKER = """
    import pathlib, sys, time
    import allocation
    from server.cycles import steps
    from server.kit.clock import system_clock
    from server.kit.db import make_engine, make_sessions
    from server.kit.runtime import Runtime
    from server.kit.sealing import Seal
    from server.kit.settings import Settings

    def never_ends(*_args, **_kwargs):
        print("solving", flush=True)
        time.sleep(600)  # killed by the test long before

    allocation.solve = never_ends
    engine, settings = make_engine(sys.argv[1], pool=2), Settings(data_dir=pathlib.Path(sys.argv[3]))
    runtime = Runtime(settings, engine, make_sessions(engine, seal=Seal(settings)), system_clock, None)
    steps.run_solve(runtime, cycle=sys.argv[2])
"""


def open_transactions(database):
    engine = sa.create_engine(database.owner_url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        return connection.scalar(sa.text(OPEN))


@pytest.fixture
def frozen(town):
    """A cycle that waits to be solved."""
    cycle = town.draft()
    town.ordered(cycle)
    town.close()
    town.work(steps=2)
    town.forget_queue()
    assert town.cycle(cycle).state == "frozen"
    return cycle


@pytest.mark.slow
def test_no_transaction_is_open_while_it_is_solved_and_checked(town, frozen, database, monkeypatch):
    seen = []

    def watched(act):
        def look(*args, **kwargs):
            seen.append(open_transactions(database))
            return act(*args, **kwargs)

        return look

    with monkeypatch.context() as eyes:
        eyes.setattr(allocation, "solve", watched(allocation.solve))
        eyes.setattr(steps, "entitled_thousandths", watched(steps.entitled_thousandths))
        steps.run_solve(town.runtime, cycle=str(frozen))
        eyes.setattr(steps.exporting, "check", watched(steps.exporting.check))
        steps.run_verify(town.runtime, cycle=str(frozen))
    assert town.cycle(frozen).state == "verified"
    assert seen == [0, 0, 0]


@pytest.mark.slow
def test_a_worker_that_is_killed_while_it_solves_leaves_the_same_result_to_the_next(town, frozen, database):
    worker = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(WORKER), database.app_url, str(frozen), town.runtime.settings.data_dir],
        cwd=Path(steps.__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert worker.stdout is not None
        assert worker.stdout.readline().strip() == "solving"
        assert open_transactions(database) == 0, "it holds none that the next one would have to wait for"
    finally:
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait(10)
        worker.stdout.close()
    assert town.cycle(frozen).state == "frozen"
    steps.run_solve(town.runtime, cycle=str(frozen))
    with transaction(town.sessions) as session:
        run = result_queries.run(session, frozen)
        basis = problems.Basis(frozen, run.supply_version, run.policy_text, run.attempt)
        problem = problems.problem(session, basis)
    alone = allocation.solve(problem, terms.read(run.policy_text).policy, seed=run.seed)
    assert run.result_sha256 == alone.certificate["result_sha256"]
    assert run.input_sha256 == input_sha256(problem)
