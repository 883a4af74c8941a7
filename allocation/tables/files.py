"""Tables in files, read in streams: CSV as spreadsheets write it, and Parquet.

CSV is UTF-8 with or without a byte order mark, fields separated by commas, quoted by ``"`` where needed, lines ended
by a line feed with or without a carriage return. Anything else that spreadsheets save is recognised and refused with
the way to save it right. What is plain all through goes to the quick reader of :mod:`allocation.tables.plain_csv`; the
reader here knows every form and names every fault. Both hold a column as its different cells and their positions.
"""

import codecs
import csv
import io
from array import array
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from allocation.errors import InputError
from allocation.tables.columns import IntArray, RawTable
from allocation.tables.plain_csv import look_through, read_plain_csv
from allocation.tables.texts import Coded

Progress = Callable[[int], None]
"""Told how many bytes have been read."""

SAVE_AS_UTF8: Final = 'save it again as "CSV UTF-8 (comma delimited)"'
QUICK_FROM_BYTES: Final = 1 << 20
"""Smaller files are read before the quick reader's library is imported."""
_RECORDS_AT_A_TIME: Final = 20_000
_PIECE_BYTES: Final = 1 << 20
_NO_CODES: Final = np.empty(0, dtype=np.int32)


def find_table(folder: Path, name: str) -> Path | None:
    """Return the file of a table in a problem folder, None where there is none; two of them are refused."""
    found = [path for suffix in (".csv", ".parquet") if (path := folder / f"{name}{suffix}").is_file()]
    if len(found) > 1:
        raise InputError(found[0].name, f"{found[1].name} is there as well; keep one of the two")
    return found[0] if found else None


def read_table(path: Path, progress: Progress = lambda _bytes: None) -> RawTable:
    """Read one table.

    Raises
    ------
    InputError
        Where the file is not what its name says, with the place.
    """
    try:
        if path.suffix == ".parquet":
            return _read_parquet(path, progress)
        if path.stat().st_size >= QUICK_FROM_BYTES and (kind := look_through(path)) and (header := _header_of(path)):
            table = read_plain_csv(path, kind, header, progress)
            if table is not None:
                return table
        return _read_csv(path, progress)
    except OSError as error:
        raise InputError(path.name, f"cannot be read: {error.strerror or error}") from error


def _read_csv(path: Path, progress: Progress) -> RawTable:
    _check_encoding(path)
    rows, number, records = _Rows(), 1, list[list[str]]()
    with path.open("rb") as file, io.TextIOWrapper(file, encoding="utf-8-sig", newline="") as text:
        reader = csv.reader(text, strict=True)
        try:
            header = next(reader, [])
            check_header(path.name, header)
            codings = [_Coding() for _ in header]
            for number, record in enumerate(reader, start=2):
                if not record:  # an empty line: counted, since a spreadsheet shows it, and skipped
                    rows.skip(number)
                    continue
                if len(record) != len(header):
                    what = f"{len(record)} fields where the header has {len(header)}; {_hint_for_fields(record)}"
                    raise InputError(path.name, what, row=number, value=",".join(record))
                records.append(record)
                if len(records) == _RECORDS_AT_A_TIME:
                    _take(codings, records)
                    progress(file.tell())
        except csv.Error as error:
            raise InputError(path.name, f"not readable as CSV: {error}; check the quotes", row=number + 1) from error
        _take(codings, records)
        progress(file.tell())
    columns = {name: coding.column() for name, coding in zip(header, codings, strict=True)}
    return RawTable(path.name, columns, rows.of_records(number - 1))


class _Coding:
    """A column on its way in: the different texts, and their positions so far."""

    def __init__(self) -> None:
        self.position: dict[str, int] = {}
        self.codes = array("i")

    def extend(self, cells: Sequence[str]) -> None:
        known, position = self.codes, self.position
        known.extend([position.setdefault(cell, len(position)) for cell in cells])

    def column(self) -> Coded[str]:
        return Coded(np.frombuffer(self.codes, dtype=np.int32) if self.codes else _NO_CODES, tuple(self.position))


