"""What a barcode says: GTINs of every length and GS1 element strings, read strictly or refused with the reason.

A scanner is a stranger at the counter. Its text is taken only where every character can be printed, where it is
short enough, where every check digit is right and every date exists; leading zeros are never dropped. Pure.

Sources: GS1 General Specifications, sections 3 (application identifiers), 5.2 (EAN/UPC), 7.8 (element strings),
7.9 (check digits), 7.12 (century of a date); ISO/IEC 15424 (symbology identifiers).
"""

import re
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Literal

MOST_CHARACTERS = 128
GS = "\x1d"
ENDS = "\r\n\t"

#: Why a scan is not taken.
Fault = Literal["nothing", "too_long", "not_printable", "check_digit", "not_a_date", "element", "not_a_code"]


class UnreadableError(ValueError):
    """A scan that cannot be taken; ``fault`` says why, ``what`` is the part it is about."""

    def __init__(self, fault: Fault, what: str = "") -> None:
        self.fault: Fault = fault
        self.what = what
        super().__init__(f"{fault} {what}".rstrip())


@dataclass(frozen=True)
class Code:
    """What a barcode says. ``gtins`` are 14 digits each.

    There are two of them only where eight digits are both an EAN-8 and a UPC-E: the catalogue knows which. ``count`` is
    the number of items that the code says are there; ``content`` is set where the GTIN is that of what a case holds.
    ``batch_doubtful``: no separator stands behind the batch, and its end reads like an element of its own, so that a
    scanner that sends no separators may have glued the two together. It is to be compared with the box.
    """

    gtins: tuple[str, ...]
    batch: str | None = None
    serial: str | None = None
    expires: date | None = None
    count: int | None = None
    weight_kg: Decimal | None = None
    content: bool = False
    batch_doubtful: bool = False


def clean(raw: str) -> str:
    """Return the text of a scan without its end mark.

    Raises
    ------
    UnreadableError
        ``nothing``, ``too_long``, ``not_printable`` (all but printable ASCII and the separator GS).
    """
    if len(raw) > MOST_CHARACTERS + len(ENDS):
        raise UnreadableError("too_long")
    text = raw.strip(ENDS + " ")
    if not text:
        raise UnreadableError("nothing")
    if len(text) > MOST_CHARACTERS:
        raise UnreadableError("too_long")
    if any(not " " <= character <= "~" and character != GS for character in text):
        raise UnreadableError("not_printable")
    return text


def parse(raw: str, *, today: date) -> Code:
    """Return what a scan says; ``today`` decides the century of its dates.

    Raises
    ------
    UnreadableError
        See there; also where the text is none of the forms of the module's title.
    """
    text = clean(raw)
    symbology, text = (text[:3], text[3:]) if text.startswith("]") else ("", text)
    if symbology in GS1_SYMBOLOGIES or text.startswith(GS):
        return _elements(text.lstrip(GS), today)
    if symbology.startswith("]E"):
        return Code(_ean_upc(symbology, text))
    if text.startswith("("):
        return _elements(_machine_form(text), today)
    if DIGITS.fullmatch(text) and len(text) <= GTIN_DIGITS:
        return Code(_gtins(text))
    if text[:2] in ANNOUNCING and len(text) > GTIN_DIGITS:
        return _elements(text, today)
    raise UnreadableError("not_a_code", text)


def gtin(digits: str) -> str | None:
    """Return 8, 12, 13 or 14 digits as the 14 of a GTIN, or none where they are no GTIN."""
    if len(digits) not in GTIN_LENGTHS or not DIGITS.fullmatch(digits) or not _checks(digits):
        return None
    return digits.zfill(GTIN_DIGITS)


def expanded(upc_e: str) -> str | None:
    """Return the twelve digits of a UPC-A that eight of a UPC-E stand for, or none where they do not stand for any."""
    if not UPC_E.fullmatch(upc_e):
        return None
    system, body, check = upc_e[0], upc_e[1:7], upc_e[7]
    last = body[5]
    if last in "012":
        middle = f"{body[:2]}{last}0000{body[2:5]}"
    elif last == "3":
        middle = f"{body[:3]}00000{body[3:5]}"
    elif last == "4":
        middle = f"{body[:4]}00000{body[4]}"
    else:
        middle = f"{body[:5]}0000{last}"
    upc_a = f"{system}{middle}{check}"
    return upc_a if _checks(upc_a) else None


