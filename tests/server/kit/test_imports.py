"""Files from spreadsheets: how they are read, what a mapping makes of a cell, which cells do not fit."""

import csv
import io
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from server.kit.fields import NEEDED, Choice, Code, Codes, Day, Field, Text, Unfit, Whole, scaled
from server.kit.imports import mapping as mappings
from server.kit.imports.reading import Choices, FileRefused, guess_encoding, read_sheet
from server.kit.sheets import Sheet, csv_text

SHOPS = "code,name,town\nA1,Corner Shop,Hill\nA2,渝记便利店,重庆\n"
GUESS = Choices()
CHINESE = "编号,名称\r\nB1,镕喆商店\r\nB2,重庆路小卖部\r\n"


def cells(content: bytes, choices: Choices = GUESS, wanted: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    sheet = read_sheet("list.csv", content, choices, wanted)
    return [sheet.headings, *(row.cells for row in sheet.rows)]


# ---- the first column is there (C09)


@pytest.mark.parametrize(
    "content",
    [
        SHOPS.encode(),
        SHOPS.encode("utf-8-sig"),
        SHOPS.replace("\n", "\r\n").encode(),
        SHOPS.replace(",", ";").encode(),
        SHOPS.replace(",", "\t").encode("utf-16"),
        SHOPS.replace(",", "|").encode(),
    ],
    ids=["plain", "byte order mark", "crlf", "semicolons", "tabs in utf-16", "bars"],
)
def test_the_first_column_is_found_whatever_the_spreadsheet_wrote(content: bytes) -> None:
    assert cells(content) == [("code", "name", "town"), ("A1", "Corner Shop", "Hill"), ("A2", "渝记便利店", "重庆")]


def test_semicolons_where_commas_are_said_are_named() -> None:
    with pytest.raises(FileRefused, match=r"semicolon was found where a comma is expected"):
        read_sheet("list.csv", SHOPS.replace(",", ";").encode(), Choices(separator=","))


def test_utf_16_is_recognised_and_named_in_the_reading() -> None:
    assert read_sheet("list.csv", SHOPS.encode("utf-16")).reading.encoding == "utf-16"
    assert read_sheet("list.csv", SHOPS.replace("渝记便利店", "x").encode("utf-16-le")).reading.encoding == "utf-16"


# ---- a list from a Chinese spreadsheet (C11)


@pytest.mark.parametrize("encoding", ["gbk", "gb18030", "utf-8", "utf-8-sig"])
def test_a_chinese_list_is_read_right_without_being_asked(encoding: str) -> None:
    assert cells(CHINESE.encode(encoding))[1:] == [("B1", "镕喆商店"), ("B2", "重庆路小卖部")]


def test_the_guess_can_be_overruled() -> None:
    content = "名称\n重庆\n".encode("gbk")
    assert read_sheet("list.csv", content).reading.encoding == "gb18030"
    assert cells(content, Choices(encoding="windows-1252")) != cells(content)


def test_a_western_list_is_not_taken_for_chinese() -> None:
    assert guess_encoding("name\nCafé Zoë, Müller Straße\n".encode("windows-1252")) == "windows-1252"


def test_a_file_in_another_encoding_than_said_is_refused_with_the_place() -> None:
    with pytest.raises(FileRefused, match=r"not UTF-8: byte 1, in line 1.*save the file as UTF-8"):
        read_sheet("list.csv", CHINESE.encode("gbk"), Choices(encoding="utf-8"))


def test_no_encoding_fits_is_said() -> None:
    with pytest.raises(FileRefused, match="No known encoding fits"):
        read_sheet("list.csv", b"a\n\xff\x81\xff\x81\xfe\x8d\xff")


@given(st.binary(max_size=300))
def test_any_bytes_are_read_without_a_replaced_character_or_refused(content: bytes) -> None:
    try:
        sheet = read_sheet("list.csv", content)
    except FileRefused:
        return
    lost = content.decode("utf-8", errors="ignore").count("\N{REPLACEMENT CHARACTER}")
    if sheet.reading.encoding == "utf-8":
        text = "".join((*sheet.headings, *(cell for row in sheet.rows for cell in row.cells)))
        assert text.count("\N{REPLACEMENT CHARACTER}") <= lost


# ---- rows


def test_rows_are_numbered_as_a_spreadsheet_shows_them() -> None:
    sheet = read_sheet("list.csv", b'a,b\n1,"two\nlines"\n\n,\n3,4\n')
    assert [(row.number, row.cells) for row in sheet.rows] == [(2, ("1", "two\nlines")), (5, ("3", "4"))]
    assert sheet.blank_rows == 2


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "holds nothing"),
        (b"\n\n", "holds nothing"),
        (b"a,,c\n1,2,3\n", "Column 2 has no heading"),
        (b"a,b,a\n1,2,3\n", "“a” stands above two columns"),
        (b'a,b\n1,"2\n', "Row 2 cannot be read"),
        (b'a,b\n1,2\n"x"y,4\n', "Row 3 cannot be read"),
    ],
)
def test_a_file_that_cannot_be_read_says_where_and_what_to_do(content: bytes, why: str) -> None:
    with pytest.raises(FileRefused, match=why):
        read_sheet("list.csv", content)


