"""For all tests: examples are judged by what they show, not by how long a busy machine takes.

A run for a change (CI set) takes the same examples every time, so that it judges the change; all others look further.
"""

import os
from collections.abc import Iterator

import hypothesis
import pytest
from browser import system_chromium
from playwright.sync_api import Browser

hypothesis.settings.register_profile("evenhand", deadline=None, derandomize=bool(os.environ.get("CI")))
hypothesis.settings.load_profile("evenhand")


#: Files that take minutes: begun first, so that none of them is left alone at the end of a run on several processors.
LONG = ("ui/test_walk.py", "test_console_looks.py", "ui/test_in_browser.py", "test_counter_story.py", "test_faults.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the long files first; the order within a file and of the others stays."""
    items.sort(key=lambda item: not str(item.path).endswith(LONG))


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The system's Chromium, one for the tests of a file."""
    with system_chromium() as browser:
        yield browser
