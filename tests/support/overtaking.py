"""Two transactions at once: what the later one does while the earlier one has not ended."""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session, sessionmaker

from server.kit.db import transaction

WITHIN_S = 30.0
_WAITING = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")


def at_once(sessions: sessionmaker[Session], first: Callable[[Session], Any], later: Callable[[Session], Any]) -> Any:
    """Do ``first``, and ``later`` in another transaction that waits for the end of that one; return what it came to.

    Raises
    ------
    AssertionError
        Where ``later`` does not wait.
    Exception
        What ``later`` raises.
    """

    def act() -> Any:
        with transaction(sessions) as session:
            return later(session)

    with ThreadPoolExecutor(1) as pool:
        with transaction(sessions) as session:
            first(session)
            came = pool.submit(act)
            _wait_for_a_waiter(sessions, came)
        return came.result(WITHIN_S)


def _wait_for_a_waiter(sessions: sessionmaker[Session], came: Future[Any]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not _somebody_waits(sessions):
        assert not came.done(), f"the later one did not wait: {came}"
        assert time.monotonic() < deadline, "nobody waits"
        time.sleep(0.01)  # between two looks


def _somebody_waits(sessions: sessionmaker[Session]) -> bool:
    with transaction(sessions) as session:  # one a look: within one, what the others do stands still
        return bool(session.scalar(_WAITING))
