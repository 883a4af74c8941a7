"""No secret stands in a log, whatever field, list, address or library it comes by."""

import io
import logging as stdlib
import sys
from collections.abc import Iterator

import pytest
import structlog

from server.kit import logging


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    lines = io.StringIO()
    monkeypatch.setattr(sys, "stderr", lines)
    root = stdlib.getLogger()
    level = root.level
    logging.configure("info", "json")
    (ours,) = root.handlers
    yield lines
    root.removeHandler(ours)
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.mark.parametrize(
    "fields",
    [
        {"password": "hunter2x"},
        {"session_token": "hunter2x"},
        {"headers": {"Authorization": "Basic hunter2x", "Cookie": "a=hunter2x"}},
        {"rows": [{"secret": "hunter2x"}, ("x", {"recovery_code": "hunter2x"})]},
        {"why": "cannot reach postgresql+psycopg://app:hunter2x@db:5432/evenhand"},
        {"credential": "hunter2x"},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_a_secret_is_left_out(written: io.StringIO, fields: dict[str, object]) -> None:
    structlog.get_logger("test").info("happened", **fields)
    line = written.getvalue()
    assert "happened" in line
    assert "(left out)" in line
    assert "hunter2x" not in line


def test_a_library_writes_no_password_of_an_address_either(written: io.StringIO) -> None:
    stdlib.getLogger("library").warning("retrying mqtt://service:hunter2x@broker:1883")
    structlog.get_logger("test").error("failed", exc_info=RuntimeError("mqtt://service:hunter2x@broker:1883"))
    said = written.getvalue()
    assert "retrying mqtt://service:(left out)@broker" in said
    assert "RuntimeError" in said
    assert "hunter2x" not in said


def test_what_is_no_secret_stays(written: io.StringIO) -> None:
    structlog.get_logger("test").info("happened", address="https://evenhand.test/a:b@c", count=3)
    line = written.getvalue()
    assert "https://evenhand.test/a:b@c" in line
    assert '"count": 3' in line
