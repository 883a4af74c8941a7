"""Compiled printing: rows of numbers and names into bytes, many times faster than cell by cell.

The plain ways in :mod:`allocation.verification.rows` and :mod:`allocation.verification.canonical` give the same bytes.
"""

import numpy as np

from allocation.compiled import jit
from allocation.verification.given import Codes, Ints
from allocation.verification.spelling import Bytes

_COMMA, _LINE_FEED, _POINT, _MINUS, _ZERO = (np.uint8(c) for c in b",\n.-0")
_OPENING, _CLOSING = (np.uint8(c) for c in b"[]")
_MILLION, _THOUSAND, _TEN = np.uint64(1_000_000), np.uint64(1000), np.uint64(10)
_FIRST_DIGIT = np.uint64(_ZERO)
_THREE_DIGITS = np.frombuffer("".join(f"{number:03d}" for number in range(1000)).encode(), dtype=np.uint8).reshape(
    -1, 3
)
_NULL = np.frombuffer(b"null", dtype=np.uint8)
_ALL = np.frombuffer(b'"all"', dtype=np.uint8)

Unsigned = np.uint64

NUMBER_BYTES = 20
"""The longest number printed here."""


@jit
def print_rows(
    out: Bytes,
    retailer: Codes,
    retailers: Bytes,
    retailer_ends: Ints,
    sku: Codes,
    skus: Bytes,
    sku_ends: Ints,
    requested: Ints,
    eligible: Ints,
    granted: Ints,
    weight: Ints,
    reason: Codes,
    reasons: Bytes,
    reason_ends: Ints,
    bound: Codes,
    bounds: Bytes,
    bound_ends: Ints,
) -> int:
    """Print rows of a result; return how many bytes they take.

    `_ends` say where each text ends in the bytes before it, the first being a 0 in front of all.
    """
    at = 0
    for i in range(len(sku)):
        at = put_text(out, at, retailers, retailer_ends, retailer[i])
        out[at] = _COMMA
        at = put_text(out, at + 1, skus, sku_ends, sku[i])
        out[at] = _COMMA
        at = put_number(out, at + 1, requested[i])
        out[at] = _COMMA
        at = put_number(out, at + 1, eligible[i])
        out[at] = _COMMA
        at = put_number(out, at + 1, granted[i])
        out[at] = _COMMA
        at = put_quotient(out, at + 1, granted[i], weight[i])
        out[at] = _COMMA
        at = put_text(out, at + 1, reasons, reason_ends, reason[i])
        out[at] = _COMMA
        at = put_text(out, at + 1, bounds, bound_ends, bound[i])
        out[at] = _LINE_FEED
        at += 1
    return at


@jit
def print_requests(
    out: Bytes,
    retailer: Codes,
    retailers: Bytes,
    retailer_ends: Ints,
    sku: Codes,
    skus: Bytes,
    sku_ends: Ints,
    requested: Ints,
    floor: Ints,
    cap: Ints,
    weight: Ints,
    carry: Ints,
    minimum: Ints,
) -> int:
    """Print requests as JSON arrays, a comma after each; return how many bytes they take.

    A cap of −1 is null; a minimum of 0 is left out, of −1 is ``"all"``.
    """
    at = 0
    for i in range(len(sku)):
        out[at] = _OPENING
        at = put_text(out, at + 1, retailers, retailer_ends, retailer[i])
        out[at] = _COMMA
        at = put_text(out, at + 1, skus, sku_ends, sku[i])
        out[at] = _COMMA
        at = put_number(out, at + 1, requested[i])
        out[at] = _COMMA
        at = put_number(out, at + 1, floor[i])
        out[at] = _COMMA
        at = put_bytes(out, at + 1, _NULL) if cap[i] < 0 else put_number(out, at + 1, cap[i])
        out[at] = _COMMA
        at = put_number(out, at + 1, weight[i])
        out[at] = _COMMA
        at = put_number(out, at + 1, carry[i])
        if minimum[i] != 0:
            out[at] = _COMMA
            at = put_bytes(out, at + 1, _ALL) if minimum[i] < 0 else put_number(out, at + 1, minimum[i])
        out[at] = _CLOSING
        out[at + 1] = _COMMA
        at += 2
    return at


