"""Two persons cannot be one person with two browsers: every act that needs a second one, from a table of them."""

import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import sqlalchemy as sa
from fastapi.routing import iter_route_contexts
from filled import SHOPS, fill
from places import parts_of
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from server import tables
from server.app import create_app
from server.kit import embedded
from server.kit.db import Base, transaction
from server.kit.identity import ROLES
from server.kit.runtime import Runtime

tables.load()


@dataclass(frozen=True)
class Act:
    """A second step: where it is asked for, how the first one by ann comes to stand, what else is sent.

    ``path`` is of the interface, None where only the ``screen`` asks for it.
    """

    path: str | None
    screen: str
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
_TO_CONFIRM = (
    "UPDATE feedback_remedies SET state = 'proposed', author = 'ann', units = NULL, decided_by = NULL,"
    " decided_at = NULL, because = answer"
)
_DISPUTED = (
    "UPDATE feedback SET state = 'looked_at', closed_at = NULL, answered_at = NULL, owner = 'ann', explanation ="
    """ '{"sort": "grant", "line": {"sku": "K1"}}' WHERE id IN (SELECT feedback FROM feedback_remedies)"""
)
_CHANGE = (
    "UPDATE policy_changes SET state = 'proposed', author = 'ann', decided_by = NULL, decided_at = NULL,"
    " decided_why = NULL"
)
_UPDATE = "UPDATE rollouts SET state = 'proposed', kind = 'update', proposed_by = 'ann', released_by = NULL"
_FILE = (
    "UPDATE licence_files SET state = '{}', matter = '{}', entered_by = 'ann', decided_by = NULL, closed_at = NULL,"
    " due_on = '2026-12-24'"
)
_A_FILE = "SELECT number FROM licence_files ORDER BY number LIMIT 1"
_FIGURE = "INSERT INTO demand_figures VALUES ('R1', 'goods', '2026-12-01', 'agreed', 1, 14, 'operator:ann', now(), '')"
_COUNT = (
    "UPDATE depot_acts SET state = 'waiting', needs_second = true, said_by = 'ann', decided_by = NULL,"
    " decided_at = NULL"
)
ACTS = {
    "release a result": Act("/api/v1/cycles/{cycle}/release", "/console/cycles/{cycle}/release", (_IN_REVIEW,)),
    "approve a manual decision": Act(
        "/api/v1/cycles/{cycle}/adjustments/{row}/approve",
        "/console/cycles/{cycle}/adjustments/{row}/approve",
        (_IN_REVIEW, "UPDATE adjustments SET author = 'ann'"),
        _ADJUSTMENT,
    ),
    "decline a manual decision": Act(
        "/api/v1/cycles/{cycle}/adjustments/{row}/decline",
        "/console/cycles/{cycle}/adjustments/{row}/decline",
        (_IN_REVIEW, "UPDATE adjustments SET author = 'ann'"),
        _ADJUSTMENT,
        {"reason": "no"},
    ),
    "publish scores": Act(
        "/api/v1/scores/runs/{row}/publish",
        "/console/scores/run/{row}/publish",
        (_DRAFT,),
        "SELECT number FROM score_runs",
    ),
    "approve a decision on a shop": Act(
        "/api/v1/scores/decisions/{row}/approve",
        "/console/scores/shop/approve",
        ("UPDATE score_decisions SET author = 'ann', approver = NULL, approved_at = NULL",),
        "SELECT id FROM score_decisions LIMIT 1",
    ),
    "end a decision early": Act(
        "/api/v1/scores/decisions/ends/{row}/approve",
        "/console/scores/shop/end/approve",
        ("UPDATE score_decision_ends SET author = 'ann'",),
        "SELECT id FROM score_decision_ends LIMIT 1",
    ),
    "uphold an appeal": Act(
        "/api/v1/scores/appeals/{row}/approve",
        "/console/appeals/{row}/approve",
        (
            "UPDATE score_appeals SET state = 'proposed', owner = 'ann', settled_at = NULL",
            _ANSWER,
        ),
        "SELECT id FROM score_appeals LIMIT 1",
    ),
    "enter a large difference of the own stock": Act(
        "/api/v1/depot/acts/{row}/confirm",
        "/console/depot/acts/{row}/confirm",
        (_COUNT,),
        "SELECT id FROM depot_acts LIMIT 1",
    ),
    "confirm the remedy of an upheld dispute": Act(
        "/api/v1/feedback/{row}/remedy/confirm",
        "/console/feedback/{row}/remedy/confirm",
        (_TO_CONFIRM, _DISPUTED),
        "SELECT feedback FROM feedback_remedies LIMIT 1",
    ),
    "approve another policy": Act(
        "/api/v1/cycles/{cycle}/policy-changes/{row}/approve",
        "/console/cycles/{cycle}/policy-changes/{row}/approve",
        (_CHANGE,),
        "SELECT id FROM policy_changes",
    ),
    "decline another policy": Act(
        "/api/v1/cycles/{cycle}/policy-changes/{row}/decline",
        "/console/cycles/{cycle}/policy-changes/{row}/decline",
        (_CHANGE,),
        "SELECT id FROM policy_changes",
        {"reason": "no"},
    ),
    "let programs be changed": Act(
        "/api/v1/rollouts/{row}/release",
        "/console/rollouts/{row}/release",
        (_UPDATE,),
        "SELECT id FROM rollouts LIMIT 1",
    ),
    "grant a licence": Act(
        None, "/console/licences/files/{row}/grant", (_FILE.format("inspected", "renewal"),), _A_FILE
    ),
    "refuse a licence": Act(
        None, "/console/licences/files/{row}/refuse", (_FILE.format("inspected", "renewal"),), _A_FILE
    ),
    "sign a suspension": Act(
        None, "/console/licences/files/{row}/sign", (_FILE.format("proposed", "suspension"),), _A_FILE
    ),
    "look at an agreed figure": Act(None, "/console/forecasts/shop/confirm", (_FIGURE,)),
}
#: What screens send, each the part of it that it asks for.
REFUSED, JSON = "A second person must do this", {"Accept": "application/json"}
TYPED = {"code": SHOPS[0], "product_class": "goods", "period": "2026-12-01", "version": "1", "reason": "no"}
TYPED |= {"valid_from": "2027-01-01", "valid_until": "2028-01-01", "licence_number": "T-1", "words": "so"}
SHOWN = re.compile(r'name="(shown)" value="([^"]*)"')
#: What ends in such a word and needs no second person, and why.
BY_ONE = {
    "/cycles/{}/publish": "tries again what another person released",
    "/deliveries/{}/release": "lets goods go that a suspension held",
    "/announcements/{}/publish": "says something, and decides nothing",
    "/surveys/{}/publish": "asks something, and decides nothing",
    "/devices/enrolments/confirm": "compares a fingerprint with a terminal in the hand",
    "/devices/waiting/{}/confirm": "compares a fingerprint with a terminal in the hand",
    "/devices/enrolments/refuse": "lets nobody in",
    "/devices/waiting/{}/refuse": "lets nobody in",
}
CONFIRMING = re.compile(r"/(approve|confirm|decline|grant|publish|refuse|release|sign)$")


