"""Tables in files: CSV as spreadsheets write it, and Parquet.

CSV is UTF-8 with or without a byte order mark, fields separated by commas, quoted by ``"`` where needed, lines ended
by a line feed with or without a carriage return. Anything else that spreadsheets save is recognised and refused with
the way to save it right.
"""

import csv
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from allocation.columns import Column, RawTable
from allocation.errors import InputError

Progress = Callable[[int], None]
"""Told how many bytes have been read."""

SAVE_AS_UTF8: Final = 'save it again as "CSV UTF-8 (comma delimited)"'
_REPORT_EVERY: Final = 50_000


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
        return _read_parquet(path) if path.suffix == ".parquet" else _read_csv(path, progress)
    except OSError as error:
        raise InputError(path.name, f"cannot be read: {error.strerror or error}") from error


def _read_csv(path: Path, progress: Progress) -> RawTable:
    content = path.read_bytes()
    text = decode(path.name, content)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    records: list[list[str]] = []
    gaps: list[int] | None = None
    header: list[str] = []
    try:
        header = next(reader, [])
        _check_header(path.name, header)
        for number, record in enumerate(reader, start=2):
            if len(record) != len(header):
                if not record:  # an empty line: counted, since a spreadsheet shows it, and skipped
                    gaps = list(range(2, number)) if gaps is None else gaps
                    continue
                what = f"{len(record)} fields where the header has {len(header)}; {_hint_for_fields(record)}"
                raise InputError(path.name, what, row=number, value=",".join(record))
            records.append(record)
            if gaps is not None:
                gaps.append(number)
            if number % _REPORT_EVERY == 0:
                progress(len(content) * len(records) // max(text.count("\n"), 1))
    except csv.Error as error:
        row = len(records) + 2 if gaps is None else (gaps[-1] if gaps else 1) + 1
        raise InputError(path.name, f"not readable as CSV: {error}; check the quotes", row=row) from error
    progress(len(content))
    columns: Sequence[Column] = list(zip(*records, strict=True)) if records else [[] for _ in header]
    return RawTable(path.name, dict(zip(header, columns, strict=True)), gaps)


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


def _check_header(name: str, header: list[str]) -> None:
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


def _read_parquet(path: Path) -> RawTable:
    # pyarrow takes 0.2 s to import and CSV folders do without it.
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        table = pq.read_table(path)
    except pa.ArrowException as error:
        raise InputError(path.name, f"not readable as Parquet: {str(error).splitlines()[0]}") from error
    _check_header(path.name, table.column_names)
    return RawTable(path.name, {name: _cells(path.name, name, table[name]) for name in table.column_names})


def _cells(file: str, column: str, values: Any) -> Column:
    """Return a Parquet column as texts or integers; every other type is refused."""
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.compute as pc  # noqa: PLC0415

    kind = values.type
    if pa.types.is_dictionary(kind):
        values, kind = values.cast(kind.value_type), kind.value_type
    if pa.types.is_integer(kind):
        return values.to_pylist() if values.null_count else np.asarray(values.to_numpy())
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return list(values.to_pylist())
    if pa.types.is_null(kind):
        return [None] * len(values)
    shown = pc.cast(values.slice(0, 1), pa.string()).to_pylist() if len(values) else []
    raise InputError(
        file,
        f"a column of type {kind}; store text as string and numbers as integers",
        row=2 if shown else 1,
        column=column,
        value=shown[0] if shown else None,
    )
