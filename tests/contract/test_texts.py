"""Refusals in words: every code that is raised has its sentence, in both languages, with all its parameters."""

import ast
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

from contract.errors import TEXTS, WORDS, Conflict, Refusal, Rejected, Revoked, Unavailable
from contract.texts import LANGUAGES, refusal_text, translations

CHECKOUT = Path(__file__).parents[2]
SOURCES = [
    path
    for part in ("allocation", "contract", "evenhand", "firmware_sim", "loadtests", "server", "terminal_client")
    for path in (CHECKOUT / part).rglob("*.py")
]
FAMILIES = {family.__name__ for family in (Refusal, Rejected, Conflict, Unavailable, Revoked)}
WORDED = {"what", "state", "needed", "role"}


def parameters(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def refusals(path: Path) -> Iterator[tuple[str, ast.Call]]:
    """Every code that a file raises or makes, with the call that does."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        called = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        code = node.args[0]
        if called in FAMILIES and isinstance(code, ast.Constant) and isinstance(code.value, str):
            yield code.value, node


CALLS = [
    (f"{path.relative_to(CHECKOUT)}:{call.lineno}", code, call) for path in SOURCES for code, call in refusals(path)
]


def test_every_code_that_is_raised_exists():
    assert len(CALLS) > 100, "the refusals were not found in the source"
    assert [(where, code) for where, code, _ in CALLS if code not in TEXTS] == []


def test_every_refusal_gets_all_parameters_of_its_sentence():
    lacking = [
        (where, code, parameters(TEXTS[code]) - given)
        for where, code, call in CALLS
        if None not in (given := {keyword.arg for keyword in call.keywords}) and not parameters(TEXTS[code]) <= given
    ]

    assert lacking == []


def test_words_inside_a_refusal_are_known_in_both_languages():
    unknown = [
        (where, word)
        for where, code, call in CALLS
        if code in {"not_found", "already_exists", "wrong_state", "not_allowed"}
        for keyword in call.keywords
        if keyword.arg in WORDED and isinstance(keyword.value, ast.Constant)
        for word in str(keyword.value.value).split(" / ")
        if word not in WORDS
    ]

    assert unknown == []


@pytest.mark.parametrize("code", TEXTS)
def test_every_code_has_a_chinese_sentence_with_the_same_parameters(code: str):
    chinese = translations("contract", "zh").gettext(TEXTS[code])

    assert chinese != TEXTS[code]
    assert parameters(chinese) == parameters(TEXTS[code])
    assert chinese.endswith("。")


@pytest.mark.parametrize("word", WORDS)
def test_every_word_has_its_chinese(word: str):
    assert translations("contract", "zh").gettext(WORDS[word]) != WORDS[word]


def test_a_refusal_is_told_in_the_readers_language_down_to_its_words():
    params: dict[str, str | int] = {"state": "in_review", "needed": "closed / frozen"}

    assert refusal_text("wrong_state", params, "en") == (
        "This cannot be done now: it stands at in review, and needs closed / frozen."
    )
    assert refusal_text("wrong_state", params, "zh") == "现在不能这样做：目前状态是 审核中，需要 已截止 / 已封存。"


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_unknown_code_is_shown_as_it_is(language: str):
    assert refusal_text("from_a_newer_server", {}, language) == "from_a_newer_server"


def test_a_missing_parameter_stays_visible():
    assert refusal_text("unknown_sku", {}, "en") == "{sku} is not in the catalogue."
    assert str(Rejected("unknown_sku")) == "{sku} is not in the catalogue."


def test_text_from_outside_is_never_read_as_a_pattern():
    assert refusal_text("unknown_sku", {"sku": "{0}{x!r}%s"}, "en") == "{0}{x!r}%s is not in the catalogue."


def test_no_refusal_is_made_without_a_known_code():
    with pytest.raises(KeyError):
        Rejected("no_such_code")
