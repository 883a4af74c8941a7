"""The life of a licence: files by two persons, deadlines, what a suspension touches, the gates that follow."""

from collections.abc import Callable
from datetime import date
from zoneinfo import ZoneInfo

import pytest
from factories import NOW, make_device, make_retailer, make_sku, make_window, place, publish_grants
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from contract.errors import Conflict, Rejected
from server.deliveries import queries as deliveries
from server.deliveries import service as dispatching
from server.kit import audit
from server.kit.db import transaction
from server.kit.fields import Invalid
from server.kit.identity import ROLES, Operator
from server.kit.runtime import Runtime
from server.licences import file_queries, files, queries, rules
from server.retailers import affected
from server.rooms import TOUCHED_PARTS

ZONE = ZoneInfo("Asia/Shanghai")
DAY = date(2026, 11, 25)
IDA = Operator(1, "ida", frozenset({"inspector"}))
IVO = Operator(2, "ivo", frozenset({"inspector"}))
REX = Operator(3, "rex", frozenset({"regional"}))
PAT = Operator(4, "pat", frozenset({"planner"}))
GRANTED = files.Granted("L-9", date(2026, 12, 1), date(2027, 11, 30))


@pytest.fixture
def shop(session: Session) -> str:
    make_sku(session, "SMOKE", licence_class="tobacco")
    make_sku(session, "BREAD")
    return make_retailer(session, classes=["tobacco"])


def enter(session: Session, matter: rules.Matter, number: str = "tobacco-R1", by: Operator = IDA) -> int:
    entry = files.Entry("R1", "tobacco", matter, number, "2026-17")
    return files.enter_file(session, entry, "sold to minors", by, at=NOW, zone=ZONE)


def stands(session: Session) -> str:
    return next(one.state for one in queries.licences_of(session, "R1") if one.number == "tobacco-R1")


# ------------------------------------------------------------------------------------------------- rules


def test_every_open_state_has_a_way_to_a_decision_and_one_out_and_decided_ones_none() -> None:
    for state in rules.OPEN:
        steps = rules.may(state, ROLES, "somebody", ())
        assert "withdrawn" in steps
        assert len(steps) > 1
    for state in ("granted", "refused", "signed", "withdrawn"):
        assert rules.may(state, ROLES, "somebody", ()) == ()


@given(
    st.sampled_from(sorted(rules.OPEN)),
    st.sampled_from(["inspected", "granted", "refused", "signed", "withdrawn"]),
    st.sets(st.sampled_from(ROLES)),
    st.booleans(),
)
def test_a_step_is_taken_where_it_is_offered_and_refused_elsewhere(state, step, roles, acted) -> None:
    before = {"ann"} if acted else {"ben"}
    if step in rules.may(state, roles, "ann", before):
        assert rules.next_state(state, step, roles, "ann", before) == step
    else:
        with pytest.raises((Conflict, Rejected)):
            rules.next_state(state, step, roles, "ann", before)


@pytest.mark.parametrize(
    ("state", "last"),
    [
        ("received", date(2026, 12, 9)),
        ("inspected", date(2026, 12, 23)),
        ("proposed", date(2026, 12, 2)),
        ("granted", None),
    ],
)
def test_deadlines_are_working_days_from_the_entry(state, last) -> None:
    assert rules.due_on(state, DAY) == last


# ------------------------------------------------------------------------------------------------- applications


def test_an_application_is_entered_inspected_and_granted_by_another_person(session: Session, shop: str) -> None:
    number = files.enter_file(
        session, files.Entry(shop, "spirits", "application"), "wants to sell wine", IDA, at=NOW, zone=ZONE
    )
    with pytest.raises(Conflict, match="stands at received, and needs inspected"):
        files.grant(session, number, GRANTED, "fit", REX, at=NOW)
    files.inspect(session, number, "12 m from a school gate: 80 m", IVO, at=NOW, zone=ZONE)
    for same in (IDA, IVO):
        with pytest.raises(Rejected, match="second person must do this"):
            files.grant(session, number, GRANTED, "fit", same, at=NOW)
    files.grant(session, number, GRANTED, "fit", REX, at=NOW)
    licence = next(one for one in queries.licences_of(session, shop) if one.number == "L-9")
    assert (licence.licence_class, licence.valid_until, licence.state) == ("spirits", date(2027, 11, 30), "valid")
    assert [(one.step, one.by) for one in file_queries.steps(session, number=number)] == [
        ("granted", "rex"),
        ("inspected", "ivo"),
        ("entered", "ida"),
    ]
    found = file_queries.file(session, number)
    assert found is not None
    assert (found.state, found.due_on, found.decided_by, found.licence_number) == ("granted", None, "rex", "L-9")
    session.flush()
    told = [entry.action for entry in audit.entries(session, subject="retailer:R1")]
    assert told == ["licence.file_granted", "licence.added", "licence.file_inspected", "licence.file_entered"]


