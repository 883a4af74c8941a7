import socket
import threading

import pytest

from firmware_sim.line import HERE, Line, Overheard


class Echo:
    """A server that says everything back."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                one, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._echo, args=(one,), daemon=True).start()

    def _echo(self, one: socket.socket) -> None:
        with one:
            while data := one.recv(100):
                one.sendall(data)

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()


@pytest.fixture
def echo():
    server = Echo()
    yield server
    server.close()


def connect(port: int) -> socket.socket:
    return socket.create_connection((HERE, port), timeout=10)


def test_a_mute_line_is_heard_and_hears_nothing_until_it_is_reset(echo: Echo) -> None:
    heard: list[Overheard] = []
    arrived = threading.Event()

    def overhear(one: Overheard) -> None:
        heard.append(one)
        arrived.set()

    line = Line(echo.port, overhears=overhear)
    with connect(echo.port) as shop:
        shop.sendall(b"one")
        assert shop.recv(100) == b"one"
        line.mute()
        arrived.clear()
        shop.sendall(b"two")
        assert arrived.wait(10)
        shop.settimeout(0.3)
        with pytest.raises(TimeoutError):
            shop.recv(100)
        line.reset()
        shop.settimeout(10)
        assert shop.recv(100) == b""
    with connect(echo.port) as again:
        again.sendall(b"three")
        assert again.recv(100) == b"three"
    assert b"".join(one.data for one in heard) == b"onetwothree"
    assert line.connections() == 2
    line.cut()


def test_a_line_that_is_cut_ends_what_goes_on_and_takes_nothing(echo: Echo) -> None:
    line = Line(echo.port)
    with connect(echo.port) as shop:
        shop.sendall(b"one")
        assert shop.recv(100) == b"one"
        line.cut()
        assert shop.recv(100) == b""
    with pytest.raises(ConnectionRefusedError):
        connect(echo.port)
    line.whole()
    with connect(echo.port) as shop:
        shop.sendall(b"two")
        assert shop.recv(100) == b"two"
    line.cut()
