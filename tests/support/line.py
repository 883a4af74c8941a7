"""The line between a shop and the distributor, which can be cut: two TCP ports passed on from another address."""

import contextlib
import selectors
import socket
import threading

#: Loopback too, and nobody else's: the ports are those of the real ones.
HERE = "127.0.0.2"
CHUNK = 1 << 16


class Line:
    """Passes connections at ``HERE`` on to the same port of 127.0.0.1, until it is cut."""

    def __init__(self, *ports: int) -> None:
        self._ports = ports
        self._listening: list[socket.socket] = []
        self._pairs: set[socket.socket] = set()
        self._lock = threading.Lock()
        self.whole()

    def whole(self) -> None:
        """Take connections from now on."""
        for port in self._ports:
            listening = socket.create_server((HERE, port))
            self._listening.append(listening)
            threading.Thread(target=self._take, args=(listening, port), daemon=True).start()

    def cut(self) -> None:
        """End every connection and take none."""
        for listening in self._listening:
            listening.shutdown(socket.SHUT_RDWR)
            listening.close()
        self._listening.clear()
        with self._lock:
            for end in self._pairs:
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
                self._pairs |= {near, far}
            threading.Thread(target=self._pass_on, args=(near, far), daemon=True).start()

    def _pass_on(self, near: socket.socket, far: socket.socket) -> None:
        other = {near: far, far: near}
        with near, far, selectors.DefaultSelector() as ready:
            for end in other:
                ready.register(end, selectors.EVENT_READ)
            with contextlib.suppress(OSError):
                while True:
                    for key, _ in ready.select():
                        data = key.fileobj.recv(CHUNK)  # type: ignore[union-attr] # a socket, as registered
                        if not data:
                            return
                        other[key.fileobj].sendall(data)  # type: ignore[index] # likewise
            with self._lock:
                self._pairs -= {near, far}
