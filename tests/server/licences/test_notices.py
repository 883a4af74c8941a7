"""Licences that run out: each shop is told once a step, at its time, whatever is killed on the way."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from factories import make_retailer
from pydantic import ValidationError
from sqlalchemy import select, text
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from server import worker
from server.announcements.models import AnnouncementRow, RecipientRow
from server.kit import events, outbox
from server.kit.db import transaction
from server.kit.identity import Operator
from server.kit.runtime import Runtime
from server.kit.settings import Settings
from server.licences import files, notices
from server.licences.events import LicencesEnding
from server.licences.models import LicenceRow
from server.retailers import service as retailers

ZONE = ZoneInfo("Asia/Shanghai")
TODAY = date(2026, 11, 25)
IDA = Operator(1, "ida", frozenset({"inspector"}))
REX = Operator(2, "rex", frozenset({"regional"}))
JOBS = text("SELECT args FROM procrastinate_jobs WHERE task_name = :task ORDER BY id")


def shop(session: Session, code: str, days_left: int) -> None:
    """A shop whose tobacco licence has its last day so many days from today."""
    make_retailer(session, code, classes=["tobacco"], licensed_until=TODAY + timedelta(days=days_left))


def pass_day(runtime: Runtime, clock: Any, day: date) -> None:
    """Let the clock stand on a day's morning, and do what the worker does then: tick, jobs, reactions."""
    clock.now = datetime(day.year, day.month, day.day, notices.HOUR, 1, tzinfo=ZONE)
    worker.tick(runtime)
    with transaction(runtime.sessions) as session:
        asked = session.scalars(JOBS, {"task": notices.TASK}).all()
    for args in asked:
        notices.run(runtime, **args)
    with transaction(runtime.sessions) as session:
        queued = [one for one in session.scalars(JOBS, {"task": events.TASK}) if one["event"] == ENDING]
    for one in queued:
        worker.react(runtime, **one)


ENDING = events.name_of(LicencesEnding)


def heard(sessions: sessionmaker[Session]) -> list[tuple[str, str, str]]:
    """Return who was told what: shop, sort, title in Chinese."""
    with transaction(sessions) as session:
        rows = session.execute(
            select(RecipientRow.retailer, AnnouncementRow.sort, RecipientRow.announcement_id)
            .join(AnnouncementRow, AnnouncementRow.id == RecipientRow.announcement_id)
            .order_by(RecipientRow.sent_at, RecipientRow.retailer)
        ).all()
        return [(code, sort, _title(session, code, str(notice))) for code, sort, notice in rows]


def _title(session: Session, code: str, notice: str) -> str:
    items, _ = outbox.read(session, code, after=0)
    (item,) = [one for one in items if one.key == f"announcement:{notice}"]
    title: str = item.data["title"]["zh"]
    return title


def test_a_shop_is_told_once_for_each_step_as_the_days_go_by(
    runtime: Runtime, sessions: sessionmaker[Session], clock: Any
) -> None:
    with transaction(sessions) as session:
        shop(session, "R1", 60)
        shop(session, "R2", 14)
        shop(session, "R3", 400)
    ends = "本店的 tobacco 类许可证将于{}到期"
    second = ("R2", "urgent", ends.format("2026年12月9日"))
    pass_day(runtime, clock, TODAY)
    assert heard(sessions) == [second]
    pass_day(runtime, clock, TODAY)
    assert heard(sessions) == [second]
    pass_day(runtime, clock, TODAY + timedelta(days=1))
    first = ends.format("2027年1月24日")
    assert heard(sessions) == [second, ("R1", "notice", first)]
    for days in range(2, 62):
        clock.now = datetime(2026, 11, 25, notices.HOUR, 1, tzinfo=ZONE) + timedelta(days=days)
        if days in (45, 46, 60, 61):
            pass_day(runtime, clock, TODAY + timedelta(days=days))
    assert heard(sessions) == [second, ("R1", "notice", first), ("R1", "urgent", first)]


