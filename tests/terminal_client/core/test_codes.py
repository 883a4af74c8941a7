"""What a barcode says, read strictly: check digits, dates, separators, leading zeros; and strangers' keys."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terminal_client.core import codes
from terminal_client.core.codes import GS, Code, UnreadableError

TODAY = date(2027, 3, 21)
GOLD = "06901234567892"


def read(text: str) -> Code:
    return codes.parse(text, today=TODAY)


def fault(text: str) -> str:
    with pytest.raises(UnreadableError) as refused:
        read(text)
    return refused.value.fault


@pytest.mark.parametrize(
    ("scanned", "gtin"),
    [
        ("6901234567892", GOLD),
        ("]E06901234567892", GOLD),
        ("]E3690123456789212", GOLD),  # with the supplement of a magazine
        ("96385074", "00000096385074"),
        ("]E496385074", "00000096385074"),
        ("036000291452", "00036000291452"),
        ("0036000291452", "00036000291452"),
        ("16901234567899", "16901234567899"),
        ("]I116901234567899", "16901234567899"),
        ("6901234567892\r\n", GOLD),
    ],
)
def test_trade_item_numbers_of_every_length_come_to_fourteen_digits(scanned: str, gtin: str) -> None:
    assert read(scanned) == Code((gtin,))


@pytest.mark.parametrize(
    ("short", "whole"),
    [
        ("04252614", "042100005264"),
        ("01234565", "012345000065"),
        ("01278907", "012000007897"),
        ("01234531", "012300000451"),
        ("01291944", "012910000094"),
    ],
)
def test_a_upc_e_is_expanded_by_the_rule_of_its_last_digit(short: str, whole: str) -> None:
    assert codes.expanded(short) == whole
    assert f"00{whole}" in read(short).gtins


def test_eight_digits_that_are_two_numbers_keep_both_readings() -> None:
    both = [f"{n:07}" for n in range(200_000)]
    both = [text for text in (f"{n}{c}" for n in both[:4_000] for c in range(10)) if len(_readings(text)) == 2]
    assert both
    assert all(codes.expanded(text) is not None for text in both)
    assert len(read(f"]E4{both[0]}").gtins) == 1


def _readings(text: str) -> tuple[str, ...]:
    try:
        return read(text).gtins
    except UnreadableError:
        return ()


@given(st.integers(0, 10**13 - 1), st.integers(0, 13), st.integers(1, 9))
def test_one_wrong_digit_never_passes(number: int, place: int, by: int) -> None:
    body = f"{number:013}"
    whole = next(body + check for check in "0123456789" if codes.gtin(body + check))
    wrong = whole[:place] + str((int(whole[place]) + by) % 10) + whole[place + 1 :]
    assert read(whole).gtins == (whole,)
    assert fault(wrong) == "check_digit"


@pytest.mark.parametrize("length", [6, 7, 9, 10, 11])
def test_lengths_without_a_number_are_refused(length: int) -> None:
    assert fault("6901234567892"[:length]) == "not_a_code"


@pytest.mark.parametrize(
    "scanned",
    [
        f"]C10106901234567892 10LOT-7{GS}17261200 21S9".replace(" ", ""),
        f"]d2{GS}010690123456789217261200" + f"10LOT-7{GS}21S9",
        f"01069012345678921726120010LOT-7{GS}21S9",
        "(01)06901234567892(17)261200(10)LOT-7(21)S9",
    ],
)
def test_element_strings_give_goods_batch_expiry_and_serial_however_they_are_sent(scanned: str) -> None:
    assert read(scanned) == Code((GOLD,), batch="LOT-7", serial="S9", expires=date(2026, 12, 31))


def test_quantities_weights_and_the_content_of_a_case_are_read() -> None:
    assert read(f"]C10106901234567892{'30'}24").count == 24
    weighed = read("(01)06901234567892(3103)001250")
    assert weighed.weight_kg == Decimal("1.250")
    case = read("]C1" + "02" + GOLD + "37" + "12")
    assert (case.gtins, case.count, case.content) == ((GOLD,), 12, True)
    assert read("]C100" + "106141412345678908").gtins == ()


@pytest.mark.parametrize(
    ("digits", "day"),
    [
        ("280229", date(2028, 2, 29)),
        ("280200", date(2028, 2, 29)),
        ("270200", date(2027, 2, 28)),
        ("770101", date(2077, 1, 1)),
        ("780101", date(1978, 1, 1)),
        ("000101", date(2000, 1, 1)),
    ],
)
def test_a_date_is_of_the_century_that_is_near_and_day_zero_is_the_last_of_the_month(digits: str, day: date) -> None:
    assert read(f"(01){GOLD}(17){digits}").expires == day


def test_far_into_the_century_small_years_are_of_the_next_one() -> None:
    assert codes.parse(f"(01){GOLD}(17)010101", today=date(2098, 1, 1)).expires == date(2101, 1, 1)


@pytest.mark.parametrize("digits", ["270229", "271301", "270001", "270432", "2704"])
def test_a_day_that_does_not_exist_is_refused(digits: str) -> None:
    assert fault(f"(01){GOLD}(17){digits}") in ("not_a_date", "element")


@pytest.mark.parametrize(
    ("scanned", "said"),
    [
        ("010690123456789117261231", "check_digit"),
        (f"]C101{GOLD}88XX", "element"),
        (f"]C101{GOLD}10{'A' * 21}", "element"),
        (f"]C101{GOLD}10", "element"),
        (f"]C101{GOLD}37{'1' * 9}", "element"),
        (f"]C10106{GS}901234567892", "element"),
        (f"]C101{GOLD}10A{GS}10B", "element"),
        (f"]C101{GOLD}3109001250", "element"),
        (f"(01){GOLD}(10", "element"),
        ("]C1", "nothing"),
        ("HELLO", "not_a_code"),
        ("]E0HELLO", "not_a_code"),
        ("", "nothing"),
        (" \r\n", "nothing"),
        ("１２３４５６７０", "not_printable"),
        ("6901234\x00567892", "not_printable"),
        ("6901234\x1b[2J", "not_printable"),
        ("茶", "not_printable"),
        ("1" * 129, "too_long"),
        ("1" * 10_240, "too_long"),
    ],
)
def test_anything_else_is_refused_and_the_reason_is_named(scanned: str, said: str) -> None:
    assert fault(scanned) == said


@given(st.text(max_size=300) | st.text(st.sampled_from("0123456789()]C1d2E" + GS), max_size=140))
def test_whatever_is_scanned_it_is_read_or_refused_and_never_shortened(text: str) -> None:
    try:
        code = read(text)
    except UnreadableError:
        return
    assert len(text.strip("\r\n\t ")) <= codes.MOST_CHARACTERS
    for gtin in code.gtins:
        assert len(gtin) == 14
        assert codes.gtin(gtin) == gtin


@given(
    st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="()"), min_size=1, max_size=20),
    st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="()"), min_size=1, max_size=20),
)
def test_batch_and_serial_come_back_as_they_were_printed(batch: str, serial: str) -> None:
    for scanned in (f"]C101{GOLD}10{batch}{GS}21{serial}", f"(01){GOLD}(10){batch}(21){serial}"):
        code = read(scanned)
        assert (code.batch, code.serial) == (batch, serial)
