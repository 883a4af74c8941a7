"""Many draws at once: HMAC-SHA256 (RFC 2104, FIPS 180-4), compiled, sixteen messages side by side.

The same digests as :mod:`allocation.filling.lottery`, which draws one at a time by the standard library.
"""

from math import isqrt
from typing import Final

import numpy as np
import numpy.typing as npt

from allocation.compiled import jit

Words = npt.NDArray[np.uint32]
Bytes = npt.NDArray[np.uint8]
Bytes2 = npt.NDArray[np.uint8]
"""One row a lane."""
Ints = npt.NDArray[np.int64]

_LANES: Final = 16
_BLOCK: Final = 64
_ROUNDS: Final = 64
_SEPARATOR: Final = 0x1F
_END: Final = 0x80
_LENGTH_BYTES: Final = 8
_DIGEST_BYTES: Final = 32
_REST_BYTES: Final = 2 + 20 + 1 + _LENGTH_BYTES
"""Of a padded message, besides the names: separators, digits, mark of the end, length."""
_INNER: Final = 0x36
_OUTER: Final = 0x5C
_BASE: Final = 10
_ZERO: Final = 48


def _primes(count: int) -> list[int]:
    found: list[int] = []
    number = 2
    while len(found) < count:
        if all(number % prime for prime in found):
            found.append(number)
        number += 1
    return found


def _cube_root(number: int) -> int:
    low, high = 0, 1 << 40
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if middle**3 <= number else (low, middle)
    return low


# The constants of SHA-256: the first 32 bits behind the point of square and cube roots of primes.
_START: Final = np.array([isqrt(prime << 64) & 0xFFFFFFFF for prime in _primes(8)], dtype=np.uint32)
_ROUND: Final = np.array([_cube_root(prime << 96) & 0xFFFFFFFF for prime in _primes(_ROUNDS)], dtype=np.uint32)


def draws(key: bytes, sku: bytes, names: Bytes, starts: Ints, retailer: Ints, n: Ints) -> Words:
    """Return the digests of many units of one SKU, eight words of 32 bits each.

    Parameters
    ----------
    key
        At most 64 bytes.
    sku
        The SKU's name in UTF-8.
    names, starts
        The retailers' names in UTF-8, end to end, and where each begins (one more for the end).
    retailer, n
        Per unit the position of its retailer, and its number.
    """
    padded = np.frombuffer(key.ljust(_BLOCK, b"\0"), dtype=np.uint8)
    digests = np.empty((len(n), 8), dtype=np.uint32)
    _draw(padded.copy(), np.frombuffer(sku, dtype=np.uint8).copy(), names, starts, retailer, n, digests)
    return digests


@jit
def _compress(state: Words, words: Words, work: Words) -> None:
    """Take one block a lane into the state; `words` holds 16 of 64 words a lane and is filled up."""
    for t in range(16, _ROUNDS):
        for lane in range(_LANES):
            x, y = words[t - 15, lane], words[t - 2, lane]
            low = (x >> 7 | x << 25) ^ (x >> 18 | x << 14) ^ x >> 3
            high = (y >> 17 | y << 15) ^ (y >> 19 | y << 13) ^ y >> 10
            words[t, lane] = np.uint32(words[t - 16, lane] + low + words[t - 7, lane] + high)
    for row in range(8):
        for lane in range(_LANES):
            work[row, lane] = state[row, lane]
    for t in range(_ROUNDS):
        # The eight variables stay where they are; their names move on by one a round.
        a, b, c, d = -t & 7, (1 - t) & 7, (2 - t) & 7, (3 - t) & 7
        e, f, g, h = (4 - t) & 7, (5 - t) & 7, (6 - t) & 7, (7 - t) & 7
        constant = _ROUND[t]
        for lane in range(_LANES):
            x, y = work[e, lane], work[a, lane]
            turned = (x >> 6 | x << 26) ^ (x >> 11 | x << 21) ^ (x >> 25 | x << 7)
            chosen = (x & work[f, lane]) ^ (~x & work[g, lane])
            first = np.uint32(work[h, lane] + turned + chosen + constant + words[t, lane])
            turned = (y >> 2 | y << 30) ^ (y >> 13 | y << 19) ^ (y >> 22 | y << 10)
            most = (y & work[b, lane]) ^ (y & work[c, lane]) ^ (work[b, lane] & work[c, lane])
            work[d, lane] = np.uint32(work[d, lane] + first)
            work[h, lane] = np.uint32(first + turned + most)
    for row in range(8):
        for lane in range(_LANES):
            state[row, lane] = np.uint32(state[row, lane] + work[row, lane])


