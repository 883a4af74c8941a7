"""Figures and times as people read them."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.texts import Language, translations
from server.kit.console.formats import Formats

NOW = datetime(2026, 11, 26, 4, 5, 22, tzinfo=UTC)


def formats(language: Language = "en", zone: str = "Asia/Shanghai", currency: str = "CNY") -> Formats:
    """Return formats at a fixed instant."""
    return Formats(language, ZoneInfo(zone), currency, translations("server", language), NOW)


@pytest.mark.parametrize(
    ("units", "pack_units", "english", "chinese"),
    [
        (35, 12, "2 boxes + 11", "2 箱 + 11"),
        (60, 12, "5 boxes", "5 箱"),
        (12, 12, "1 box", "1 箱"),
        (11, 12, "11", "11"),
        (0, 12, "0", "0"),
        (-35, 12, "−2 boxes − 11", "−2 箱 − 11"),
        (12_345, 1, "12,345", "12,345"),
        (None, 12, "–", "–"),
    ],
)
def test_units_are_shown_as_whole_boxes_and_the_rest(
    units: int | None, pack_units: int, english: str, chinese: str
) -> None:
    assert formats("en").packs(units, pack_units) == english
    assert formats("zh").packs(units, pack_units) == chinese


@settings(deadline=None)
@given(st.integers(-10_000_000, 10_000_000), st.integers(1, 1_000))
def test_no_decimal_box_is_ever_shown(units: int, pack_units: int) -> None:
    assert "." not in formats().packs(units, pack_units)


def test_money_is_written_from_minor_units_of_its_currency() -> None:
    assert formats("zh").money(1_234_567_890) == "¥12,345,678.90"
    assert formats("en", currency="EUR").money(-5) == "−€0.05"
    assert formats("en").money(500, "JPY") == "JP¥500"


def test_an_instant_names_the_offset_of_its_own_day() -> None:
    berlin = formats(zone="Europe/Berlin")
    assert "Sun 21 Mar 2027 16:00 UTC+01:00" in berlin.instant(datetime(2027, 3, 21, 15, tzinfo=UTC))
    assert "Sun 28 Mar 2027 16:00 UTC+02:00" in berlin.instant(datetime(2027, 3, 28, 14, tzinfo=UTC))
    assert 'datetime="2027-03-28T14:00:00Z"' in berlin.instant(datetime(2027, 3, 28, 14, tzinfo=UTC))


def test_an_instant_reads_naturally_in_chinese() -> None:
    assert "2026年11月26日 周四 12:05:22 UTC+08:00" in formats("zh").instant(NOW, seconds=True)


def test_a_day_is_the_day_in_the_distributors_zone() -> None:
    late = datetime(2026, 11, 26, 17, tzinfo=UTC)
    assert formats("en").date(late) == "27 Nov 2026"
    assert formats("zh").date(late) == "2026年11月27日"


def test_how_long_ago_is_said_in_words_and_keeps_the_instant() -> None:
    said = formats("en").relative(NOW - timedelta(hours=3))
    assert ">3 hours ago</time>" in said
    assert 'title="Thu 26 Nov 2026 09:05:22 UTC+08:00"' in said
    assert ">3小时后</time>" in formats("zh").relative(NOW + timedelta(hours=3))
    assert ">刚刚</time>" in formats("zh").relative(NOW - timedelta(milliseconds=400))


def test_changes_always_show_their_sign() -> None:
    assert [formats().signed(n) for n in (17, -17, 0)] == ["+17", "−17", "±0"]
    assert formats().percent(0.7144) == "71.4%"
    assert formats().percent(-0.5, 0) == "−50%"


def test_a_countdown_over_the_change_of_the_clocks_counts_real_hours() -> None:
    opens = datetime(2027, 3, 27, 16, tzinfo=ZoneInfo("Europe/Berlin")).astimezone(UTC)
    closes = datetime(2027, 3, 28, 16, tzinfo=ZoneInfo("Europe/Berlin")).astimezone(UTC)
    at_opening = Formats("en", ZoneInfo("Europe/Berlin"), "EUR", translations("server", "en"), opens)
    assert at_opening.countdown(closes).striptags() == "23:00:00"
    assert at_opening.countdown(opens - timedelta(hours=1)).striptags() == "00:00:00"
    assert at_opening.countdown(opens + timedelta(hours=25)).striptags() == "25:00:00"
    assert at_opening.countdown(opens + timedelta(hours=168)).striptags() == "7 d 00:00:00"
    chinese = Formats("zh", ZoneInfo("Europe/Berlin"), "EUR", translations("server", "zh"), opens)
    assert chinese.countdown(opens + timedelta(hours=168)).striptags() == "7 天 00:00:00"


def test_a_moment_has_its_day_and_its_year_where_that_is_another_one() -> None:
    assert formats("en").moment(NOW).striptags() == "26 Nov 12:05"
    assert formats("zh").moment(NOW).striptags() == "11月26日 12:05"
    assert formats("en").moment(NOW - timedelta(days=365)).striptags() == "26 Nov 2025 12:05"
    assert formats("zh").moment(None) == "–"
