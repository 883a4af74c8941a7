"""What could not be read of a request, in words: the one way from the validation's findings to what people are told.

Programs get the first finding as ``malformed`` (:func:`told`), the console its own pages
(:mod:`server.kit.console.misread`). A finding says what is wrong and what to do as fields do
(:mod:`server.kit.fields`), in the language of whoever asks; the library's own English is shown to nobody.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from contract.errors import Rejected
from server.kit.fields import (
    EMPTY,
    NOT_A_DAY,
    NOT_DECIMAL,
    NOT_WHOLE,
    TOO_LONG,
    TOO_MANY,
    WRONG_TYPE,
    Reason,
)
from server.kit.marking import N_

SHOWN_MOST: Final = 40
"""Characters that are shown of what was given."""

NO_CHOICE = Reason("not_a_choice", N_("“{value}” is none of the choices. Choose one of them."))
BELOW = Reason("out_of_range", N_("{value} is below {least}, the least that is taken."))
ABOVE = Reason("out_of_range", N_("{value} is above {most}, the most that is taken."))
NOT_ABOVE = Reason("out_of_range", N_("{value} is not above {least}."))
NOT_BELOW = Reason("out_of_range", N_("{value} is not below {most}."))
NO_INSTANT = Reason("not_an_instant", N_("“{value}” is no point in time. Write it like 2027-03-31T08:00:00+08:00."))
NO_TIME = Reason("not_a_time", N_("“{value}” is no time of the day. Write it like 08:30."))
NO_ID = Reason("not_an_id", N_("“{value}” is no identifier of this system. Load the page again."))
NO_SWITCH = Reason("not_a_switch", N_("“{value}” is neither yes nor no."))
NO_FILE = Reason("no_file", N_("No file was chosen. Choose one."))
TOO_SHORT = Reason("too_short", N_("It has {length} characters; it needs at least {least}."))
TOO_FEW = Reason("too_few", N_("Too few are named; at least {least} are needed."))
OTHER_SHAPE = Reason("other_shape", N_("“{value}” is not written in the way that this field takes."))
UNKNOWN_FIELD = Reason("unknown_field", N_("This field is not known here. Leave it out."))
NOT_READABLE = Reason("not_readable", N_("It is not readable as JSON."))

_WHOLE = ("int_parsing", "int_type", "int_from_float", "int_parsing_size")
_NUMBER = ("decimal_parsing", "decimal_type", "float_parsing", "float_type", "finite_number")
_DAY = ("date_parsing", "date_type", "date_from_datetime_parsing", "date_from_datetime_inexact")
_INSTANT = ("datetime_parsing", "datetime_type", "datetime_from_date_parsing", "timezone_aware")
_SAID: Final[Mapping[str, Reason]] = {
    "missing": EMPTY,
    "none_required": EMPTY,
    **dict.fromkeys(_WHOLE, NOT_WHOLE),
    **dict.fromkeys(_NUMBER, NOT_DECIMAL),
    **dict.fromkeys(_DAY, NOT_A_DAY),
    **dict.fromkeys(_INSTANT, NO_INSTANT),
    **dict.fromkeys(("time_parsing", "time_type"), NO_TIME),
    **dict.fromkeys(("uuid_parsing", "uuid_type", "uuid_version"), NO_ID),
    **dict.fromkeys(("bool_parsing", "bool_type"), NO_SWITCH),
    **dict.fromkeys(("literal_error", "enum"), NO_CHOICE),
    "greater_than_equal": BELOW,
    "less_than_equal": ABOVE,
    "greater_than": NOT_ABOVE,
    "less_than": NOT_BELOW,
    "string_too_long": TOO_LONG,
    "string_too_short": TOO_SHORT,
    "too_long": TOO_MANY,
    "too_short": TOO_FEW,
    "extra_forbidden": UNKNOWN_FIELD,
    "json_invalid": NOT_READABLE,
    **dict.fromkeys(
        ("string_type", "list_type", "dict_type", "model_type", "model_attributes_type", "tuple_type"), WRONG_TYPE
    ),
}


@dataclass(frozen=True)
class Finding:
    """One thing that could not be read: ``part`` is ``path``, ``query``, ``body`` or ``header``."""

    part: str
    name: str
    where: str
    value: str
    sentence: str
    missing: bool


def findings(errors: Sequence[Mapping[str, Any]], gettext: Callable[[str], str]) -> list[Finding]:
    """Return what a validation found, in its order, told by ``gettext``."""
    return [_finding(error, gettext) for error in errors]


def told(found: Finding) -> Rejected:
    """Return the refusal that names one finding."""
    return Rejected("malformed", where=found.where, what=found.sentence.rstrip(".。"))


def _finding(error: Mapping[str, Any], gettext: Callable[[str], str]) -> Finding:
    place = [str(part) for part in error["loc"]]
    given, limits = error.get("input"), error.get("ctx") or {}
    missing = error["type"] == "missing"
    value = "" if missing or given is None else " ".join(str(given).split())[:SHOWN_MOST]
    reason = _reason(error["type"], value)
    params: dict[str, str | int] = {
        "value": value,
        "length": len(given) if isinstance(given, str | list | tuple) else 0,
        "count": limits.get("actual_length") or 0,
        "least": str(limits.get("ge", limits.get("gt", limits.get("min_length", "")))),
        "most": str(limits.get("le", limits.get("lt", limits.get("max_length", "")))),
    }
    sentence = reason.sentence(params, gettext)
    name = place[1] if len(place) > 1 else place[0]
    return Finding(place[0], name, ".".join(place), value, sentence, missing)


def _reason(kind: str, value: str) -> Reason:
    if kind == "value_error" and not value:
        return NO_FILE
    if not value and kind in {*_WHOLE, *_NUMBER, *_DAY, *_INSTANT, "literal_error", "enum", "string_too_short"}:
        return EMPTY
    return _SAID.get(kind, OTHER_SHAPE)
