"""What a name and a number may look like (the decided edges of the file format)."""

import re
import unicodedata
from collections.abc import Collection
from typing import Final

from allocation.limits import CARRY_MAX_THOUSANDTHS, QUANTITY_END

_DIGITS: Final = re.compile(r"[0-9]+")
_SIGNED_DIGITS: Final = re.compile(r"-?[0-9]+")
_INVISIBLE: Final = re.compile(
    # Default-ignorable code points that are no format characters (category Cf) themselves.
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2065\u3164\ufe00-\ufe0f\uffa0\ufff0-\ufff8\U000e0000-\U000e0fff]"
)


def all_plain(names: Collection[str]) -> bool:
    """Say whether all texts are names without doubt: visible ASCII characters only, at least one, no blank.

    A quick look at many; where it says no, each has to be looked at.
    """
    together = "".join(names)
    return together.isascii() and together.isprintable() and " " not in together and all(names)


def name_fault(name: str) -> str | None:
    """Say why a text cannot be the name of a retailer or SKU, or None where it can."""
    if not name:
        return "a name is needed here; the cell is empty"
    if name.isascii() and name.isprintable():
        return None if name == name.strip() else "blanks around the name; take them away"
    if name != name.strip():
        return "blanks around the name; take them away"
    if _INVISIBLE.search(name) or any(unicodedata.category(c) in {"Cc", "Cf", "Zl", "Zp", "Cs"} for c in name):
        return "the name holds a control or invisible character; type it again"
    if not unicodedata.is_normalized("NFC", name):
        return "the name is not in composed form (Unicode NFC); type or export it again"
    return None


def whole_number(text: str) -> int | str:
    """Read decimal digits 0–9 below the limit; a text says what is wrong instead."""
    if not _DIGITS.fullmatch(text):
        return _number_fault(text)
    digits = text.lstrip("0")
    if len(digits) > len(str(QUANTITY_END)) or int(digits or "0") >= QUANTITY_END:
        return "too large; numbers are below 2^62 = 4611686018427387904"
    return int(digits or "0")


def thousandths(text: str) -> int | str:
    """Read a carry: whole thousandths of a pack, −1000…1000; a text says what is wrong instead."""
    if not _SIGNED_DIGITS.fullmatch(text):
        return "carry is whole thousandths of a pack: digits with an optional minus in front"
    digits = text.lstrip("-").lstrip("0")
    if len(digits) > len(str(CARRY_MAX_THOUSANDTHS)) or int(digits or "0") > CARRY_MAX_THOUSANDTHS:
        return f"carry lies between -{CARRY_MAX_THOUSANDTHS} and {CARRY_MAX_THOUSANDTHS} thousandths of a pack"
    return -int(digits or "0") if text.startswith("-") else int(digits or "0")


def _number_fault(text: str) -> str:
    if not text:
        return "a number is needed here; the cell is empty"
    if text.startswith("-") and _DIGITS.fullmatch(text[1:]):
        return "negative; give a whole number of 0 or more"
    if re.fullmatch(r"[0-9]{1,3}(,[0-9]{3})+", text):
        return "separators between digits; give whole units in digits 0-9 alone"
    if re.fullmatch(r"[0-9]*[.,][0-9]+", text):
        return "a fraction; give whole units in digits 0-9"
    return "not a whole number; use the digits 0-9 and nothing else"
