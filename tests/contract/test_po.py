"""Catalogs are read as Babel and gettext read them."""

import gettext
import io
from importlib.resources import files
from typing import Any

import pytest
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from contract import po

CATALOG = """
msgid ""
msgstr ""
"Content-Type: text/plain; charset=utf-8\\n"
"Plural-Forms: nplurals=1; plural=0;\\n"

#: where.py:1
msgid "one \\"word\\""
msgstr "一个"
"词"

msgid "%(num)d box"
msgid_plural "%(num)d boxes"
msgstr[0] "%(num)d 箱"

#, fuzzy
msgid "doubtful"
msgstr "可疑"

msgid "missing"
msgstr ""

#~ msgid "obsolete"
#~ msgstr "过时"
"""


def by_babel(source: bytes) -> dict[Any, str]:
    made = io.BytesIO()
    write_mo(made, read_po(io.BytesIO(source), locale="zh_Hans"))
    made.seek(0)
    return held(gettext.GNUTranslations(made))


def held(texts: gettext.GNUTranslations) -> dict[Any, str]:
    catalog: dict[Any, str] = vars(texts)["_catalog"]
    return {key: text for key, text in catalog.items() if key != ""}


@pytest.mark.parametrize("package", ["contract", "server", "terminal_client"])
def test_our_catalogs_are_read_as_babel_reads_them(package: str) -> None:
    source = (files(package) / "locale" / "zh_Hans.po").read_bytes()
    texts = held(po.read(source.decode().splitlines()))
    assert texts == by_babel(source)
    assert len(texts) > 100


def test_words_plurals_and_what_is_left_out() -> None:
    texts = po.read(CATALOG.splitlines())
    assert texts.gettext('one "word"') == "一个词"
    assert texts.ngettext("%(num)d box", "%(num)d boxes", 2) == "%(num)d 箱"
    assert [texts.gettext(each) for each in ("doubtful", "missing", "obsolete")] == ["doubtful", "missing", "obsolete"]
    assert held(texts) == by_babel(CATALOG.encode())


def test_a_line_that_is_none_of_a_catalog_is_named() -> None:
    with pytest.raises(ValueError, match="line 2 is no line of a catalog: msgid one"):
        po.read(["", "msgid one"])