def test_a_renewal_makes_the_same_licence_longer_and_keeps_its_suspension(session: Session, shop: str) -> None:
    number = enter(session, "renewal")
    files.inspect(session, number, "in order", IDA, at=NOW, zone=ZONE)
    later = files.Granted("tobacco-R1", date(2028, 1, 1), date(2030, 12, 31))
    files.grant(session, number, later, "in order", REX, at=NOW)
    held = queries.licences_of(session, shop)
    assert [(one.valid_from, one.valid_until) for one in held] == [(date(2020, 1, 1), date(2030, 12, 31))]


def test_what_is_refused_or_withdrawn_writes_no_licence(session: Session, shop: str) -> None:
    number = files.enter_file(session, files.Entry(shop, "spirits", "application"), "asks", IDA, at=NOW, zone=ZONE)
    files.inspect(session, number, "no room", IDA, at=NOW, zone=ZONE)
    files.refuse(session, number, "no room for it", REX, at=NOW)
    again = files.enter_file(session, files.Entry(shop, "spirits", "application"), "asks", IDA, at=NOW, zone=ZONE)
    files.withdraw(session, again, "the shop gave up", IDA, at=NOW)
    assert {one.licence_class for one in queries.licences_of(session, shop)} == {"tobacco"}
    with pytest.raises(Conflict):
        files.withdraw(session, again, "once more", IDA, at=NOW)


def test_files_that_cannot_be_opened_say_why(session: Session, shop: str) -> None:
    with pytest.raises(Rejected, match="it needs inspector"):
        enter(session, "suspension", by=PAT)
    with pytest.raises(Conflict, match="stands at valid, and needs suspended"):
        enter(session, "restoration")
    with pytest.raises(Rejected, match="no licence R1 / tobacco / L-0"):
        enter(session, "suspension", "L-0")
    with pytest.raises(Rejected, match="no retailer R9"):
        files.enter_file(session, files.Entry("R9", "tobacco", "application"), "asks", IDA, at=NOW, zone=ZONE)
    with pytest.raises(Invalid, match="words: "):
        files.enter_file(session, files.Entry(shop, "wine", "application"), " ", IDA, at=NOW, zone=ZONE)
    number = enter(session, "suspension")
    with pytest.raises(Rejected, match=f"File #{number} about this licence is open already"):
        enter(session, "cancellation")


def test_the_database_itself_knows_that_two_persons_are_two(session: Session, shop: str) -> None:
    enter(session, "suspension")
    decided = "UPDATE licence_files SET decided_by = 'ida', state = 'signed', due_on = NULL, closed_at = now()"
    with pytest.raises(IntegrityError, match="two_persons"), session.begin_nested():
        session.execute(text(decided))


# ------------------------------------------------------------------------------------------------- suspension


def test_a_suspension_counts_once_signed_and_a_restoration_takes_it_back(session: Session, shop: str) -> None:
    number = enter(session, "suspension")
    assert queries.classes_held(session, shop, DAY) == {"tobacco"}
    with pytest.raises(Rejected, match="second person"):
        files.sign(session, number, "agreed", IDA, at=NOW, seen={})
    files.sign(session, number, "agreed", REX, at=NOW, seen={})
    assert queries.classes_held(session, shop, DAY) == frozenset()
    assert queries.licences_of(session, shop)[0].state_reason == "sold to minors"
    back = enter(session, "restoration")
    files.sign(session, back, "fine was paid", IVO, at=NOW, seen={})
    assert queries.classes_held(session, shop, DAY) == {"tobacco"}
    files.sign(session, enter(session, "cancellation"), "closed down", IVO, at=NOW, seen={})
    assert stands(session) == "cancelled"


def test_before_it_is_signed_everything_that_a_suspension_touches_is_listed(session: Session, shop: str) -> None:
    sender = make_device(session)
    place(session, sender, make_window(session), SMOKE=3, BREAD=5)
    publish_grants(session, {shop: {"SMOKE": 4, "BREAD": 9}})
    sent = publish_grants(session, {shop: {"SMOKE": 6}})
    dispatching.dispatch_cycle(session, sent, PAT, at=NOW)
    now = NOW.astimezone(ZONE)
    touched = affected.read(session, TOUCHED_PARTS, shop, ["SMOKE"], now)
    assert {one.part.label: one.units for one in touched if one.lines} == {
        "Open orders": 3,
        "Grants that are not dispatched": 4,
        "Deliveries on the way": 6,
    }
    before = affected.digest(touched)
    place(session, sender, make_window(session), SMOKE=1)
    assert affected.digest(affected.read(session, TOUCHED_PARTS, shop, ["SMOKE"], now)) != before
    whole = affected.read(session, TOUCHED_PARTS, shop, ["SMOKE", "BREAD"], now)
    assert [one.units for one in whole if one.lines] == [9, 13, 6], "the whole shop"
    assert not any(one.lines for one in affected.read(session, TOUCHED_PARTS, shop, [], now))


