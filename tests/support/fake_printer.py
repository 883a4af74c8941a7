"""A receipt printer at the end of a network cable."""

import contextlib
import socket
import struct
import threading
from typing import Any


class FakePrinter:
    """A printer on loopback that answers as ESC/POS printers do; ``got`` is what came with the last print.

    Manner: ``state`` by the number of its status request, ``silent``, ``paper_for`` so many bytes, ``dies_after`` so
    many, ``confirms`` that it is done. It can be changed between two prints.
    """

    def __init__(self, **manner: Any) -> None:
        self.silent: bool = manner.get("silent", False)
        self.state: dict[int, int] = {1: 0x12, 2: 0x12, 4: 0x12} | manner.get("state", {})
        self.paper_for: int | None = manner.get("paper_for")
        self.dies_after: int | None = manner.get("dies_after")
        self.confirms: bool = manner.get("confirms", True)
        self.got = bytearray()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.address = f"net:127.0.0.1:{self._listening.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            with contextlib.suppress(OSError):
                self._take(connection)

    def _take(self, connection: socket.socket) -> None:
        self.got.clear()
        seen = 0
        with connection:
            while data := connection.recv(512):
                self.got += data
                if self.dies_after is not None and len(self.got) > self.dies_after:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    return
                if self.paper_for is not None and len(self.got) > self.paper_for:
                    self.state[1], self.state[2], self.state[4] = 0x1A, 0x32, 0x72
                seen = self._answer(connection, seen)

    def _answer(self, connection: socket.socket, seen: int) -> int:
        while not self.silent and (at := self._next(seen)) is not None:
            if self.got[at] == 0x10:
                connection.sendall(bytes([self.state[self.got[at + 2]]]))
            elif self.confirms and self.state[4] == 0x12:
                connection.sendall(b"\x00")
            seen = at + 3
        return seen

    def _next(self, seen: int) -> int | None:
        found = [self.got.find(mark, seen) for mark in (b"\x10\x04", b"\x1dr\x01")]
        found = [at for at in found if at >= 0 and at + 2 < len(self.got)]
        return min(found) if found else None

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(30)
