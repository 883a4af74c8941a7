"""Lines as bytes, stretch by stretch: of ``allocation.csv`` and of the canonical input.

There are two ways with the same bytes: compiled kernels for many lines, on all cores and a few stretches ahead of the
reader, and the standard library's writers.
"""

import csv
import io
import json
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from allocation.limits import NO_LIMIT
from allocation.tables.texts import Coded

STRETCH_LINES: Final = 1 << 16
"""Lines that are turned into bytes at a time."""

_NUMBER_BYTES: Final = 20
_SHARE_BYTES: Final = 33
_MARKS_BYTES: Final = 20
"""Commas, brackets and ``"all"`` of one line are no more than this."""

_MARK: Final = "\x1f"
"""Parts texts while they are counted; no byte of any other character in UTF-8."""

Ints = npt.NDArray[np.int64]


def stretches(lines: int) -> Iterator[slice]:
    """Yield slices that part so many lines into stretches."""
    return (slice(start, min(start + STRETCH_LINES, lines)) for start in range(0, lines, STRETCH_LINES))


def csv_bytes(rows: Iterable[Iterable[Any]]) -> bytes:
    """Return rows as CSV: UTF-8, minimal quoting, lines ended by a line feed."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def json_rows(rows: Iterable[Any]) -> bytes:
    """Return rows as compact JSON, parted by commas."""
    return json.dumps(list(rows), ensure_ascii=False, separators=(",", ":"))[1:-1].encode()


@dataclass(frozen=True, eq=False)
class Pool:
    """Texts as they are written, end to end, and where each begins (one more entry for the end)."""

    content: npt.NDArray[np.uint8]
    starts: Ints

    @classmethod
    def _of(cls, written: Sequence[bytes]) -> "Pool":
        lengths = np.fromiter(map(len, written), dtype=np.int64, count=len(written))
        content = np.frombuffer(b"".join(written) or b"\0", dtype=np.uint8).copy()
        return cls(content, np.concatenate(([0], np.cumsum(lengths))))

    @classmethod
    def of_texts(cls, texts: Sequence[str]) -> "Pool":
        """Return texts as they are, in UTF-8."""
        together = np.frombuffer(_MARK.join(texts).encode(), dtype=np.uint8)
        is_mark = together == ord(_MARK)
        marks = np.flatnonzero(is_mark)
        if len(marks) != max(len(texts) - 1, 0):  # a text holds one itself
            return cls._of([text.encode() for text in texts])
        ends = np.append(marks, len(together)) if len(texts) else marks
        content = together[~is_mark] if len(together) > len(marks) else np.zeros(1, dtype=np.uint8)
        return cls(content, np.concatenate(([0], ends - np.arange(len(ends)))))

    @classmethod
    def for_csv(cls, texts: Sequence[str]) -> "Pool":
        """Return texts as cells of CSV."""
        together = "".join(texts)
        if not any(mark in together for mark in ',"\r\n'):
            return cls.of_texts(texts)
        return cls._of([csv_bytes([(text, "")])[:-2] for text in texts])

    @classmethod
    def for_json(cls, texts: Sequence[str]) -> "Pool":
        """Return texts as JSON."""
        together = "".join(texts)
        if texts and not any(mark in together for mark in '"\\') and together.isprintable():
            starts, quoted = cls.of_texts(texts).starts, '"' + '""'.join(texts) + '"'
            content = np.frombuffer(quoted.encode(), dtype=np.uint8).copy()
            return cls(content, starts + 2 * np.arange(len(starts)))
        return cls._of([json_rows([text]) for text in texts])

    def bytes_of(self, codes: npt.NDArray[Any]) -> int:
        """Return how many bytes the texts with these codes take."""
        return int((self.starts[codes + 1] - self.starts[codes]).sum())


def result_csv(columns: Sequence[Coded[str]], units: Sequence[Ints], weight: Ints) -> Iterator[bytes]:
    """Yield the lines of ``allocation.csv``, compiled.

    Parameters
    ----------
    columns
        Retailer, SKU, reason and bound_by.
    units
        Requested, eligible, granted.
    weight
        What `granted` is divided by for the share, at most 10^12.
    """
    from allocation.hashing.line_kernels import result_lines  # noqa: PLC0415  # imports numba

    pools = [Pool.for_csv(column.texts) for column in columns]
    contents, starts = tuple(pool.content for pool in pools), tuple(pool.starts for pool in pools)

    def write(lines: slice) -> bytes:
        codes = _codes(columns, lines)
        size = sum(pool.bytes_of(some) for pool, some in zip(pools, codes, strict=True))
        size += codes.shape[1] * (len(units) * _NUMBER_BYTES + _SHARE_BYTES + _MARKS_BYTES)
        out = np.empty(size, dtype=np.uint8)
        numbers = np.stack([column[lines] for column in units])
        length = result_lines(out, contents, starts, codes, numbers, np.array(weight[lines]))
        return out[:length].tobytes()

    return _ahead(write, stretches(len(weight)))


def canonical_requests(columns: Sequence[Coded[str]], numbers: Sequence[Ints]) -> Iterator[bytes]:
    """Yield the rows of the requests in the canonical input, parted by commas within a stretch, compiled.

    Parameters
    ----------
    columns
        Retailer and SKU.
    numbers
        Requested, floor, cap, weight, carry and minimum (−1: all or nothing, 0: none).
    """
    from allocation.hashing.line_kernels import request_rows  # noqa: PLC0415  # imports numba

    pools = [Pool.for_json(column.texts) for column in columns]
    contents, starts = tuple(pool.content for pool in pools), tuple(pool.starts for pool in pools)

    def write(lines: slice) -> bytes:
        codes = _codes(columns, lines)
        size = sum(pool.bytes_of(some) for pool, some in zip(pools, codes, strict=True))
        size += codes.shape[1] * (len(numbers) * _NUMBER_BYTES + _MARKS_BYTES)
        out = np.empty(size, dtype=np.uint8)
        stacked = np.stack([column[lines] for column in numbers])
        return out[: request_rows(out, contents, starts, codes, stacked, NO_LIMIT)].tobytes()

    return _ahead(write, stretches(len(numbers[0])))


def named_rows(names: Sequence[str], after: Coded[str]) -> Iterator[bytes]:
    """Yield rows of the canonical input that begin with a name, parted by commas within a stretch, compiled.

    Parameters
    ----------
    names
        The first entry of each row.
    after
        What is written behind it, the closing bracket included.
    """
    from allocation.hashing.line_kernels import rows_of_names  # noqa: PLC0415  # imports numba

    pools = Pool.for_json(names), Pool.of_texts(after.texts)

    def write(rows: slice) -> bytes:
        numbers, codes = np.arange(rows.start, rows.stop), after.codes[rows].astype(np.int64)
        size = pools[0].bytes_of(numbers) + pools[1].bytes_of(codes) + 2 * len(codes)
        out = np.empty(size, dtype=np.uint8)
        length = rows_of_names(
            out, pools[0].content, pools[0].starts, pools[1].content, pools[1].starts, numbers, codes
        )
        return out[:length].tobytes()

    return _ahead(write, stretches(len(names)))


def _codes(columns: Sequence[Coded[str]], lines: slice) -> Ints:
    """Return the codes of some lines, −1 as the position of the last text."""
    codes = np.stack([column.codes[lines].astype(np.int64) for column in columns])
    for row, column in zip(codes, columns, strict=True):
        row[row < 0] += len(column.texts)
    return codes


def _ahead(work: Callable[[slice], bytes], pieces: Iterable[slice]) -> Iterator[bytes]:
    """Yield the work on each piece in order, done on as many threads as there are cores, not far ahead."""
    threads = os.cpu_count() or 1
    waiting: deque[Future[bytes]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for piece in pieces:
                waiting.append(pool.submit(work, piece))
                if len(waiting) > 2 * threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
