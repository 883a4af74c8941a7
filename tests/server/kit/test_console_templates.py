"""Screens of every capability keep to the one look and to the strict content policy."""

import re
from pathlib import Path

import pytest

from server.kit.console import icons
from server.kit.console.templating import STATIC

SERVER = Path(icons.__file__).parents[2]
TEMPLATES = sorted(SERVER.rglob("templates/**/*.html"))
IDS = [path.relative_to(SERVER).as_posix() for path in TEMPLATES]


def classes_of_the_look() -> set[str]:
    """Return every class that a stylesheet knows."""
    return {
        name for sheet in STATIC.glob("*.css") for name in re.findall(r"\.([a-zA-Z][\w-]*)", sheet.read_text("utf-8"))
    }


@pytest.mark.parametrize("template", TEMPLATES, ids=IDS)
def test_a_template_holds_no_script_no_style_and_no_handler(template: Path) -> None:
    text = template.read_text("utf-8")
    assert not re.search(r"<style\b|\sstyle=|\son[a-z]+=\"|hx-on|javascript:", text)
    assert not re.search(r"<script(?![^>]*\bsrc=\"\{\{ static)", text)
    assert not re.search(r"""(?:src|href|action)=["'](?:https?:)?//""", text)


@pytest.mark.parametrize("template", TEMPLATES, ids=IDS)
def test_a_template_uses_the_classes_and_icons_that_there_are(template: Path) -> None:
    text = template.read_text("utf-8")
    used = {name for value in re.findall(r'class="([^"{}]*)"', text) for name in value.split()}
    assert used - classes_of_the_look() == set()
    assert set(re.findall(r'\bicon\("([^"]+)"', text)) - icons.NAMES == set()
    assert "safe" not in re.findall(r"\|\s*(\w+)", text)
