"""Lists of texts as bytes: one after the other, with the place where each ends."""

import csv
import io
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from allocation.verification.given import Codes, Ints

Bytes = npt.NDArray[np.uint8]

_QUOTED_IN_CSV: Final = re.compile(r'[,"\r\n]')
_ESCAPED_IN_JSON: Final = re.compile(r'["\\\x00-\x1f]')


@dataclass(frozen=True, eq=False)
class Spelling:
    """Texts as bytes; text *i* lies between `ends[i]` and `ends[i + 1]`."""

    texts: Bytes
    ends: Ints

    def length(self, codes: Codes) -> int:
        """Return how many bytes these texts take together."""
        return int((self.ends[1:] - self.ends[:-1])[codes].sum())


def as_csv_cells(texts: Sequence[str]) -> Spelling:
    """Spell texts as cells of CSV, in quotes where they need them."""
    return spelled(list(map(_csv_cell, texts)) if _QUOTED_IN_CSV.search("".join(texts)) else texts)


def as_json(texts: Sequence[str]) -> Spelling:
    """Spell texts as JSON does."""
    quoted = (
        [json.dumps(text, ensure_ascii=False) for text in texts]
        if _ESCAPED_IN_JSON.search("".join(texts))
        else [f'"{text}"' for text in texts]
    )
    return spelled(quoted)


def spelled(texts: Sequence[str]) -> Spelling:
    """Spell texts as they are."""
    together = "".join(texts)
    content = together.encode()
    is_plain = len(content) == len(together)
    lengths = map(len, texts) if is_plain else (len(text.encode()) for text in texts)
    ends = np.zeros(len(texts) + 1, dtype=np.int64)
    np.cumsum(np.fromiter(lengths, dtype=np.int64, count=len(texts)), out=ends[1:])
    return Spelling(np.frombuffer(content, dtype=np.uint8), ends)


def _csv_cell(text: str) -> str:
    cell = io.StringIO()
    csv.writer(cell, lineterminator="").writerow([text, ""])
    return cell.getvalue()[:-1]
