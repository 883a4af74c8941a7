"""The loopback server: waitress with few threads, so that the process stays small."""

import logging
from typing import Any

from waitress.server import create_server

from terminal_client.app import Terminal
from terminal_client.ui.screens import RULES
from terminal_client.ui.web import Web, routes

THREADS = 3
#: Compiled once: a terminal's screens stand at the same paths as another's.
ROUTES = routes(RULES)


def web(terminal: Terminal) -> Web:
    """Return the WSGI application of a terminal."""
    return Web(terminal, ROUTES)


def server(terminal: Terminal, port: int) -> Any:
    """Return a server on loopback, listening; ``run()`` serves, ``close()`` ends. Port 0 takes a free one."""
    # A browser opens more connections than we have threads; that they queue is no news.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    return create_server(
        web(terminal), host="127.0.0.1", port=port, threads=THREADS, ident=None, clear_untrusted_proxy_headers=True
    )
