"""Structured logs on standard error: one line an event, secrets left out."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, Literal

import structlog

_SECRET = ("password", "secret", "token", "code", "cookie", "authorization", "credential")
_IN_AN_ADDRESS = re.compile(r"(\w+://[^\s/:@]*:)[^\s/@]+@")


def redact(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace the value of every field whose name sounds like a secret, and the password in every address."""
    for name, value in event.items():
        event[name] = "(left out)" if name != "event" and _sounds_secret(name) else _without_secrets(value)
    return event


def _sounds_secret(name: object) -> bool:
    return any(word in str(name).lower() for word in _SECRET)


def _without_secrets(value: Any) -> Any:
    if isinstance(value, str):
        return _IN_AN_ADDRESS.sub(r"\1(left out)@", value)
    if isinstance(value, dict):
        return {
            name: "(left out)" if _sounds_secret(name) else _without_secrets(inner) for name, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [_without_secrets(inner) for inner in value]
    return value


def configure(level: Literal["debug", "info", "warning", "error"], form: Literal["text", "json"]) -> None:
    """Set up logging for this process, the libraries' logs included."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        redact,
    ]
    render: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=False)
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
            foreign_pre_chain=shared,
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for noisy in ("procrastinate", "alembic", "uvicorn.access"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))
