"""Jobs that fail each time, or whose process dies of them, are given up after some attempts, and that is said."""

import asyncio
from collections.abc import Iterator

import procrastinate
import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from server.kit import audit, jobs, working
from server.kit.db import transaction
from server.kit.runtime import Runtime

TASK = "tests.deadly"


@pytest.fixture
def queue(runtime: Runtime) -> Iterator[procrastinate.App]:
    """The queue of the tests' database, without other jobs, whose one task divides by nothing."""
    with transaction(runtime.sessions) as session:
        session.execute(text("DELETE FROM procrastinate_jobs"))

    def fail(_runtime: Runtime) -> None:
        raise ZeroDivisionError("by nothing")

    yield working.app_of(runtime, jobs.QUEUE, {TASK: fail})
    with transaction(runtime.sessions) as session:
        session.execute(text("DELETE FROM procrastinate_jobs"))


def defer(runtime: Runtime, *, attempts: int) -> None:
    with transaction(runtime.sessions) as session:
        jobs.defer(session, TASK, {})
        session.execute(text("UPDATE procrastinate_jobs SET attempts = :attempts"), {"attempts": attempts})


def standing(runtime: Runtime) -> list[tuple[str, int]]:
    with transaction(runtime.sessions) as session:
        return [tuple(row) for row in session.execute(text("SELECT status, attempts FROM procrastinate_jobs"))]


def told(runtime: Runtime) -> list[tuple[bool, object, object]]:
    with transaction(runtime.sessions) as session:
        given_up = [one for one in audit.entries(session) if one.action == "job.given_up"]
        return [(one.alert, one.detail["task"], one.detail["why"]) for one in given_up]


async def die_and_rescue(runtime: Runtime, app: procrastinate.App) -> None:
    """Take a job as a process does that dies of it, and look after it as the next one does."""
    async with app.open_async():
        worker = await app.job_manager.register_worker()
        assert await app.job_manager.fetch_job([jobs.QUEUE], worker) is not None
        await app.connector.execute_query_async(
            "UPDATE procrastinate_workers SET last_heartbeat = last_heartbeat - interval '1 hour'"
        )
        await working.rescue_stalled(runtime, app, jobs.QUEUE)


def test_what_a_dead_process_did_is_begun_again_until_so_many_died_of_it(
    runtime: Runtime, queue: procrastinate.App
) -> None:
    defer(runtime, attempts=working.ATTEMPTS_MOST - 1)

    asyncio.run(die_and_rescue(runtime, queue))
    assert (standing(runtime), told(runtime)) == ([("todo", working.ATTEMPTS_MOST)], [])

    asyncio.run(die_and_rescue(runtime, queue))
    assert [status for status, _ in standing(runtime)] == ["failed"]
    assert told(runtime) == [(True, TASK, "its process died each time")]


def test_what_cannot_be_told_of_is_not_parked_yet(
    runtime: Runtime, queue: procrastinate.App, monkeypatch: pytest.MonkeyPatch
) -> None:
    defer(runtime, attempts=working.ATTEMPTS_MOST)

    def away(*_args: object, **_more: object) -> None:
        raise OperationalError("record", {}, ConnectionError("the database is away"))

    with monkeypatch.context() as lost:
        lost.setattr(audit, "record", away)
        with pytest.raises(OperationalError):
            asyncio.run(die_and_rescue(runtime, queue))
    assert [status for status, _ in standing(runtime)] == ["doing"]

    async def look_again() -> None:
        async with queue.open_async():
            await working.rescue_stalled(runtime, queue, jobs.QUEUE)

    asyncio.run(look_again())
    assert [status for status, _ in standing(runtime)] == ["failed"]
    assert len(told(runtime)) == 1


@pytest.mark.parametrize(
    ("attempts", "status"), [(working.ATTEMPTS_MOST - 1, "todo"), (working.ATTEMPTS_MOST, "failed")]
)
def test_what_fails_each_time_is_given_up_with_its_reason(
    runtime: Runtime, queue: procrastinate.App, attempts: int, status: str
) -> None:
    defer(runtime, attempts=attempts)

    async def once() -> None:
        async with queue.open_async():
            await queue.run_worker_async(queues=[jobs.QUEUE], wait=False, install_signal_handlers=False)

    asyncio.run(once())

    assert [one for one, _ in standing(runtime)] == [status]
    given_up = [(True, TASK, "ZeroDivisionError: by nothing")] if status == "failed" else []
    assert told(runtime) == given_up
