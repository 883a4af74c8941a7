"""Exact rationals in plain digits: cut after 12 decimals, no zeros at the end, no exponent."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from allocation.limits import SHARE_DECIMALS

_ONE: Final = 10**SHARE_DECIMALS


def plain_digits(numerator: int, denominator: int = 1) -> str:
    """Print a rational that is 0 or more."""
    whole, rest = divmod(numerator, denominator)
    if not rest:
        return str(whole)
    decimals = f"{rest * _ONE // denominator:0{SHARE_DECIMALS}d}".rstrip("0")
    return f"{whole}.{decimals}" if decimals else str(whole)


def plain_quotients(numerators: npt.NDArray[Any], denominators: npt.NDArray[np.int64]) -> npt.NDArray[np.object_]:
    """Print quotients of integers or fractions by integers, each different pair once."""
    texts: dict[tuple[Any, int], str] = {}
    printed = []
    for pair in zip(numerators.tolist(), denominators.tolist(), strict=True):
        text = texts.get(pair)
        if text is None:
            number, divisor = pair
            text = texts[pair] = plain_digits(number.numerator, number.denominator * divisor)
        printed.append(text)
    return np.array(printed, dtype=object)
