"""From a closed window to a finding that a person explains in words; and that nothing else comes of it."""

import re
from datetime import timedelta

import pytest
from factories import NOW, make_device, make_retailer, make_sku, make_window, place
from sqlalchemy import text

from contract.errors import Conflict, Rejected
from server.kit.db import act_for, bounds, transaction
from server.kit.fields import Invalid
from server.kit.identity import Operator
from server.orders import queries as orders
from server.orders.events import WindowClosed
from server.signals import making, queries, reactions, service
from server.signals.premises import SHOPS_MOST, addresses, machines
from server.signals.rules import Finding

FILE_PART = "/console/retailers/file/signals?code=R1"
INSPECTOR = Operator(1, "inspector-1", frozenset({"inspector"}))
TWINS = Finding(
    "twins",
    ("R1", "R2"),
    {
        "shops": 2,
        "least_percent": 90,
        "least_bits": 60,
        "bound_bits": 27,
        "same_lines": 1,
        "lines": [{"sku": "A", "units": 5, "shops": 2}],
    },
    {"R1": {"lines": 9, "asked_units": 50}, "R2": {"lines": 9, "asked_units": 51}},
)
SURGE = Finding(
    "surge",
    ("R1",),
    {
        "asked_units": 500,
        "expected_units": 100,
        "times": 5.0,
        "network_percent": -3,
        "cycles": 12,
        "spreads": 9.1,
        "bound": 6.2,
        "year_before": False,
        "history": [{"closed_at": NOW.isoformat(), "units": 98, "expected_units": 100}],
    },
    {"R1": {"asked_units": 500}},
)
STEERING = Finding(
    "steering",
    ("R1", "R2"),
    {
        "followers": 1,
        "least_alike_percent": 97,
        "least_common_skus": 20,
        "last_lag_s": 240,
        "followers_units": 30,
        "asked_units": 500,
    },
    {
        "R1": {"lag_s": 0, "asked_units": 500},
        "R2": {"lag_s": 240, "asked_units": 30, "alike_percent": 97, "common_skus": 20},
    },
)
MACHINE = Finding("device", ("R1", "R2"), {"shops": 2, "machine": "0123456789ab"}, TWINS.figures)


@pytest.fixture
def cycle(session):
    """A closed cycle in which two shops of one address and different regions ordered."""
    make_sku(session, "A")
    window = make_window(session)
    for code, region in (("R1", "north"), ("R2", "south")):
        make_retailer(session, code, region=region)
        assert place(session, make_device(session, code), window, A=5).outcome == "accepted"
    session.execute(text("UPDATE windows SET state = 'closed'"))
    session.execute(text("UPDATE retailers SET address = 'No. 7, Bridge Street', city = 'Linton'"))
    session.execute(text("UPDATE devices SET machine = :machine"), {"machine": "ab" * 32})
    session.expire_all()
    found = orders.window(session, window)
    assert found is not None
    return found.cycle


def stored(session, cycle, *found: Finding) -> list[queries.Finding]:
    service.ask(session, cycle, at=NOW)
    service.store(session, cycle, found, shops=2, at=NOW)
    return queries.findings(session)[0]


def test_the_last_window_that_closes_has_the_book_looked_at_once(runtime, session, cycle):
    for _ in range(2):
        reactions.on_window_closed(session, WindowClosed(cycle, cycle, NOW), NOW)
    jobs = session.execute(text("SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'signals.look'")).scalar()
    assert jobs == 1
    session.commit()
    for _ in range(2):
        making.run(runtime, cycle=str(cycle))
    with transaction(runtime.sessions) as other:
        found, total = queries.findings(other)
    assert [(one.kind, [shop.retailer for shop in one.shops], one.state) for one in found] == [
        ("device", ["R1", "R2"], "new"),
        ("address", ["R1", "R2"], "new"),
    ]
    assert {shop.figures["asked_units"] for shop in found[0].shops} == {5}
    assert total == 2


def test_the_book_comes_with_the_cycles_before_it_and_those_of_a_year_before(session, cycle):
    window = session.execute(text("SELECT id FROM windows")).scalar()
    earlier = make_window(session, opens_at=NOW - timedelta(days=8), closes_at=NOW - timedelta(days=7))
    year_ago = make_window(session, opens_at=NOW - timedelta(days=366), closes_at=NOW - timedelta(days=365))
    session.execute(text("UPDATE windows SET state = 'closed'"))
    for of in (earlier, year_ago):
        session.execute(
            text(
                "INSERT INTO orders"
                " (retailer, id, window_id, device, revision, state, amount_minor, placed_at, changed_at)"
                " SELECT retailer, gen_random_uuid(), :of, device, 1, 'accepted', 0, placed_at, changed_at"
                " FROM orders WHERE window_id = :window AND retailer = 'R1'"
            ),
            {"of": of, "window": window},
        )
    session.execute(
        text(
            "INSERT INTO order_lines SELECT o.retailer, o.id, 'A', 3, 100 FROM orders o"
            " WHERE NOT EXISTS (SELECT FROM order_lines l WHERE l.order_id = o.id)"
        )
    )
    book = making.read(session, cycle)
    assert [past.units for past in book.history["R1"]] == [3, 3]
    assert "R2" not in book.history
    assert book.baskets == {"R1": {"A": 5}, "R2": {"A": 5}}


