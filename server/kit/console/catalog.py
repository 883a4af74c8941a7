"""The server's Chinese texts: ``python -m server.kit.console.catalog``.

Extracts every text of ``server`` (Python and templates) into ``server/locale/zh_Hans.po``, keeps what is
translated, drops what is no longer said, and sorts by file. ``--fill FILE`` takes translations from a JSON file
(``{"English": "中文"}``) and ``--check`` only looks: exit 1 and one line for each text without a translation or not
in the catalog. Runs at once are safe: one waits for the other, and the file is replaced as a whole.
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

SERVER = Path(__file__).resolve().parents[2]
PO = SERVER / "locale" / "zh_Hans.po"
KEYWORDS = {"_": None, "N_": None, "gettext": None, "ngettext": (1, 2)}
METHODS = [("**/templates/**.html", "jinja2.ext:babel_extract"), ("**.py", "python")]
OPTIONS = {
    "**/templates/**.html": {
        "extensions": "jinja2.ext.do,jinja2.ext.loopcontrols",
        "trimmed": "true",
        "silent": "false",
    }
}


def extracted() -> Catalog:
    """Return the texts that the server's files hold, without translations."""
    found = Catalog()
    for name, _, message, _, context in extract_from_dir(
        SERVER, method_map=METHODS, options_map=OPTIONS, keywords=KEYWORDS
    ):
        found.add(message, None, [(f"server/{name}", 0)], context=context)
    return found


def stored() -> Catalog:
    """Return the catalog as it stands."""
    with PO.open("rb") as opened:
        return read_po(opened, locale="zh_Hans")


def updated(old: Catalog, translations: dict[str, str]) -> Catalog:
    """Return the catalog of today's texts with the translations of ``old`` and of ``translations``."""
    new = Catalog(locale="zh_Hans", fuzzy=False)
    for message in extracted():
        if not message.id:
            continue
        key = message.id if isinstance(message.id, str) else message.id[0]
        known = old.get(message.id)
        text: str | tuple[str, ...] = known.string if known else ""
        if key in translations:
            text = translations[key] if isinstance(message.id, str) else (translations[key],)
        flags = message.flags - {"fuzzy"}
        new.add(message.id, text, message.locations, flags=flags)
    return new


def faults(catalog: Catalog) -> list[str]:
    """Return a line for each text that the catalog lacks, does not translate, or translates wrongly."""
    lines = []
    for message in extracted():
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


def write(catalog: Catalog) -> None:
    """Replace the file: sorted by file, no dates and no line numbers, so that changes stay small."""
    body = io.BytesIO()
    write_po(body, catalog, width=100, sort_by_file=True, include_lineno=False, omit_header=True)
    header = (
        'msgid ""\nmsgstr ""\n"Language: zh_Hans\\n"\n"MIME-Version: 1.0\\n"\n'
        '"Content-Type: text/plain; charset=utf-8\\n"\n"Content-Transfer-Encoding: 8bit\\n"\n'
        '"Plural-Forms: nplurals=1; plural=0;\\n"\n\n'
    )
    beside = PO.with_suffix(f".{os.getpid()}.tmp")
    beside.write_bytes(header.encode() + body.getvalue())
    beside.replace(PO)


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m server.kit.console.catalog", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 where a translation is missing")
    parser.add_argument("--fill", type=Path, metavar="FILE", help="JSON file of English texts and their Chinese")
    given = parser.parse_args()
    if not given.check:
        translations = json.loads(given.fill.read_text("utf-8")) if given.fill else {}
        folder = os.open(PO.parent, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            write(updated(stored(), translations))
        finally:
            os.close(folder)
    missing = faults(stored())
    for line in missing:
        sys.stdout.write(line + "\n")
    sys.stdout.write(f"{PO.name}: {len(missing)} to translate\n")
    return 1 if given.check and missing else 0


if __name__ == "__main__":
    raise SystemExit(main())
