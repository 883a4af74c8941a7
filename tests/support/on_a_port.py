"""The real application on a real port, for a browser."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from server.kit import live, serving


@contextmanager
def on_a_port(app: Any) -> Iterator[int]:
    """Serve ``app`` on a free port of loopback; give the port."""
    app.state.live = live.Hub()
    listening = socket.create_server(("127.0.0.1", 0))
    server = serving.Server(app, log_level="error", ws="none")
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(timeout=30)
        listening.close()
