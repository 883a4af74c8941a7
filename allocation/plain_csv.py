"""The quick reader: CSV that is plain all through, by pyarrow and on all cores.

Plain is UTF-8 without a quote, a zero byte, a lone carriage return or an empty line: there, every reader of CSV sees
the same cells. Whatever is not plain, or has a line with too few or too many fields, is left to the reader that knows
every form and names every fault.
"""

import codecs
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from allocation.columns import RawTable

_PIECE_BYTES: Final = 4 << 20
_BLOCK_BYTES: Final = 16 << 20
_NUMBERS: Final = frozenset(
    (
        *("requested", "floor", "cap", "weight", "carry", "minimum", "all_or_nothing", "granted", "eligible"),
        *("supply", "pack", "price_minor", "reserve", "credit_minor", "max_units"),
    )
)
"""Columns of which texts of digits are best taken as numbers at once."""


def is_plain(path: Path) -> bool:
    """Say whether a file is plain CSV, reading it once."""
    decoder, before = codecs.getincrementaldecoder("utf-8")(), b"\n"
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            joined = before + piece
            if b'"' in piece or b"\0" in piece or b"\n\n" in joined:
                return False
            if b"\r" in joined and (b"\n\r" in joined or joined.count(b"\r", 0, -1) != joined.count(b"\r\n")):
                return False
            before = piece[-1:]
            if not piece.isascii() or decoder.getstate()[0]:
                try:
                    decoder.decode(piece)
                except UnicodeDecodeError:
                    return False
    return before != b"\r" and not decoder.getstate()[0]


def read_plain_csv(path: Path, header: Sequence[str], progress: Callable[[int], None]) -> RawTable | None:
    """Read a plain file; None where a line has another number of fields than the header."""
    # pyarrow takes 0.2 s to import and small files do without it.
    import pyarrow as pa  # noqa: PLC0415
    from pyarrow import csv  # noqa: PLC0415

    from allocation.arrow_columns import Gathered  # noqa: PLC0415

    numeric = [name in _NUMBERS for name in header]
    names = [str(number) for number in range(len(header))]
    coded = pa.dictionary(pa.int32(), pa.string())
    kinds = {name: pa.string() if is_number else coded for name, is_number in zip(names, numeric, strict=True)}
    columns = [Gathered(numeric=is_number) for is_number in numeric]
    with pa.OSFile(str(path)) as file:
        try:
            reader = csv.open_csv(
                file,
                csv.ReadOptions(block_size=_BLOCK_BYTES, skip_rows=1, column_names=names),
                csv.ParseOptions(quote_char=False, ignore_empty_lines=False),
                csv.ConvertOptions(column_types=kinds, strings_can_be_null=False, null_values=[]),
            )
            for batch in reader:
                for gathered, cells in zip(columns, batch.columns, strict=True):
                    gathered.add(cells)
                progress(file.tell())
        except pa.ArrowInvalid:
            return None
    return RawTable(path.name, {name: gathered.column() for name, gathered in zip(header, columns, strict=True)})