GTIN_DIGITS = 14
GTIN_LENGTHS = (8, 12, 13, 14)
DIGITS = re.compile(r"[0-9]+")
UPC_E = re.compile(r"[01][0-9]{7}")
GS1_SYMBOLOGIES = frozenset({"]C1", "]e0", "]e1", "]e2", "]d2", "]Q3", "]J1"})
#: What an element string begins with where the scanner does not announce it.
ANNOUNCING = ("00", "01", "02")


def _checks(digits: str) -> bool:
    """Whether the last digit is the check digit of those before it."""
    total = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(digits[:-1])))
    return (10 - total % 10) % 10 == int(digits[-1])


def _gtins(digits: str) -> tuple[str, ...]:
    readings = [gtin(digits)]
    if len(digits) == UPC_E_DIGITS and (upc_a := expanded(digits)) is not None:
        readings.append(gtin(upc_a))
    found = tuple(dict.fromkeys(reading for reading in readings if reading is not None))
    if not found:
        raise UnreadableError("check_digit" if len(digits) in GTIN_LENGTHS else "not_a_code", digits)
    return found


UPC_E_DIGITS = 8
ADD_ON = re.compile(r"([0-9]{13})(?:[0-9]{2}|[0-9]{5})")


def _ean_upc(symbology: str, text: str) -> tuple[str, ...]:
    """Read what a scanner says is EAN or UPC; the supplement of a magazine is passed over."""
    supplement = ADD_ON.fullmatch(text) if symbology == "]E3" else None
    digits = supplement[1] if supplement else text
    if not DIGITS.fullmatch(digits):
        raise UnreadableError("not_a_code", digits)
    if symbology == "]E4":
        found = gtin(digits) if len(digits) == UPC_E_DIGITS else None
        if found is None:
            raise UnreadableError("check_digit", digits)
        return (found,)
    return _gtins(digits)


# Element strings

#: Identifiers that end by their length alone, with what they hold: digits, a GTIN with check digit, or a date.
FIXED = {
    "00": ("key", 18),
    "01": ("key", 14),
    "02": ("key", 14),
    "03": ("key", 14),
    "11": ("date", 6),
    "12": ("date", 6),
    "13": ("date", 6),
    "15": ("date", 6),
    "16": ("date", 6),
    "17": ("date", 6),
    "20": ("digits", 2),
    **{f"{first}": ("digits", 6) for first in range(310, 370) if first not in range(317, 320)},
    **{f"{first}": ("key", 13) for first in range(410, 418)},
}
#: Identifiers that end with a separator or the text, with the most that they hold.
VARIABLE = {
    "10": ("text", 20),
    "21": ("text", 20),
    "22": ("text", 20),
    "235": ("text", 28),
    "240": ("text", 30),
    "241": ("text", 30),
    "242": ("digits", 6),
    "243": ("text", 20),
    "250": ("text", 30),
    "251": ("text", 30),
    "253": ("text", 30),
    "254": ("text", 20),
    "255": ("digits", 25),
    "30": ("digits", 8),
    "37": ("digits", 8),
    "390": ("digits", 15),
    "392": ("digits", 15),
    "400": ("text", 30),
    "401": ("text", 30),
    "402": ("digits", 17),
    "403": ("text", 30),
    "420": ("text", 20),
    "421": ("text", 12),
    "422": ("digits", 3),
    "423": ("digits", 15),
    "425": ("digits", 15),
    "426": ("digits", 3),
    "7003": ("digits", 10),
    "8005": ("digits", 6),
    "8008": ("digits", 12),
    "8020": ("text", 25),
    "90": ("text", 30),
    **{f"{company}": ("text", 90) for company in range(91, 100)},
}
#: Measures and amounts carry the number of their decimals as a fourth digit.
DECIMALS = re.compile(r"3[1-69][0-9]")
MOST_DECIMALS = 5
HUMAN = re.compile(r"\(([0-9]{2,4})\)([^(]*)")


