"""From bytes to rows: how a file of a spreadsheet is read, guessed where nobody said, shown before it is used.

Nothing is repaired silently: a file that does not fit its encoding is refused with the place, no character is
ever replaced, cells keep their bytes.
"""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from contract.errors import Rejected
from server.kit.fields import Reason, Unfit
from server.kit.marking import N_
from server.kit.sheets import neutral, original

Encoding = Literal["utf-8", "gb18030", "big5", "windows-1252", "utf-16"]
Separator = Literal[",", ";", "\t", "|"]

ENCODINGS: dict[Encoding, str] = {
    "utf-8": "UTF-8",
    "gb18030": "GB18030 / GBK",
    "big5": "Big5",
    "windows-1252": "Windows-1252",
    "utf-16": "UTF-16",
}
SEPARATORS: dict[Separator, str] = {
    ",": N_("comma"),
    ";": N_("semicolon"),
    "\t": N_("tab"),
    "|": N_("vertical bar"),
}

NOT_IN_ENCODING = Reason(
    "not_in_encoding",
    N_(
        "The file is not {encoding}: byte {byte}, in line {line}, does not fit. Choose another encoding, or save the"
        " file as UTF-8 (in a spreadsheet: save as, “CSV UTF-8”)."
    ),
)
NO_ENCODING = Reason(
    "no_encoding",
    N_("No known encoding fits the file. Save it as UTF-8 (in a spreadsheet: save as, “CSV UTF-8”)."),
)
EMPTY_FILE = Reason("empty_file", N_("The file holds nothing. Choose another one."))
OTHER_SEPARATOR = Reason(
    "other_separator",
    N_("Between the headings a {found} was found where a {expected} is expected. Choose the {found}."),
    words=("found", "expected"),
)
HEADING_EMPTY = Reason("heading_empty", N_("Column {number} has no heading. Give it one."))
HEADING_HIDDEN = Reason("heading_hidden", N_("The heading of column {number} holds an invisible character. Remove it."))
HEADING_TWICE = Reason("heading_twice", N_("The heading “{heading}” stands above two columns. Rename one."))
BROKEN_QUOTES = Reason(
    "broken_quotes",
    N_("Row {row} cannot be read: a quotation mark is open or stands in a wrong place. Correct it in the file."),
)
TOO_LARGE = Reason("too_large", N_("The file has {size} bytes; at most {most} are taken. Split it."))

PARQUET = b"PAR1"
"""What a Parquet file begins with; it is read next door."""

_MARKS: tuple[tuple[bytes, Encoding], ...] = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_COMMON_HANZI = 0.5
_SAMPLE = 64 * 1024
_SAMPLE_ROWS = 50
_NUMBER = re.compile(r"[+-]?[0-9]+([.,][0-9]+)*")


class FileRefused(Rejected):
    """Nothing of a file can be taken; ``unfit`` says why."""

    def __init__(self, file: str, unfit: Unfit, what: str | None = None) -> None:
        self.file = file
        self.unfit = unfit
        super().__init__("invalid", where=file, what=(what or unfit.sentence()).rstrip("."))


@dataclass(frozen=True)
class Choices:
    """How a file is to be read, where a person or a mapping says so; ``None`` leaves it to the guess."""

    encoding: Encoding | None = None
    separator: Separator | None = None
    guarded: bool | None = None


@dataclass(frozen=True)
class Reading:
    """How a file is read. ``guarded``: apostrophes that keep a spreadsheet from computing a text are taken away.

    A Parquet file has neither encoding nor separator of its own (:mod:`server.kit.imports.parquet`).
    """

    encoding: Encoding | Literal["parquet"]
    separator: Separator | Literal[""]
    guarded: bool


@dataclass(frozen=True)
class Row:
    """One row. ``number`` is the one that a spreadsheet shows: the headings stand in row 1."""

    number: int
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Sheet:
    """A file as it is read. Rows without any content are counted in ``blank_rows`` and left out."""

    reading: Reading
    headings: tuple[str, ...]
    rows: tuple[Row, ...]
    blank_rows: int


def read_sheet(name: str, content: bytes, choices: Choices = Choices(), wanted: Sequence[str] = ()) -> Sheet:
    """Return the rows of a CSV file.

    Parameters
    ----------
    name
        The file's name, for refusals.
    content
        Its bytes.
    choices
        What is not left to the guess.
    wanted
        Headings that the mapping asks for: the separator that finds most of them is the right one.

    Raises
    ------
    FileRefused
        Where it cannot be read as a whole; the sentence names the place and what to do.
    """
    try:
        encoding = choices.encoding or guess_encoding(content)
        text = decode(content, encoding)
        separator = choices.separator or guess_separator(text, wanted)
        records = list(_records(text, separator))
        headings, rows, blank_rows = _headed(records)
        guarded = _is_guarded(rows) if choices.guarded is None else choices.guarded
        if guarded:
            headings = tuple(original(heading) for heading in headings)
            bared = [Row(row.number, tuple(original(cell) for cell in row.cells)) for row in rows]
            rows = [row for row in bared if says_something(row.cells)]
            blank_rows += len(bared) - len(rows)
        _check_separator(headings, text, separator, wanted)
        check_headings(headings)
    except Unfit as unfit:
        raise FileRefused(name, unfit) from None
    return Sheet(Reading(encoding, separator, guarded), headings, tuple(rows), blank_rows)


