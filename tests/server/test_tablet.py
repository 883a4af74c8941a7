"""The tablet's page: what is handed out to everybody, under which headers, and that its parts fit together."""

import json
import re
import string
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from contract.errors import TEXTS
from contract.feed import Bar, Reason
from contract.texts import LANGUAGES, Language
from server.tablet import files, words
from server.tablet.files import STATIC

TERMINAL_TOKENS = Path(__file__).parents[2] / "terminal_client/ui/static/tokens.css"
SCRIPTS = {path.name: path.read_text("utf-8") for path in STATIC.glob("*.js")}
COMPOSED = {f"why_{reason}" for reason in Reason.__args__} | {f"barred_{bar}" for bar in Bar.__args__}  # type: ignore[attr-defined] # of a Literal


def test_the_page_is_open_to_everybody_and_allows_nothing_from_outside(app_client: TestClient) -> None:
    page = app_client.get("/tablet/")
    policy = page.headers["content-security-policy"]
    assert page.status_code == 200
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"<style\b|\sstyle=|\son[a-z]+=|https?://", page.text)
    assert re.findall(r"<script[^>]*>[^<]", page.text) == []
    for address in re.findall(r'(?:src|href)="([^"]+)"', page.text):
        assert (address, app_client.get(address).status_code) == (address, 200)


def test_a_file_is_kept_for_ever_and_there_is_one_version_of_it(app_client: TestClient) -> None:
    kept = app_client.get(files.address("main.js"))
    assert kept.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert kept.headers["content-type"].startswith("text/javascript")
    assert app_client.get("/tablet/files/0.0.0-another/main.js").status_code == 404
    assert app_client.get(files.address("shell.html")).status_code == 404
    assert app_client.get(files.address("..%2Fwords.py")).status_code == 404


def test_the_worker_names_every_file_and_speaks_with_nobody_else(app_client: TestClient) -> None:
    worker = app_client.get("/tablet/worker.js")
    assert worker.headers["content-security-policy"].startswith("default-src 'none'; connect-src 'self'")
    named = re.search(r"ASSETS = (\[[^\]]*\]);", worker.text)
    assert named is not None
    kept = json.loads(named[1])
    assert {files.address(name) for name in files.files()} < set(kept)
    assert {address: app_client.get(address).status_code for address in kept} == dict.fromkeys(kept, 200)


def test_the_page_can_be_put_on_a_home_screen(app_client: TestClient) -> None:
    manifest = app_client.get("/tablet/manifest.webmanifest", headers={"Accept-Language": "zh"})
    said = manifest.json()
    assert (said["start_url"], said["scope"], said["lang"], said["name"]) == ("/tablet/", "/tablet/", "zh", "订货平板")
    assert app_client.get(said["icons"][0]["src"]).status_code == 200


def test_every_word_that_the_scripts_say_is_there_and_no_other() -> None:
    text = "\n".join(SCRIPTS.values())
    said = (
        set(re.findall(r'"([a-z_]+)"', text))
        | COMPOSED
        | {"no_script", "title", "why_other", "kind_command_state", "kind_survey_answer"}
    )
    said |= {f"kind_{kind}" for kind in ("order_place", "order_amend", "order_cancel")}
    said |= {f"kind_announcement_{act}" for act in ("displayed", "read")} | {"results", "notices", "order", "tablet"}
    assert set(words.SAID) - said == set()
    for key in re.findall(r'\.say\("([a-z_]+)"', text):
        assert key in {*words.SAID, "own_name"}, key
    assert set(words.SAID) >= COMPOSED


@pytest.mark.parametrize("language", LANGUAGES)
def test_all_that_is_said_is_there_in_both_languages_with_plain_fields(language: Language) -> None:
    spoken = words.spoken(language)
    assert set(spoken["refusals"]) == set(TEXTS)
    for part in spoken.values():
        for text in part.values():
            fields = [(name, spec, turn) for _, name, spec, turn in string.Formatter().parse(text) if name is not None]
            assert all(re.fullmatch(r"\w+", name) and not spec and not turn for name, spec, turn in fields), text
    for name, text in words.SAID.items():
        there = {name for _, name, _, _ in string.Formatter().parse(spoken["words"][name]) if name}
        assert there == {name for _, name, _, _ in string.Formatter().parse(text) if name}, name


def test_its_colours_are_those_of_the_terminal() -> None:
    def colours(css: str) -> list[tuple[str, str]]:
        return re.findall(r"--([\w-]+): (#[0-9a-f]{6});", css)

    terminal = colours(TERMINAL_TOKENS.read_text("utf-8"))
    own = colours((STATIC / "tablet.css").read_text("utf-8"))
    assert own
    assert set(own) - set(terminal) == set()
    used = set(re.findall(r"var\(--([\w-]+)\)", (STATIC / "tablet.css").read_text("utf-8")))
    assert used - set(re.findall(r"--([\w-]+):", (STATIC / "tablet.css").read_text("utf-8"))) == set()


def test_every_class_of_the_scripts_has_a_look() -> None:
    look = set(re.findall(r"\.([a-zA-Z][\w-]*)", (STATIC / "tablet.css").read_text("utf-8")))
    used = set(" ".join(re.findall(r'class: "([^"]+)"', "\n".join(SCRIPTS.values()))).split())
    assert used - look == set()
