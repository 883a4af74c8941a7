"""How an entry of the audit reads on a screen: who, what about, and its details, in a person's language.

The audit keeps codes, so that programs can count on them, and files are written with them. The words come from where
the capabilities meet (:mod:`server.act_words`); what is not in its tables is shown as it stands.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from types import MappingProxyType
from typing import Any, Final

from server.kit.console.formats import Formats

SHORT: Final = 8
"""Characters that are shown of a hash or of an identifier that nobody reads."""
_LONG = re.compile(r"[0-9a-f]{64}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_WHOLE = re.compile(r"-?\d+")
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d.*")
NO_NAMES: Final[Mapping[str, str]] = MappingProxyType({})
_SAID_APART = (("by", "owner"), ("by", "clerk"))
_ORDINALS = frozenset({"tier", "version", "revision", "attempt", "publication", "policy", "run", "number", "ordinal"})


@dataclass(frozen=True)
class TrailWords:
    """English words, marked for translation: of acts, of what acts are about, of details, and of coded values.

    A value's word is looked up as ``detail.value`` first, then as ``value``.
    """

    acts: Mapping[str, str] = field(default_factory=dict)
    subjects: Mapping[str, str] = field(default_factory=dict)
    details: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)


def who(actor: str, formats: Formats) -> str:
    """Return who acted: a person by name, else the terminal, the program or the system itself."""
    kind, _, name = actor.partition(":")
    gettext = formats.texts.gettext
    if kind == "system":
        return gettext("the system")
    if kind not in {"operator", "device", "token"}:
        return actor
    if not name:
        return gettext("(erased)")
    if kind == "device":
        return gettext("terminal %(name)s") % {"name": name}
    return gettext("program %(name)s") % {"name": name} if kind == "token" else name


def identifiers(entries: Iterable[Any]) -> set[str]:
    """Return the identifiers that stand in what entries are about and in their details, to look up what they name."""
    found: set[str] = set()
    for entry in entries:
        found.update(one[0] for one in _ID.finditer(f"{entry.subject} {json.dumps(entry.detail)}"))
    return found


def about(subject: str, words: TrailWords, formats: Formats, names: Mapping[str, str] = NO_NAMES) -> str:
    """Return what an act was about: ``order #87``; of an identifier its name, or only the beginning."""
    if not subject:
        return formats.texts.gettext("(erased)")
    kind, _, name = subject.partition(":")
    called = formats.texts.gettext(words.subjects[kind]) if kind in words.subjects else kind
    if name.isdigit():
        return f"{called} #{name}"
    return f"{called} {names.get(name) or _shortened(name)}".strip()


def details(detail: Mapping[str, Any], words: TrailWords, formats: Formats, names: Mapping[str, str] = NO_NAMES) -> str:
    """Return an entry's details on one line: ``retailer R1 · tier 5 → 4``.

    ``names`` are what identifiers name. Which person of a shop it was (``by``) is left to the screen's own words, and
    what is empty is left out.
    """
    return " · ".join(_lines(detail, words, formats, names))


def _lines(detail: Mapping[str, Any], words: TrailWords, formats: Formats, names: Mapping[str, str]) -> list[str]:
    told = []
    for key, value in detail.items():
        if value in (None, "", [], {}) or (key, value) in _SAID_APART:
            continue
        called = formats.texts.gettext(words.details.get(key, key.replace("_", " ")))
        told.append(f"{called} {_value(key, value, words, formats, names)}")
    return told


def _value(key: str, value: Any, words: TrailWords, formats: Formats, names: Mapping[str, str]) -> str:
    if isinstance(value, dict):
        if "after" in value and value.keys() <= {"before", "after"}:
            after = _value(key, value["after"], words, formats, names)
            return f"{_value(key, value['before'], words, formats, names)} → {after}" if "before" in value else after
        return ", ".join(_lines(value, words, formats, names))
    if isinstance(value, list) and value:
        between = "; " if any(isinstance(one, dict) for one in value) else ", "
        return between.join(_value(key, one, words, formats, names) for one in value)
    if isinstance(value, str) and value in names:
        return names[value]
    return "–" if value in (None, "", []) else _single(key, value, words, formats)


def _single(key: str, value: Any, words: TrailWords, formats: Formats) -> str:
    gettext = formats.texts.gettext
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if isinstance(value, int | float):
        if key in _ORDINALS:
            return str(value)
        return formats.money(int(value)) if key.endswith("_minor") else formats.number(value)
    if key.endswith("_minor") and _WHOLE.fullmatch(str(value)):
        return formats.money(int(value))
    word = words.values.get(f"{key}.{value}") or words.values.get(str(value))
    return gettext(word) if word else _written(str(value), formats)


def _written(text: str, formats: Formats) -> str:
    """Return a day or an instant as a person writes it, and of a hash or an identifier the beginning."""
    try:
        if _DAY.fullmatch(text):
            return formats.date(date.fromisoformat(text))
        if _INSTANT.fullmatch(text) and (at := datetime.fromisoformat(text)).tzinfo is not None:
            return formats.instant(at).striptags()
    except ValueError:
        return text
    return _shortened(text)


def _shortened(text: str) -> str:
    return _LONG.sub(lambda found: f"{found[0][:SHORT]}…", text)
