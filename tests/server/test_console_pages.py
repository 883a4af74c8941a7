"""Every page of the console, from the routes themselves, on a small network in which everything has happened."""

import html
import re
from http import HTTPStatus

import pytest
from seeded import SMALL, Network
from starlette.testclient import TestClient

from loadtests import console_pages, seeding
from server.kit.console.tables import TableView
from server.kit.identity import ROLES, Role
from server.rooms import HOME_PARTS, RETAILER_SECTIONS

pytestmark = pytest.mark.slow

ANSWERS = {200, 204, 303}
LIVE = {"/console/events", "/console/windows/events"}
SEEN_LEAST = 15
SORT_LINK = re.compile(r'href="([^"]*[?&](?:amp;)?sort=[^"]*)" hx-get')
COUNT = re.compile(r'id="[a-z]+-count"[^>]*>([^<]*)<')
FIRST_CELL = re.compile(r'<th role="rowheader".*?</th>', re.DOTALL)
LISTS_LEAST = 15
HERE = re.compile(r'<a href="([^"]*)"[^>]*aria-current="page">')
OF_TODAY = ("/console/today", "/console/find", "/console/sign-in")
SHOWN_LEAST = 100
NOT_FOR_A_SAMPLE = {"/console/sign-in/link/{token}", "/console/audit/key.pem"}


def test_every_page_answers_with_a_bounded_number_of_queries(network: Network):
    over = {}
    for page in network.pages:
        with console_pages.listening(network.runtime.engine) as heard:
            answer = network.browser.get(page.address)
        if page.route not in NOT_FOR_A_SAMPLE:
            assert answer.status_code in ANSWERS, (page, answer.text[:500])
            assert answer.headers.get("location") != "/console/account", page
        if len(heard) > console_pages.QUERIES_MOST:
            over[page.route] = [" ".join(query.split())[:160] for query in heard]
    assert not over, {route: len(queries) for route, queries in over.items()}


def test_every_part_of_an_e_file_answers_with_a_bounded_number_of_queries(network: Network):
    address = next(page.address for page in network.pages if page.route == "/console/retailers/file")
    code = address.partition("?")[2]
    heard_of = {}
    for part in RETAILER_SECTIONS:
        with console_pages.listening(network.runtime.engine) as heard:
            answer = network.browser.get(f"/console/retailers/file/{part.key}?{code}", headers={"HX-Request": "true"})
        assert answer.status_code == 200, (part.key, answer.headers)
        assert f'id="part-{part.key}"' in answer.text
        heard_of[part.key] = len(heard)
    assert max(heard_of.values()) <= console_pages.QUERIES_MOST, heard_of


def test_every_part_of_today_answers_with_a_bounded_number_of_queries(network: Network):
    heard_of = {}
    for part in HOME_PARTS:
        with console_pages.listening(network.runtime.engine) as heard:
            answer = network.browser.get(f"/console/today/{part.key}", headers={"HX-Request": "true"})
        assert answer.status_code == 200, part.key
        assert '<section class="panel' in answer.text, part.key
        heard_of[part.key] = len(heard)
    assert max(heard_of.values()) <= console_pages.QUERIES_MOST, heard_of
    assert network.browser.get("/console/today/nothing").status_code == 404


def test_every_page_stands_under_its_own_entry_of_the_navigation(network: Network):
    shown, stray = 0, []
    for page in network.pages:
        places = set(HERE.findall(network.browser.get(page.address).text))
        shown += bool(places)
        if places == {"/console/"} != {page.route} and not page.route.startswith(OF_TODAY):
            stray.append(page.route)
    assert shown > SHOWN_LEAST
    assert not stray


def test_every_list_sorts_by_each_of_its_columns_and_loses_nobody(network: Network):
    """Each heading both ways: the same rows where they fit on a page, and the other way round."""
    sorted_lists = 0
    for page in network.pages:
        answer = network.browser.get(page.address)
        links = {html.unescape(one) for one in SORT_LINK.findall(answer.text)} if answer.status_code == 200 else set()
        for link in sorted(links):
            turned = link.replace("sort=-", "sort=", 1) if "sort=-" in link else link.replace("sort=", "sort=-", 1)
            up, down = (network.browser.get(one) for one in (link, turned))
            assert (up.status_code, down.status_code) == (200, 200), (link, up.text[:300])
            assert COUNT.findall(up.text) == COUNT.findall(answer.text), link
            if up.text.count("</tr>") == down.text.count("</tr>") < TableView.per_page:
                assert sorted(FIRST_CELL.findall(up.text)) == sorted(FIRST_CELL.findall(down.text)), link
        sorted_lists += bool(links)
    assert sorted_lists > LISTS_LEAST


def test_seeding_twice_is_refused(network: Network):
    with pytest.raises(seeding.NotEmptyError):
        seeding.fill(network.runtime, SMALL, owner_url="never opened")


LINK = re.compile(r'<(?:a|form|[a-z]+)\b[^>]*?(?:href|hx-get)="(/console/[^"#]*)"')
#: Pages that one role is led through: enough for every kind of page.
CRAWLED_MOST = 120


@pytest.mark.parametrize("role", ROLES)
def test_no_role_is_led_to_a_page_that_it_may_not_see(network: Network, role: Role):
    browser = TestClient(network.browser.app, follow_redirects=False)
    browser.cookies.set("evenhand", network.sign_in(f"a {role}", role))
    browser.headers.update({"Accept": "text/html"})
    waiting, kinds, shut = [("/console/", "Today")], set(), set()
    while waiting and len(kinds) < CRAWLED_MOST:
        address, from_ = waiting.pop(0)
        kind = re.sub(r"[0-9a-f-]{36}|\d+|(?<==)[^&]*", "…", address)
        if kind in kinds or kind in LIVE:
            continue
        kinds.add(kind)
        answer = browser.get(address)
        if answer.status_code == HTTPStatus.FORBIDDEN:
            shut.add(f"{from_} leads to {address}")
        if "text/html" in answer.headers.get("content-type", ""):
            waiting += [(html.unescape(found), address) for found in LINK.findall(answer.text)]
    assert not shut, "\n".join(sorted(shut))
    assert len(kinds) > SEEN_LEAST
