"""What the checker and the proof say, in English and Chinese.

A sentence is its English text with places for facts; that text is also the key of the Chinese one in
:mod:`allocation.verification.chinese`.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from allocation.verification.chinese import CHINESE

LANGUAGES: Final = ("en", "zh")

_HASH: Final = re.compile(r"[0-9a-f]{64}")
_DIGITS_SHOWN: Final = 12


@dataclass(frozen=True)
class Sentence:
    """A text with places in braces, and the facts that stand there; a fact may be a sentence itself."""

    text: str
    facts: Mapping[str, Any] = field(default_factory=dict)

    def said(self, lang: str = "en") -> str:
        """Return the sentence in a language: ``en`` or ``zh``."""
        template = CHINESE[self.text] if lang == "zh" else self.text
        return template.format_map({name: in_words(fact, lang) for name, fact in self.facts.items()})

    def __str__(self) -> str:
        """Return it in English."""
        return self.said()


def sentence(text: str, **facts: Any) -> Sentence:
    """Return a sentence; `text` must have its Chinese."""
    return Sentence(text, facts)


def in_words(value: object, lang: str) -> str:
    """Print a value of a certificate: hashes by their first digits, levels in words, nothing as a data structure."""
    match value:
        case Sentence():
            text = value.said(lang)
        case {"level": level, **rest} if rest.keys() <= {"tier", "phase", "tie"}:
            text = _level(str(level), {str(key): part for key, part in rest.items()}).said(lang)
        case None | [] | {}:
            text = sentence("nothing").said(lang)
        case dict() | list():
            text = json.dumps(value, ensure_ascii=False)
        case bytes():
            text = value.hex()
        case _:
            text = str(value)
    return f"{text[:_DIGITS_SHOWN]}…" if _HASH.fullmatch(text) else text


def _level(level: str, rest: Mapping[str, Any]) -> Sentence:
    """Return where something became full: its level, and what comes before and after the level in the order."""
    stated = sentence("level {level}", level=level)
    if rest.get("tier") or rest.get("phase"):
        stated = sentence("{level} of tier {tier}, phase {phase}", level=stated, tier=rest["tier"], phase=rest["phase"])
    return sentence("{level} with the draw {tie}", level=stated, tie=rest["tie"]) if "tie" in rest else stated
