"""Both languages are complete, and both themes can be read."""

import re
from pathlib import Path
from typing import get_args

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

import terminal_client
from contract.feed import Bar, Grant
from contract.texts import translations
from terminal_client.ui import sentences

HERE = Path(terminal_client.__file__).parent
METHODS = [("**.py", "python"), ("**/templates/**.html", "jinja2")]
KEYWORDS = {"_": None, "N_": None, "gettext": None, "ngettext": (1, 2)}
TEMPLATES = HERE / "ui" / "templates"
FIELD = re.compile(r"%\(\w+\)[sd]|\{\w+\}")


def used() -> set[str]:
    """Every text that is shown."""
    options = {"**/templates/**.html": {"silent": "false"}}
    found = extract_from_dir(HERE, METHODS, options, keywords=KEYWORDS)
    return {text if isinstance(text, str) else text[0] for _, _, text, _, _ in found}


def test_every_text_has_its_chinese_with_the_same_fields_and_none_is_left_over() -> None:
    with (HERE / "locale" / "zh_Hans.po").open("rb") as opened:
        catalog = read_po(opened, locale="zh_Hans")
    translated = {}
    for message in catalog:
        if message.id:
            text = message.id if isinstance(message.id, str) else message.id[0]
            string = message.string if isinstance(message.string, str) else message.string[0]
            translated[text] = string
    texts = used()
    assert {text for text in texts if not translated.get(text)} == set()
    assert set(translated) - texts == set()
    for text, string in translated.items():
        assert set(FIELD.findall(string)) == set(FIELD.findall(text)), text


def test_every_reason_has_a_sentence_in_both_languages() -> None:
    reasons = Grant.model_fields["reason"].annotation.__args__  # type: ignore[union-attr]
    assert set(sentences.SHORT) == set(sentences.LONG) == set(reasons)
    chinese = translations("terminal_client", "zh")
    for reason in reasons:
        assert chinese.gettext(sentences.LONG[reason]) != sentences.LONG[reason]


def test_a_lot_within_a_limit_is_not_laid_to_the_supply() -> None:
    units = {"requested_units": 24, "eligible_units": 24, "granted_units": 12, "supply_units": 720, "asked_units": 440}
    rest = {"sku": "GOLD", "weight": 10, "share": "1.2", "reason": "lottery", "bound_by": "credit:R1"}
    grant = Grant.model_validate(units | rest)
    assert sentences.why(grant, "supply")[0] == sentences.LONG["lottery"]
    for bound in ("credit", "units", "quota", "other"):
        said, _ = sentences.why(grant, bound)
        assert said != sentences.LONG["lottery"]
        assert sentences.short(grant, bound) != sentences.SHORT["lottery"]


def test_what_barred_a_line_is_said_and_a_server_that_does_not_tell_it_is_understood() -> None:
    units = {"requested_units": 24, "eligible_units": 0, "granted_units": 0, "supply_units": 720, "asked_units": 440}
    rest = {"sku": "GOLD", "weight": 10, "share": "0", "reason": "ineligible"}
    chinese = translations("terminal_client", "zh")
    said = [sentences.why(Grant.model_validate(units | rest | {"barred_by": bar}), None)[0] for bar in get_args(Bar)]
    assert set(said) == set(sentences.BARRED.values())
    assert len(set(said)) == len(get_args(Bar))
    assert all(chinese.gettext(each) != each for each in said)
    assert sentences.why(Grant.model_validate(units | rest), None)[0] == sentences.LONG["ineligible"]


def test_what_asks_for_news_of_a_whole_page_holds_no_links() -> None:
    """Links inherit what an element around them selects: a tap would draw the page anew without its foot."""
    asking = re.compile(r"<[^>]*hx-select=\"#main\"[^>]*>")
    found = [tag for path in TEMPLATES.glob("*.html") for tag in asking.findall(path.read_text(encoding="utf-8"))]
    assert found
    assert [tag for tag in found if not tag.endswith(" hidden>") or 'hx-select-oob="#go"' not in tag] == []


def _palettes() -> dict[str, dict[str, str]]:
    tokens = (HERE / "ui" / "static" / "tokens.css").read_text(encoding="utf-8")
    blocks = re.findall(r'(:root|\[data-theme="(?:dark|auto)"\]) \{([^}]*)\}', tokens)
    colours = {
        name: dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", body)) for name, body in blocks if "--paper" in body
    }
    assert colours['[data-theme="dark"]'] == colours['[data-theme="auto"]']
    return {"light": colours[":root"], "dark": colours['[data-theme="dark"]']}


PAIRS = [
    *(("ink", ground) for ground in ("paper", "sheet", "sunk")),
    *(("ink-2", ground) for ground in ("paper", "sheet", "sunk")),
    *(("accent", ground) for ground in ("paper", "sheet", "accent-soft")),
    ("ink", "accent-soft"),
    ("ink-2", "accent-soft"),
    ("accent-ink", "accent"),
    ("paper", "ink"),
    ("paper", "stop"),
    *((tone, ground) for tone in ("ok", "wait", "stop", "note") for ground in (f"{tone}-soft", "paper", "sheet")),
    ("wait", "accent-soft"),
    ("ok", "accent-soft"),
    ("note", "accent-soft"),
]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), PAIRS)
def test_every_pair_of_colours_can_be_read_from_a_metre(theme: str, text: str, ground: str) -> None:
    palette = _palettes()[theme]
    lighter, darker = sorted((_luminance(palette[text]), _luminance(palette[ground])), reverse=True)
    assert (lighter + 0.05) / (darker + 0.05) >= 7


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
