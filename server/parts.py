"""The processes of an installation. Each runs as a command of its own, or forked from one that has loaded them all."""

import importlib
import os
import resource
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import setproctitle

if TYPE_CHECKING:
    from server.kit.runtime import Runtime
    from server.kit.settings import Settings

IDLE_S: Final = 75
"""How long an idle connection is kept: longer than clients (5 s) and proxies (60 s) keep theirs, so that it is they
who close it, and no request meets a connection that the server just gave up."""
_ALONE: Final = {"OPENBLAS_NUM_THREADS": "1", "JE_ARROW_MALLOC_CONF": "background_thread:false"}
"""What keeps numpy and Arrow from starting threads while they are loaded: a fork would lose them."""

_LOADED: Final = ("server.app", "server.ingest", "server.worker", "server.solver", "server.kit.serving")


@dataclass(frozen=True)
class Wanted:
    """A part to start: its name, its environment, and the file at whose end its output goes."""

    name: str
    environment: Mapping[str, str]
    log: Path


def load() -> None:
    """Load what the parts need, once for all that are forked afterwards; starts no thread."""
    os.environ.update({name: os.environ.get(name, value) for name, value in _ALONE.items()})
    for name in _LOADED:
        importlib.import_module(name)


def become(wanted: Wanted) -> int:
    """Be a part until it ends; exit 1 with one line in its log where it cannot start."""
    from server.kit import logging
    from server.kit.processes import StartError
    from server.kit.settings import Settings

    setproctitle.setproctitle(f"evenhand {wanted.name}")
    os.umask(0o077)
    _, most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, most_files))  # a connection is a file
    with Path(os.devnull).open("rb") as nothing, wanted.log.open("ab") as out:
        os.dup2(nothing.fileno(), sys.stdin.fileno())
        for stream in (sys.stdout, sys.stderr):
            os.dup2(out.fileno(), stream.fileno())
    os.environ.clear()
    os.environ.update(wanted.environment)
    settings = Settings()
    logging.configure(settings.log_level, settings.log_format)
    try:
        PARTS[wanted.name](settings)
    except StartError as error:
        sys.exit(str(error))
    return 0


def web(settings: "Settings") -> None:
    """Run the web process: programs' interface, terminals over HTTP, console."""
    from server.app import create_app
    from server.kit import serving
    from server.kit.runtime import open_runtime

    with open_runtime(settings) as runtime:
        server = serving.Server(
            create_app(runtime),
            host=settings.web_host,
            port=settings.web_port,
            timeout_graceful_shutdown=5,
            timeout_keep_alive=IDLE_S,
        )
        serving.settle()
        server.run()


def ingest(settings: "Settings") -> None:
    """Run one ingest process: upward MQTT messages into the database.

    Raises
    ------
    StartError
        In one line, where the broker cannot be reached by the settings given.
    """
    from server.ingest import main

    _run(settings, main)


def worker(settings: "Settings") -> None:
    """Run one worker process: the clock's tick, feeds to terminals, background jobs; as :func:`ingest` refused."""
    from server.worker import main

    _run(settings, main)


def solver(settings: "Settings") -> None:
    """Run one solver process: it freezes, shares out, checks, publishes and compares, one thing at a time."""
    from server.solver import main

    _run(settings, main, need_broker=False)


def _run(settings: "Settings", main: Callable[["Runtime"], None], *, need_broker: bool = True) -> None:
    from server.kit.runtime import open_runtime

    with open_runtime(settings, need_broker=need_broker) as runtime:
        main(runtime)


PARTS: Final[Mapping[str, Callable[["Settings"], None]]] = {
    "web": web,
    "ingest": ingest,
    "worker": worker,
    "solver": solver,
}
