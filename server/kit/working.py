"""Working a queue of jobs off, in this process, until a signal.

Guarantees: a job that was left by a process that died is queued again by the next one that works the same queue off,
:data:`STALLED_AFTER_S` after its last heartbeat; one that was begun again :data:`ATTEMPTS_MOST` times is given up, and
the audit says so; a database that is away is waited for. Heartbeats need Python's lock now and then, which long jobs
must therefore let go of: compiled kernels and solvers do.
"""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Any

import procrastinate
import psycopg
import structlog
from sqlalchemy.exc import OperationalError

from server.kit import audit
from server.kit.db import transaction
from server.kit.identity import SYSTEM
from server.kit.processes import Ending
from server.kit.runtime import Runtime

log = structlog.get_logger(__name__)
Task = Callable[..., None]

DATABASE_WAIT_S = 3.0  # each statement with which the queue says goodbye may wait this long for a lost database
HEARTBEAT_S = 2.0
STALLED_AFTER_S = 10.0
LOOK_S = 0.5
"""A job whose lock another process held is seen after this at the latest: nobody tells when a lock is free again."""
WHY_MOST = 300
GRACE_S = 5.0
ENDED_WITHIN_S = 8
"""What a job may take after a signal, then the process; a job that is not done by then is taken up again."""
ATTEMPTS_MOST = 10
"""So many times a job is begun again, whether it failed or its process died of it: then it is given up, and said."""
RETRIES = procrastinate.RetryStrategy(max_attempts=ATTEMPTS_MOST, exponential_wait=2)


def work(runtime: Runtime, queue: str, tasks: Mapping[str, Task], stop: Ending, *, at_once: int = 1) -> None:
    """Do the jobs of ``queue``, ``at_once`` of them, until SIGTERM or SIGINT; ``tasks`` get the runtime first."""
    asyncio.run(_until_signal(runtime, queue, tasks, stop, at_once))


async def _until_signal(runtime: Runtime, queue: str, tasks: Mapping[str, Task], stop: Ending, at_once: int) -> None:
    loop, whole = asyncio.get_running_loop(), asyncio.current_task()

    def end(_signal: int, _frame: FrameType | None) -> None:
        if not stop.is_set() and whole is not None:
            loop.call_soon_threadsafe(whole.cancel)  # also while it waits for a database that is away
            signal.alarm(ENDED_WITHIN_S)  # which ends the process, whatever a job's thread still does
        stop.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    with contextlib.suppress(asyncio.CancelledError):  # nobody but `end` cancels
        while not stop.is_set():
            app = app_of(runtime, queue, tasks)
            try:
                async with app.open_async():
                    await _serve(runtime, app, queue, at_once)
            except (psycopg.OperationalError, procrastinate.exceptions.ConnectorException) as error:
                log.warning("database_away", why=str(error).splitlines()[0])
                await asyncio.sleep(1)
    signal.alarm(0)


def app_of(runtime: Runtime, queue: str, tasks: Mapping[str, Task]) -> procrastinate.App:
    """Return the queue with its tasks; each gets the runtime first."""
    database_url = runtime.engine.url.render_as_string(hide_password=False)
    app = procrastinate.App(
        connector=procrastinate.PsycopgConnector(
            conninfo=database_url.replace("+psycopg", "", 1), max_size=4, timeout=DATABASE_WAIT_S
        )
    )

    def add(name: str, run: Task) -> None:
        @app.task(name=name, queue=queue, retry=RETRIES, pass_context=True)
        def task(context: procrastinate.JobContext, /, **args: Any) -> None:
            try:
                run(runtime, **args)
            except Exception as error:
                if context.job.attempts >= ATTEMPTS_MOST:
                    _tell_of(runtime, context.job, f"{type(error).__name__}: {error}"[:WHY_MOST])
                raise

    for name, run in tasks.items():
        add(name, run)
    return app


async def _serve(runtime: Runtime, app: procrastinate.App, queue: str, at_once: int) -> None:
    rescue = asyncio.create_task(_look_after_stalled(runtime, app, queue))
    try:
        await app.run_worker_async(
            queues=[queue],
            concurrency=at_once,
            install_signal_handlers=False,
            fetch_job_polling_interval=LOOK_S,
            shutdown_graceful_timeout=GRACE_S,
            update_heartbeat_interval=HEARTBEAT_S,
            stalled_worker_timeout=STALLED_AFTER_S,
            delete_jobs=procrastinate.jobs.DeleteJobCondition.SUCCESSFUL,
        )
    finally:
        rescue.cancel()


async def _look_after_stalled(runtime: Runtime, app: procrastinate.App, queue: str) -> None:
    while True:
        try:
            await rescue_stalled(runtime, app, queue)
        except (psycopg.OperationalError, OperationalError, procrastinate.exceptions.ConnectorException) as error:
            log.warning("stalled_not_looked_after", why=str(error).splitlines()[0])  # the next look does it
        await asyncio.sleep(HEARTBEAT_S)


async def rescue_stalled(runtime: Runtime, app: procrastinate.App, queue: str) -> None:
    """Queue again what a dead process was doing; give up what so many died of that it is the job.

    What is given up is told of before it is parked: where that fails, the next look tells of it again.
    """
    for job in await app.job_manager.get_stalled_jobs(queue=queue, seconds_since_heartbeat=STALLED_AFTER_S):
        log.warning("job_left_by_a_dead_process", job=job.id, task=job.task_name, attempts=job.attempts)
        with contextlib.suppress(procrastinate.exceptions.ConnectorException):  # another one was quicker
            if job.attempts < ATTEMPTS_MOST:
                await app.job_manager.retry_job(job)
            else:
                await asyncio.to_thread(_tell_of, runtime, job, "its process died each time")
                await app.job_manager.finish_job(job, procrastinate.jobs.Status.FAILED, delete_job=False)


def _tell_of(runtime: Runtime, job: procrastinate.jobs.Job, why: str) -> None:
    """Write down that a job is given up, as an alert: nobody else says that what it was for stands still."""
    log.error("job_given_up", job=job.id, task=job.task_name, why=why)
    with transaction(runtime.sessions) as session:
        audit.record(
            session,
            actor=SYSTEM,
            action="job.given_up",
            subject=f"job:{job.id}",
            at=runtime.clock(),
            detail={"task": job.task_name, "attempts": job.attempts, "why": why},
            alert=True,
        )
