"""What can be announced, and how reach adds up."""

from collections import Counter
from datetime import timedelta

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
        rules.Reached("city", "north", 1, 1, 1, 1),
        rules.Reached("city", "south", 1, 1, 0, 0),
        rules.Reached("hills", "south", 1, 1, 1, 0),
    ]
    assert rules.shares(places, "region") == [rules.Share("city", 2, 2, 1, 1), rules.Share("hills", 1, 1, 1, 0)]
    assert rules.shares(places, "route") == [rules.Share("north", 1, 1, 1, 1), rules.Share("south", 2, 2, 1, 0)]


@given(st.lists(st.integers(0, 60 * 60 * 24 * 400), max_size=50), st.integers(0, 60 * 60 * 24 * 400))
def test_the_curve_of_reads_never_falls_and_ends_with_all_of_them(reads_s: list[int], passed_s: int):
    now = NOW + timedelta(seconds=passed_s)
    step, count = rules.steps_since(NOW, now)
    assert 1 <= count <= rules.BARS_MOST
    assert NOW + step * count >= now
    seen = [at_s for at_s in reads_s if at_s <= passed_s]
    came = Counter(min(count - 1, max(0, -(-at_s // round(step.total_seconds())) - 1)) for at_s in seen)
    curve = rules.over_time(came, count)
    assert curve == sorted(curve)
    assert curve[-1] == len(seen)


def test_times_that_do_not_follow_one_another_are_named():
    invitation = {"sort": "meeting", "starts_at": NOW, "ends_at": NOW, "place": {"zh": "", "en": "Hall"}}
    draft = rules.Draft.model_validate(
        {
            "sort": "notice",
            "title": WORDS,
            "body": WORDS,
            "publish_at": NOW,
            "expires_at": NOW,
            "invitation": invitation | {"register_until": NOW + timedelta(hours=1)},
        }
    )
    with pytest.raises(Invalid) as refused:
        rules.check_times(draft)
    assert set(refused.value.problems) == {"expires_at", "ends_at", "register_until", "place.zh"}
