"""Which terminals are meant, in words: the one language of groups, rollouts and alerts. Pure.

A predicate has a line for each condition, and all of them hold; of several values one is enough::

    region is North, South
    version below 1.4.0
    tag is not pilot

A value with a comma stands in double quotes. ``below`` and ``at least`` are for versions, compared number by
number, and tiers. No line at all means every terminal.
"""

import csv
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, cast, get_args

from server.kit.fields import Reason, Unfit
from server.kit.marking import N_

Subject = Literal["retailer", "region", "route", "market", "tier", "model", "version", "ring", "state", "tag"]
Relation = Literal["is", "is not", "below", "at least"]
SUBJECTS: Final[tuple[Subject, ...]] = get_args(Subject)
ORDERED: Final[frozenset[Subject]] = frozenset({"version", "tier"})
RINGS: Final = ("canary", "early", "broad")
STATES: Final = ("online", "offline", "lost", "goodbye", "silent", "never", "revoked")
LENGTH_MOST: Final = 4_000
VALUES_MOST: Final = 200
TIER_DIGITS_MOST: Final = 3

SUBJECT_WORDS: Final[Mapping[Subject, str]] = {
    "retailer": N_("retailer"),
    "region": N_("region"),
    "route": N_("route"),
    "market": N_("market"),
    "tier": N_("tier"),
    "model": N_("model"),
    "version": N_("version"),
    "ring": N_("ring"),
    "state": N_("state"),
    "tag": N_("tag"),
}
RELATION_WORDS: Final[Mapping[Relation, str]] = {
    "is": N_("{what} is {values}"),
    "is not": N_("{what} is not {values}"),
    "below": N_("{what} is below {values}"),
    "at least": N_("{what} is at least {values}"),
}
RING_WORDS: Final = {"canary": N_("canary"), "early": N_("early"), "broad": N_("broad")}
STATE_WORDS: Final = {
    "online": N_("online"),
    "offline": N_("offline"),
    "lost": N_("connection lost"),
    "goodbye": N_("signed off"),
    "silent": N_("fell silent"),
    "never": N_("never heard"),
    "revoked": N_("revoked"),
}

NOT_READ = Reason(
    "predicate_line", N_("Line {line}, “{text}”, is no condition. Write one like: region is North, South.")
)
NO_SUBJECT = Reason("predicate_subject", N_("Line {line}: “{text}” is nothing to ask for. One of: {options}."))
NOT_ORDERED = Reason("predicate_order", N_("Line {line}: only versions and tiers are “below” or “at least” something."))
ONE_VALUE = Reason("predicate_one", N_("Line {line}: “below” and “at least” take one value."))
NO_VALUE = Reason("predicate_value", N_("Line {line}: “{text}” is none of these: {options}."))
NOT_A_VERSION = Reason("predicate_version", N_("Line {line}: “{text}” is no version. Write it like 1.4.0."))
NOT_A_TIER = Reason("predicate_tier", N_("Line {line}: “{text}” is no tier. Write a whole number."))
TOO_MUCH = Reason("predicate_long", N_("The words are too long: at most {most} characters, {values} values a line."))


@dataclass(frozen=True)
class Condition:
    """One line: what is looked at, how it is compared, and with what; of several values one is enough."""

    subject: Subject
    relation: Relation
    values: tuple[str, ...]


Predicate = tuple[Condition, ...]
_LINE = re.compile(r"([a-z]+)\s+(is not|is|below|at least)\s+(.+)", re.IGNORECASE)
_APART = re.compile(r'"(?:[^"]|"")*"|[，、]')
_VERSION = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9}){0,5}")


def read(text: str) -> Predicate:
    """Return the predicate that ``text`` says.

    Raises
    ------
    Unfit
        Naming the line that cannot be read, and why.
    """
    if len(text) > LENGTH_MOST:
        raise Unfit(TOO_MUCH, most=LENGTH_MOST, values=VALUES_MOST)
    lines = ((number, line.strip()) for number, line in enumerate(text.splitlines(), start=1))
    return tuple(_condition(number, line) for number, line in lines if line)


