"""What a person sees of a play."""

import io

import pytest
from rich.console import Console

from evenhand.demo.view import Bars, Lines

ACTS = {
    "Shops order, amend, go offline, repeat": "every order has its receipt; at the wire in 31 ms (median)",
    "An outsider re-checks the published files": "holds: 1,234 lines, 0 findings",
}


@pytest.mark.parametrize("width", [80, 110, 200])
@pytest.mark.parametrize("kind", [Bars, Lines])
def test_nothing_of_an_act_is_cut(kind: type[Bars] | type[Lines], width: int) -> None:
    out = io.StringIO()
    console = Console(file=out, width=width, force_terminal=kind is Bars, color_system=None)
    with kind(console) as view:
        for name, text in ACTS.items():
            told = view.act(name, 1_200)
            told(1_200)
            view.done(text)
    shown = out.getvalue()
    assert "…" not in shown
    words = " ".join(shown.split())
    for name, text in ACTS.items():
        assert f"{name}: {text}" in words
