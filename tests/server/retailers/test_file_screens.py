"""A shop's e-file: its parts and who sees them, empty ones, the timeline with its choice in the address."""

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape

import pytest
from factories import NOW, make_device, make_retailer, make_sku, make_window, place
from filled import SHOPS, fill
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from server.kit.console.sections import timeline
from server.kit.db import bounds, transaction
from server.kit.identity import SYSTEM
from server.licences.models import LicenceRow
from server.operators import service as operators
from server.retailers import queries
from server.retailers.models import RetailerRow
from server.rooms import RETAILER_SECTIONS

SignedIn = Callable[..., TestClient]
OWN, FOREIGN = SHOPS
FILE = f"/console/retailers/file?code={OWN}"
TIMELINE = "/console/retailers/timeline"


@pytest.fixture
def filled(sessions: sessionmaker[Session]) -> sessionmaker[Session]:
    with transaction(sessions) as session:
        fill(session)
        session.get_one(RetailerRow, OWN).region, session.get_one(RetailerRow, FOREIGN).region = "north", "south"
    return sessions


@pytest.mark.usefixtures("filled")
def test_every_part_shows_what_there_is_and_stands_in_the_index(signed_in: SignedIn) -> None:
    person = signed_in("planner", "inspector")
    page = person.get(FILE).text
    empty = []
    for part in RETAILER_SECTIONS:
        assert f'href="#part-{part.key}"' in page
        assert f'hx-get="/console/retailers/file/{part.key}?code={OWN}"' in page
        shown = person.get(f"/console/retailers/file/{part.key}?code={OWN}")
        assert shown.status_code == 200
        empty += [part.key] if part.empty in unescape(shown.text) else []
    assert empty == ["scores", "forecast"]  # the run is a draft, the forecast of no such month


@pytest.mark.parametrize("part", RETAILER_SECTIONS, ids=lambda part: part.key)
def test_a_part_without_anything_says_so(part, session: Session, signed_in: SignedIn) -> None:
    make_retailer(session, "R9")
    session.commit()
    person = signed_in("planner", "inspector")
    assert part.empty in unescape(person.get(f"/console/retailers/file/{part.key}?code=R9").text)


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("role", ["inspector", "fleet", "dispatcher"])
def test_a_part_that_is_not_ones_own_is_nowhere(role, signed_in: SignedIn) -> None:
    person = signed_in(role)
    page, told = person.get(FILE).text, person.get(f"{TIMELINE}?code={OWN}").text
    for part in RETAILER_SECTIONS:
        may = not part.roles or role in part.roles
        assert (f'href="#part-{part.key}"' in page) == may
        assert person.get(f"/console/retailers/file/{part.key}?code={OWN}").status_code == (200 if may else 403)
        if part.moments:
            assert (f'<option value="{part.key}"' in told) == may
    assert (
        ("order received" in told)
        == ("/console/orders/" in told)
        == any(role in part.roles for part in RETAILER_SECTIONS if part.key == "orders")
    )
    assert person.get(f"/console/retailers/file/nothing?code={OWN}").status_code == 404


def test_a_person_of_other_shops_finds_no_file(filled: sessionmaker[Session], signed_in: SignedIn) -> None:
    person = signed_in("manager")
    with transaction(filled) as session:
        operators.set_bounds(session, "manager", regions=["north"], classes=[], by=SYSTEM, at=NOW)
    assert person.get(FILE).status_code == 200
    for address in ("file", "file/licences", "file/grants", "timeline"):
        assert person.get(f"/console/retailers/{address}?code={FOREIGN}").status_code == 404


def test_the_timeline_of_a_shop_out_of_bounds_is_empty(filled: sessionmaker[Session]) -> None:
    for scope, some in ((bounds(["north"], []), False), (bounds(["south"], []), True)):
        with transaction(filled, scope) as session:
            moments, total = timeline(session, RETAILER_SECTIONS, FOREIGN)
        assert bool(moments) == bool(total) == some


def test_the_timeline_is_by_date_and_its_choice_stands_in_the_address(session: Session, signed_in: SignedIn) -> None:
    make_retailer(session)
    make_sku(session, "K1")
    place(session, make_device(session), make_window(session), K1=2)
    session.commit()
    person = signed_in("planner")

    whole = person.get(f"{TIMELINE}?code=R1").text
    days = re.findall(r'datetime="([^"]+)"', whole.partition('class="timeline"')[2])
    assert days == sorted(days, reverse=True)
    assert "order received" in whole
    assert "terminal enrolled" in whole

    orders = person.get(f"{TIMELINE}?code=R1&part=orders").text
    assert '<option value="orders" selected>' in orders
    assert "terminal enrolled" not in orders
    day = NOW.date().isoformat()
    assert "order received" in person.get(f"{TIMELINE}?code=R1&part=orders&since={day}&until={day}").text
    later = person.get(f"{TIMELINE}?code=R1&since=2099-01-01").text
    assert "Nothing happened then" in later
    assert 'value="2099-01-01"' in later
    assert person.get(f"{TIMELINE}?code=R1&since=x").status_code == 404


