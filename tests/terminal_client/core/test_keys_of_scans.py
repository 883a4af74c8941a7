"""Keys of a scanner become scans: shifted, separated, too many, in the middle of nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terminal_client.core import keys_of_scans
from terminal_client.core.codes import GS
from terminal_client.core.keys_of_scans import CHARACTERS, KeyReader

ENTER, SHIFT, CONTROL, A, ESCAPE = 28, 42, 29, 30, 1
KEYS = {
    **{shifted: (code, True) for code, (_, shifted) in reversed(CHARACTERS.items())},
    **{plain: (code, False) for code, (plain, _) in reversed(CHARACTERS.items())},
}


def strokes(text: str) -> list[tuple[int, int]]:
    found = []
    for character in text:
        code, shifted = KEYS[character]
        held = [(SHIFT, 1)] if shifted else []
        found += [*held, (code, 1), (code, 0), *[(SHIFT, 0)] * len(held)]
    return found


def read(keys: KeyReader, events: list[tuple[int, int]], at_ms: int = 1000) -> list[str]:
    found = [keys.take(code, value, at_ms + place) for place, (code, value) in enumerate(events)]
    return [text for text in found if text is not None]


def test_a_scan_is_what_stands_before_the_end_mark() -> None:
    assert read(KeyReader(), [*strokes("0012345"), (ENTER, 1), (ENTER, 0)]) == ["0012345"]


@given(st.text(st.sampled_from("".join(KEYS)), min_size=1, max_size=60))
def test_every_character_comes_as_it_was_typed(text: str) -> None:
    assert read(KeyReader(), [*strokes(text), (ENTER, 1)]) == [text]


def test_two_scans_that_follow_at_once_are_two() -> None:
    events = [*strokes("6901234567892"), (ENTER, 1), *strokes("96385074"), (ENTER, 1)]
    assert read(KeyReader(), events) == ["6901234567892", "96385074"]


@pytest.mark.parametrize("separator", [[(66, 1), (66, 0)], [(CONTROL, 1), (27, 1), (27, 0), (CONTROL, 0)]])
def test_the_separator_comes_as_f8_or_as_control_and_bracket(separator: list[tuple[int, int]]) -> None:
    assert read(KeyReader(), [*strokes("10A"), *separator, *strokes("21B"), (ENTER, 1)]) == [f"10A{GS}21B"]


@pytest.mark.parametrize("strange", [[(ESCAPE, 1)], [(CONTROL, 1), (A, 1), (CONTROL, 0)]])
def test_a_key_that_no_code_holds_spoils_the_whole_scan(strange: list[tuple[int, int]]) -> None:
    (text,) = read(KeyReader(), [*strokes("690"), *strange, *strokes("1234567892"), (ENTER, 1)])
    assert "\x00" in text


def test_half_a_scan_is_dropped_when_the_next_one_comes() -> None:
    keys = KeyReader()
    assert read(keys, strokes("69012"), at_ms=0) == []
    assert read(keys, [*strokes("96385074"), (ENTER, 1)], at_ms=keys_of_scans.PAUSE_MS * 2) == ["96385074"]


def test_a_burst_of_ten_kilobytes_is_one_scan_that_is_too_long_and_fills_no_memory() -> None:
    (text,) = read(KeyReader(), [*strokes("1" * 10_240), (ENTER, 1)])
    assert len(text) == 129


def test_a_held_key_counts_once_and_keys_that_were_held_when_it_went_are_forgotten() -> None:
    keys = KeyReader()
    assert read(keys, [(A, 1), (A, 2), (A, 2), (A, 0), (ENTER, 1)]) == ["a"]
    read(keys, [(SHIFT, 1), (A, 1)])
    keys.forget()
    assert read(keys, [(A, 1), (ENTER, 1)]) == ["a"]