def test_every_route_that_confirms_stands_in_the_table(runtime: Runtime) -> None:
    """What ends in a word of confirming, of the interface and of the screens."""
    confirming = {
        re.sub(r"{[^}]*}", "{}", path)
        for one in iter_route_contexts(create_app(runtime).routes)
        if CONFIRMING.search(path := one.path or "") and "POST" in (one.methods or ())
    }
    by_two = {re.sub(r"{[^}]*}", "{}", path) for act in ACTS.values() for path in (act.path, act.screen) if path}
    by_one = {path for path in confirming if re.sub("^/(console|api/v1)", "", path) in BY_ONE}
    assert confirming == by_two | by_one
    assert {re.sub("^/(console|api/v1)", "", path) for path in by_one} == set(BY_ONE)


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
    for browser in (one, other, second):
        browser.cookies.set("lang", "en")
    engine = sa.create_engine(database.admin_url, poolclass=sa.NullPool)
    with transaction(filled) as session:
        cycle = parts_of(session, SHOPS[0])["cycle"]
    for name, act in ACTS.items():
        with engine.begin() as owner:
            for statement in act.first:
                owner.execute(sa.text(statement))
            row = str(owner.scalar(sa.text(act.row)))
        path, screen = (one and one.replace("{cycle}", cycle).replace("{row}", row) for one in (act.path, act.screen))
        page = "" if path else second.get(screen.rpartition("/")[0]).text
        typed = TYPED | dict(SHOWN.findall(page))
        for browser in (one, other):
            if path:
                refused = browser.post(path, json=act.body, headers=JSON)
                assert (name, refused.status_code, refused.json()["code"]) == (name, 422, "same_person")
            else:
                assert (name, REFUSED in browser.post(screen, data=typed).text) == (name, True)
        with engine.begin() as owner:
            assert (name, acted(owner, "ann")) == (name, False)
        answer = second.post(path, json=act.body, headers=JSON) if path else second.post(screen, data=typed)
        assert (name, "same_person" in answer.text or REFUSED in answer.text) == (name, False)


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