def test_a_note_is_corrected_by_a_new_version_and_a_second_person_sees_both(
    sessions: sessionmaker[Session], signed_in: SignedIn
) -> None:
    with transaction(sessions) as session:
        make_retailer(session, "R1")
    ida, mo = signed_in("inspector", name="ida"), signed_in("manager", name="mo")
    note = {"code": "R1"}
    assert ida.post("/console/retailers/note", data=note | {"words": " "}).status_code == 422
    assert ida.post("/console/retailers/note", data=note | {"words": "closed on Mondays"}).status_code == 303
    with transaction(sessions) as later:
        first = queries.notes(later, "R1")[0].id

    correction = note | {"note": str(first), "words": "closed on Tuesdays"}
    assert mo.post("/console/retailers/note/correct", data=correction).status_code == 303
    late = ida.post("/console/retailers/note/correct", data=correction | {"words": "never closed"})
    assert late.status_code == 409
    assert "never closed" in late.text
    assert ida.post("/console/retailers/note/correct", data=correction | {"note": "999"}).status_code == 404

    with transaction(sessions) as later:
        (stands,) = queries.notes(later, "R1")
    assert (stands.words, stands.author) == ("closed on Tuesdays", "mo")
    assert [(one.words, one.author) for one in stands.earlier] == [("closed on Mondays", "ida")]
    same = mo.post("/console/retailers/note/correct", data=correction | {"note": str(stands.id)})
    assert (same.status_code, "This is what the note says already" in same.text) == (422, True)
    part = signed_in("auditor").get("/console/retailers/file/standing?code=R1").text
    assert part.index("closed on Tuesdays") < part.index("closed on Mondays")
    assert "/console/retailers/note" not in part
    assert signed_in("auditor").post("/console/retailers/note", data=note | {"words": "x"}).status_code == 403


def test_a_closing_day_is_set_corrected_and_taken_back_by_who_saw_how_it_stands(
    session: Session, signed_in: SignedIn
) -> None:
    make_retailer(session, "R1")
    session.commit()
    ida, pat = signed_in("inspector", name="ida"), signed_in("planner", name="pat")

    def seen() -> str:
        return re.findall(r'name="seen" value="(\w+)"', ida.get("/console/retailers/closing?code=R1").text)[0]

    form = {"code": "R1", "on": "2026-12-01", "why": "lease ended", "seen": seen()}
    assert ida.post("/console/retailers/closing", data=form | {"on": ""}).status_code == 422
    assert ida.post("/console/retailers/closing", data=form | {"why": " "}).status_code == 422
    assert ida.post("/console/retailers/closing", data=form).status_code == 303
    late = pat.post("/console/retailers/closing", data=form | {"on": "2027-01-01", "why": "moves"})
    assert (late.status_code, "moves" in late.text) == (409, True)
    page = pat.get("/console/retailers/closing?code=R1").text
    assert 'value="2026-12-01"' in page
    assert "lease ended" in page
    assert "will close" in pat.get("/console/retailers/file/standing?code=R1").text
    assert pat.post("/console/retailers/closing/back", data={"code": "R1", "seen": "old"}).status_code == 409
    assert pat.post("/console/retailers/closing/back", data={"code": "R1", "seen": seen()}).status_code == 303
    assert "the shop is open" in pat.get("/console/retailers/file/standing?code=R1").text
    told = pat.get(f"{TIMELINE}?code=R1").text
    assert "the closing day was taken back" in told
    assert "a closing day was set" in told
    assert signed_in("manager").get("/console/retailers/closing?code=R1").status_code == 403


def found(page: str) -> set[str]:
    return set(re.findall(r"/console/retailers/file\?code=(\w+)", page))


def test_the_list_is_narrowed_by_choices_that_combine_and_stand_in_the_address(
    session: Session, signed_in: SignedIn
) -> None:
    day = NOW.date()
    for code, region, kind in (("R1", "hill", "town"), ("R2", "hill", "village"), ("R3", "lake", "town")):
        make_retailer(session, code, region=region)
        session.get_one(RetailerRow, code).market_type = kind
        if code != "R3":
            make_device(session, code)
    make_retailer(session, "R4", region="lake")
    shut = session.get_one(RetailerRow, "R4")
    shut.market_type, shut.closed_on, shut.closed_why, shut.closed_by = "village", day, "gone", "pat"
    spans = {"R1": (400, "valid"), "R2": (20, "valid"), "R3": (-1, "valid"), "R4": (400, "suspended")}
    for code, (days, state) in spans.items():
        first, last = day - timedelta(days=500), day + timedelta(days=days)
        why = None if state == "valid" else "why"
        session.add(
            LicenceRow(
                retailer=code, licence_class="tobacco", number=code, valid_from=first, valid_until=last,
                state=state, state_reason=why, changed_at=NOW,
            )
        )  # fmt: skip
    session.commit()
    person = signed_in("planner")

    for choice, codes in (
        ("region=hill", {"R1", "R2"}),
        ("class=town", {"R1", "R3"}),
        ("standing=closed", {"R4"}),
        ("licence=valid", {"R1", "R2"}),
        ("licence=expired", {"R3"}),
        ("licence=suspended", {"R4"}),
        ("licence=none", set()),
        ("runs_out=30", {"R2"}),
        ("terminal=yes", {"R1", "R2"}),
        ("terminal=no&licence=expired", {"R3"}),
        ("region=hill&class=town&licence=valid&terminal=yes", {"R1"}),
        ("licence=nonsense", {"R1", "R2", "R3", "R4"}),
    ):
        page = person.get(f"/console/retailers?{choice}").text
        assert found(page) == codes, choice
        assert re.search(rf"\b{len(codes)} rows?\b", page), choice
    assert 'value="30" selected' in person.get("/console/retailers?runs_out=30").text
    exported = person.get("/console/retailers?terminal=no&format=csv").text
    assert [line.split(",")[0] for line in exported.splitlines()[1:]] == ["R3", "R4"]
