"""Compiled kernels that write lines as bytes; :mod:`allocation.hashing.line_bytes` has the plain way, and says what.

Texts come as one pool of bytes and where each begins in it, numbers as 64-bit integers below 2^62. Places and quotients
are unsigned where they are counted in loops: neither has a sign to be looked at.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from allocation.compiled import jit

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]

_COMMA: Final = 44
_DOT: Final = 46
_ZERO: Final = 48
_OPEN: Final = 91
_CLOSE: Final = 93
_MINUS: Final = 45
_NEWLINE: Final = 10
_BASE: Final = 10
_NULL: Final = (110, 117, 108, 108)
_ALL: Final = (34, 97, 108, 108, 34)
_CAP: Final = 2
"""The one of the numbers of a request that may be absent."""

_MILLION: Final = 10**6
_HALF_OF_THE_DECIMALS: Final = 6


@jit
def _put_number(out: Bytes, at: int, number: int | np.uint64) -> int:
    """Write an integer in decimal digits; return where it ends."""
    if number < 0:
        out[at] = _MINUS
        at += 1
        number = -number
    rest, digits, ten = np.uint64(number), 1, np.uint64(_BASE)
    while rest >= ten:
        rest //= ten
        digits += 1
    rest, place = np.uint64(number), np.uint64(at + digits)
    for _ in range(digits):
        place -= np.uint64(1)
        tenth = rest // ten
        out[place] = np.uint64(_ZERO) + rest - tenth * ten
        rest = tenth
    return at + digits


@jit
def _put_letters(out: Bytes, at: int, letters: tuple[int, ...]) -> int:
    for letter in letters:
        out[at] = letter
        at += 1
    return at


@jit
def _put_text(out: Bytes, at: int, pool: Bytes, starts: Ints, text: int) -> int:
    """Write a text of a pool; return where it ends."""
    first, length, to = np.uint64(starts[text]), starts[text + 1] - starts[text], np.uint64(at)
    for place in range(np.uint64(length)):
        out[to + place] = pool[first + place]
    return int(at + length)


@jit
def _put_share(out: Bytes, at: int, numerator: int, denominator: int) -> int:
    """Write a quotient, cut after 12 decimals, no zeros at the end; the denominator is at most 10^12."""
    divisor, million = np.uint64(denominator), np.uint64(_MILLION)
    whole = np.uint64(numerator) // divisor
    at = _put_number(out, at, whole)
    rest = np.uint64(numerator) - whole * divisor
    if rest == 0:
        return at
    high = rest * million // divisor
    low = (rest * million - high * divisor) * million // divisor
    if high == 0 and low == 0:
        return at
    out[at] = _DOT
    for half in range(2):
        number, ten = low if half else high, np.uint64(_BASE)
        for place in range(_HALF_OF_THE_DECIMALS):
            tenth = number // ten
            out[at + _HALF_OF_THE_DECIMALS * (half + 1) - place] = np.uint64(_ZERO) + number - tenth * ten
            number = tenth
    at += 2 * _HALF_OF_THE_DECIMALS
    while out[at] == _ZERO:
        at -= 1
    return at + 1


@jit
def result_lines(
    out: Bytes,
    pools: tuple[Bytes, ...],
    starts: tuple[Ints, ...],
    codes: Ints,
    units: Ints,
    weight: Ints,
) -> int:
    """Write lines of ``allocation.csv`` and return their length.

    `pools` and `starts` are of retailers, SKUs, reasons and constraints, `codes` the positions in them, one column a
    line; `units` has requested, eligible and granted.
    """
    at = 0
    for line in range(codes.shape[1]):
        for column in range(2):
            at = _put_text(out, at, pools[column], starts[column], codes[column, line])
            out[at] = _COMMA
            at += 1
        for column in range(3):
            at = _put_number(out, at, units[column, line])
            out[at] = _COMMA
            at += 1
        at = _put_share(out, at, units[2, line], weight[line])
        for column in range(2, 4):
            out[at] = _COMMA
            at = _put_text(out, at + 1, pools[column], starts[column], codes[column, line])
        out[at] = _NEWLINE
        at += 1
    return at


@jit
def request_rows(
    out: Bytes, pools: tuple[Bytes, ...], starts: tuple[Ints, ...], codes: Ints, numbers: Ints, no_limit: int
) -> int:
    """Write rows of the canonical input, parted by commas, and return their length.

    `numbers` has requested, floor, cap, weight, carry and the minimum (−1: all or nothing, 0: none), one column a line.
    """
    at = 0
    for line in range(codes.shape[1]):
        if line:
            out[at] = _COMMA
            at += 1
        for column in range(2):
            out[at] = _COMMA if column else _OPEN
            at += 1
            at = _put_text(out, at, pools[column], starts[column], codes[column, line])
        for column in range(5):
            out[at] = _COMMA
            at += 1
            if column == _CAP and numbers[column, line] == no_limit:
                at = _put_letters(out, at, _NULL)
            else:
                at = _put_number(out, at, numbers[column, line])
        least = numbers[5, line]
        if least:
            out[at] = _COMMA
            at = _put_letters(out, at + 1, _ALL) if least < 0 else _put_number(out, at + 1, least)
        out[at] = _CLOSE
        at += 1
    return at


@jit
def rows_of_names(
    out: Bytes, names: Bytes, starts: Ints, after: Bytes, after_starts: Ints, numbers: Ints, codes: Ints
) -> int:
    """Write rows that begin with a name and end with one of few texts, parted by commas, and return their length."""
    at = 0
    for row in range(len(numbers)):
        if row:
            out[at] = _COMMA
            at += 1
        out[at] = _OPEN
        at = _put_text(out, at + 1, names, starts, numbers[row])
        at = _put_text(out, at, after, after_starts, codes[row])
    return at
