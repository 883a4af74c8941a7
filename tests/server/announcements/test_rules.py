"""What can be announced, and how reach adds up."""

from datetime import datetime, timedelta

import pytest
from factories import NOW
from hypothesis import given
from hypothesis import strategies as st

from contract.feed import Text
from server.announcements import rules
from server.kit.fields import Invalid

WORDS = Text(zh="通知", en="Notice")


@pytest.mark.parametrize(
    ("title", "body", "where"),
    [
        (Text(zh="", en="x"), WORDS, "title.zh"),
        (WORDS, Text(zh="x", en="  "), "body.en"),
        (Text(zh="长" * 201, en="x"), WORDS, "title.zh"),
        (WORDS, Text(zh="文" * 4000, en="x" * 3999), "body"),
    ],
)
def test_words_that_are_missing_or_too_long_are_named(title, body, where):
    with pytest.raises(Invalid) as refused:
        rules.check_words(title, body)
    assert where in refused.value.problems


def test_a_correction_says_first_that_it_is_one():
    shown = rules.body_shown(Text(zh="周五", en="Friday"), 2, Text(zh="日期有误", en="the day was wrong"))
    assert shown.en == "Correction (version 2): the day was wrong\n\nFriday"
    assert shown.zh == "更正（第 2 版）：日期有误\n\n周五"
    assert rules.body_shown(WORDS, 1, None) == WORDS


def test_reach_is_counted_by_region_and_by_route():
    places = [
        rules.Reached("city", "north", 1, 1, 1),
        rules.Reached("city", "south", 1, 0, 0),
        rules.Reached("hills", "south", 1, 1, 0),
    ]
    assert rules.shares(places, "region") == [rules.Share("city", 2, 1, 1), rules.Share("hills", 1, 1, 0)]
    assert rules.shares(places, "route") == [rules.Share("north", 1, 1, 1), rules.Share("south", 2, 1, 0)]


@given(
    st.lists(st.integers(0, 60 * 60 * 24 * 400).map(lambda s: NOW + timedelta(seconds=s)), max_size=50),
    st.integers(0, 60 * 60 * 24 * 400),
)
def test_the_curve_of_reads_never_falls_and_ends_with_all_of_them(reads: list[datetime], passed_s: int):
    now = NOW + timedelta(seconds=passed_s)
    seen = [at for at in reads if at <= now]
    curve = rules.over_time(NOW, seen, now)
    counts = [count for _, count in curve]
    assert 1 <= len(curve) <= rules.BARS_MOST
    assert counts == sorted(counts)
    assert counts[-1] == len(seen)
    assert curve[-1][0] >= now
