"""Windows over a change of clocks, as people read them: on the console in both languages, on terminals, in the API."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from contract.feed import WindowState
from server.cycles import rules, service, standing, window_planning
from server.kit import embedded, outbox
from server.kit.db import transaction
from server.kit.identity import Operator
from server.kit.settings import Settings

pytestmark = pytest.mark.slow

PLANNER = Operator(1, "anna", frozenset({"planner"}))
BERLIN, NEW_YORK = "Europe/Berlin", "America/New_York"


@pytest.fixture
def zone(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def settings(tmp_path: Path, database: embedded.Cluster, zone: str) -> Settings:
    """The distributor's own zone is the one that changes."""
    return Settings(data_dir=tmp_path / "data", database_url=database.app_url, zone=zone, grace_s=30)


@pytest.mark.parametrize(
    ("zone", "closing", "sunday", "right", "english", "chinese", "note"),
    [
        (BERLIN, time(16), date(2027, 3, 21), "2027-03-21T15:00", "21 Mar 2027 16:00 UTC+01:00", "16:00 UTC+01:00", ""),
        (BERLIN, time(16), date(2027, 3, 28), "2027-03-28T14:00", "28 Mar 2027 16:00 UTC+02:00", "16:00 UTC+02:00", ""),
        (BERLIN, time(16), date(2027, 10, 31), "2027-10-31T15:00", "31 Oct 2027 16:00 UTC+01:00", "UTC+01:00", ""),
        (
            NEW_YORK,
            time(2, 30),
            date(2027, 3, 14),
            "2027-03-14T07:00",
            "14 Mar 2027 03:00 UTC-04:00",
            "2027年3月14日 周日 03:00 UTC-04:00",
            "does not exist that day",
        ),
        (
            NEW_YORK,
            time(1, 30),
            date(2027, 11, 7),
            "2027-11-07T05:30",
            "7 Nov 2027 01:30 UTC-04:00",
            "2027年11月7日 周日 01:30 UTC-04:00",
            "comes twice that day",
        ),
    ],
    indirect=["zone"],
)
def test_a_close_on_the_day_of_the_change_is_one_instant_wherever_it_is_read(
    town, signed_in: Callable[..., TestClient], clock, zone, closing, sunday, right, english, chinese, note
) -> None:
    closes_at = datetime.fromisoformat(right).replace(tzinfo=UTC)
    clock.now = datetime.combine(sunday - timedelta(days=6), time(12), UTC)
    weekly = rules.Schedule("*", 6, time(16), 7, closing, zone)
    with transaction(town.sessions) as session:
        standing.set_schedule(session, weekly, by=PLANNER, at=clock.now)
        new = service.NewCycle("换钟周", "Change week", sunday, zone, 30)
        cycle = service.create_cycle(session, new, by=PLANNER, at=clock.now)
        (window,) = window_planning.plan_scheduled_windows(session, cycle, by=PLANNER, at=clock.now)
    town.supply(cycle, [{"sku": "K1", "supply_units": 130}])

    def read(path: str, language: str = "en") -> str:
        return signed_in("planner", name="anna", language=language).get(path).text

    assert english in read(f"/console/cycles/{cycle}"), "shown before it is announced, with its offset"
    assert note in read(f"/console/cycles/{cycle}")
    assert chinese in read(f"/console/cycles/{cycle}", "zh")

    town.announce(cycle)
    clock.now = closes_at - timedelta(hours=1)
    town.open(cycle)
    room = f"/console/windows/{window}"
    page = read(room)
    assert re.findall(r'data-countdown="([^"]+)"', page) == [closes_at.isoformat().replace("+00:00", "Z")]
    assert english in page
    assert chinese in read(room, "zh")
    told = signed_in("planner", name="anna").get(f"/api/v1/cycles/{cycle}").json()
    assert right in str(told)
    with transaction(town.sessions) as session:
        item = next(i for i in outbox.read(session, "R1", after=0)[0] if i.key == f"window:{window}")
    assert WindowState.model_validate(item.data).closes_at == closes_at

    assert town.order("R1", window, K1=10).outcome == "accepted"
    clock.now = closes_at + timedelta(seconds=29)
    assert town.order("R2", window, K1=10).outcome == "accepted"
    clock.now = closes_at + timedelta(seconds=30)
    assert town.order("R3", window, K1=10).outcome == "rejected"
    town.close()
    town.work()
    assert town.cycle(cycle).state == "verified"
    assert "closed a window" in read(f"/console/cycles/{cycle}")


@pytest.mark.parametrize(
    ("zone", "saturday", "hours"),
    [(BERLIN, date(2027, 3, 27), 23), (BERLIN, date(2027, 10, 30), 25)],
    indirect=["zone"],
)
def test_a_weekend_is_as_long_as_its_clocks_make_it(town, signed_in, clock, zone, saturday, hours) -> None:
    clock.now = datetime.combine(saturday - timedelta(days=5), time(12), UTC)
    weekly = rules.Schedule("*", 6, time(16), 7, time(16), zone)
    with transaction(town.sessions) as session:
        standing.set_schedule(session, weekly, by=PLANNER, at=clock.now)
        cycle = service.create_cycle(
            session, service.NewCycle("换钟周", "Change week", saturday, zone, 30), by=PLANNER, at=clock.now
        )
        window_planning.plan_scheduled_windows(session, cycle, by=PLANNER, at=clock.now)
    town.announce(cycle)
    with transaction(town.sessions) as session:
        (window,) = service.orders.windows(session, cycle=cycle)
    clock.now = window.opens_at - timedelta(minutes=2)
    town.open(cycle)
    assert f"{hours}:00:00" in signed_in("planner").get(f"/console/cycles/{cycle}").text