WORDS = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), min_size=1, max_size=12)


@given(st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=6), st.sampled_from([",", ";", "\t", "|"]))
def test_every_cell_comes_back_with_its_bytes(rows: list[tuple[str, str]], separator: str) -> None:
    written = io.StringIO(newline="")
    csv.writer(written, delimiter=separator, quoting=csv.QUOTE_ALL).writerows([("one", "two"), *rows])
    read = cells(written.getvalue().encode(), Choices("utf-8", separator, guarded=False))  # type: ignore[arg-type]
    assert read[1:] == [row for row in rows if any(cell.strip() for cell in row)]


@given(st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=6))
@example([("\r", "\r")])
def test_our_own_lists_come_back_with_their_formulas_unguarded(rows: list[tuple[str, str]]) -> None:
    content = csv_text(Sheet(("one", "two"), ("text", "text"), rows))
    sheet = read_sheet("list.csv", content, Choices("utf-8", ","))
    assert [row.cells for row in sheet.rows] == [row for row in rows if any(cell.strip() for cell in row)]


def test_an_apostrophe_of_a_foreign_list_is_kept() -> None:
    assert cells(b"name\n'Til Dawn\n-5\n'=x\n=y\n")[1:] == [("'Til Dawn",), ("-5",), ("'=x",), ("=y",)]


# ---- identifiers and values


@pytest.mark.parametrize(
    "code",
    ["00123", "123", "1E5", "NA", "null", "TRUE", "0x10", "001.50", "-0", "2027-02-06", "３", "inf", "#N/A", "' x"],
)
def test_an_identifier_is_its_bytes(code: str) -> None:
    assert Code().read(code) == code


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("", "empty"),
        (" 7", "spaces_around"),
        ("7\N{NO-BREAK SPACE}", "spaces_around"),
        ("\N{ZERO WIDTH NO-BREAK SPACE}7", "control_character"),
        ("7\n8", "control_character"),
        ("a\x1fb", "control_character"),
        ("7\N{REPLACEMENT CHARACTER}", "lost_character"),
        ("7" * 65, "too_long"),
    ],
)
def test_an_identifier_that_nobody_could_tell_apart_is_refused(code: str, reason: str) -> None:
    with pytest.raises(Unfit) as refused:
        Code().read(code)
    assert refused.value.reason.code == reason


@pytest.mark.parametrize("text", ["1.0", "1e3", " 1", "1,000", "１２", "0x10", "--1", "+1", "inf", "1_000"])
def test_a_number_is_strict(text: str) -> None:
    with pytest.raises(Unfit, match="is not a whole number"):
        Whole().read(text)


@given(st.integers(-(10**12), 10**12))
def test_whole_numbers_round_trip(value: int) -> None:
    form = Whole(least=-(10**12), most=10**12)
    assert form.read(form.write(value)) == value


@given(st.lists(st.text(st.characters(categories=("Lu", "Nd")), min_size=1, max_size=8), max_size=5, unique=True))
def test_several_codes_round_trip(codes: list[str]) -> None:
    assert Codes().read(Codes().write(codes)) == tuple(codes)


@pytest.mark.parametrize(
    ("text", "factor", "digits"),
    [("12.50", "100", "1250"), ("0.1", "10", "1"), ("3", "12", "36"), ("-1.25", "100", "-125"), ("1.000", "1", "1")],
)
def test_decimals_become_minor_units_exactly(text: str, factor: str, digits: str) -> None:
    assert scaled(text, Decimal(factor)) == digits


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("12.505", "not_exact"),
        ("1.2.3", "not_decimal"),
        ("NaN", "not_decimal"),
        ("1e2", "not_decimal"),
        (".5", "not_decimal"),
    ],
)
def test_nothing_is_rounded(text: str, reason: str) -> None:
    with pytest.raises(Unfit) as refused:
        scaled(text, Decimal(100))
    assert refused.value.reason.code == reason


@given(st.integers(0, 10**15), st.integers(0, 99))
def test_money_with_thousands_is_exact(major: int, minor: int) -> None:
    assert scaled(f"{major:,}.{minor:02}", Decimal(100), groups=",") == str(major * 100 + minor)


# ---- mappings

FIELDS = (
    Field("code", "Code", Code()),
    Field("name", "Name", Text()),
    Field("units", "Units", Whole(), default=1),
    Field("price", "Price", Whole(), money=True, default=0),
    Field("since", "Since", Day(), optional=True, default=None),
    Field("state", "State", Choice(("good", "bad"), ("good", "bad")), default="good"),
    Field("marks", "Marks", Codes(), default=()),
)


