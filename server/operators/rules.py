"""Pure decisions about people and passwords: what a name may be, which password is too easy to guess."""

import re
import unicodedata
from collections.abc import Iterable
from importlib.resources import files

from contract.errors import Rejected

PASSWORD_MIN = 12
PASSWORD_MAX = 128
NAME_MAX = 64
FREE_MIN = 6

# What guessing begins with. A long password made of these alone, of runs of neighbouring keys, of one group
# again and again, or of the person's own name is no better than a short one.
COMMON_WORDS = frozenset((files(__package__) / "common_words.txt").read_text().split())
_RUNS = ("abcdefghijklmnopqrstuvwxyz", "01234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm", "1qaz2wsx3edc4rfv5tgb")
_LOOKALIKES = str.maketrans("0134578@$!", "oieastbasi")


def tidy_name(text: str) -> str:
    """Return a person's name as it is kept and compared: composed, without outer or doubled spaces.

    Raises
    ------
    Rejected
        ``invalid``, where it is empty, longer than 64 characters, or holds a colon or an unprintable character.
    """
    name = " ".join(unicodedata.normalize("NFKC", text).split())
    if not 0 < len(name) <= NAME_MAX or not name.isprintable() or ":" in name:
        raise Rejected("name_invalid", maximum=NAME_MAX)
    return name


def check_password(password: str, *, own_words: Iterable[str]) -> None:
    """Refuse a password that is too short, too long, or easy to guess, in words; ``own_words``: the name.

    Raises
    ------
    Rejected
        ``password_short``, ``password_long`` or ``password_common``.
    """
    if len(password) < PASSWORD_MIN:
        raise Rejected("password_short", length=len(password), minimum=PASSWORD_MIN)
    if len(password) > PASSWORD_MAX:
        raise Rejected("password_long", length=len(password), maximum=PASSWORD_MAX)
    if free_characters(password, own_words=own_words) < FREE_MIN:
        raise Rejected("password_common")


def free_characters(password: str, *, own_words: Iterable[str] = ()) -> int:
    """Return how many different characters are left when everything guessable is taken out.

    Guessable are common words (also with look-alike characters: ``p@ssw0rd``), the person's own words, runs of
    three and more neighbours of the alphabet, the digits or the keyboard in either direction, and years.
    """
    text = unicodedata.normalize("NFKC", password).casefold()
    words = sorted({*COMMON_WORDS, *(word.casefold() for word in own_words if len(word) > 1)}, key=len, reverse=True)
    guessable = [False] * len(text)
    for shown in (text, text.translate(_LOOKALIKES)):
        if len(shown) == len(text):
            for word in words:
                for found in re.finditer(re.escape(word), shown):
                    guessable[slice(*found.span())] = [True] * len(word)
    for found in re.finditer(r"(?:19|20)\d\d", text):
        guessable[slice(*found.span())] = [True] * 4
    for start in range(len(text) - 2):
        piece = text[start : start + 3]
        if any(piece in run or piece in run[::-1] for run in _RUNS) or len(set(piece)) == 1:
            guessable[start : start + 3] = [True] * 3
    return len({char for char, known in zip(text, guessable, strict=True) if not known})
