"""Open pages are told to look again: over a real web server, each stream with its session, all over one connection."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import httpx2 as httpx
import pytest
from factories import NOW, make_device, make_retailer, make_sku, make_window, place
from sqlalchemy import text
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from contract.errors import Unavailable
from server.kit import audit, live, serving
from server.kit.db import transaction
from server.kit.identity import SYSTEM, Actor
from server.kit.runtime import Runtime
from server.operators import service as operators

pytestmark = pytest.mark.slow

SignedIn = Callable[..., TestClient]
WAIT_S = 30.0


class Served:
    """The application on a real port."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.app.state.live = live.Hub(most=6, most_a_person=4, pace_s=0)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.server = serving.Server(app, log_level="error", ws="none")
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self._socket]}, daemon=True)
        self.thread.start()
        self.address = f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def end(self) -> None:
        self.server.should_exit = True
        self.thread.join(timeout=WAIT_S)
        self._socket.close()

    @contextmanager
    def stream(self, browser: TestClient, path: str = "/console/windows/events", **headers: str) -> Iterator["Events"]:
        cookies = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
        sent = {"Cookie": cookies, "Accept": "text/event-stream", **headers}
        with httpx.stream("GET", self.address + path, headers=sent, timeout=WAIT_S) as response:
            yield Events(response)

    def wait_for(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds of the hub, by letting its own loop answer requests meanwhile."""
        for _ in range(2_000):
            if holds():
                return
            httpx.get(self.address + "/healthz", timeout=WAIT_S)
        raise AssertionError("it never came to hold")


class Events:
    """What a browser hears."""

    def __init__(self, response: httpx.Response) -> None:
        self.status = response.status_code
        self.kind = response.headers.get("Content-Type", "")
        self._lines = response.iter_lines()

    def next(self) -> dict[str, str]:
        """Return the next event or comment, as its fields."""
        found: dict[str, str] = {}
        for line in self._lines:
            if not line and found:
                return found
            if line:
                name, _, value = line.partition(": ")
                found[name] = value
        return {"ended": "yes"}

    def look(self) -> dict[str, str]:
        """Return the next event that says look; comments and the hint when to come back are passed over."""
        while True:
            found = self.next()
            if "data" in found or "ended" in found:
                return found


@pytest.fixture
def served(app_client: TestClient, runtime: Runtime) -> Iterator[Served]:
    app_client.app.state.runtime = replace(runtime)  # type: ignore[attr-defined] # the application that is served
    serving_now = Served(app_client.app)
    yield serving_now
    serving_now.end()


def act(sessions: sessionmaker[Session], subject: str) -> None:
    with transaction(sessions) as session:
        audit.record(session, actor=SYSTEM, action="order.placed", subject=subject, at=NOW)


def listening(served: Served, events: Events) -> str:
    """Return the mark of the first event after the process began to listen."""
    hub = served.app.state.live
    served.wait_for(lambda: hub.listens)
    while (mark := events.look()["id"]).partition(".")[0] != hub.mark.partition(".")[0]:
        pass
    return mark


def test_a_commit_is_heard_and_a_rollback_is_not(
    served: Served, signed_in: SignedIn, sessions: sessionmaker[Session]
) -> None:
    with served.stream(signed_in("planner")) as events:
        assert events.status == 200
        assert events.kind.startswith("text/event-stream")
        first = listening(served, events)
        with sessions() as session:
            audit.record(session, actor=SYSTEM, action="order.placed", subject="order:1", at=NOW)
            session.flush()
            session.rollback()
            session.commit()
        act(sessions, "order:2")
        found = events.look()
    name, _, number = first.partition(".")
    assert found["id"] == f"{name}.{int(number) + 1}"
    assert "now" in json.loads(found["data"])


def test_an_order_reaches_the_window_room(served: Served, signed_in: SignedIn, sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        make_sku(session, "K1")
        make_retailer(session, "R1")
        sender, window = make_device(session, "R1"), make_window(session)
    with served.stream(signed_in("planner"), f"/console/windows/{window}/events") as events:
        listening(served, events)
        with transaction(sessions) as session:
            assert place(session, sender, window, K1=3).outcome == "accepted"
        assert "data" in events.look()


def test_what_nobody_follows_is_not_passed_on(
    served: Served, signed_in: SignedIn, sessions: sessionmaker[Session]
) -> None:
    with served.stream(signed_in("planner")) as events:
        first = listening(served, events)
        act(sessions, "survey:1")
        act(sessions, "order:1")
        found = events.look()
    assert int(found["id"].partition(".")[2]) == int(first.partition(".")[2]) + 2


def test_who_comes_back_is_told_only_what_was_missed(
    served: Served, signed_in: SignedIn, sessions: sessionmaker[Session]
) -> None:
    browser = signed_in("planner")
    with served.stream(signed_in("planner", name="bea")) as other:
        listening(served, other)
        with served.stream(browser) as events:
            mark = events.look()["id"]
        with served.stream(browser, **{"Last-Event-ID": mark}) as events:
            act(sessions, "order:1")
            assert int(events.look()["id"].partition(".")[2]) == int(mark.partition(".")[2]) + 1
        act(sessions, "order:2")
        assert "data" in other.look()
        with served.stream(browser, **{"Last-Event-ID": mark}) as events:
            assert int(events.look()["id"].partition(".")[2]) >= int(mark.partition(".")[2]) + 1
        with served.stream(browser, **{"Last-Event-ID": "elsewhere.9"}) as events:
            assert "data" in events.look()


@pytest.mark.parametrize("how", ["signed out everywhere", "disabled", "another role"])
def test_a_stream_ends_at_once_with_its_session(
    served: Served, signed_in: SignedIn, sessions: sessionmaker[Session], how: str
) -> None:
    browser, boss = signed_in("planner", name="ann"), Actor("operator", "boss")
    with served.stream(browser) as events:
        listening(served, events)
        with transaction(sessions) as session:
            if how == "disabled":
                operators.disable_operator(session, "ann", by=boss, at=NOW)
            elif how == "another role":
                operators.set_roles(session, "ann", ["releaser"], by=boss, at=NOW)
            else:
                operators.end_sessions(session, "ann", by=boss, at=NOW)
        assert events.look() == {"event": "over", "data": "{}"}
        assert events.look() == {"ended": "yes"}


def test_nobody_listens_without_a_session_or_the_role(served: Served, signed_in: SignedIn) -> None:
    nobody = TestClient(served.app)
    with served.stream(nobody) as events:
        assert events.status == 401
    assert served.app.state.live.open_streams == 0
    with served.stream(signed_in()) as events:
        assert events.status == 403
    assert served.app.state.live.open_streams == 0


def test_streams_are_bounded_and_share_one_connection(
    served: Served, signed_in: SignedIn, sessions: sessionmaker[Session]
) -> None:
    hub, ann, bea = served.app.state.live, signed_in("planner", name="ann"), signed_in("planner", name="bea")
    with (
        served.stream(ann) as first,
        served.stream(ann),
        served.stream(ann),
        served.stream(ann) as fourth,
    ):
        assert fourth.status == 200
        with served.stream(ann) as fifth:
            assert fifth.status == 503
        with served.stream(bea), served.stream(bea) as sixth:
            assert sixth.status == 200
            with served.stream(bea) as seventh:
                assert seventh.status == 503
        listening(served, first)
        with sessions() as session:
            listeners = session.scalar(
                text("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN evenhand_live%'")
            )
        assert listeners == 1
    served.wait_for(lambda: hub.open_streams == 0)
    assert not hub.listens


def test_the_server_ends_with_streams_open(served: Served, signed_in: SignedIn) -> None:
    with served.stream(signed_in("planner")) as events:
        listening(served, events)
        served.server.should_exit = True
        assert events.look() == {"ended": "yes"}
    served.thread.join(timeout=WAIT_S)
    assert not served.thread.is_alive()


def test_a_full_hub_refuses() -> None:
    hub = live.Hub()
    hub.closed = True
    with pytest.raises(Unavailable), hub.joined(None, ("order",), "ann"):  # type: ignore[arg-type] # it is not asked
        pass
