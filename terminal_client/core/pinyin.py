"""Chinese by its sound: candidates for what is typed in pinyin, and the readings of a character.

The words lie sorted in files that setup makes (``.ci/frontend/pinyin.py``); they are mapped, not read, so that the
process stays small. Where they are missing there are no candidates and no readings: Latin letters still work.

Typed letters are parted into syllables in every likely way; a part may be a whole syllable (``yun``), its first
letter (``y``, ``zh``), or, at the end, the beginning of one. An apostrophe parts by hand: ``xi'an``.
"""

import logging
import mmap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path

log = logging.getLogger(__name__)
MOST_LETTERS = 40
MOST_PARTINGS = 6
MOST_SYLLABLES = 4
#: Where a whole syllable could be the beginning of a longer one, too, the longer one counts for less.
BEGUN = 0.02
#: Enough words of one parting: they lie sorted, commonest first.
MOST_OF_A_PARTING = 60
STARTS = ("zh", "ch", "sh", *"bpmfdtnlgkhjqxrzcsyw", *"aeo")
#: What stands in for the frequency of a syllable that no word covers.
RARE = 1e-9
CORPUS = 2e7


@dataclass(frozen=True)
class Candidate:
    """A word, and how many of the typed letters it takes."""

    word: str
    letters: int


@dataclass(frozen=True)
class Part:
    """A piece of what was typed; ``whole`` where it is a syllable."""

    text: str
    whole: bool


Parting = tuple[Part, ...]