@jit
def print_retailers(
    out: Bytes,
    retailers: Bytes,
    retailer_ends: Ints,
    weight: Ints,
    credit: Ints,
    units: Ints,
    labels: Codes,
    label_texts: Bytes,
    label_ends: Ints,
    first: int,
) -> int:
    """Print retailers, from the `first` on, as JSON arrays, a comma after each; return how many bytes they take.

    A credit or limit of units of −1 is null; `labels` are positions among the texts of labels.
    """
    at = 0
    for i in range(len(weight)):
        out[at] = _OPENING
        at = put_text(out, at + 1, retailers, retailer_ends, first + i)
        out[at] = _COMMA
        at = put_number(out, at + 1, weight[i])
        out[at] = _COMMA
        at = put_bytes(out, at + 1, _NULL) if credit[i] < 0 else put_number(out, at + 1, credit[i])
        out[at] = _COMMA
        at = put_bytes(out, at + 1, _NULL) if units[i] < 0 else put_number(out, at + 1, units[i])
        out[at] = _COMMA
        at = put_text(out, at + 1, label_texts, label_ends, labels[i])
        out[at] = _CLOSING
        out[at + 1] = _COMMA
        at += 2
    return at


@jit
def put_text(out: Bytes, at: int, texts: Bytes, ends: Ints, number: int) -> int:
    """Copy one of many texts; unsigned places spare a look at their sign."""
    length = ends[number + 1] - ends[number]
    begin, to = np.uint64(ends[number]), np.uint64(at)
    for k in range(np.uint64(length)):
        out[to + k] = texts[begin + k]
    return int(at + length)


@jit
def put_bytes(out: Bytes, at: int, text: Bytes) -> int:
    """Copy a text."""
    for byte in text:
        out[at] = byte
        at += 1
    return at


@jit
def put_number(out: Bytes, at: int, number: int) -> int:
    """Print a whole number in decimal digits."""
    if number < 0:
        out[at] = _MINUS
        return put_digits(out, at + 1, np.uint64(-number))
    return put_digits(out, at, np.uint64(number))


@jit
def put_digits(out: Bytes, at: int, number: Unsigned) -> int:
    """Print an unsigned number."""
    count, left = 1, number
    while left >= _TEN:
        left //= _TEN
        count += 1
    place = np.uint64(at + count)
    for _ in range(count):
        left = number // _TEN
        place -= np.uint64(1)
        out[place] = _FIRST_DIGIT + number - left * _TEN
        number = left
    return at + count


@jit
def put_three(out: Bytes, at: int, number: Unsigned) -> None:
    """Print three digits."""
    for k in range(3):
        out[at + k] = _THREE_DIGITS[number, k]


@jit
def put_quotient(out: Bytes, at: int, numerator: int, denominator: int) -> int:
    """Print a quotient in plain digits, cut after twelve decimals; the denominator is below 2⁴³."""
    above, below = np.uint64(numerator), np.uint64(denominator)
    whole = above // below
    at = put_digits(out, at, whole)
    above -= whole * below
    if above == 0:
        return at
    above *= _MILLION
    first = above // below
    second = (above - first * below) * _MILLION // below
    if first == 0 and second == 0:
        return at
    out[at] = _POINT
    put_three(out, at + 1, first // _THOUSAND)
    put_three(out, at + 4, first % _THOUSAND)
    put_three(out, at + 7, second // _THOUSAND)
    put_three(out, at + 10, second % _THOUSAND)
    at += 12
    while out[at] == _ZERO:
        at -= 1
    return at + 1
