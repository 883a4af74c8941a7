"""Texts in both languages: gettext catalogs in ``.po`` form, parsed at start, no compile step.

Message ids are the English source strings. ``zh`` stands for simplified Chinese (catalog ``zh_Hans``).
"""

import gettext
import re
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Literal

from contract import po
from contract.errors import TEXTS, WORDS, _Shown

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")


@cache
def translations(package: str, language: Language) -> gettext.NullTranslations:
    """Return the texts of ``package`` (its folder ``locale`` holds the catalogs), with the contract's behind.

    English needs no catalog: its message ids are its texts.
    """
    if language == "en":
        return gettext.NullTranslations()
    with (files(package) / "locale" / "zh_Hans.po").open(encoding="utf-8") as opened:
        found = po.read(opened)
    if package != "contract":
        found.add_fallback(translations("contract", language))
    return found


def refusal_text(code: str, params: dict[str, str | int], language: Language) -> str:
    """Return the sentence of a stable code; an unknown code is shown as it is, never hidden."""
    source = TEXTS.get(code)
    if source is None:
        return code
    gettext_ = translations("contract", language).gettext
    told = {name: _told(value, gettext_) if name in _WORDED else value for name, value in params.items()}
    return _EMPTY_AT_END.sub(r"\1", gettext_(source).format_map(_Shown(told)))


_EMPTY_AT_END = re.compile(r"\s+([.。])$")
"""What an empty parameter at the end of a sentence leaves behind."""
_WORDED = frozenset({"what", "state", "needed", "role"})


def _told(value: str | int, gettext_: Callable[[str], str]) -> str | int:
    """Return the words of a parameter as people say them; what is none of ours stays as it is."""
    if not isinstance(value, str):
        return value
    return " / ".join(gettext_(WORDS[word]) if word in WORDS else word for word in value.split(" / "))