def guess_encoding(content: bytes) -> Encoding:
    """Return the encoding that fits best: a byte order mark decides, then UTF-8, then what the bytes look like.

    Chinese spreadsheets write GBK, which GB18030 contains. Western ones write Windows-1252, whose letters would
    read as rare Chinese characters: the common ones of GB 2312 tell the two apart.
    """
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return encoding
    sample = content[:_SAMPLE]
    if sample.count(0) > len(sample) // 4:
        return "utf-16"
    for encoding in ("utf-8", "gb18030", "windows-1252", "big5"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if encoding != "gb18030" or _looks_chinese(text[:_SAMPLE]):
            return encoding
    raise Unfit(NO_ENCODING)


def decode(content: bytes, encoding: Encoding) -> str:
    """Return the text of ``content`` without its byte order mark; nothing is replaced."""
    codec: str = "utf-8-sig" if encoding == "utf-8" else encoding
    if encoding == "utf-16" and not content.startswith((b"\xff\xfe", b"\xfe\xff")):
        codec = "utf-16-be" if content[:_SAMPLE:2].count(0) > content[1:_SAMPLE:2].count(0) else "utf-16-le"
    try:
        return content.decode(codec)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise Unfit(NOT_IN_ENCODING, encoding=ENCODINGS[encoding], byte=error.start + 1, line=line) from None


def guess_separator(text: str, wanted: Sequence[str] = ()) -> Separator:
    """Return what stands between the cells: what finds the wanted headings, else what parts all rows alike."""

    def fitness(separator: Separator) -> tuple[int, bool, int]:
        sample: list[list[str]] = []
        whole = True
        try:
            sample.extend(islice(_records(text, separator), _SAMPLE_ROWS))
        except Unfit:
            whole = False
        widths = {len(record) for record in sample if record}
        headings = sample[0] if sample else []
        found = sum(heading in headings for heading in wanted)
        return (found, whole and len(widths) == 1 and len(headings) > 1, len(headings))

    return max(SEPARATORS, key=fitness)


def _records(text: str, separator: str) -> Iterator[list[str]]:
    """Yield all records; quoted line breaks stay in their cells."""
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    number = 0
    try:
        for number, record in enumerate(lines, start=1):  # noqa: B007 - the number names the place
            yield record
    except csv.Error:
        raise Unfit(BROKEN_QUOTES, row=number + 1) from None


def _headed(records: list[list[str]]) -> tuple[tuple[str, ...], list[Row], int]:
    if not any(map(says_something, records)):
        raise Unfit(EMPTY_FILE)
    rows = [Row(number, tuple(record)) for number, record in enumerate(records[1:], start=2) if says_something(record)]
    return tuple(records[0]), rows, len(records) - 1 - len(rows)


def says_something(cells: Sequence[str]) -> bool:
    """Return whether a row holds more than spaces."""
    return any(cell.strip() for cell in cells)


def _check_separator(headings: tuple[str, ...], text: str, separator: Separator, wanted: Sequence[str]) -> None:
    if len(headings) == 1 and not any(heading in headings for heading in wanted):
        found = guess_separator(text, wanted)
        if found != separator and found in headings[0]:
            raise Unfit(OTHER_SEPARATOR, found=SEPARATORS[found], expected=SEPARATORS[separator])


def check_headings(headings: tuple[str, ...]) -> None:
    """Refuse headings that are empty, hidden or the same, as :class:`Unfit`."""
    for number, heading in enumerate(headings, start=1):
        if not heading.strip():
            raise Unfit(HEADING_EMPTY, number=number)
        if "\0" in heading:
            raise Unfit(HEADING_HIDDEN, number=number)
        if heading in headings[: number - 1]:
            raise Unfit(HEADING_TWICE, heading=heading)


def _is_guarded(rows: Sequence[Row]) -> bool:
    """Return whether the file guards its texts as our own lists do: some are guarded, and none is left out."""
    some = False
    for row in rows:
        for cell in row.cells:
            if cell[:1] == "'" and original(cell) != cell:
                some = True
            elif cell[:1] in _COMPUTED and neutral(cell) != cell and _NUMBER.fullmatch(cell) is None:
                return False
    return some


_COMPUTED = frozenset("=+-@\t\r\n＝＋－＠")


def _looks_chinese(text: str) -> bool:
    foreign = [character for character in text if not character.isascii()]
    common = sum(_is_common(character) for character in foreign)
    return common >= _COMMON_HANZI * len(foreign)


def _is_common(character: str) -> bool:
    """Return whether GB 2312 holds the character: its punctuation and letters or its 6,763 Hanzi."""
    try:
        return len(character.encode("gb2312")) > 1
    except UnicodeEncodeError:
        return False
