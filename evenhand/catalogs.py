"""The Chinese texts of every part: ``python -m evenhand.catalogs`` (``make i18n``).

Extracts the texts of each part (Python and templates) into its ``locale/zh_Hans.po``, keeps what is translated,
drops what is no longer said, and sorts by file. ``--fill FILE`` takes translations from a JSON file
(``{"English": "中文"}``): for the part that ``--part`` names, or for all, where nothing that is translated otherwise
is changed (exit 2, and nothing is written). ``--check`` only looks: exit 1 and one line for each text that is not in
the catalog or not translated. Runs at once are safe: one waits for the other, and a file is replaced as a whole.
"""

import argparse
import fcntl
import io
import json
import os
import sys
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

CHECKOUT = Path(__file__).resolve().parents[1]
PARTS = ("contract", "server", "terminal_client")
KEYWORDS = {"_": None, "N_": None, "gettext": None, "ngettext": (1, 2)}
METHODS = [("**/templates/**.html", "jinja2.ext:babel_extract"), ("**.py", "python")]
OPTIONS = {
    "**/templates/**.html": {
        "extensions": "jinja2.ext.do,jinja2.ext.loopcontrols",
        "trimmed": "true",
        "silent": "false",
    }
}
HEADER = (
    'msgid ""\nmsgstr ""\n"Language: zh_Hans\\n"\n"MIME-Version: 1.0\\n"\n'
    '"Content-Type: text/plain; charset=utf-8\\n"\n"Content-Transfer-Encoding: 8bit\\n"\n'
    '"Plural-Forms: nplurals=1; plural=0;\\n"\n\n'
)


def path_of(part: str) -> Path:
    """Return the file of a part's catalog."""
    return CHECKOUT / part / "locale" / "zh_Hans.po"


def extracted(part: str) -> Catalog:
    """Return the texts that a part's files hold, without translations."""
    found = Catalog()
    for name, _, message, _, context in extract_from_dir(
        CHECKOUT / part, method_map=METHODS, options_map=OPTIONS, keywords=KEYWORDS
    ):
        found.add(message, None, [(f"{part}/{name}", 0)], context=context)
    return found


def stored(part: str) -> Catalog:
    """Return a part's catalog as it stands; an empty one where there is none yet."""
    if not path_of(part).is_file():
        return Catalog(locale="zh_Hans", fuzzy=False)
    with path_of(part).open("rb") as opened:
        return read_po(opened, locale="zh_Hans")


def updated(part: str, translations: dict[str, str]) -> Catalog:
    """Return the catalog of today's texts with the translations that are stored and those given."""
    old = stored(part)
    new = Catalog(locale="zh_Hans", fuzzy=False)
    for message in extracted(part):
        if not message.id:
            continue
        key = message.id if isinstance(message.id, str) else message.id[0]
        known = old.get(message.id)
        text: str | tuple[str, ...] = known.string if known else ""
        if key in translations:
            text = translations[key] if isinstance(message.id, str) else (translations[key],)
        new.add(message.id, text, message.locations, flags=message.flags - {"fuzzy"})
    return new


def faults(part: str) -> list[str]:
    """Return a line for each text that a part's catalog lacks, does not translate, or translates wrongly."""
    catalog = stored(part)
    lines = []
    for message in extracted(part):
        if not message.id:
            continue
        known = catalog.get(message.id)
        said = message.id if isinstance(message.id, str) else message.id[0]
        where = ", ".join(sorted({name for name, _ in message.locations}))
        if known is None:
            lines.append(f"{where}: not in the catalog: {said}")
        elif not known.string or (isinstance(known.string, tuple) and not all(known.string)):
            lines.append(f"{where}: no translation: {said}")
        else:
            lines += [f"{where}: {error}: {said}" for error in known.check(catalog)]
    return lines


def conflicts(part: str, translations: dict[str, str]) -> list[str]:
    """Return a line for each text of a part that is translated otherwise than ``translations`` have it."""
    catalog, lines = stored(part), []
    for key, after in translations.items():
        known = catalog.get(key)
        string = known.string if known else ""
        before = string if isinstance(string, str) else "".join(string)
        if before and before != after:
            lines.append(f"{part}: “{key}” is “{before}” there, not “{after}”; name the part that it is for: --part")
    return lines


def write(part: str, catalog: Catalog) -> None:
    """Replace a part's file: sorted by file, no dates and no line numbers, so that changes stay small."""
    body = io.BytesIO()
    write_po(body, catalog, width=100, sort_by_file=True, include_lineno=False, omit_header=True)
    beside = path_of(part).with_suffix(f".{os.getpid()}.tmp")
    beside.write_bytes(HEADER.encode() + body.getvalue())
    beside.replace(path_of(part))


def collect(part: str, translations: dict[str, str]) -> None:
    """Bring a part's file up to date, alone at it."""
    folder = path_of(part).parent
    folder.mkdir(exist_ok=True)
    held = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        write(part, updated(part, translations))
    finally:
        os.close(held)


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m evenhand.catalogs", description=__doc__)
    parser.add_argument("--part", action="append", choices=PARTS, help="this part alone; may be repeated")
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 where a translation is missing")
    parser.add_argument("--fill", type=Path, metavar="FILE", help="JSON file of English texts and their Chinese")
    given = parser.parse_args()
    translations = json.loads(given.fill.read_text("utf-8")) if given.fill else {}
    if not given.part and (found := [line for part in PARTS for line in conflicts(part, translations)]):
        sys.stderr.write("".join(f"{line}\n" for line in found))
        return 2
    missing = 0
    for part in given.part or PARTS:
        if not given.check:
            collect(part, translations)
        found = faults(part)
        missing += len(found)
        sys.stdout.write("".join(f"{line}\n" for line in found))
        sys.stdout.write(f"{path_of(part).relative_to(CHECKOUT)}: {len(found)} to translate\n")
    return 1 if given.check and missing else 0


if __name__ == "__main__":
    raise SystemExit(main())
