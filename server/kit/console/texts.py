"""The language of a request, and its texts.

A person chooses once (cookie ``lang``); before that the browser's ``Accept-Language`` decides, and where
it names neither language the console speaks Chinese.
"""

from gettext import NullTranslations

from starlette.requests import Request

from contract.texts import LANGUAGES, Language, translations
from server.kit.marking import N_

__all__ = ["COOKIE", "DEFAULT", "N_", "language_of", "texts"]

COOKIE = "lang"
DEFAULT: Language = "zh"


def language_of(request: Request) -> Language:
    """Return the language that the request is answered in."""
    chosen = request.cookies.get(COOKIE)
    for language in LANGUAGES:
        if chosen == language:
            return language
    return _accepted(request.headers.get("accept-language", ""))


def _accepted(header: str) -> Language:
    """Return the best of our languages that ``Accept-Language`` names; on equal weight the first."""
    best: Language = DEFAULT
    best_weight = 0.0
    for part in header[:500].split(","):
        tag, _, parameter = part.partition(";")
        try:
            weight = float(parameter.strip().removeprefix("q=") or 1)
        except ValueError:
            continue
        for language in LANGUAGES:
            if tag.strip().lower().split("-")[0] == language and weight > best_weight:
                best, best_weight = language, weight
    return best


def texts(request: Request) -> NullTranslations:
    """Return the translations of the request: ``_ = texts(request).gettext``."""
    return translations("server", language_of(request))
