"""Going anywhere by a few letters: what fits, by one query, and only what the person may open."""

import pytest
from factories import make_retailer, make_window, publish_grants

from loadtests.console_pages import listening
from server.kit.db import transaction

PALETTE = {"X-Palette": "yes"}


@pytest.fixture
def town(sessions):
    with transaction(sessions) as session:
        make_retailer(session, "R1", region="city")
        make_retailer(session, "R100%", region="hills")
        make_window(session)


def found(browser, asked: str) -> str:
    answer = browser.get("/console/find", params={"q": asked}, headers=PALETTE)
    assert answer.status_code == 200
    page: str = answer.text
    assert "<html" not in page
    return page


@pytest.mark.usefixtures("town")
@pytest.mark.parametrize(("language", "asked"), [("en", "retail"), ("en", "零售户"), ("zh", "retail")])
def test_a_page_is_found_by_its_name_in_either_language(signed_in, language, asked):
    assert 'href="/console/retailers"' in found(signed_in("planner", language=language), asked)


@pytest.mark.usefixtures("town")
def test_a_shop_is_found_by_its_code_and_no_letter_is_a_wild_card(signed_in):
    browser = signed_in("planner")
    assert 'href="/console/retailers/file?code=R1"' in found(browser, "r1")
    only = found(browser, "0%")
    assert "code=R100%25" in only
    assert 'code=R1"' not in only


@pytest.mark.usefixtures("town")
def test_numbers_are_looked_up_in_one_query_with_everything_else(signed_in, sessions, runtime):
    with transaction(sessions) as session:
        cycle = publish_grants(session, {})
    browser = signed_in("planner", "releaser", "administrator")
    with listening(runtime.engine) as heard:
        page = found(browser, "#1")
    assert f"/console/cycles/{cycle}" in page
    assert len([query for query in heard if "UNION ALL" in query]) == 1
    assert len(heard) <= 3
    assert "Nothing fits" in found(browser, "#99999999999999999999")


@pytest.mark.usefixtures("town")
def test_acts_and_rooms_of_other_roles_are_not_offered(signed_in):
    assert "/console/announcements/new" in found(signed_in("planner"), "announcement")
    assert "/console/announcements/new" not in found(signed_in("auditor"), "announcement")
    assert "/console/imports" in found(signed_in("planner"), "")
    assert "/console/imports" not in found(signed_in("auditor"), "")


@pytest.mark.usefixtures("town")
def test_without_a_script_it_is_a_page_with_links(signed_in):
    page = signed_in("planner").get("/console/find", params={"q": "R1"}).text
    assert 'role="search"' in page
    assert 'href="/console/retailers/file?code=R1"' in page


def test_every_act_leads_to_a_page_that_opens(signed_in):
    browser = signed_in("planner")
    acts = browser.app.state.acts_to_begin
    assert [one.href for one in acts if browser.get(one.href).status_code != 200] == []
