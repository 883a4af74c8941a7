"""The fields of a record: how each is read from a text, checked, and written as a text again.

One rule for forms, for programs and for imported files. A value that does not fit raises :class:`Unfit`, which
says why and what to do in a sentence that can be translated. ``read(write(value)) == value`` for every value
that fits.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Context, Decimal, Inexact, InvalidOperation, localcontext
from typing import Any, Literal, Protocol

from contract.errors import Rejected
from server.kit.marking import N_

INT4_MOST = 2**31 - 1
INT8_MOST = 2**63 - 1
DEGREE_DECIMALS = 6
LOST = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True)
class Reason:
    """Why something does not fit: a stable code for programs, an English sentence marked for translation.

    ``words`` are the parameters of the sentence that are themselves marked for translation.
    """

    code: str
    text: str
    words: tuple[str, ...] = ()

    def sentence(self, params: Mapping[str, str | int], gettext: Callable[[str], str] = str) -> str:
        """Return the sentence with its parameters in the language of ``gettext``."""
        said = {name: gettext(str(value)) if name in self.words else value for name, value in params.items()}
        return gettext(self.text).format_map(said)


EMPTY = Reason("empty", N_("Nothing is given here, and it is needed."))
TOO_LONG = Reason("too_long", N_("It has {length} characters; at most {most} are kept. Shorten it."))
CONTROL = Reason("control_character", N_("It holds the invisible character {point}. Remove it."))
LOST_CHARACTER = Reason(
    "lost_character",
    N_("It holds the sign of a character that was lost before (U+FFFD). Save the source anew in another encoding."),
)
SPACES_AROUND = Reason("spaces_around", N_("It begins or ends with a space. Remove it."))
NOT_WHOLE = Reason("not_whole", N_("“{value}” is not a whole number. Write digits alone, such as 120."))
OUT_OF_RANGE = Reason("out_of_range", N_("{value} is not between {least} and {most}."))
NOT_DEGREES = Reason("not_degrees", N_("“{value}” is no place in degrees. Write it like 31.230416."))
NOT_A_DAY = Reason("not_a_day", N_("“{value}” is not a day. Write it like 2027-03-31."))
NOT_A_CHOICE = Reason("not_a_choice", N_("“{value}” is none of these: {options}."))
NOT_DECIMAL = Reason("not_decimal", N_("“{value}” is not a number. Write it like 1234.50."))
NOT_EXACT = Reason("not_exact", N_("“{value}” times {factor} is not a whole number, and nothing is rounded."))
TOO_MANY = Reason("too_many", N_("There are {count} values; at most {most} are kept."))
TWICE = Reason("twice", N_("“{value}” stands here twice."))
WRONG_TYPE = Reason("wrong_type", N_("The value has another type than this field."))


class Unfit(ValueError):  # noqa: N818 - an answer about a value, not a failure of the program
    """A value does not fit: the reason and the parameters of its sentence."""

    def __init__(self, reason: Reason, **params: str | int) -> None:
        self.reason = reason
        self.params = params
        super().__init__(reason.text.format_map(params))

    def sentence(self, gettext: Callable[[str], str] = str) -> str:
        """Return the reason in the language of ``gettext``."""
        return self.reason.sentence(self.params, gettext)


class Form(Protocol):
    """What the values of a field look like."""

    def read(self, text: str) -> Any:
        """Return the value that ``text`` stands for; raise :class:`Unfit`."""

    def check(self, value: Any) -> None:
        """Raise :class:`Unfit` where ``value`` cannot be kept."""

    def write(self, value: Any) -> str:
        """Return the text that :meth:`read` gives ``value`` back for."""


@dataclass(frozen=True)
class Code:
    """An identifier: text that is compared by its bytes and never changed, ``00123`` and ``1E5`` included."""

    most: int = 64

    def read(self, text: str) -> str:
        """Return ``text`` itself."""
        self.check(text)
        return text

    def check(self, value: Any) -> None:
        """Refuse what is empty, too long, surrounded by spaces or holds what nobody can see."""
        text = _typed(value, str)
        if not text:
            raise Unfit(EMPTY)
        _check_characters(text, allowed="", hidden=("Cc", "Cf", "Zl", "Zp"))
        if text != text.strip():
            raise Unfit(SPACES_AROUND)
        _check_length(text, self.most)

    def write(self, value: str) -> str:
        """Return the identifier itself."""
        return value


@dataclass(frozen=True)
class Text:
    """Words for people, kept as they are; line breaks and tabs may stand in them."""

    most: int = 200
    needed: bool = True

    def read(self, text: str) -> str:
        """Return ``text`` itself."""
        self.check(text)
        return text

    def check(self, value: Any) -> None:
        """Refuse what is too long or holds control characters, and nothing at all where words are needed."""
        text = _typed(value, str)
        if self.needed and not text.strip():
            raise Unfit(EMPTY)
        _check_characters(text, allowed="\t\n\r", hidden=("Cc",))
        _check_length(text, self.most)

    def write(self, value: str) -> str:
        """Return the words themselves."""
        return value


@dataclass(frozen=True)
class Whole:
    """A whole number within bounds, in ASCII digits; nothing is rounded."""

    least: int = 0
    most: int = INT4_MOST

    def read(self, text: str) -> int:
        """Return the number."""
        if not text:
            raise Unfit(EMPTY)
        if _WHOLE.fullmatch(text) is None:
            raise Unfit(NOT_WHOLE, value=text[:40])
        value = int(text)
        self.check(value)
        return value

    def check(self, value: Any) -> None:
        """Refuse what is out of bounds."""
        if isinstance(value, bool) or not self.least <= _typed(value, int) <= self.most:
            raise Unfit(OUT_OF_RANGE, value=value, least=self.least, most=self.most)

    def write(self, value: int) -> str:
        """Return its digits."""
        return str(value)


@dataclass(frozen=True)
class Degrees:
    """A latitude (``most`` 90) or a longitude (180) in decimal degrees, north and east positive, six decimals at most.

    Six decimals are eleven centimetres; what says more is rounded.
    """

    most: int

    def read(self, text: str) -> float:
        """Return the number."""
        if not text:
            raise Unfit(EMPTY)
        if _DEGREES.fullmatch(text) is None:
            raise Unfit(NOT_DEGREES, value=text[:40])
        value = round(float(text), DEGREE_DECIMALS) + 0.0
        self.check(value)
        return value

    def check(self, value: Any) -> None:
        """Refuse what is out of bounds."""
        if isinstance(value, bool) or not -self.most <= _typed(value, (int, float)) <= self.most:
            raise Unfit(OUT_OF_RANGE, value=str(value), least=-self.most, most=self.most)

    def write(self, value: float) -> str:
        """Return its shortest text."""
        return f"{value:.{DEGREE_DECIMALS}f}".rstrip("0").rstrip(".")


@dataclass(frozen=True)
class Day:
    """A day of the calendar."""

    def read(self, text: str) -> date:
        """Return the day of an ISO 8601 date."""
        if not text:
            raise Unfit(EMPTY)
        try:
            if _DAY.fullmatch(text) is not None:
                return date.fromisoformat(text)
        except ValueError:
            pass
        raise Unfit(NOT_A_DAY, value=text[:40])

    def check(self, value: Any) -> None:
        """Refuse what is no day."""
        _typed(value, date)

    def write(self, value: date) -> str:
        """Return it as ISO 8601."""
        return value.isoformat()


@dataclass(frozen=True)
class Choice:
    """One of a few words; ``labels`` are what a person reads, ``N_`` texts in the same order."""

    options: tuple[str, ...]
    labels: tuple[str, ...]

    def read(self, text: str) -> str:
        """Return the word itself."""
        self.check(text)
        return text

    def check(self, value: Any) -> None:
        """Refuse any other word."""
        if value == "":
            raise Unfit(EMPTY)
        if value not in self.options:
            raise Unfit(NOT_A_CHOICE, value=str(value)[:40], options=", ".join(self.options))

    def write(self, value: str) -> str:
        """Return the word itself."""
        return value


@dataclass(frozen=True)
class Codes:
    """Some identifiers without spaces in them, in their order, none of them twice."""

    each: Code = Code(48)
    most: int = 20

    def read(self, text: str) -> tuple[str, ...]:
        """Return the identifiers that spaces or line breaks part."""
        value = tuple(text.split())
        self.check(value)
        return value

    def check(self, value: Any) -> None:
        """Refuse too many, an identifier twice, and one that :class:`Code` refuses."""
        codes: Sequence[Any] = _typed(value, (tuple, list))
        if len(codes) > self.most:
            raise Unfit(TOO_MANY, count=len(codes), most=self.most)
        for number, code in enumerate(codes):
            self.each.check(code)
            if len(code.split()) != 1:
                raise Unfit(SPACES_AROUND)
            if code in codes[:number]:
                raise Unfit(TWICE, value=code)

    def write(self, value: Sequence[str]) -> str:
        """Return them with a space between."""
        return " ".join(value)


class _Needed:
    """Stands where a new record must be given a value."""

    def __repr__(self) -> str:
        return "NEEDED"


NEEDED: Any = _Needed()


@dataclass(frozen=True)
class Field:
    """One field of a record.

    ``label`` is an ``N_`` text. An ``optional`` field may be empty, which is ``None``. ``default`` is what a new
    record gets where nothing is said about the field. ``money`` marks whole minor units, which people write as
    decimals of the major one. ``hint`` is an ``N_`` text beside the field of a form.
    """

    name: str
    label: str
    form: Form
    optional: bool = False
    default: Any = NEEDED
    hint: str = ""
    money: bool = False

    @property
    def needed(self) -> bool:
        """Whether a new record must be given a value."""
        return self.default is NEEDED

    @property
    def kind(self) -> Literal["code", "text", "number", "date", "select"]:
        """What the field is in a form."""
        form = self.form
        if isinstance(form, Whole) and not self.money:
            return "number"
        if isinstance(form, Day):
            return "date"
        if isinstance(form, Choice):
            return "select"
        return "code" if isinstance(form, Code | Codes) else "text"

    def read(self, text: str) -> Any:
        """Return the value of ``text``."""
        return None if self.optional and not text else self.form.read(text)

    def check(self, value: Any) -> None:
        """Raise :class:`Unfit` where ``value`` cannot be kept."""
        if value is None and self.optional:
            return
        if value is None:
            raise Unfit(EMPTY)
        self.form.check(value)

    def write(self, value: Any) -> str:
        """Return the text of ``value``."""
        return "" if value is None else self.form.write(value)


Rule = Callable[[Mapping[str, Any]], "tuple[str, Unfit] | None"]
"""A rule over a whole record: the field to name and why, or none."""


def problems(fields: Sequence[Field], values: Mapping[str, Any], rule: Rule | None = None) -> dict[str, Unfit]:
    """Return what is wrong with a record, by field; the rule over the whole is asked where each field fits."""
    found: dict[str, Unfit] = {}
    for field in fields:
        try:
            field.check(values[field.name])
        except Unfit as unfit:
            found[field.name] = unfit
    if not found and rule is not None and (broken := rule(values)) is not None:
        found[broken[0]] = broken[1]
    return found


def require(fields: Sequence[Field], values: Mapping[str, Any], rule: Rule | None = None) -> None:
    """Refuse a record that does not fit.

    Raises
    ------
    Invalid
        Naming every field that does not fit, the first in the sentence.
    """
    if found := problems(fields, values, rule):
        raise Invalid(found)


class Invalid(Rejected):
    """A record does not fit; ``problems`` names every field that is to blame."""

    def __init__(self, found: Mapping[str, Unfit], gettext: Callable[[str], str] = str) -> None:
        self.problems = dict(found)
        where, unfit = next(iter(found.items()))
        super().__init__("invalid", where=where, what=unfit.sentence(gettext).rstrip(".。"))

    def told_by_field(self, gettext: Callable[[str], str]) -> dict[str, str]:
        """Return a sentence for each field that does not fit."""
        return {name: unfit.sentence(gettext) for name, unfit in self.problems.items()}

    def told(self, gettext: Callable[[str], str]) -> "Invalid":
        """Return the same refusal in the language of ``gettext``."""
        return Invalid(self.problems, gettext)


def scaled(text: str, factor: Decimal, *, point: str = ".", groups: str = "") -> str:
    """Return the digits of ``text`` times ``factor``, exactly: ``12.50`` times 100 is ``1250``.

    ``point`` is the decimal sign, ``groups`` what stands between thousands. Raises :class:`Unfit` where the text
    is no plain number or the product is not whole.
    """
    whole, sign, fraction = text.partition(point)
    if groups and groups in whole and _grouped(whole, groups):
        whole = whole.replace(groups, "")
    if _WHOLE.fullmatch(whole) is None or (sign and not (fraction.isascii() and fraction.isdigit())):
        raise Unfit(NOT_DECIMAL, value=text[:40])
    with localcontext(_EXACT):
        try:
            product = Decimal(f"{whole}.{fraction or 0}") * factor
        except (Inexact, InvalidOperation):
            raise Unfit(NOT_DECIMAL, value=text[:40]) from None
        if product != product.to_integral_value():
            raise Unfit(NOT_EXACT, value=text[:40], factor=format(factor, "f"))
    return format(product.to_integral_value(), "f")


def _grouped(whole: str, groups: str) -> bool:
    first, *rest = whole.removeprefix("-").split(groups)
    return 1 <= len(first) <= 3 and all(len(part) == 3 for part in rest)  # noqa: PLR2004 - thousands


_EXACT = Context(prec=60, traps=[Inexact, InvalidOperation])
_WHOLE = re.compile(r"-?[0-9]{1,19}")
_DEGREES = re.compile(r"-?[0-9]{1,3}(\.[0-9]{1,17})?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _typed(value: Any, kind: Any) -> Any:
    if not isinstance(value, kind):
        raise Unfit(WRONG_TYPE)
    return value


def _check_characters(text: str, *, allowed: str, hidden: tuple[str, ...]) -> None:
    if LOST in text:
        raise Unfit(LOST_CHARACTER)
    if text.isascii() and text.isprintable():
        return
    for character in text:
        category = unicodedata.category(character)
        if (category in hidden and character not in allowed) or category == "Cs":
            raise Unfit(CONTROL, point=f"U+{ord(character):04X}")


def _check_length(text: str, most: int) -> None:
    if len(text) > most:
        raise Unfit(TOO_LONG, length=len(text), most=most)
