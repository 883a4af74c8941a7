"""The quick reader: CSV that is plain all through, by pyarrow and on all cores.

Plain is UTF-8 without a zero byte, a lone carriage return or an empty line, and with quotes, if any, around whole cells
and nowhere else: there, every reader of CSV sees the same cells. Whatever is not plain, or has a line with too few or
too many fields, is left to the reader that knows every form and names every fault.
"""

import codecs
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from allocation.tables.columns import RawTable

Kind = Literal["plain", "quoted"]

_BEFORE_A_FIELD: Final = np.frombuffer(b",\n", dtype=np.uint8)
_AFTER_A_FIELD: Final = np.frombuffer(b",\r\n", dtype=np.uint8)
_PIECE_BYTES: Final = 4 << 20
_BLOCK_BYTES: Final = 16 << 20
_NUMBERS: Final = frozenset(
    (
        *("requested", "floor", "cap", "weight", "carry", "minimum", "all_or_nothing", "granted", "eligible"),
        *("supply", "pack", "price_minor", "reserve", "credit_minor", "max_units"),
    )
)
"""Columns of which texts of digits are best taken as numbers at once."""


@dataclass
class _Look:
    """A look through the bytes of a file, piece by piece: the last two bytes, and whether a quote is open."""

    last: bytes = b"\n"
    is_open: bool = False
    has_quotes: bool = False

    def takes(self, piece: bytes) -> bool:
        """Say whether all is plain up to the byte before the last of this piece."""
        joined = self.last + piece
        self.last = joined[-2:]
        if b"\0" in piece or b"\n\n" in joined:
            return False
        if b"\r" in joined and (b"\n\r" in joined or joined.count(b"\r", 0, -1) != joined.count(b"\r\n")):
            return False
        return b'"' not in joined or self._takes_quotes(np.frombuffer(joined, dtype=np.uint8))

    def _takes_quotes(self, text: npt.NDArray[np.uint8]) -> bool:
        """Look at the quotes but for one at either end: each opens a field or ends one, in turn."""
        self.has_quotes = True
        quotes = np.flatnonzero(text[1:-1] == ord('"')) + 1
        opens, ends = np.isin(text[quotes - 1], _BEFORE_A_FIELD), np.isin(text[quotes + 1], _AFTER_A_FIELD)
        turns = np.arange(len(quotes)) % 2 == int(self.is_open)
        self.is_open ^= bool(len(quotes) % 2)
        return bool((opens == turns).all() and (ends != turns).all())


def look_through(path: Path) -> Kind | None:
    """Read a file once and say how it is plain CSV; None where it is not."""
    decoder, look = codecs.getincrementaldecoder("utf-8")(), _Look()
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            if not look.takes(piece):
                return None
            if not piece.isascii() or decoder.getstate()[0]:
                try:
                    decoder.decode(piece)
                except UnicodeDecodeError:
                    return None
    ended = look.last.endswith(b"\n") or (not look.last.endswith(b"\r") and look.takes(b"\n"))
    if not ended or look.is_open or decoder.getstate()[0]:
        return None
    return "quoted" if look.has_quotes else "plain"


def read_plain_csv(path: Path, kind: Kind, header: Sequence[str], progress: Callable[[int], None]) -> RawTable | None:
    """Read a plain file; None where a line has another number of fields than the header."""
    # pyarrow takes 0.2 s to import and small files do without it.
    import pyarrow as pa  # noqa: PLC0415  # 0.2 s to import; small tables do without
    from pyarrow import csv  # noqa: PLC0415  # as above

    from allocation.tables.arrow_columns import Gathered  # noqa: PLC0415  # imports pyarrow

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
                csv.ParseOptions(
                    quote_char='"' if kind == "quoted" else False,
                    newlines_in_values=kind == "quoted",
                    ignore_empty_lines=False,
                ),
                csv.ConvertOptions(column_types=kinds, strings_can_be_null=False, null_values=[]),
            )
            for batch in reader:
                for gathered, cells in zip(columns, batch.columns, strict=True):
                    gathered.add(cells)
                progress(file.tell())
        except pa.ArrowInvalid:
            return None
    return RawTable(path.name, {name: gathered.column() for name, gathered in zip(header, columns, strict=True)})
