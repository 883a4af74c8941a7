"""A shop's e-file: its parts and who sees them, empty ones, the timeline with its choice in the address."""

import re
from collections.abc import Callable
from html import unescape

import pytest
from factories import NOW, make_device, make_retailer, make_sku, make_window, place
from filled import SHOPS, fill
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from server.kit.console.sections import timeline
from server.kit.db import bounds, transaction
from server.kit.identity import SYSTEM
from server.operators import service as operators
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
    person = signed_in("planner")
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
    assert part.empty in unescape(signed_in("planner").get(f"/console/retailers/file/{part.key}?code=R9").text)


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
    assert person.get(f"{TIMELINE}?code=R1&since=x").status_code == 422
