"""Chinese words for typed letters, out of the words that setup makes."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terminal_client.core import pinyin


def words(typed: str, *names: str) -> list[str]:
    return [found.word for found in pinyin.candidates(typed, names)]


@pytest.mark.parametrize(
    ("typed", "word"),
    [
        ("xiangyan", "香烟"),
        ("quehuo", "缺货"),
        ("nihao", "你好"),
        ("lvse", "绿色"),
        ("xi'an", "西安"),
        ("de", "的"),
        ("XIANGYAN", "香烟"),
    ],
)
def test_a_word_typed_out_comes_first(typed: str, word: str) -> None:
    assert words(typed)[0] == word


@pytest.mark.parametrize(
    ("typed", "word"), [("xy", "学院"), ("xiangy", "香烟"), ("zhsh", "知识"), ("zs", "知识"), ("xuey", "学院")]
)
def test_initials_and_a_syllable_that_is_only_begun_find_words(typed: str, word: str) -> None:
    assert word in words(typed)[:12]


def test_a_character_with_two_readings_is_found_by_both() -> None:
    assert "行" in words("xing")[:12]
    assert "行" in words("hang")[:12]
    assert pinyin.readings("长") == ("chang", "zhang")


def test_letters_that_part_in_two_ways_offer_both() -> None:
    offered = words("xian")
    assert offered[0] == "先"
    assert "西安" in offered


def test_a_sentence_that_is_no_word_is_put_together_and_shorter_words_follow() -> None:
    offered = pinyin.candidates("woyaotuihuo")
    assert (offered[0].word, offered[0].letters) == ("我要退货", 11)
    assert any(one.word == "我" and one.letters == 2 for one in offered)


def test_a_word_that_takes_a_part_of_the_letters_says_how_many() -> None:
    taken = {one.word: one.letters for one in pinyin.candidates("xi'anren")}
    assert taken["西安"] == len("xi'an")


def test_names_of_goods_go_before_words_and_in_every_reading() -> None:
    assert words("yunl", "云岭")[0] == "云岭"
    assert words("chonglou", "重楼")[0] == "重楼"
    assert words("zhonglou", "重楼")[0] == "重楼"
    assert "云岭" not in words("yinl", "云岭")


def test_what_is_no_pinyin_offers_nothing() -> None:
    assert words("iuv") == []
    assert words("") == []
    assert words("'") == []
    assert pinyin.readings("A") == ()


@given(st.text(alphabet=string.ascii_lowercase + "'", max_size=60))
def test_whatever_is_typed_each_word_takes_some_of_it_and_never_more(typed: str) -> None:
    offered = pinyin.candidates(typed)
    assert len(offered) <= 40
    assert all(0 < one.letters <= min(len(typed), pinyin.MOST_LETTERS) for one in offered)
    assert len({(one.word, one.letters) for one in offered}) == len(offered)


@given(st.lists(st.sampled_from("我要退货缺香烟请换一条云岭的绿色重庆银行长乐"), min_size=1, max_size=4))
def test_what_is_read_aloud_is_spelt_by_its_first_readings(said: list[str]) -> None:
    typed = "'".join(pinyin.readings(character)[0] for character in said)
    assert any(pinyin.spells(way, "".join(said)) for way in pinyin.partings(typed))


def test_thousands_of_common_characters_are_there() -> None:
    known = pinyin.installed()
    assert known is not None
    characters = {line[3] for letter in string.ascii_lowercase for line in known.words.of(letter)}
    assert len(characters) > 5000


def test_without_the_words_latin_letters_are_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pinyin, "installed", lambda: None)
    pinyin.readings.cache_clear()
    assert words("nihao") == []
    assert pinyin.readings("云") == ()
    pinyin.readings.cache_clear()
