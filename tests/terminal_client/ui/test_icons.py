"""Every sign that a screen names is drawn."""

import re
from pathlib import Path

from terminal_client import ui

UI = Path(ui.__file__).parent


def test_every_icon_that_a_template_names_is_there():
    drawn = set(re.findall(r'<symbol id="([a-z]+)"', (UI / "static/icons.svg").read_text("utf-8")))
    templates = sorted((UI / "templates").glob("*.html"))
    named = {name for one in templates for name in re.findall(r'icon\("([a-z]+)"', one.read_text("utf-8"))}
    assert len(named) > 10
    assert named <= drawn, named - drawn