def mapped(toml: str, headings: tuple[str, ...], row: tuple[str, ...]) -> dict[str, object]:
    bound = mappings.bind(mappings.parse(toml), FIELDS, ("code",), headings)
    return {
        field.name: read(bound.cell(index, row))
        for index, (field, read) in enumerate(zip(bound.fields, bound.readers, strict=True))
    }


def test_a_mapping_turns_their_columns_into_our_fields() -> None:
    toml = """
        [fields]
        code = "Item"
        name = { column = "Text", strip = true, lost = "?" }
        units = { column = "Box", default = 6 }
        price = { column = "Price", multiply = 100, point = ",", groups = "." }
        since = { column = "From", date = "%d.%m.%Y" }
        state = { column = "S", values = { A = "good", I = "good", X = "bad" } }
        marks = { column = "EAN", split = ";" }
    """
    row = ("007", " Cr\N{REPLACEMENT CHARACTER}me ", "", "1.234,5", "06.02.2027", "I", "1;2")
    assert mapped(toml, ("Item", "Text", "Box", "Price", "From", "S", "EAN"), row) == {
        "code": "007",
        "name": "Cr?me",
        "units": 6,
        "price": 123450,
        "since": Day().read("2027-02-06"),
        "state": "good",
        "marks": ("1", "2"),
    }


def test_a_constant_holds_for_every_row() -> None:
    assert mapped('[fields]\ncode = "c"\nsince = { constant = 2027-02-06 }\n', ("c",), ("x",))["since"] == Day().read(
        "2027-02-06"
    )


@pytest.mark.parametrize(
    ("toml", "why"),
    [
        ("fields = [", "not TOML"),
        ("[file]\nencoding = 'latin'", "encoding is “latin”"),
        ("[file]\nseparator = ':'", "separator"),
        ("[fields]\ncode = 'Item'\ncolour = 'Item'", "“colour” under \\[fields\\]; known there: code, name"),
        ("[fields]\ncode = 'Itm'", "no column “Itm”.*Item, Text"),
        ("[fields]\nname = 'Text'", "No column is mapped to the field code"),
        ("[fields]\ncode = { default = 'x' }", "neither a column nor a constant"),
        ("[fields]\ncode = { column = 'Item', rounded = true }", "“rounded” under fields.code"),
        ("[fields]\ncode = { column = 'Item', multiply = 'ten' }", "multiply"),
        ("[fields]\ncode = 7", "fields.code"),
        ("colour = 1", "“colour” under TOML"),
    ],
)
def test_a_wrong_mapping_says_what_is_wrong_and_what_is_known(toml: str, why: str) -> None:
    with pytest.raises(Unfit, match=why):
        mapped(toml, ("Item", "Text"), ("1", "x"))


def test_a_value_that_the_mapping_does_not_list_is_refused() -> None:
    with pytest.raises(Unfit, match="“Z” is not among the values that the mapping lists: A, I"):
        mapped('[fields]\ncode="c"\nstate={column="s",values={A="good",I="bad"}}', ("c", "s"), ("1", "Z"))


SOURCES = st.builds(
    mappings.Source,
    column=WORDS,
    default=st.none() | WORDS,
    values=st.none() | st.dictionaries(WORDS, WORDS, max_size=3),
    multiply=st.none() | st.decimals("0.001", "1000", places=3),
    point=st.sampled_from([".", ","]),
    split=st.none() | st.sampled_from([";", "/"]),
    strip=st.booleans(),
)


@given(
    st.builds(
        Choices, st.sampled_from([None, "gb18030"]), st.sampled_from([None, "\t", ";"]), st.none() | st.booleans()
    ),
    st.dictionaries(WORDS, SOURCES, max_size=4),
)
def test_a_mapping_that_is_written_is_read_as_it_was(choices: Choices, sources: dict[str, mappings.Source]) -> None:
    said = mappings.FieldMap(choices, sources)
    read = mappings.parse(mappings.write(said))
    assert (read.choices, dict(read.sources)) == (choices, sources)


def test_headings_are_recognised_by_name_or_by_label() -> None:
    def chinese(label: str) -> str:
        return {"Name": "名称", "Price": "价格"}.get(label, label)

    found = mappings.by_headings(FIELDS, ("code", "名称", "价格", "other"), [str, chinese]).sources
    assert {name: source.column for name, source in found.items()} == {"code": "code", "name": "名称", "price": "价格"}
    assert found["price"].multiply == 100


def test_a_field_knows_whether_it_is_needed() -> None:
    assert [field.name for field in FIELDS if field.needed] == ["code", "name"]
    assert repr(NEEDED) == "NEEDED"
