"""What happens by itself: a failure of one thing keeps nothing else from its turn."""

from datetime import datetime

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from server import worker
from server.kit.runtime import Runtime


def breaks(session: Session, _now: datetime) -> None:
    session.execute(text("SELECT 1 / 0"))


def gives_up(_session: Session, _now: datetime) -> None:
    raise LookupError("gone")


def database_away(_session: Session, _now: datetime) -> None:
    raise OperationalError("SELECT", {}, OSError("no route"))


def counted(act: str) -> float:
    return REGISTRY.get_sample_value("evenhand_ticks_failed_total", {"act": f"{__name__}.{act}"}) or 0.0


def test_what_fails_keeps_nothing_that_comes_after_it_from_its_turn(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[datetime] = []

    def goes(_session: Session, now: datetime) -> None:
        done.append(now)

    monkeypatch.setattr(worker, "TICKS", (goes, breaks, goes, gives_up, goes))
    before = counted("gives_up")
    with pytest.raises(ExceptionGroup) as failed:
        worker.tick(runtime)
    assert [type(one).__name__ for one in failed.value.exceptions] == ["DataError", "LookupError"]
    assert len(done) == 3
    assert counted("gives_up") == before + 1


def test_where_no_database_answers_the_rest_is_not_tried(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "TICKS", (database_away, gives_up))
    with pytest.raises(OperationalError):
        worker.tick(runtime)
