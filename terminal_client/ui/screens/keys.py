"""What the keyboard on the screen asks for: Chinese words for letters."""

import json
from functools import lru_cache

from werkzeug.routing import Rule
from werkzeug.wrappers import Request, Response

from terminal_client.core import finding, pinyin
from terminal_client.ui.web import Desk

#: Words of one answer: five rows of the keyboard's bar.
MOST_WORDS = 40


def candidates(desk: Desk, request: Request) -> Response:
    """Answer with words for what was typed, each with the letters that it takes; names of goods go first."""
    typed = "".join(c for c in request.args.get("typed", "").lower()[: pinyin.MOST_LETTERS] if c in LETTERS)
    reference = desk.terminal.store.reference()
    names = _by_letter(tuple(item.name.zh for item in reference.catalogue)) if reference else {}
    words = [[one.word, one.letters] for one in pinyin.candidates(typed, names.get(typed[:1], ()), most=MOST_WORDS)]
    return Response(json.dumps({"words": words}, ensure_ascii=False), mimetype="application/json")


LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz'")


@lru_cache(maxsize=1)
def _by_letter(names: tuple[str, ...]) -> dict[str, list[str]]:
    """Return the words of the goods' names by the letters that they may begin with."""
    found: dict[str, dict[str, None]] = {}
    for name in names:
        for word in finding.said_names(name):
            for letter in {reading[0] for reading in pinyin.readings(word[0])} if len(word) > 1 else ():
                found.setdefault(letter, {})[word] = None
    return {letter: list(words) for letter, words in found.items()}


RULES = (Rule("/keys/candidates", endpoint=candidates, methods=["GET"]),)