class _Rows:
    """The empty lines of a file."""

    def __init__(self) -> None:
        self.skipped: list[int] = []

    def skip(self, row: int) -> None:
        self.skipped.append(row)

    def of_records(self, lines: int) -> IntArray | None:
        """Return the row of each record among so many lines after the header; None where all are records."""
        if not self.skipped:
            return None
        is_record = np.ones(lines, dtype=np.bool_)
        is_record[np.array(self.skipped) - 2] = False
        return np.flatnonzero(is_record) + 2


def _take(codings: Sequence[_Coding], records: list[list[str]]) -> None:
    """Add records to the columns and forget them."""
    for coding, cells in zip(codings, zip(*records, strict=True), strict=False):
        coding.extend(cells)
    records.clear()


def _check_encoding(path: Path) -> None:
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as file:
        is_good = True
        for number, piece in enumerate(iter(lambda: file.read(_PIECE_BYTES), b"")):
            if not number and (piece.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in piece[:4096]):
                is_good = False
                break
            try:
                decoder.decode(piece)
            except UnicodeDecodeError:
                is_good = False
                break
        else:
            is_good = not decoder.getstate()[0]
    if not is_good:
        decode(path.name, path.read_bytes())


def decode(name: str, content: bytes) -> str:
    """Return the text of a file in UTF-8; other encodings are named, with the place and how to save it right."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in content[:4096]:
        raise InputError(name, f"this is UTF-16, not UTF-8; {SAVE_AS_UTF8}", row=1)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # Positions count from the text after a byte order mark; look the bytes up there.
        body = error.object
        before, wrong = body[: error.start], body[error.start : error.start + 12].split(b"\n")[0].split(b",")[0]
        row = before.count(b"\n") + 1
        position = error.start - (before.rfind(b"\n") + 1) + 1
        guess = "it looks like GBK, as Chinese spreadsheets write it; " if _is_gbk(content) else ""
        raise InputError(
            name,
            f"not UTF-8 from byte {position} of this row; {guess}{SAVE_AS_UTF8}",
            row=row,
            column=str(before[before.rfind(b"\n") + 1 :].count(b",") + 1),
            value=wrong.decode("latin-1").encode("unicode_escape").decode(),
        ) from error


def _is_gbk(content: bytes) -> bool:
    try:
        content.decode("gb18030")
    except UnicodeDecodeError:
        return False
    return True


def _header_of(path: Path) -> list[str] | None:
    """Return the header of a plain file; None where it goes over several lines."""
    with path.open("rb") as file:
        line = file.readline().decode("utf-8-sig")
    try:
        header = next(csv.reader([line], strict=True), [])
    except csv.Error:
        return None
    check_header(path.name, header)
    return header


def check_header(name: str, header: list[str]) -> None:
    """Refuse a header that is empty, names a column twice or is parted by something else than commas."""
    if not header:
        raise InputError(name, "empty; the first row names the columns", row=1)
    if len(header) == 1:
        for mark, called in ((";", "semicolons"), ("\t", "tabs")):
            if mark in header[0]:
                what = f"{called} were found where commas are expected; {SAVE_AS_UTF8}"
                raise InputError(name, what, row=1, value=header[0])
    for position, column in enumerate(header):
        if column in header[:position]:
            raise InputError(name, "the same column a second time; keep one", row=1, column=column, value=column)


def _hint_for_fields(record: list[str]) -> str:
    if len(record) == 1 and ";" in record[0]:
        return "semicolons were found where commas are expected"
    return "put a field that holds a comma in quotes"


def _read_parquet(path: Path, progress: Progress) -> RawTable:
    # pyarrow takes 0.2 s to import and CSV folders do without it.
    import pyarrow as pa  # noqa: PLC0415  # 0.2 s to import; CSV in plain form does without

    from allocation.tables.parquet import read_parquet  # noqa: PLC0415  # imports pyarrow

    try:
        return read_parquet(path, progress)
    except pa.ArrowException as error:
        raise InputError(path.name, f"not readable as Parquet: {str(error).splitlines()[0]}") from error
