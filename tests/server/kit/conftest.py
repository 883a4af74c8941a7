"""Places for real child processes, and questions to a real database."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import psycopg
import pytest

from server.kit import embedded


@pytest.fixture
def cluster_dir(tmp_path: Path) -> Iterator[Path]:
    """Hand out the data folder of one test's cluster."""
    yield tmp_path / "postgres"
    embedded.remove_cluster(tmp_path / "postgres")


@pytest.fixture
def open_place() -> Iterator[Path]:
    """Hand out a folder that every account can reach, which pytest's own is not."""
    place = Path(tempfile.mkdtemp(prefix="evenhand-test-", dir="/var/tmp"))
    place.chmod(0o755)
    yield place
    shutil.rmtree(place)


def connected(url: str) -> psycopg.Connection:
    return psycopg.connect(url.replace("+psycopg", ""), autocommit=True)


@pytest.fixture
def connect_to() -> Callable[[str], AbstractContextManager[psycopg.Connection]]:
    """Connect to a cluster's URL; every statement is its own transaction."""
    return connected


@pytest.fixture
def ask() -> Callable[[str, str], object]:
    """Ask the database behind a URL for one value."""

    def ask_for_one(url: str, question: str) -> object:
        with connected(url) as connection:
            row = connection.execute(question.encode()).fetchone()
            assert row is not None
            return row[0]

    return ask_for_one
