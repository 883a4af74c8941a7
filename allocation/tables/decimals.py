"""Exact rationals in plain digits: cut after 12 decimals, no zeros at the end, no exponent."""

from typing import Final

from allocation.limits import SHARE_DECIMALS

_ONE: Final = 10**SHARE_DECIMALS


def plain_digits(numerator: int, denominator: int = 1) -> str:
    """Print a rational that is 0 or more."""
    whole, rest = divmod(numerator, denominator)
    if not rest:
        return str(whole)
    decimals = f"{rest * _ONE // denominator:0{SHARE_DECIMALS}d}".rstrip("0")
    return f"{whole}.{decimals}" if decimals else str(whole)