def test_a_suspended_licence_stops_the_order_and_the_dispatch(session: Session, shop: str) -> None:
    cycle = publish_grants(session, {shop: {"SMOKE": 4}})
    files.sign(session, enter(session, "suspension"), "agreed", REX, at=NOW, seen={})
    receipt = place(session, make_device(session), make_window(session), SMOKE=3)
    assert (receipt.outcome, receipt.code) == ("rejected", "not_licensed")
    assert dispatching.dispatch_cycle(session, cycle, PAT, at=NOW).held == 1
    (held,) = deliveries.deliveries(session, retailer=shop)
    assert (held.state, held.held_code, held.held_why) == ("held", "licence_suspended", "SMOKE (tobacco)")


# ------------------------------------------------------------------------------------------------- lists, screens


def test_late_files_and_those_that_wait_for_me_are_found(session: Session, shop: str) -> None:
    number = enter(session, "suspension")
    assert file_queries.waiting_for(session, "ida", "decision") == {"decision": []}
    (waits,) = file_queries.waiting_for(session, "rex", "decision", "inspection")["decision"]
    assert waits.number == number
    assert file_queries.search(session, on=DAY, state="late")[1] == 0
    assert [one.number for one in file_queries.search(session, on=date(2026, 12, 3), state="late")[0]] == [number]
    assert file_queries.search(session, on=DAY, state="open", matter="suspension", text="2026-17")[1] == 1


def test_a_signature_over_an_old_preview_is_refused_and_the_new_one_shown(
    runtime: Runtime, signed_in: Callable[..., TestClient]
) -> None:
    with transaction(runtime.sessions) as session:
        make_sku(session, "SMOKE", licence_class="tobacco")
        make_retailer(session, classes=["tobacco"])
    ida, rex = signed_in("inspector", name="ida"), signed_in("regional", name="rex")
    typed = {"matter": "suspension", "retailer": "R1", "licence_class": "tobacco", "licence_number": "tobacco-R1"}
    refused = ida.post("/console/licences/files/new", data=typed)
    assert refused.status_code == 422
    opened = ida.post("/console/licences/files/new", data=typed | {"words": "sold to minors"})
    page = opened.headers["location"]
    assert "Another person decides" in ida.get(page).text or "another person decides" in ida.get(page).text
    shown = rex.get(page).text.split('name="shown" value="')[1].split('"')[0]
    with transaction(runtime.sessions) as session:
        place(session, make_device(session), make_window(session), SMOKE=3)
    late = rex.post(f"{page}/sign", data={"shown": shown, "words": "agreed"})
    assert (late.status_code, "Open orders" in late.text) == (422, True)
    shown = late.text.split('name="shown" value="')[1].split('"')[0]
    assert rex.post(f"{page}/sign", data={"shown": shown, "words": "agreed"}).status_code == 303
    assert "What the signer saw" in rex.get(page).text
    with transaction(runtime.sessions) as session:
        assert stands(session) == "suspended"


def test_the_first_page_tells_an_inspector_what_waits(runtime: Runtime, signed_in: Callable[..., TestClient]) -> None:
    with transaction(runtime.sessions) as session:
        make_retailer(session, classes=["tobacco"])
        enter(session, "suspension")
        files.enter_file(session, files.Entry("R1", "wine", "application"), "asks", IDA, at=NOW, zone=ZONE)
    told = signed_in("inspector", name="ivo").get("/console/").text
    assert "Licence decisions waiting for me" in told
    assert "Licence files to be inspected" in told
    assert "Licence decisions" not in signed_in("planner", name="pat").get("/console/").text


def test_who_only_plans_opens_no_file_and_decides_none(runtime: Runtime, signed_in: Callable[..., TestClient]) -> None:
    with transaction(runtime.sessions) as session:
        make_retailer(session, classes=["tobacco"])
        number = enter(session, "suspension")
    planner = signed_in("planner")
    assert planner.get("/console/licences/files/new").status_code == 403
    assert planner.post(f"/console/licences/files/{number}/sign", data={"words": "x"}).status_code == 403
    assert planner.get(f"/console/licences/files/{number}").status_code == 200