@jit
def _message(out: Bytes, sku: Bytes, names: Bytes, begin: int, end: int, n: int) -> int:
    """Write sku ␟ retailer ␟ n and the padding behind it; return the number of blocks."""
    at = len(sku)
    out[:at] = sku
    out[at] = _SEPARATOR
    at += 1
    for place in range(begin, end):
        out[at] = names[place]
        at += 1
    out[at] = _SEPARATOR
    digits, rest = 1, n
    while rest >= _BASE:
        rest //= _BASE
        digits += 1
    for place in range(digits):
        out[at + digits - place] = _ZERO + n % _BASE
        n //= _BASE
    length = at + 1 + digits
    blocks = (length + 1 + _LENGTH_BYTES + _BLOCK - 1) // _BLOCK
    out[length : blocks * _BLOCK] = 0
    out[length] = _END
    bits = (_BLOCK + length) * 8
    for place in range(_LENGTH_BYTES):
        out[blocks * _BLOCK - 1 - place] = bits >> (8 * place) & 0xFF
    return blocks


@jit
def _keyed(key: Bytes, pad: int, words: Words, work: Words) -> Words:
    """Return the state after the key's block, the same in all lanes."""
    state = np.empty((8, _LANES), dtype=np.uint32)
    for row in range(8):
        state[row, :] = _START[row]
    for t in range(16):
        word = 0
        for place in range(4):
            word = word << 8 | (key[4 * t + place] ^ pad)
        words[t, :] = np.uint32(word)
    _compress(state, words, work)
    return state


@jit
def _take_messages(state: Words, message: Bytes2, blocks: Ints, words: Words, work: Words) -> None:
    """Take the messages of all lanes into the state, which is that after the key's block."""
    after = np.empty_like(state)
    for block in range(blocks.max()):
        for lane in range(_LANES):
            for t in range(16):
                word = 0
                for place in range(4):
                    word = word << 8 | message[lane, min(block * _BLOCK + 4 * t + place, message.shape[1] - 1)]
                words[t, lane] = np.uint32(word)
        after[:] = state
        _compress(after, words, work)
        for lane in range(_LANES):
            if block < blocks[lane]:
                state[:, lane] = after[:, lane]


@jit
def _take_digests(state: Words, inside: Words, words: Words, work: Words) -> None:
    """Take the inner digests into the state, which is that after the outer key's block."""
    words[:8] = inside
    words[8] = np.uint32(_END << 24)
    words[9:15] = np.uint32(0)
    words[15] = np.uint32((_BLOCK + _DIGEST_BYTES) * 8)
    _compress(state, words, work)


@jit
def _draw(key: Bytes, sku: Bytes, names: Bytes, starts: Ints, retailer: Ints, n: Ints, digests: Words) -> None:
    words, work = np.zeros((_ROUNDS, _LANES), dtype=np.uint32), np.empty((8, _LANES), dtype=np.uint32)
    inner, outer = _keyed(key, _INNER, words, work), _keyed(key, _OUTER, words, work)
    inside, state = np.empty_like(inner), np.empty_like(inner)
    longest = 0
    for unit in range(len(n)):
        longest = max(longest, starts[retailer[unit] + 1] - starts[retailer[unit]])
    room = (len(sku) + longest + _REST_BYTES) // _BLOCK * _BLOCK + _BLOCK
    message = np.zeros((_LANES, room), dtype=np.uint8)
    blocks = np.zeros(_LANES, dtype=np.int64)
    for first in range(0, len(n), _LANES):
        lanes = min(_LANES, len(n) - first)
        for lane in range(lanes):
            who = retailer[first + lane]
            blocks[lane] = _message(message[lane], sku, names, starts[who], starts[who + 1], n[first + lane])
        inside[:] = inner
        _take_messages(inside, message, blocks, words, work)
        state[:] = outer
        _take_digests(state, inside, words, work)
        for lane in range(lanes):
            digests[first + lane] = state[:, lane]
