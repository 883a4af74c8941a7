"""Groups of terminals: lists, queries, tags and rings; who is bounded finds his own."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from factories import NOW, make_device, make_retailer
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from contract.errors import Conflict, Rejected
from contract.ids import uuid7
from contract.messages import ReportStatus
from server.devices import service as devices
from server.fleet import groups, members, predicate
from server.kit.db import act_for, bounds, transaction
from server.kit.fields import Invalid
from server.kit.identity import Operator
from server.kit.inbox import Arrival

SignedIn = Callable[..., TestClient]
BOSS = Operator(1, "boss", frozenset({"fleet"}))
VERSIONS = {"R1": "1.2.10", "R2": "1.10.0", "R3": "1.9", "R4": None}


@pytest.fixture
def fleet(session: Session) -> Session:
    """Four terminals in two regions: one online, two silent, one never heard."""
    for code, version in VERSIONS.items():
        region = "east" if code in {"R1", "R2"} else "west"
        make_retailer(session, code, region=region, tier=int(code[1]))
        sender = make_device(session, code)
        if version is not None:
            status = ReportStatus(version=version, queue_length=0, language="zh")
            ago = timedelta(seconds=5 if code == "R1" else 5000)
            devices.report_statuses(session, [(status, Arrival(uuid7(), sender, NOW - ago))])
    return session


def found(session: Session, said: str) -> list[str]:
    query = members.devices_by(predicate.read(said), at=NOW)
    return sorted(device[2:] for device in session.scalars(query))


SAID = [
    ("", ["r1", "r2", "r3", "r4"]),
    ("region is east", ["r1", "r2"]),
    ("region is not east", ["r3", "r4"]),
    ("version below 1.10", ["r1", "r3"]),
    ("version at least 1.9", ["r2", "r3"]),
    ("version at least 1.9.0", ["r2", "r3"]),
    ("version is not 1.9", ["r1", "r2", "r4"]),
    ("tier at least 2\ntier below 4", ["r2", "r3"]),
    ("tier is 1, 4", ["r1", "r4"]),
    ("state is online", ["r1"]),
    ("state is offline", ["r2", "r3", "r4"]),
    ("state is silent", ["r2", "r3"]),
    ("state is never, online", ["r1", "r4"]),
    ("ring is canary", ["r2"]),
    ("ring is broad", ["r1", "r3", "r4"]),
    ("tag is pilot", ["r2", "r3"]),
    ("tag is not pilot", ["r1", "r4"]),
    ("retailer is R2, R4", ["r2", "r4"]),
]


def test_a_query_finds_those_of_which_every_line_holds(fleet: Session) -> None:
    groups.mark(fleet, "t-r2", ["pilot", "loud"], "canary", BOSS, at=NOW)
    groups.mark(fleet, "t-r3", ["pilot"], "broad", BOSS, at=NOW)
    for said, those in SAID:
        assert (said, found(fleet, said)) == (said, those)


def test_a_list_and_a_query_are_groups_that_others_ask(fleet: Session) -> None:
    groups.write_group(fleet, groups.Wanted("counter", "list", named=("t-r1", "R3")), BOSS, at=NOW)
    old = groups.write_group(fleet, groups.Wanted("old ones", "query", "version below 1.10"), BOSS, at=NOW)
    for name, those in (("counter", ["t-r1", "t-r3"]), ("old ones", ["t-r1", "t-r3"])):
        assert sorted(fleet.scalars(members.devices_in_group(fleet, name, at=NOW))) == those
    assert [(one.name, one.count) for one in groups.counted(fleet, at=NOW)] == [("counter", 2), ("old ones", 2)]
    act_for(fleet, bounds(["west"], []))
    assert list(fleet.scalars(members.devices_in_group(fleet, "counter", at=NOW))) == ["t-r3"]
    assert list(fleet.scalars(members.devices_in_group(fleet, "old ones", at=NOW))) == ["t-r3"]
    act_for(fleet, "*")
    groups.write_group(fleet, groups.Wanted("old ones", "query", "tier is 4"), BOSS, at=NOW, seen=old.revision)
    assert list(fleet.scalars(members.devices_in_group(fleet, "old ones", at=NOW))) == ["t-r4"]
    with pytest.raises(Conflict):
        groups.write_group(fleet, groups.Wanted("old ones", "query", ""), BOSS, at=NOW, seen=old.revision)
    groups.remove_group(fleet, "counter", BOSS, at=NOW)
    with pytest.raises(Rejected):
        members.devices_in_group(fleet, "counter", at=NOW)


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        (groups.Wanted(" ", "query"), "name"),
        (groups.Wanted("a/b", "query"), "name"),
        (groups.Wanted("x", "query", "hat is red"), "rule"),
        (groups.Wanted("x", "list"), "named"),
        (groups.Wanted("x", "list", named=("t-r1", "R9")), "named"),
        (groups.Wanted("x" * 61, "query"), "name"),
    ],
)
def test_what_is_no_group_is_refused_by_its_field(fleet: Session, wanted: groups.Wanted, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        groups.write_group(fleet, wanted, BOSS, at=NOW)
    assert list(refused.value.problems) == [field]
    assert groups.groups(fleet) == []


def test_an_administrator_makes_a_query_looks_at_it_first_and_narrows_the_list_by_it(
    sessions: sessionmaker[Session], signed_in: SignedIn
) -> None:
    with transaction(sessions) as session:
        for code in ("R1", "R2"):
            make_retailer(session, code, region=code)
            make_device(session, code)
    keeper = signed_in("fleet")
    asked = {"kind": "query", "name": "first", "region": "R1", "how-region": "is"}
    seen = keeper.post("/console/devices/groups/edit", data={**asked, "act": "preview"})
    assert seen.status_code == 200
    assert "It finds 1" in seen.text
    assert "t-r1" in seen.text
    assert "There is no group yet" in keeper.get("/console/devices/groups").text
    assert keeper.post("/console/devices/groups/edit", data=asked).status_code == 303
    page = keeper.get("/console/devices/groups").text
    assert "region is R1" in page
    listed = keeper.get("/console/devices?group=first").text
    assert "t-r1" in listed
    assert "t-r2" not in listed
    wrong = keeper.post("/console/devices/groups/edit", data={**asked, "name": "second", "tier": "high"})
    assert wrong.status_code == 422
    assert "is no tier" in wrong.text


def test_a_list_comes_from_a_file(sessions: sessionmaker[Session], signed_in: SignedIn) -> None:
    with transaction(sessions) as session:
        make_retailer(session, "R1")
        make_device(session, "R1")
    keeper = signed_in("fleet")
    file = {"file": ("list.csv", "retailer,why\nR1,pilot\n".encode("utf-8-sig"), "text/csv")}
    asked = {"kind": "list", "name": "from a file"}
    assert keeper.post("/console/devices/groups/edit", data=asked, files=file).status_code == 303
    with transaction(sessions) as session:
        assert groups.listed_devices(session, "from a file") == ["t-r1"]
    unreadable = {"file": ("list.csv", b"\xff\xfe\x00", "text/csv")}
    assert keeper.post("/console/devices/groups/edit", data={**asked, "name": "b"}, files=unreadable).status_code == 422
    assert signed_in("auditor").get("/console/devices/groups").status_code == 200
    assert signed_in("auditor").get("/console/devices/groups/edit").status_code == 403


def test_tags_and_a_ring_are_kept_on_the_page_of_a_terminal(
    sessions: sessionmaker[Session], signed_in: SignedIn
) -> None:
    with transaction(sessions) as session:
        make_retailer(session, "R1")
        make_device(session, "R1")
    keeper = signed_in("fleet")
    assert keeper.post("/console/devices/t-r1/mark", data={"tags": "pilot, 柜台2", "ring": "canary"}).status_code == 303
    page = keeper.get("/console/devices/t-r1").text
    assert "柜台2, pilot" in page or "pilot, 柜台2" in page
    assert "t-r1" in keeper.get("/console/devices?tag=pilot&ring=canary").text
    assert keeper.post("/console/devices/t-r1/mark", data={"tags": "x" * 31}).status_code == 422
