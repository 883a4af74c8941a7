"""Which items somebody means: by name, pinyin, pinyin initials or code, however it is typed.

Case, full and half width, spaces, brackets and other signs make no difference. A code is text: its leading zeros count,
and the beginning or any piece of it finds it. Every word that is typed must be found.
"""

import re
import unicodedata
from functools import lru_cache

from contract.device_api import CatalogueItem
from terminal_client.core import pinyin

_SPOKEN = re.compile(r"[a-z0-9']*[a-z][a-z0-9']*")
_CHINESE = re.compile(r"[\u3400-\u9fff]+")


def fold(text: str) -> str:
    """Return a text as it is compared: half width, small letters; no spaces, brackets or other signs."""
    return "".join(char for char in unicodedata.normalize("NFKC", text).casefold() if char.isalnum())


def found(item: CatalogueItem, query: str) -> bool:
    """Return whether ``query`` means ``item``; an empty one means every item."""
    words = [word for word in map(fold, unicodedata.normalize("NFKC", query).split()) if word]
    if not words:
        return not query.strip()
    texts = _texts(item.name.zh, item.name.en, item.sku, item.barcodes)
    if all(any(word in text for text in texts) for word in words):
        return True
    joined = "".join(words)
    return any(joined in text for text in texts) or sounds_like(item.name.zh, joined)


@lru_cache(maxsize=4096)
def _texts(zh: str, en: str, sku: str, barcodes: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(fold(text) for text in (zh, en, sku, *barcodes))


def sounds_like(name: str, typed: str) -> bool:
    """Return whether ``typed`` is the pinyin, or the initials, of a piece of ``name`` from some character on.

    Syllables and first letters may be mixed (``yunl``, ``yling``), the last syllable may be only begun, and a
    character with several readings is found by each.
    """
    if not _SPOKEN.fullmatch(typed):
        return False
    letters = typed.replace("'", "")
    characters = spoken(name)
    return bool(letters) and any(_goes(characters[start:], letters) for start in range(len(characters)))


def _goes(characters: tuple[tuple[str, ...], ...], letters: str) -> bool:
    """Return whether letters can be spread over characters, one after the other."""
    if not letters:
        return True
    if not characters:
        return False
    for reading in characters[0]:
        if reading.startswith(letters):
            return True
        for taken in {reading, reading[:1], reading[:2] if reading[1:2] == "h" else reading[:1]}:
            if letters.startswith(taken) and _goes(characters[1:], letters[len(taken) :]):
                return True
    return False


@lru_cache(maxsize=4096)
def spoken(name: str) -> tuple[tuple[str, ...], ...]:
    """Return the readings of a name's characters; signs are left out, digits and Latin letters stand for themselves."""
    return tuple(pinyin.readings(c) or (c,) for c in fold(name) if _CHINESE.match(c) or (c.isascii() and c.isalnum()))


def said_names(name: str) -> tuple[str, ...]:
    """Return the pieces of a name that can be typed as words: ``云岭（硬金）`` is ``云岭`` and ``硬金``."""
    return tuple(_CHINESE.findall(name))
