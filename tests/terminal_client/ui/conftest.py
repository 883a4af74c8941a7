"""What the tests of the screens have in common."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from till import Till


@pytest.fixture
def till(tmp_path: Path, make: Any) -> Iterator[Till]:
    """An enrolled terminal with a window that is open."""
    here = Till(tmp_path / "terminal", make)
    here.open()
    yield here
    here.terminal.close()
