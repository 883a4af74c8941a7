"""Which items are meant by what was typed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.device_api import CatalogueItem
from contract.feed import Text
from terminal_client.core import finding, pinyin

UNIT = Text(zh="条", en="carton")


def item(zh: str = "云岭（硬金）", en: str = "Yunling Gold", sku: str = "00123", **more: object) -> CatalogueItem:
    known = {"sku": sku, "name": Text(zh=zh, en=en), "unit": UNIT, "pack_units": 1, "price_minor": 1}
    return CatalogueItem.model_validate(known | more)


@pytest.mark.parametrize(
    "query",
    [
        *(
            "云岭",
            "硬 金",
            "云岭硬金",
            "云岭(硬金)",
            "gold",
            "g o l d",
            "yunling GOLD",
            "yunling",
            "YunLing",
            "ＹＵＮＬＩＮＧ",
            "yun ling",
            "yun'ling",
        ),
        *("yl", "YLYJ", "ylyj", "yunl", "yling", "yingjin", "00123", "0012", "123", "１２３", "  "),
    ],
)
def test_it_is_found_however_it_is_typed(query: str) -> None:
    assert finding.found(item(), query)


@pytest.mark.parametrize("query", ["云领", "lj", "gl", "000123", "1234", "yunlingz", "gold silver", "yunling 9"])
def test_what_does_not_fit_is_not_found(query: str) -> None:
    assert not finding.found(item(), query)


def test_a_code_keeps_its_leading_zeros() -> None:
    assert [one.sku for one in (item(sku="0042"), item(sku="42")) if finding.found(one, "042")] == ["0042"]


def test_a_barcode_finds_its_item() -> None:
    assert finding.found(item(barcodes=("6901028075015",)), "6901028075015")


@pytest.mark.parametrize("query", ["chonglou", "zhonglou", "cl", "zl", "zhl", "changle", "clcl"])
def test_each_reading_of_a_character_finds_it(query: str) -> None:
    assert finding.found(item(zh="重楼（长乐）", en="T"), query)


def test_digits_within_a_name_count_among_initials() -> None:
    assert finding.found(item(zh="红塔山1956", en="T"), "hts1956")


@given(st.lists(st.sampled_from("云岭硬金软蓝春城细支红重楼长乐"), min_size=1, max_size=6), st.data())
def test_any_piece_of_a_name_is_found_by_its_pinyin_and_by_its_initials(name: list[str], data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(name) - 1))
    end = data.draw(st.integers(start + 1, len(name)))
    spoken = [data.draw(st.sampled_from(pinyin.readings(character))) for character in name[start:end]]
    known = item(zh="".join(name), en="T", sku="9")
    assert finding.found(known, "".join(spoken))
    assert finding.found(known, "".join(reading[0] for reading in spoken))
