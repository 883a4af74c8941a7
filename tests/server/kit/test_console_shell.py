"""The frame around every screen: language, person, safety, sentences, errors."""

import re
from collections.abc import Iterator
from pathlib import Path

import jinja2
import pytest
from console_style import guide
from starlette.testclient import TestClient

from server.kit.console import icons, local_path, shell
from server.kit.console.templating import STATIC

TEMPLATES = Path(shell.__file__).parent / "templates" / "kit"
EN = {"accept-language": "en-GB,en;q=0.9"}
PAGE = {"accept": "text/html"}


@pytest.fixture(scope="module")
def style() -> TestClient:
    """The application with the style guide."""
    return TestClient(guide.app(), follow_redirects=False)


@pytest.fixture
def browser(style: TestClient) -> Iterator[TestClient]:
    """One person's browser, with cookies of its own."""
    style.cookies.clear()
    yield style
    style.cookies.clear()


@pytest.mark.parametrize(
    ("accepted", "shown"),
    [
        ("", "zh-Hans"),
        ("fr", "zh-Hans"),
        ("en", "en"),
        ("fr, en;q=0.4", "en"),
        ("en;q=0.5, zh-CN;q=0.8", "zh-Hans"),
        ("en;q=x, ;;;,=", "zh-Hans"),
    ],
)
def test_the_browser_is_asked_for_the_language_and_chinese_is_the_answer_to_silence(
    browser: TestClient, accepted: str, shown: str
) -> None:
    assert f'<html lang="{shown}"' in browser.get("/console/bare", headers={"accept-language": accepted}).text


def test_a_chosen_language_stays_and_the_person_comes_back(browser: TestClient) -> None:
    answer = browser.post("/console/language", data={"lang": "en", "to": "/console/style?q=a"}, headers=EN)
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/style?q=a")
    assert '<html lang="en"' in browser.get("/console/bare", headers={"accept-language": "zh"}).text


def test_both_languages_are_spoken_by_one_process(browser: TestClient) -> None:
    english = browser.get("/console/style", headers=EN).text
    chinese = browser.get("/console/style", headers={"accept-language": "zh"}).text
    assert "3 boxes + 2" in english
    assert "Sign out" in english
    assert "3 箱 + 2" in chinese
    assert "退出登录" in chinese
    assert browser.get("/console/style", headers=EN).text.count("boxes") == english.count("boxes")


def test_a_theme_is_kept_and_nonsense_follows_the_machine(browser: TestClient) -> None:
    browser.post("/console/theme", data={"theme": "dark"})
    assert 'data-theme="dark"' in browser.get("/console/bare").text
    browser.cookies.clear()
    assert 'data-theme="system"' in browser.get("/console/bare", headers={"cookie": "theme=<script>"}).text


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil",
        "/\t/evil.example",
        "javascript:1",
        "",
        None,
    ],
)
def test_nobody_is_sent_elsewhere(browser: TestClient, elsewhere: str | None) -> None:
    assert local_path(elsewhere) is None
    answer = browser.post("/console/theme", data={"theme": "dark", "to": elsewhere or ""})
    assert answer.headers["location"] == "/console/"


def test_a_sentence_after_a_form_is_shown_once(browser: TestClient) -> None:
    assert browser.post("/console/style", headers=EN).status_code == 303
    assert "已保存 · Saved" in browser.get("/console/bare", headers=EN).text
    assert "已保存 · Saved" not in browser.get("/console/bare", headers=EN).text


def test_htmx_is_told_to_go_on_by_header(browser: TestClient) -> None:
    answer = browser.post("/console/style", headers=EN | {"HX-Request": "true"})
    assert (answer.status_code, answer.headers["hx-redirect"]) == (204, "/console/style")


@pytest.mark.parametrize("packed", ["not base64", "W1sid3JvbmciLCAieCJdXQ==", "bnVsbA==", "W1tdXQ==", "x" * 9_000])
def test_a_forged_sentence_is_dropped(browser: TestClient, packed: str) -> None:
    browser.cookies.set("flash", packed)
    assert browser.get("/console/bare", headers=EN).status_code == 200


