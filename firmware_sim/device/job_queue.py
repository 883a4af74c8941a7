"""The worker's queue, worked off by the one who asks: reactions, freezing, solving, checking, publishing."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sqlalchemy import text

from server import solver, worker
from server.background import TASKS
from server.kit import events
from server.kit.db import transaction
from server.kit.runtime import Runtime

DONE_BY: Mapping[str, Callable[..., None]] = {events.TASK: worker.react, **TASKS, **solver.TASKS}
_NEXT = text(
    "SELECT id, task_name, args FROM procrastinate_jobs WHERE status = 'todo'"
    " AND (scheduled_at IS NULL OR scheduled_at <= :now) ORDER BY id LIMIT 1"
)
_DONE = text("DELETE FROM procrastinate_jobs WHERE id = :id")


def work_off(runtime: Runtime) -> Iterator[str]:
    """Do what is due, also what that asks for; yield the name of each job that was done, before it is taken out."""
    while job := _next_job(runtime):
        number, name, args = job
        DONE_BY[name](runtime, **args)
        yield name
        with transaction(runtime.sessions) as session:
            session.execute(_DONE, {"id": number})


def _next_job(runtime: Runtime) -> tuple[int, str, dict[str, Any]] | None:
    with transaction(runtime.sessions) as session:
        found = session.execute(_NEXT, {"now": runtime.clock()}).first()
    return None if found is None else (found.id, found.task_name, found.args)