def test_a_job_that_was_killed_between_two_notices_goes_on_and_repeats_none(
    runtime: Runtime, sessions: sessionmaker[Session], clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with transaction(sessions) as session:
        for number, days in enumerate((5, 9, 12)):
            shop(session, f"R{number}", days)
    tell = notices.tell
    told: list[notices.Notice] = []

    def killed(session: Session, on: date, notice: notices.Notice, *args: datetime, **more: object) -> int:
        if told:
            raise KeyboardInterrupt
        told.append(notice)
        return tell(session, on, notice, *args, **more)  # type: ignore[arg-type] # passed on as they came

    monkeypatch.setattr(notices, "tell", killed)
    with pytest.raises(KeyboardInterrupt):
        pass_day(runtime, clock, TODAY)
    monkeypatch.undo()
    pass_day(runtime, clock, TODAY)
    pass_day(runtime, clock, TODAY)
    assert [code for code, *_ in heard(sessions)] == ["R0", "R1", "R2"]


def test_who_has_a_follower_a_renewal_under_way_or_a_closed_door_is_not_told(
    runtime: Runtime, sessions: sessionmaker[Session], clock: Any
) -> None:
    with transaction(sessions) as session:
        for code in ("R1", "R2", "R3", "R4"):
            shop(session, code, 10)
        follows = {"valid_from": TODAY + timedelta(days=11), "valid_until": TODAY + timedelta(days=900)}
        session.add(
            LicenceRow(
                retailer="R1", licence_class="tobacco", number="N", state="valid", changed_at=clock.now, **follows
            )
        )
        renewal = files.Entry("R2", "tobacco", "renewal", "tobacco-R2")
        number = files.enter_file(session, renewal, "asks", IDA, at=clock.now, zone=ZONE)
        retailers.close_retailer(session, "R3", TODAY, "retired", REX, at=clock.now)
    pass_day(runtime, clock, TODAY)
    assert [code for code, *_ in heard(sessions)] == ["R4"]
    with transaction(sessions) as session:
        counted = notices.endings(session, TODAY)
        files.withdraw(session, number, "gave up", IDA, at=clock.now)
    assert counted == [notices.Ending(15, 3, 2), notices.Ending(60, 3, 2)]
    pass_day(runtime, clock, TODAY + timedelta(days=1))
    assert [code for code, *_ in heard(sessions)] == ["R4", "R2"]


def test_a_renewed_licence_is_told_of_again_when_its_new_end_is_near(
    runtime: Runtime, sessions: sessionmaker[Session], clock: Any
) -> None:
    with transaction(sessions) as session:
        shop(session, "R1", 10)
    pass_day(runtime, clock, TODAY)
    with transaction(sessions) as session:
        row = session.get_one(LicenceRow, ("R1", "tobacco", "tobacco-R1"))
        row.valid_until = TODAY + timedelta(days=400)
    pass_day(runtime, clock, TODAY + timedelta(days=1))
    pass_day(runtime, clock, TODAY + timedelta(days=350))
    assert [sort for _, sort, _ in heard(sessions)] == ["urgent", "notice"]


def test_the_steps_are_set_and_none_tells_nobody(runtime: Runtime, sessions: sessionmaker[Session], clock: Any) -> None:
    with pytest.raises(ValidationError, match="0 days: name whole numbers from 1"):
        Settings(licence_notice_days=[60, 0])
    with transaction(sessions) as session:
        shop(session, "R1", 25)
    silent = replace(runtime, settings=runtime.settings.model_copy(update={"licence_notice_days": []}))
    pass_day(silent, clock, TODAY)
    assert heard(sessions) == []
    early = replace(runtime, settings=runtime.settings.model_copy(update={"licence_notice_days": [30, 90]}))
    pass_day(early, clock, TODAY + timedelta(days=1))
    assert [(code, sort) for code, sort, _ in heard(sessions)] == [("R1", "urgent")]


def test_today_counts_them_and_leads_to_the_same_licences(
    runtime: Runtime, clock: Any, signed_in: Callable[..., TestClient]
) -> None:
    with transaction(runtime.sessions) as session:
        for code, days in (("R1", 10), ("R2", 40), ("R3", 400)):
            shop(session, code, days)
        renewal = files.Entry("R2", "tobacco", "renewal", "tobacco-R2")
        files.enter_file(session, renewal, "asks", IDA, at=clock.now, zone=ZONE)
    inspector = signed_in("inspector", name="ida")
    page = inspector.get("/console/today/visits").text
    assert "Licences that run out soon" in page
    assert 'href="/console/licences?ends_within=15"><b>1 licence</b> within 15 days' in page
    assert 'href="/console/licences?ends_within=60"><b>2 licences</b> within 60 days' in page
    assert page.count("1 without a renewal") == 2
    every = inspector.get("/console/licences?ends_within=60").text
    assert ("tobacco-R1" in every, "tobacco-R2" in every, "tobacco-R3" in every) == (True, True, False)
    waiting = inspector.get("/console/licences?ends_within=60&renewal=none").text
    assert ("tobacco-R1" in waiting, "tobacco-R2" in waiting) == (True, False)
    pass_day(runtime, clock, TODAY)
    part = inspector.get("/console/retailers/file/licences?code=R1", headers={"HX-Request": "true"}).text
    assert "told on 25 Nov 2026 that it runs out" in part
