"""What a process holds for its lifetime, made from the settings."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

from server.kit.attempts import Attempts
from server.kit.clock import Clock, system_clock
from server.kit.db import make_engine, make_sessions
from server.kit.nonces import Nonces
from server.kit.sealing import Seal
from server.kit.settings import Settings

MQTTS_PORT = 8883


@dataclass(frozen=True)
class Runtime:
    """What one process holds for its lifetime; ``app.state.runtime``."""

    settings: Settings
    engine: Engine
    sessions: sessionmaker[Session]
    clock: Clock
    broker_address: tuple[str, int] | None
    attempts: Attempts = field(default_factory=Attempts, compare=False)
    nonces: Nonces = field(default_factory=Nonces, compare=False)


class NotRunningError(RuntimeError):
    """The installation's database or broker is not running; the message says what to do."""


def running(settings: Settings) -> dict[str, str]:
    """Return what the supervisor wrote down about the running parts: addresses by name.

    Raises
    ------
    NotRunningError
        Where nothing is written down.
    """
    path = settings.run_dir / "running.json"
    try:
        found: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NotRunningError(f"nothing runs in {settings.data_dir}; start it with `evenhand serve`") from None
    return found


def write_running(settings: Settings, parts: dict[str, str]) -> Path:
    """Write down what runs where, readable by this account alone, in one step."""
    settings.run_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = settings.run_dir / "running.json"
    new = path.with_suffix(".new")
    new.touch(mode=0o600)
    new.write_text(json.dumps(parts, indent=1), encoding="utf-8")
    return new.replace(path)


@contextmanager
def open_runtime(settings: Settings, *, clock: Clock = system_clock, need_broker: bool = True) -> Iterator[Runtime]:
    """Connect to the installation's database and know its broker; close on leaving."""
    database_url = settings.database_url.get_secret_value() if settings.database_url else running(settings)["app_url"]
    address = _public_address(settings) if need_broker else None
    engine = make_engine(database_url, pool=settings.database_pool)
    try:
        yield Runtime(settings, engine, make_sessions(engine, seal=Seal(settings)), clock, address)
    finally:
        engine.dispose()


def _public_address(settings: Settings) -> tuple[str, int]:
    """Return where terminals reach the broker, by TLS."""
    host = settings.broker_public_host or urlsplit(broker_url(settings)).hostname or "127.0.0.1"
    if settings.broker_public_port is not None:
        return host, settings.broker_public_port
    if settings.broker_url is not None:
        return host, MQTTS_PORT
    return host, int(running(settings)["broker_public_port"])


def broker_url(settings: Settings) -> str:
    """Return the broker's address with the service's own name and password."""
    return settings.broker_url.get_secret_value() if settings.broker_url else running(settings)["broker_url"]
