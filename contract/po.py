"""Catalogs in ``.po`` form read as gettext reads ``.mo``, with the standard library alone.

Babel, which writes our catalogs, does the same; but a terminal would hold it in memory, 3 MB of 64, for the half second
that it is needed. The formats are those of the GNU gettext manual, "PO Files" and "MO Files"; we use no contexts.
"""

import gettext
import io
import json
import re
import struct
from collections.abc import Iterable, Iterator

_FIELD = re.compile(r'(?:(msgid|msgid_plural|msgstr|msgstr\[[0-9]+\]) )?"(.*)"')
_MAGIC, _HEADER_BYTES = 0x950412DE, 28


def read(lines: Iterable[str]) -> gettext.GNUTranslations:
    """Return the translations of a catalog; doubtful (fuzzy), obsolete and missing ones are left out.

    Raises
    ------
    ValueError
        A line has no form of a catalog's; it is named.
    """
    return gettext.GNUTranslations(io.BytesIO(_mo(dict(_messages(lines)))))


def _messages(lines: Iterable[str]) -> Iterator[tuple[bytes, bytes]]:
    fields: dict[str, str] = {}
    name, fuzzy = "", False
    for number, raw in enumerate([*lines, ""], start=1):
        line = raw.strip()
        if line.startswith("#"):
            fuzzy = fuzzy or (line.startswith("#,") and "fuzzy" in line)
        elif line:
            found = _FIELD.fullmatch(line)
            if found is None:
                raise ValueError(f"line {number} is no line of a catalog: {line[:60]}")
            name = found[1] or name
            fields[name] = fields.get(name, "") + json.loads(f'"{found[2]}"')
        elif fields:
            message, plural = fields.pop("msgid"), fields.pop("msgid_plural", None)
            told = [fields[each] for each in sorted(fields)]
            if all(told) and not (fuzzy and message):
                yield _joined([message] if plural is None else [message, plural]), _joined(told)
            fields, fuzzy = {}, False


def _joined(texts: list[str]) -> bytes:
    return "\0".join(texts).encode()


def _mo(messages: dict[bytes, bytes]) -> bytes:
    ids = sorted(messages)
    words = [*ids, *(messages[each] for each in ids)]
    at = _HEADER_BYTES + 8 * len(words)
    tables, texts = bytearray(), bytearray()
    for word in words:
        tables += struct.pack("<2I", len(word), at + len(texts))
        texts += word + b"\0"
    second = _HEADER_BYTES + 8 * len(ids)
    head = struct.pack("<7I", _MAGIC, 0, len(ids), _HEADER_BYTES, second, 0, at)
    return head + bytes(tables) + bytes(texts)