def _machine_form(text: str) -> str:
    """Return ``(01)…(10)…`` as a scanner would have sent it. A batch that holds a bracket cannot be told apart."""
    parts = HUMAN.findall(text)
    if "".join(f"({identifier}){value}" for identifier, value in parts) != text:
        raise UnreadableError("element", text)
    return GS.join(f"{identifier}{value}" for identifier, value in parts)


def _elements(text: str, today: date) -> Code:
    found: dict[str, str] = {}
    for identifier, value in _split(text):
        if found.setdefault(identifier, value) != value:
            raise UnreadableError("element", identifier)
    if not found:
        raise UnreadableError("nothing")
    dates = {identifier: _date(found[identifier], today) for identifier in found if _sort(identifier) == "date"}
    goods = found.get("01") or found.get("02")
    code = Code(
        gtins=(goods,) if goods else (),
        batch=found.get("10"),
        serial=found.get("21"),
        expires=dates.get("17"),
        count=int(found["37"]) if "37" in found else int(found["30"]) if "30" in found else None,
        content="01" not in found and "02" in found,
        batch_doubtful=next(reversed(found)) == "10" and not text.endswith(GS) and _glued(found),
    )
    weight = next((identifier for identifier in found if identifier.startswith("310")), None)
    if weight is None:
        return code
    return replace(code, weight_kg=Decimal(found[weight]).scaleb(-int(weight[3])))


def _glued(found: dict[str, str]) -> bool:
    """Whether the end of the batch reads like a count, a day or a serial that the code does not hold otherwise."""
    batch = found["10"]
    return any(
        form.fullmatch(batch[at:]) for key, form in SWALLOWED.items() if key not in found for at in range(1, len(batch))
    )


#: What a batch may have swallowed, as it would stand at its end.
SWALLOWED = {
    "15": re.compile(r"15[0-9]{2}(0[1-9]|1[0-2])[0-3][0-9]"),
    "17": re.compile(r"17[0-9]{2}(0[1-9]|1[0-2])[0-3][0-9]"),
    "21": re.compile(r"21[0-9A-Z]{4,20}"),
    "30": re.compile(r"30[0-9]{1,8}"),
    "37": re.compile(r"37[0-9]{1,8}"),
}


def _split(text: str) -> Iterator[tuple[str, str]]:
    rest = text
    while rest:
        key = next((rest[:length] for length in (4, 3, 2) if rest[:length] in FIXED or rest[:length] in VARIABLE), None)
        if key is None:
            raise UnreadableError("element", rest[:4])
        sort, length = FIXED.get(key) or VARIABLE[key]
        identifier = rest[: len(key) + 1] if DECIMALS.fullmatch(key) else key
        rest = rest[len(identifier) :]
        if key in FIXED:
            value, rest = rest[:length], rest[length:].removeprefix(GS)
            whole = len(value) == length
        else:
            value, _, rest = rest.partition(GS)
            whole = 0 < len(value) <= length
        if not whole or (sort != "text" and not DIGITS.fullmatch(value)) or GS in value:
            raise UnreadableError("element", identifier)
        if DECIMALS.fullmatch(key) and not (identifier[3:].isdecimal() and int(identifier[3:]) <= MOST_DECIMALS):
            raise UnreadableError("element", identifier)
        if sort == "key" and not _checks(value):
            raise UnreadableError("check_digit", value)
        yield identifier, value


def _sort(identifier: str) -> str:
    return FIXED[identifier][0] if identifier in FIXED else ""


def _date(digits: str, today: date) -> date:
    """Return a date of six digits; day 00 is the last of its month."""
    year, month, day = int(digits[:2]), int(digits[2:4]), int(digits[4:])
    century = today.year - today.year % 100
    apart = year - today.year % 100
    if apart > HALF_A_CENTURY:
        century -= 100
    elif apart < 1 - HALF_A_CENTURY:
        century += 100
    try:
        return date(century + year, month, day or monthrange(century + year, month)[1])
    except ValueError:
        raise UnreadableError("not_a_date", digits) from None


HALF_A_CENTURY = 50