def write(predicate: Iterable[Condition]) -> str:
    """Return the words that :func:`read` gives the predicate back for."""
    return "\n".join(f"{one.subject} {one.relation} {', '.join(map(_quoted, one.values))}" for one in predicate)


def sentences(predicate: Iterable[Condition], gettext: Callable[[str], str]) -> list[str]:
    """Return each condition as a person reads it, in the language of ``gettext``."""
    return [
        gettext(RELATION_WORDS[one.relation]).format(
            what=gettext(SUBJECT_WORDS[one.subject]),
            values=gettext(", ").join(_worded(one.subject, value, gettext) for value in one.values),
        )
        for one in predicate
    ]


def of_form(typed: Mapping[str, str]) -> str:
    """Return the words of a form that has ``how-SUBJECT`` and ``SUBJECT`` for each subject."""
    given = ((one, typed.get(one, "").strip()) for one in SUBJECTS)
    return "\n".join(
        f"{one} {typed.get(f'how-{one}') or 'is'} {' '.join(values.split())}" for one, values in given if values
    )


def fill_form(predicate: Iterable[Condition]) -> dict[str, str] | None:
    """Return what stands in the form of a predicate; none where it has two lines of one subject, which no form has."""
    typed: dict[str, str] = {}
    for one in predicate:
        if one.subject in typed:
            return None
        typed[one.subject] = ", ".join(map(_quoted, one.values))
        typed[f"how-{one.subject}"] = one.relation
    return typed


def version_key(version: str) -> tuple[int, ...]:
    """Return the numbers of a version, without zeros at the end; none where it does not begin like one."""
    found = _VERSION.match(version)
    numbers = [int(part) for part in found[0].split(".")] if found else []
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)


def _condition(number: int, line: str) -> Condition:
    found = _LINE.fullmatch(line)
    if found is None:
        raise Unfit(NOT_READ, line=number, text=line[:60])
    subject = found[1].lower()
    if subject not in SUBJECTS:
        raise Unfit(NO_SUBJECT, line=number, text=subject[:60], options=", ".join(SUBJECTS))
    relation = cast("Relation", " ".join(found[2].lower().split()))
    values = _values(found[3])
    if not values:
        raise Unfit(NOT_READ, line=number, text=line[:60])
    if len(values) > VALUES_MOST:
        raise Unfit(TOO_MUCH, most=LENGTH_MOST, values=VALUES_MOST)
    if relation in {"below", "at least"}:
        if subject not in ORDERED:
            raise Unfit(NOT_ORDERED, line=number)
        if len(values) > 1:
            raise Unfit(ONE_VALUE, line=number)
    for value in values:
        _check(cast("Subject", subject), relation, value, number)
    return Condition(cast("Subject", subject), relation, values)


def _check(subject: Subject, relation: Relation, value: str, number: int) -> None:
    known: Sequence[str] | None = {"ring": RINGS, "state": STATES}.get(subject)
    if known is not None and value not in known:
        raise Unfit(NO_VALUE, line=number, text=value[:60], options=", ".join(known))
    if subject == "tier" and not (value.isascii() and value.isdigit() and len(value) <= TIER_DIGITS_MOST):
        raise Unfit(NOT_A_TIER, line=number, text=value[:60])
    if subject == "version" and relation in {"below", "at least"} and not _VERSION.fullmatch(value):
        raise Unfit(NOT_A_VERSION, line=number, text=value[:60])


def _values(text: str) -> tuple[str, ...]:
    plain = _APART.sub(lambda found: "," if found[0] in "，、" else found[0], text)
    row = next(csv.reader([plain], skipinitialspace=True))
    return tuple(dict.fromkeys(value.strip() for value in row if value.strip()))


def _quoted(value: str) -> str:
    return '"' + value.replace('"', '""') + '"' if any(sign in value for sign in ',，、"') else value


def _worded(subject: Subject, value: str, gettext: Callable[[str], str]) -> str:
    words = {"ring": RING_WORDS, "state": STATE_WORDS}.get(subject, {})
    return gettext(words[value]) if value in words else value
