"""A walk through the terminal: every screen in every state, in a browser."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from browser import screens
from playwright.sync_api import Page
from till import Till

from walk.acts import State
from walk.states import all_states

__all__ = ["State", "all_states", "arrive", "standing", "walks"]


def walks(names: Sequence[str] = ()) -> list[list[State]]:
    """Return the states whose name holds one of ``names``, all without any; those that share a terminal together."""
    chosen = [state for state in all_states() if not names or any(name in state.name for name in names)]
    shared: dict[object, list[State]] = {}
    for state in chosen:
        shared.setdefault(state.name if state.acts else state.steps, []).append(state)
    return list(shared.values())


@contextmanager
def standing(states: list[State], folder: Path, make: Any) -> Iterator[tuple[Till, list[str]]]:
    """Lead a terminal in ``folder`` to states that share one, and serve it; give it and the addresses of the pages."""
    till = Till(folder, make)
    states[0].reach(till)
    try:
        with screens(till.terminal) as address:
            yield till, [f"{address}{each.path.format(**till.things)}" for each in states]
    finally:
        till.terminal.close()


def arrive(page: Page, state: State, address: str) -> None:
    """Open a state's page, do what is done on it, and wait until it is drawn with its own letters."""
    page.goto(address)
    for act in state.acts:
        act(page)
    page.wait_for_load_state()
    page.evaluate("document.fonts.ready")