class Lines:
    """A sorted text file, found by halves."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as opened:
            self._map = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)

    def of(self, key: str) -> Iterator[list[str]]:
        """Yield the fields of the lines whose first field is ``key``, in their order."""
        wanted = key.encode() + b" "
        at = self._first(wanted)
        while at < len(self._map):
            end = self._map.find(b"\n", at)
            line = self._map[at:end]
            if not line.startswith(wanted):
                return
            yield line.decode().split(" ")
            at = end + 1

    def _first(self, wanted: bytes) -> int:
        """Return where the first line begins that does not stand before ``wanted``."""
        low, high = 0, len(self._map)
        while low < high:
            middle = self._map.rfind(b"\n", low, (low + high) // 2) + 1 or low
            end = self._map.find(b"\n", middle)
            if self._map[middle : middle + len(wanted)] < wanted:
                low = end + 1
            else:
                high = middle
        return low


@dataclass(frozen=True)
class Words:
    """The files of one installation."""

    words: Lines
    characters: Lines
    syllables: frozenset[str]


@cache
def installed() -> Words | None:
    """Return the words, or none where setup made none."""
    folder = Path(str(files("terminal_client.core").joinpath("words")))
    try:
        syllables = frozenset((folder / "syllables.txt").read_text("ascii").split())
        return Words(Lines(folder / "words.txt"), Lines(folder / "characters.txt"), syllables)
    except OSError:
        log.warning("there are no words by pinyin in %s; run make setup", folder)
        return None


@lru_cache(maxsize=4096)
def readings(character: str) -> tuple[str, ...]:
    """Return how a character may be read, the commonest way first; of others than Chinese ones, nothing."""
    known = installed()
    if known is None or not "\u3400" <= character <= "\u9fff":
        return ()
    return tuple(next(known.characters.of(character), [""])[1:])


def partings(typed: str) -> list[Parting]:
    """Return the likely ways to part what was typed into syllables, the likeliest first."""
    known = installed()
    if known is None:
        return []
    best: list[list[tuple[float, Parting]]] = [[] for _ in range(len(typed) + 1)]
    best[0] = [(0.0, ())]
    for at, letter in enumerate(typed):
        for cost, before in best[at]:
            if letter == "'":
                best[at + 1].append((cost, before))
                continue
            for part in _parts_at(known.syllables, typed, at):
                dear = 1.0 if part.whole else 1.6
                best[at + len(part.text)].append((cost + dear, (*before, part)))
        for end in range(at + 1, min(at + 7, len(typed)) + 1):
            best[end].sort(key=lambda one: one[0])
            del best[end][MOST_PARTINGS:]
    return [parting for _, parting in best[-1] if parting]


def _parts_at(syllables: frozenset[str], typed: str, at: int) -> Iterator[Part]:
    rest = typed[at : at + 6].partition("'")[0]
    for length in range(len(rest), 0, -1):
        text = rest[:length]
        if text in syllables:
            yield Part(text, whole=True)
        elif text in STARTS or (at + length == len(typed) and any(one.startswith(text) for one in syllables)):
            yield Part(text, whole=False)


def candidates(typed: str, names: Iterable[str] = (), *, most: int = 40) -> list[Candidate]:
    """Return words for what was typed, the likeliest first; ``names`` are words that go before others.

    The first ones take all the letters; then come shorter ones, down to a character for the first syllable.
    """
    typed = typed.lower()[:MOST_LETTERS].strip("'")
    found: dict[tuple[str, int], None] = {}
    ways = partings(typed)
    known = installed()
    if not ways or known is None:
        return []
    whole = len(typed)
    if whole > 1:
        found |= {(name, whole): None for name in names if any(spells(way, name) for way in ways)}
    for word in _ranked(known, ways):
        found[word, whole] = None
    first = ways[0]
    if len(first) > 1 and not found:
        found[_sentence(first), whole] = None
    for count in range(min(len(first) - 1, MOST_SYLLABLES), 0, -1):
        taken = _letters(typed, first, count)
        for word in _ranked(known, [first[:count]]):
            found[word, taken] = None
            if count > 1 and len(found) >= most // 2:
                break
    return [Candidate(word, letters) for word, letters in list(found)[:most]]


def _ranked(known: Words, ways: Iterable[Parting]) -> list[str]:
    """Return the words that one of ``ways`` spells in full, the commonest first."""
    weights: dict[str, float] = {}
    for way in ways:
        if len(way) > MOST_SYLLABLES:
            continue
        exact = 0
        for _, occurrences, syllables, word in known.words.of("".join(part.text[0] for part in way)):
            fit = _fit(way, syllables.split("'"))
            if fit:
                weights[word] = max(weights.get(word, 0.0), int(occurrences) * fit)
                exact += fit == 1.0
                if exact == MOST_OF_A_PARTING:
                    break
    return sorted(weights, key=lambda word: -weights[word])


def _fit(way: Parting, syllables: list[str]) -> float:
    """Return how well syllables go with a parting, from 0, not at all, to 1."""
    for part, syllable in zip(way[:-1], syllables, strict=False):
        if not (syllable == part.text if part.whole else syllable.startswith(part.text)):
            return 0.0
    if syllables[-1] == way[-1].text:
        return 1.0
    if not syllables[-1].startswith(way[-1].text):
        return 0.0
    return BEGUN if way[-1].whole else 1.0


def _sentence(way: Parting) -> str:
    """Return the likeliest row of words for syllables that no single word covers."""
    best: list[tuple[float, str]] = [(1.0, "")] + [(0.0, "")] * len(way)
    for start in range(len(way)):
        weight, said = best[start]
        for end in range(start + 1, min(start + MOST_SYLLABLES, len(way)) + 1):
            found = _likeliest(way[start:end])
            if found is None and end > start + 1:
                continue
            share, word = found or (RARE, "".join(part.text for part in way[start:end]))
            if weight * share > best[end][0]:
                best[end] = (weight * share, said + word)
    return best[-1][1]


@lru_cache(maxsize=512)
def _likeliest(way: Parting) -> tuple[float, str] | None:
    """Return the commonest word that a parting spells, with its share of all words."""
    known = installed()
    best: tuple[float, str] | None = None
    for _, occurrences, syllables, word in known.words.of("".join(part.text[0] for part in way)) if known else ():
        fit = _fit(way, syllables.split("'"))
        share = int(occurrences) / CORPUS * fit
        if share and (best is None or share > best[0]):
            best = (share, word)
        if fit == 1.0:
            break
    return best


def _letters(typed: str, way: Parting, count: int) -> int:
    """Return how many letters the first parts take, apostrophes between and after them included."""
    at = 0
    for part in way[:count]:
        at = typed.index(part.text, at) + len(part.text)
    return at + (typed[at : at + 1] == "'")


def spells(way: Parting, name: str) -> bool:
    """Return whether a parting is the beginning of a name, in any of its characters' readings."""
    if len(way) > len(name):
        return False
    last = len(way) - 1
    return all(
        any(
            reading == part.text if part.whole and at < last else reading.startswith(part.text)
            for reading in readings(character)
        )
        for at, (part, character) in enumerate(zip(way, name, strict=False))
    )
