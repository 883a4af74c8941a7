"""What a name may be, and which passwords are too easy to guess."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.errors import Rejected
from server.operators.rules import (
    COMMON_WORDS,
    FREE_MIN,
    PASSWORD_MAX,
    PASSWORD_MIN,
    check_password,
    free_characters,
    tidy_name,
)


def refusal(password: str, name: str = "anna lind") -> str | None:
    try:
        check_password(password, own_words=name.split())
    except Rejected as refused:
        return refused.code
    return None


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery",
        "xK7#pQ2!mZ9wLa",
        "马走日象走田车走直路炮翻山",
        "my aunt keeps eleven geese",
        "Grün-ist-die-Heide-7",
    ],
)
def test_long_and_unusual_passwords_are_taken(password: str) -> None:
    assert refusal(password) is None


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("", "password_short"),
        ("shortenough", "password_short"),
        ("x" * (PASSWORD_MAX + 1), "password_long"),
        ("password1234", "password_common"),
        ("P@ssw0rd2024!!", "password_common"),
        ("qwertyuiop123", "password_common"),
        ("1qaz2wsx3edc", "password_common"),
        ("aaaaaaaaaaaaaaaa", "password_common"),
        ("121212121212", "password_common"),
        ("iloveyouiloveyou", "password_common"),
        ("woaini520131", "password_common"),
        ("Evenhand-2026!", "password_common"),
        ("Anna-Lind-1987", "password_common"),
        ("administrator1", "password_common"),
    ],
)
def test_what_guessing_begins_with_is_refused_with_its_reason(password: str, why: str) -> None:
    assert refusal(password) == why


def test_the_refusal_says_how_long_a_password_must_be() -> None:
    with pytest.raises(Rejected, match=f"11 characters; it needs at least {PASSWORD_MIN}"):
        check_password("elevenchars", own_words=())


@given(st.lists(st.sampled_from(sorted(COMMON_WORDS)), min_size=1, max_size=8), st.integers(0, 9999))
def test_common_words_in_any_number_leave_nothing_to_guess(words: list[str], number: int) -> None:
    assert free_characters("".join(words) + str(number)) < FREE_MIN


@given(st.text(max_size=200))
def test_any_text_gets_an_answer(password: str) -> None:
    assert 0 <= free_characters(password, own_words=["anna"]) <= max(len(password) * 18, 0)
    assert refusal(password) in {None, "password_short", "password_long", "password_common"}


def test_names_are_kept_composed_and_without_needless_spaces() -> None:
    assert tidy_name("  Zoe\u0308   Lind ") == "Zoë Lind"
    assert tidy_name("计划 一") == "计划 一"


@pytest.mark.parametrize("name", ["", "   ", "a:b", "x" * 65, "a\x00b"])
def test_names_that_would_blur_the_audit_are_refused(name: str) -> None:
    with pytest.raises(Rejected) as refused:
        tidy_name(name)
    assert refused.value.code == "name_invalid"
