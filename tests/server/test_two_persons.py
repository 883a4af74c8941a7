"""Two persons cannot be one person with two browsers: every act that needs a second one, from a table of them."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import sqlalchemy as sa
from filled import SHOPS, fill
from places import parts_of
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from server import tables
from server.kit import embedded
from server.kit.db import Base, transaction
from server.kit.identity import ROLES

tables.load()


@dataclass(frozen=True)
class Act:
    """A second step: where it is asked for, how the first one by ann comes to stand, what else is sent."""

    path: str
    first: tuple[str, ...]
    row: str = "SELECT 1"
    body: dict[str, str] | None = None


_IN_REVIEW = "UPDATE cycles SET state = 'in_review', sent_by = 'ann', released_by = NULL, released_at = NULL"
_DRAFT = (
    "UPDATE score_runs SET state = 'draft', asked_by = 'ann', published_by = NULL, published_at = NULL,"
    " appeals_close_at = NULL, zone = NULL, score_version = repeat('ab', 32),"
    " certificate = '{}', guards = '[]', files = '', done_at = now()"
)
_ANSWER = (
    "UPDATE score_appeal_answers SET author = 'ann', approver = NULL, approved_at = NULL,"
    """ remedy = '{"sort": "end", "decision": "00000000-0000-0000-0000-000000000000", "ends": "2027-01-01"}'"""
)
_ADJUSTMENT = "SELECT id FROM adjustments WHERE state = 'proposed' LIMIT 1"
_COUNT = (
    "UPDATE depot_acts SET state = 'waiting', needs_second = true, said_by = 'ann', decided_by = NULL,"
    " decided_at = NULL"
)
ACTS = {
    "release a result": Act("/api/v1/cycles/{cycle}/release", (_IN_REVIEW,)),
    "approve a manual decision": Act(
        "/api/v1/cycles/{cycle}/adjustments/{row}/approve",
        (_IN_REVIEW, "UPDATE adjustments SET author = 'ann'"),
        _ADJUSTMENT,
    ),
    "decline a manual decision": Act(
        "/api/v1/cycles/{cycle}/adjustments/{row}/decline",
        (_IN_REVIEW, "UPDATE adjustments SET author = 'ann'"),
        _ADJUSTMENT,
        {"reason": "no"},
    ),
    "publish scores": Act(
        "/api/v1/scores/runs/{row}/publish",
        (_DRAFT,),
        "SELECT number FROM score_runs",
    ),
    "approve a decision on a shop": Act(
        "/api/v1/scores/decisions/{row}/approve",
        ("UPDATE score_decisions SET author = 'ann', approver = NULL, approved_at = NULL",),
        "SELECT id FROM score_decisions LIMIT 1",
    ),
    "end a decision early": Act(
        "/api/v1/scores/decisions/ends/{row}/approve",
        ("UPDATE score_decision_ends SET author = 'ann'",),
        "SELECT id FROM score_decision_ends LIMIT 1",
    ),
    "uphold an appeal": Act(
        "/api/v1/scores/appeals/{row}/approve",
        (
            "UPDATE score_appeals SET state = 'proposed', owner = 'ann', settled_at = NULL",
            _ANSWER,
        ),
        "SELECT id FROM score_appeals LIMIT 1",
    ),
    "enter a large difference of the own stock": Act(
        "/api/v1/depot/acts/{row}/confirm",
        (_COUNT,),
        "SELECT id FROM depot_acts LIMIT 1",
    ),
}


@pytest.fixture
def filled(sessions: sessionmaker[Session]) -> sessionmaker[Session]:
    with transaction(sessions) as session:
        fill(session)
    return sessions


@pytest.mark.slow
def test_the_same_person_in_another_browser_is_the_same_person(
    filled: sessionmaker[Session], signed_in: Callable[..., TestClient], database: embedded.Cluster
) -> None:
    one, other = signed_in(*ROLES, name="ann"), signed_in(*ROLES, name="ann")
    assert one.cookies["evenhand"] != other.cookies["evenhand"]
    second = signed_in(*ROLES, name="bea")
    engine = sa.create_engine(database.admin_url, poolclass=sa.NullPool)
    with transaction(filled) as session:
        cycle = parts_of(session, SHOPS[0])["cycle"]
    for name, act in ACTS.items():
        with engine.begin() as owner:
            for statement in act.first:
                owner.execute(sa.text(statement))
            address = act.path.replace("{cycle}", cycle).replace("{row}", str(owner.scalar(sa.text(act.row))))
        for browser in (one, other):
            refused = browser.post(address, json=act.body, headers={"Accept": "application/json"})
            assert (name, refused.status_code, refused.json()["code"]) == (name, 422, "same_person")
        with engine.begin() as owner:
            assert (name, acted(owner, "ann")) == (name, False)
        answer = second.post(address, json=act.body, headers={"Accept": "application/json"})
        assert (name, "same_person" in answer.text) == (name, False)


def acted(connection: sa.Connection, person: str) -> bool:
    """Return whether ``person`` stands anywhere as the second one."""
    asked = [
        sa.select(sa.func.count()).select_from(table).where(table.c[second] == person)
        for table, second in TWO_PERSONS.items()
    ]
    return any(connection.scalar(one) for one in asked)


@pytest.mark.slow
def test_who_proposes_or_decides_by_an_older_page_is_told(
    filled: sessionmaker[Session], signed_in: Callable[..., TestClient], database: embedded.Cluster
) -> None:
    planner, other, releaser = signed_in("planner", name="ann"), signed_in("planner", name="bea"), signed_in("releaser")
    with sa.create_engine(database.admin_url, poolclass=sa.NullPool).begin() as owner:
        owner.execute(sa.text("UPDATE cycles SET state = 'verified', sent_by = NULL, published_attempt = NULL"))
        owner.execute(sa.text("UPDATE cycles SET released_by = NULL, released_at = NULL, correction_reason = NULL"))
        owner.execute(sa.text("DELETE FROM shipped_lines"))
        one = owner.scalar(sa.text("SELECT id FROM adjustments WHERE retailer = 'R1'"))
    with transaction(filled) as session:
        place = f"/api/v1/cycles/{parts_of(session, SHOPS[0])['cycle']}/adjustments"
    seen = planner.get(place).headers["ETag"]
    wanted = {"retailer": "R1", "sku": "K1", "granted_units": 0, "reason": "moved away"}
    json = {"Accept": "application/json"}
    assert planner.post(place, json=wanted, headers=json | {"If-Match": seen}).status_code == 201
    late = other.post(place, json=wanted | {"granted_units": 1}, headers=json | {"If-Match": seen})
    assert (late.status_code, late.json()["code"]) == (409, "changed_meanwhile")
    beside = other.post(place, json=wanted | {"retailer": "R9"}, headers=json | {"If-Match": seen})
    assert beside.json()["code"] == "invalid", "another line is judged by itself: this one there is not"
    fresh = other.get(place).headers["ETag"]
    assert other.post(place, json=wanted, headers=json | {"If-Match": fresh}).status_code == 201
    solved_since = {"If-Match": fresh.replace('"1/', '"7/')}
    for act, body in (("approve", None), ("decline", {"reason": "no"})):
        answer = releaser.post(f"{place}/{one}/{act}", json=body, headers=json | solved_since)
        assert (act, answer.status_code) == (act, 409 if act == "approve" else 204), answer.text


@pytest.mark.slow
def test_the_second_who_sets_a_shops_limit_is_told_what_stands_there(
    filled: sessionmaker[Session], signed_in: Callable[..., TestClient]
) -> None:
    ann, bea = signed_in("planner", name="ann"), signed_in("planner", name="bea")
    place, json = "/api/v1/retailers/R1/limits", {"Accept": "application/json"}
    seen = ann.get(place).headers["ETag"]
    shown = bea.get("/console/retailers/file?code=R1").text.split('name="seen" value="')[1].split('"')[0]
    assert seen == f'"{shown}"'
    set_first = ann.put(place, json={"sku": "K1", "limit_units": 7}, headers=json | {"If-Match": seen})
    assert set_first.json() == {"K1": 7}
    late = bea.put(place, json={"sku": "K1", "limit_units": 900}, headers=json | {"If-Match": seen})
    assert (late.status_code, late.json()["code"]) == (409, "changed_meanwhile")
    typed = {"code": "R1", "sku": "K1", "seen": shown}
    for change in ({"limit_units": "900"}, {"limit_units": ""}):
        page = bea.post("/console/retailers/limit", data=typed | change)
        assert (page.status_code, "7" in page.text) == (409, True)
    assert ann.get(place).json() == {"K1": 7}
    again = bea.put(
        place, json={"sku": "K1", "limit_units": 900}, headers=json | {"If-Match": set_first.headers["ETag"]}
    )
    assert again.json() == {"K1": 900}


TWO_PERSONS = {
    table: next(name for name in ("approver", "released_by", "decided_by", "published_by") if name in table.c)
    for table in Base.metadata.tables.values()
    if any(isinstance(one, sa.CheckConstraint) and "two_persons" in str(one.name) for one in table.constraints)
}


FIRST = ("author", "sent_by", "asked_by", "said_by", "entered_by", "proposed_by")


@pytest.mark.slow
def test_the_database_refuses_one_person_as_both(filled: sessionmaker[Session], database: embedded.Cluster) -> None:
    assert len(TWO_PERSONS) >= 7
    engine = sa.create_engine(database.admin_url, poolclass=sa.NullPool)
    for table, second in TWO_PERSONS.items():
        first = next(name for name in FIRST if name in table.c)
        by_two = {"kind": "update"} if table.name == "rollouts" else {}
        one = sa.update(table).values({first: "ann", second: "ann", **by_two})
        others = [
            str(check.name)
            for check in table.constraints
            if isinstance(check, sa.CheckConstraint) and "two_persons" not in str(check.name)
        ]
        with engine.connect() as connection:
            for other in others:
                connection.execute(sa.text(f"ALTER TABLE {table.name} DROP CONSTRAINT {other}"))
            with pytest.raises(IntegrityError, match="two_persons"):
                connection.execute(one)