def test_a_finding_is_said_in_words_and_changes_no_shop(session, cycle):
    number = stored(session, cycle, TWINS)[0].number
    before = session.execute(text("SELECT * FROM retailers ORDER BY code")).all()
    with pytest.raises(Invalid):
        service.say(session, number, "explained", "  ", INSPECTOR, at=NOW)
    with pytest.raises(Rejected, match="nobody"):
        service.say(session, number, "looked_at", "will ask them", INSPECTOR, owner="nobody", at=NOW)
    service.say(session, number, "watched", "will ask them", INSPECTOR, at=NOW)
    with pytest.raises(Conflict):
        service.say(session, number, "looked_at", "again", INSPECTOR, at=NOW)
    service.say(session, number, "explained", "a family with two shops", INSPECTOR, at=NOW)
    with pytest.raises(Conflict):
        service.say(session, number, "passed_on", "a visit", INSPECTOR, at=NOW)
    found = queries.finding(session, number)
    assert found is not None
    assert (found.state, found.owner) == ("explained", "inspector-1")
    assert [note.words for note in queries.notes(session, found.id)] == ["a family with two shops", "will ask them"]
    assert session.execute(text("SELECT * FROM retailers ORDER BY code")).all() == before


@pytest.mark.parametrize(
    ("verdict", "later", "found_again"),
    [
        (None, timedelta(days=400), 0),
        ("looked_at", timedelta(days=400), 0),
        ("explained", timedelta(days=90), 0),
        ("explained", timedelta(days=91), 1),
        ("watched", timedelta(days=7), 1),
        ("passed_on", timedelta(days=7), 1),
    ],
)
def test_what_waits_or_was_explained_is_not_found_a_second_time(session, cycle, verdict, later, found_again):
    number = stored(session, cycle, TWINS)[0].number
    if verdict:
        service.say(session, number, verdict, "a family", INSPECTOR, at=NOW)
    session.execute(text("UPDATE signal_runs SET done_at = NULL, findings = NULL, shops = NULL"))
    session.expire_all()
    assert service.store(session, cycle, [TWINS], shops=2, at=NOW + later) == found_again


def test_within_bounds_a_finding_is_seen_only_where_all_its_shops_are(session, cycle):
    stored(session, cycle, TWINS, SURGE)
    session.flush()
    act_for(session, bounds(["north"], []))
    assert [one.kind for one in queries.findings(session)[0]] == ["surge"]
    assert queries.tally(session) == {("surge", "new"): 1}
    act_for(session, bounds(["north", "south"], []))
    assert queries.findings(session)[1] == 2


@pytest.mark.parametrize(("language", "words"), [("en", "nearly the same baskets"), ("zh", "订单几乎相同")])
def test_those_who_review_see_it_on_the_first_page_in_the_list_and_in_the_e_file(
    session, cycle, signed_in, language, words
):
    number = next(one.number for one in stored(session, cycle, STEERING, MACHINE, SURGE, TWINS) if one.kind == "twins")
    session.commit()
    browser = signed_in("inspector", language=language)
    for address in ("/console/today/visits", "/console/signals", f"/console/signals/{number}", FILE_PART):
        assert words in browser.get(address).text, address
    for other in range(number - 3, number):
        assert browser.get(f"/console/signals/{other}").status_code == 200
    said = {"verdict": "explained", "words": "<i>family</i>", "owner": "inspector"}
    sent = browser.post(f"/console/signals/{number}/say", data=said)
    assert sent.status_code == 303
    assert "&lt;i&gt;family" in browser.get(sent.headers["Location"]).text
    assert browser.post(f"/console/signals/{number}/say", data=said).status_code == 422
    assert browser.get(f"/api/v1/signals/{number}").json()["state"] == "explained"
    assert browser.get(f"/api/v1/signals/{number}/notes").json()[0]["words"] == "<i>family</i>"


def test_others_see_nothing_of_it_and_an_auditor_says_nothing(session, cycle, signed_in):
    number = stored(session, cycle, TWINS)[0].number
    session.commit()
    browser = signed_in("planner")
    assert browser.get("/console/signals").status_code == 403
    assert browser.get(f"/api/v1/signals/{number}").status_code == 403
    for address in ("/console/today/visits", "/console/retailers/file?code=R1"):
        assert re.search(r"/console/signals|nearly the same baskets", browser.get(address).text) is None
    assert browser.get(FILE_PART).status_code == 403
    auditor = signed_in("auditor")
    page = auditor.get(f"/console/signals/{number}")
    assert page.status_code == 200
    assert 'name="verdict"' not in page.text
    said = {"verdict": "explained", "words": "fine"}
    assert auditor.post(f"/console/signals/{number}/say", data=said).status_code == 403


def test_one_address_is_one_however_it_is_written_and_a_market_is_none():
    written = {
        "R1": "Linton, No. 7 Bridge Street",
        "R2": "LINTON no.7 bridge-street",
        "R3": "Linton No. 8 Bridge Street",
    }
    assert [one.shops for one in addresses(written)] == [("R1", "R2")]
    assert not addresses({f"R{number}": "Market Hall" for number in range(SHOPS_MOST + 1)})


def test_shops_that_ordered_from_one_machine_are_named_and_machines_without_a_name_are_not():
    used = {"R1": frozenset({"aa"}), "R2": frozenset({"aa", "bb"}), "R3": frozenset({"cc", ""}), "R4": frozenset({""})}
    assert [one.shops for one in machines(used)] == [("R1", "R2")]
