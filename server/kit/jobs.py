"""Background work: Procrastinate's queue, filled inside the caller's transaction.

Guarantees: a job exists if and only if the transaction that deferred it commits; it runs at least once, so
every task must be idempotent; jobs with the same ``lock`` run one after the other, in order.
"""

import json
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

QUEUE = "evenhand"
SOLVING = "solving"
"""The queue of what may calculate for long; a process of its own works it off."""

_DEFER = text(
    """
    SELECT procrastinate_defer_jobs_v1(ARRAY[
        ROW(:queue, :task, 0, :lock, :queueing_lock, CAST(:args AS jsonb), CAST(:at AS timestamptz))
        ::procrastinate_job_to_defer_v1])
    """
)


def defer(
    session: Session,
    task: str,
    args: dict[str, Any],
    *,
    queue: str = QUEUE,
    lock: str | None = None,
    at: datetime | None = None,
) -> None:
    """Put ``task`` with ``args`` (plain JSON) into ``queue``, to be done not before ``at``."""
    session.execute(
        _DEFER,
        {
            "queue": queue,
            "task": task,
            "lock": lock,
            "queueing_lock": None,
            "args": json.dumps(args),
            "at": at,
        },
    )