def test_the_navigation_shows_what_a_role_may_see(browser: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "/console/operators" in browser.get("/console/style").text
    monkeypatch.setattr(guide, "Person", lambda: guide_person(frozenset({"planner"})))
    page = browser.get("/console/style").text
    assert "/console/operators" not in page
    assert 'href="/console/windows"' in page


def guide_person(roles: frozenset[str]) -> object:
    """Return somebody with exactly these roles."""
    return type("Person", (), {"name": "bo.wang", "roles": roles})()


def test_the_room_that_a_page_belongs_to_is_marked(browser: TestClient) -> None:
    page = browser.get("/console/style").text
    marked = re.findall(r'<a href="([^"]+)"[^>]*aria-current="page"', page)
    assert set(marked) == {"/console/style"}


def test_every_page_forbids_what_it_does_not_need(browser: TestClient) -> None:
    headers = browser.get("/console/style").headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/console/style", "/console/bare", "/console/fault/422"])
def test_no_page_holds_a_script_a_style_or_an_address_elsewhere(browser: TestClient, path: str) -> None:
    page = browser.get(path).text
    assert not re.search(r"<script(?![^>]*\bsrc=)", page)
    assert not re.search(r"<style\b|\sstyle=|\son[a-z]+=|hx-on", page)
    assert not re.search(r"""(?:src|href|action)=["']?(?:https?:)?//""", page)


def test_every_form_that_changes_something_carries_the_sessions_token(browser: TestClient) -> None:
    for form in re.findall(r"<form[^>]*method=\"post\".*?</form>", browser.get("/console/style").text, re.DOTALL):
        assert 'name="csrf" value="a-token-of-the-session"' in form


def test_an_error_says_what_and_what_to_do_and_gives_back_what_was_typed(browser: TestClient) -> None:
    answer = browser.get("/console/fault/422", headers=EN)
    assert answer.status_code == 422
    assert "61 is not a multiple of 12" in answer.text
    assert "Go back, correct what is named here" in answer.text
    assert "late truck &lt;3&gt;" in answer.text
    assert "never shown" not in answer.text


@pytest.mark.parametrize("status_code", [403, 404, 409, 413, 422, 429, 500, 503])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_error_has_its_page_in_both_languages(browser: TestClient, status_code: int, language: str) -> None:
    answer = browser.get(f"/console/fault/{status_code}", headers={"accept-language": language})
    title = re.search(r"<h1>(.*?)</h1>", answer.text)
    assert answer.status_code == status_code
    assert title is not None
    assert title[1].isascii() == (language == "en")


def test_an_error_in_a_part_of_a_page_becomes_a_notice_on_it(browser: TestClient) -> None:
    answer = browser.get("/console/fault/409", headers=EN | {"HX-Request": "true"})
    assert answer.headers["hx-retarget"] == "#notices"
    assert "<html" not in answer.text
    assert 'role="alert"' in answer.text


def test_a_list_is_taken_away_in_the_readers_language(browser: TestClient) -> None:
    answer = browser.get("/console/style?format=csv", headers=EN)
    assert answer.headers["content-disposition"] == 'attachment; filename="lines.csv"'
    assert answer.content.decode("utf-8-sig").startswith("Retailer,Code,Unit")


def test_a_static_file_is_kept_for_ever_under_its_fingerprint(browser: TestClient) -> None:
    page = browser.get("/console/bare").text
    (address,) = re.findall(r'href="(/console/static/console\.css\?v=[0-9a-f]{12})"', page)
    assert "immutable" in browser.get(address).headers["cache-control"]
    assert "immutable" not in browser.get("/console/static/console.css").headers["cache-control"]


def test_an_entry_with_an_icon_that_does_not_exist_stops_the_start() -> None:
    with pytest.raises(KeyError, match="unicorn"):
        icons.icon("unicorn")


def test_an_unknown_name_in_a_template_is_an_error(style: TestClient) -> None:
    environment = style.app.state.console.environment  # type: ignore[attr-defined] # a FastAPI application
    with pytest.raises(jinja2.UndefinedError):
        environment.from_string("{{ nothing_of_this_name }}").render()


def test_the_look_names_every_colour_once() -> None:
    tokens = (STATIC / "tokens.css").read_text("utf-8")
    for sheet in ("console.css", "components.css"):
        text = re.sub(r"url\([^)]*\)", "", (STATIC / sheet).read_text("utf-8"))
        used = set(re.findall(r"var\((--[a-z0-9-]+)", text))
        assert {name for name in used if f"{name}:" not in tokens} == set(), sheet
        assert not re.search(r"#[0-9a-f]{3,8}\b(?=\s*[;,)])", text), sheet


def test_a_tone_has_no_look_of_its_own() -> None:
    for sheet in ("console.css", "components.css"):
        selectors = re.sub(r"/\*.*?\*/|\{[^{}]*\}", ",", (STATIC / sheet).read_text("utf-8"), flags=re.DOTALL)
        bare = re.findall(r"(?:^|[,{}])\s*(\.(?:ok|wait|stop|note|idle|accent)\b(?!-)[^,{}]*)", selectors)
        assert not bare, f"{sheet}: {bare} would be on every tag, callout and button of that tone"
