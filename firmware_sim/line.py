"""The line between a shop and the distributor: TCP ports passed on from another address. It can be cut, or made mute.

Bytes are passed on as they are, so encryption end to end stays. What a shop says can be overheard.
"""

import contextlib
import itertools
import selectors
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass

#: Loopback too, and nobody else's: the ports are those of the real ones.
HERE = "127.0.0.2"
CHUNK = 1 << 16


@dataclass(frozen=True)
class Overheard:
    """Bytes that the near end sent on a connection, which its number tells from others; none at its end."""

    port: int
    connection: int
    data: bytes


class Line:
    """Passes connections at ``host`` on to the same port of 127.0.0.1, until it is cut.

    ``overhears`` is called from the connections' threads.
    """

    def __init__(self, *ports: int, host: str = HERE, overhears: Callable[[Overheard], None] | None = None) -> None:
        self.host = host
        self._ports = ports
        self._overhears = overhears
        self._listening: dict[int, socket.socket] = {}
        self._ends: dict[int, set[socket.socket]] = {port: set() for port in ports}
        self._mute: set[int] = set()
        self._numbers = itertools.count(1)
        self._connections: dict[int, int] = dict.fromkeys(ports, 0)
        self._lock = threading.Lock()
        self.whole()

    def whole(self, *ports: int) -> None:
        """Take connections from now on, on these ports or on all, and pass on both ways."""
        for port in ports or self._ports:
            self._mute.discard(port)
            if port not in self._listening:
                self._listening[port] = socket.create_server((self.host, port))
                threading.Thread(target=self._take, args=(self._listening[port], port), daemon=True).start()

    def cut(self, *ports: int) -> None:
        """End every connection of these ports or of all, and take none."""
        for port in ports or self._ports:
            if listening := self._listening.pop(port, None):
                with contextlib.suppress(OSError):
                    listening.shutdown(socket.SHUT_RDWR)
                listening.close()
            self._end(port)

    def mute(self, *ports: int) -> None:
        """Throw away what comes back on these ports or on all: a shop is heard and hears nothing."""
        self._mute.update(ports or self._ports)

    def reset(self, *ports: int) -> None:
        """End every connection of these ports or of all once; new ones are taken and passed on both ways."""
        for port in ports or self._ports:
            self._mute.discard(port)
            self._end(port)

    def connections(self, *ports: int) -> int:
        """Return how many connections were taken so far on these ports or on all."""
        with self._lock:
            return sum(self._connections[port] for port in ports or self._ports)

    def _end(self, port: int) -> None:
        with self._lock:
            for end in self._ends[port]:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def _take(self, listening: socket.socket, port: int) -> None:
        while True:
            try:
                near, _ = listening.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", port))
            except OSError:
                near.close()
                continue
            with self._lock:
                self._ends[port] |= {near, far}
                self._connections[port] += 1
            threading.Thread(target=self._pass_on, args=(near, far, port, next(self._numbers)), daemon=True).start()

    def _pass_on(self, near: socket.socket, far: socket.socket, port: int, number: int) -> None:
        other = {near: far, far: near}
        with near, far, selectors.DefaultSelector() as ready:
            for end in other:
                ready.register(end, selectors.EVENT_READ)
            with contextlib.suppress(OSError):
                while self._passes(ready, other, near, port, number):
                    pass
            with self._lock:
                self._ends[port] -= {near, far}
        if self._overhears:
            self._overhears(Overheard(port, number, b""))

    def _passes(
        self,
        ready: selectors.BaseSelector,
        other: dict[socket.socket, socket.socket],
        near: socket.socket,
        port: int,
        number: int,
    ) -> bool:
        """Pass on what is there; return whether the connection goes on."""
        for key, _ in ready.select():
            end: socket.socket = key.fileobj  # type: ignore[assignment] # a socket, as registered
            data = end.recv(CHUNK)
            if not data:
                return False
            if end is not near and port in self._mute:
                continue
            if end is near and self._overhears:
                self._overhears(Overheard(port, number, data))
            other[end].sendall(data)
        return True
