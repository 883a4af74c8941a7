"""Write the terminal's words by pinyin out of the packages in ``node_modules``.

Three files for :mod:`terminal_client.core.pinyin`, sorted, so that a lookup is a search by halves in a mapped file;
tones are left out, ü is written v:

``words.txt``
    ``initials occurrences syllable'syllable word``: characters, and words of two to four characters, by initials,
    the commonest first.
``characters.txt``
    ``character reading reading …``, the commonest reading first.
``syllables.txt``
    every syllable, a line each.

Words, readings and frequencies are those of ``@pinyin-pro/data`` (ISC), whose word list is that of jieba (MIT).
The readings of a character are the ones that it has in words; rare ones are left out.
"""

import json
import unicodedata
from collections import defaultdict
from pathlib import Path

SOURCE = "@pinyin-pro/data/json/complete.json"
ADDED = "@pinyin-pro/data/json/modern.json"
#: A word is kept from this frequency on (occurrences in the corpus), by its length in characters.
LEAST = {1: 3, 2: 40, 3: 30, 4: 20}
#: The package gives frequencies as shares of 10^12.
PER_OCCURRENCE = 1e-12
#: A reading counts where it makes this share of what a character is read as.
LEAST_SHARE = 0.004
#: Words of the counter that no newspaper writes often enough.
OF_THE_TRADE = {
    "缺货": "que huo",
    "断货": "duan huo",
    "少货": "shao huo",
    "多货": "duo huo",
    "漏发": "lou fa",
    "错发": "cuo fa",
    "发错": "fa cuo",
    "送错": "song cuo",
    "送货": "song huo",
    "退货": "tui huo",
    "补货": "bu huo",
    "收货": "shou huo",
    "到货": "dao huo",
    "拒收": "ju shou",
    "打湿": "da shi",
    "受潮": "shou chao",
    "压坏": "ya huai",
    "破包": "po bao",
    "条装": "tiao zhuang",
    "细支": "xi zhi",
    "软包": "ruan bao",
    "硬包": "ying bao",
    "零售户": "ling shou hu",
    "订货量": "ding huo liang",
}
TRADE_OCCURRENCES = 600

ORIGIN = """Made by .ci/frontend/pinyin.py from {name} {version}, licence {license}.
The words and their frequencies are those of jieba:

The MIT License (MIT)

Copyright (c) 2013 Sun Junyi

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""

Words = dict[str, tuple[tuple[str, ...], int]]


def plain(reading: str) -> str:
    """Return a reading without its tones: ``lǜ`` is ``lv``."""
    parts = unicodedata.normalize("NFD", reading.lower().replace("ü", "v"))
    marked = parts.replace("u\u0308", "v")
    return "".join(c for c in marked if c.isascii() and (c.isalpha() or c == " "))


def read_words(modules: Path) -> Words:
    """Return every word with its syllables and how often it occurs."""
    found: Words = {}
    for name in (ADDED, SOURCE):
        for word, (reading, share) in json.loads((modules / name).read_bytes()).items():
            syllables = tuple(plain(reading).split())
            if len(syllables) == len(word) and all("\u4e00" <= c <= "\u9fff" for c in word):
                found[word] = (syllables, round(share / PER_OCCURRENCE))
    for word, reading in OF_THE_TRADE.items():
        found[word] = (tuple(reading.split()), TRADE_OCCURRENCES)
    return found


def readings(words: Words) -> dict[str, dict[str, int]]:
    """Return how often each character is read how, over all words."""
    counted: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for word, (syllables, occurrences) in words.items():
        for character, syllable in zip(word, syllables, strict=True):
            counted[character][syllable] += occurrences
    return {
        character: {
            syllable: occurrences
            for syllable, occurrences in sorted(by_syllable.items(), key=lambda one: (-one[1], one[0]))
            if occurrences >= LEAST_SHARE * sum(by_syllable.values())
        }
        for character, by_syllable in counted.items()
    }


def tables(words: Words) -> dict[str, str]:
    """Return the files by their names."""
    read_as = readings(words)
    lines = []
    for word, (syllables, occurrences) in words.items():
        if len(word) > 1 and occurrences >= LEAST.get(len(word), occurrences + 1):
            lines.append(("".join(s[0] for s in syllables), occurrences, syllables, word))
    for character, by_syllable in read_as.items():
        own = words[character][1] if character in words else 0
        total = sum(by_syllable.values())
        for syllable, part in by_syllable.items():
            occurrences = max(own * part // max(total, 1), part // 20)
            if occurrences >= LEAST[1]:
                lines.append((syllable[0], occurrences, (syllable,), character))
    lines.sort(key=lambda line: (line[0], -line[1], line[3]))
    syllables = sorted({syllable for by_syllable in read_as.values() for syllable in by_syllable})
    return {
        "words.txt": "".join(f"{initials} {n} {chr(39).join(s)} {word}\n" for initials, n, s, word in lines),
        "characters.txt": "".join(f"{c} {' '.join(by_syllable)}\n" for c, by_syllable in sorted(read_as.items())),
        "syllables.txt": "".join(f"{syllable}\n" for syllable in syllables),
    }


def write(modules: Path, folder: Path) -> int:
    """Make ``folder`` hold the files and where they are from; return how many were written."""
    package = json.loads((modules / "@pinyin-pro/data/package.json").read_bytes())
    made = tables(read_words(modules)) | {"LICENSE.txt": ORIGIN.format(**package)}
    changes = 0
    for name, content in made.items():
        target = folder / name
        if not target.is_file() or target.read_text("utf-8") != content:
            folder.mkdir(parents=True, exist_ok=True)
            target.write_text(content, "utf-8")
            changes += 1
    return changes
