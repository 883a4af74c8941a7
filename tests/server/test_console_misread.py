"""What the console cannot read, it says in words: every address with nonsense, every form with nonsense."""

import html
import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from fastapi.routing import iter_route_contexts
from seeded import EVERYTHING, Network
from starlette.testclient import TestClient

from contract.errors import WORDS
from server.act_words import DETAILS
from server.form_words import FIELDS, THINGS

pytestmark = pytest.mark.slow

#: The library's English, and the names of its rules.
RAW = re.compile(
    r"Input should be|Field required|valid (integer|string|UUID|dictionary)|unable to parse|validation error"
)
NONSENSE = ("xyz", "9" * 30, "\x00", "-3", "x" * 5000, "")
CHINESE = re.compile("[\u4e00-\u9fff]")
#: What a form's names look like on a page where nobody has given them a word: two words with a line between them.
WIRE_NAME = re.compile(r"<dt>[^<]*_[^<]*</dt>|<li><b>[^<]*_[^<]*</b>")


@pytest.fixture(scope="module")
def token(network: Network) -> str:
    return network.sign_in("ann nonsense", *EVERYTHING)


@pytest.fixture
def browser(network: Network, token: str) -> TestClient:
    browser = TestClient(network.browser.app, follow_redirects=False)
    browser.cookies.set("evenhand", token)
    browser.headers.update({"Accept": "text/html"})
    return browser


def routes(browser: TestClient, method: str) -> Iterator[Any]:
    for route in iter_route_contexts(browser.app.routes):
        path = route.path or ""
        if path.startswith("/console/") and method in (route.methods or ()) and not path.endswith("/events"):
            yield route


@pytest.mark.parametrize("language", ["zh", "en"])
def test_an_address_of_nonsense_leads_to_a_page_that_says_what_there_is_not(browser: TestClient, language: str) -> None:
    browser.cookies.set("lang", language)
    seen = 0
    for route in routes(browser, "GET"):
        for nonsense in NONSENSE[:4]:
            path = re.sub(r"\{[^}]*\}", nonsense.replace("\x00", "%00"), route.path)
            query = {one.name: nonsense for one in route.dependant.query_params}
            if (path == route.path and not query) or path.startswith("/console/sign-in/link/"):
                continue
            seen += 1
            answer = browser.get(path, params=query)
            typed = {one.name: one for one in route.dependant.path_params}
            assert answer.status_code < 500, (path, query)
            assert not RAW.search(answer.text), (path, query, RAW.search(answer.text))
            if answer.status_code >= 400:
                assert answer.status_code == 404, (path, query, answer.status_code)
                assert not (language == "zh" and "There is no" in answer.text), path
            elif any(one.field_info.annotation is not str for one in typed.values()):
                pytest.fail(f"{path} was answered with {answer.status_code}")
    assert seen > 200


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_form_of_nonsense_is_answered_in_words_and_keeps_what_was_typed(
    browser: TestClient, network: Network, language: str
) -> None:
    browser.cookies.set("lang", language)
    browser.headers["X-CSRF-Token"] = _csrf(browser)
    seen = 0
    for route in routes(browser, "POST"):
        if not route.dependant.body_params or route.path.startswith(
            ("/console/sign-in", "/console/theme", "/console/language")
        ):
            continue
        path = route.path
        for one in route.dependant.path_params:
            path = path.replace("{" + one.name + "}", "999999" if one.field_info.annotation is int else str(uuid4()))
        for nonsense in NONSENSE:
            form = {one.name: nonsense for one in route.dependant.body_params}
            answer = browser.post(path, data=form)
            seen += 1
            assert answer.status_code < 500, (path, nonsense)
            assert not RAW.search(answer.text), (path, nonsense, RAW.search(answer.text))
            if 'data-fault="422"' in answer.text:
                assert not WIRE_NAME.search(answer.text), (path, WIRE_NAME.findall(answer.text))
                said = html.unescape(re.sub(r"<[^>]*>", "", answer.text.partition("<h1>")[2].partition("<dl")[0]))
                assert bool(CHINESE.search(said)) == (language == "zh"), (path, said)
    assert seen > 200


def _csrf(browser: TestClient) -> str:
    found = re.search(r'name="csrf" content="([^"]+)"', browser.get("/console/account").text)
    assert found is not None
    return found[1]


def test_own_stock_says_beside_the_field_what_to_correct(browser: TestClient) -> None:
    browser.cookies.set("lang", "en")
    browser.headers |= {"X-CSRF-Token": _csrf(browser), "HX-Request": "true"}
    typed = {"act": str(uuid4()), "kind": "receipt", "sku": "K1", "units": "abc", "reason": "two pallets"}
    answer = browser.post("/console/depot/enter", data=typed)
    assert answer.status_code == 422
    assert answer.headers["HX-Retarget"] == "#notices"
    assert 'data-wrong="units"' in answer.text
    assert "“abc” is not a whole number. Write digits alone, such as 120." in answer.text
    del browser.headers["HX-Request"]
    whole = browser.post("/console/depot/enter", data=typed | {"units": "-3"}).text
    assert "-3 is below 0, the least that is taken." in whole
    assert "<dt>Reason</dt>" in whole
    assert "two pallets" in whole
    assert "goods in" in whole
    assert typed["act"] not in whole


def test_every_form_has_words_for_its_fields(browser: TestClient) -> None:
    hidden = {"act", "seen", "editing", "shown", "next", "again", "again_path"}
    without: dict[str, str] = {}
    for route in routes(browser, "POST"):
        if route.path.startswith(("/console/account", "/console/sign-in", "/console/theme", "/console/language")):
            continue
        for one in route.dependant.body_params:
            if not one.name.startswith(tuple(hidden)) and one.name not in FIELDS.keys() | DETAILS.keys():
                without[one.name] = route.path
    assert without == {}
    assert not FIELDS.keys() & DETAILS.keys()
    assert set(THINGS.values()) <= WORDS.keys()
