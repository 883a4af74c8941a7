"""Webhooks against a real server on this machine: signed, at least once, retried, parked, replayed, kept outside."""

import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import UUID, uuid4

import pytest
from factories import make_device, make_retailer, make_sku, make_window, place
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from contract.errors import Rejected
from server import worker
from server.background import REACTIONS
from server.catalogue.events import CatalogueChanged
from server.deliveries.events import ClaimDecided
from server.integrations import messages, posting, sending, telling, webhooks
from server.integrations.models import WebhookMessage
from server.integrations.posting import Allowed, Answer, check_address, is_public, post, signature
from server.integrations.tokens import Bounds
from server.kit import events
from server.kit.db import transaction
from server.kit.identity import Operator
from server.kit.processes import Ending
from server.kit.runtime import Runtime
from server.retailers.events import RetailersChanged

ADMINISTRATOR = Operator(1, "root", frozenset({"administrator"}))
HERE = Allowed(plain_http=True, private_addresses=True)


@dataclass
class Receiver:
    """What a server of others got, and what it answers."""

    url: str = ""
    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    said: bytes = b""
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    enough: threading.Event = field(default_factory=threading.Event)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A real HTTP server on this machine."""
    kept = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(kept.status)
            for name, value in kept.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(kept.said)))
            self.end_headers()
            self.wfile.write(kept.said)
            if len(kept.got) == 3:
                kept.enough.set()

        def log_message(self, *_args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    kept.url = f"http://127.0.0.1:{server.server_address[1]}/told"
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    serving.start()
    yield kept
    server.shutdown()
    serving.join()
    server.server_close()


@pytest.fixture
def here(runtime: Runtime) -> Runtime:
    """The same server, which may post to this machine."""
    return replace(
        runtime, settings=runtime.settings.model_copy(update={"demo": True, "webhook_private_addresses": True})
    )


@pytest.fixture
def told(receiver: Receiver, sessions: sessionmaker[Session], clock: Any) -> tuple[UUID, str]:
    """A webhook to the receiver for claims that were decided: its id and secret."""
    with transaction(sessions) as session:
        return webhooks.make(session, receiver.url, ["claim.decided"], HERE, by=ADMINISTRATOR, at=clock())


def send_due(runtime: Runtime) -> int:
    """Make one attempt for each webhook for which one is due; return how many were made."""
    with transaction(runtime.sessions) as session:
        due = messages.with_due(session, runtime.clock())
    return sum(sending.send_one(runtime, webhook) is not None for webhook in due)


def happens(runtime: Runtime, event: Any) -> None:
    """Let an event reach its reactions as the worker does."""
    worker.react(runtime, event=events.name_of(type(event)), data=events.plain(event))


def states(sessions: sessionmaker[Session]) -> list[tuple[str, int]]:
    with transaction(sessions) as session:
        return [
            (row.state, row.attempts)
            for row in session.scalars(select(WebhookMessage).order_by(WebhookMessage.made_at))
        ]


def test_an_event_arrives_signed_with_its_ids_and_a_link(
    here: Runtime, receiver: Receiver, told: tuple[UUID, str], sessions: sessionmaker[Session], clock: Any
) -> None:
    decided = ClaimDecided(uuid4(), "R1", "upheld", clock())
    happens(here, decided)
    happens(here, decided)  # a reaction may run again
    assert send_due(here) == 1
    ((headers, body),) = receiver.got
    assert json.loads(body) == {
        "type": "claim.decided",
        "timestamp": clock().isoformat(),
        "data": {
            "claim": str(decided.claim),
            "retailer": "R1",
            "verdict": "upheld",
            "link": f"/api/v1/claims/{decided.claim}",
        },
    }
    assert headers["webhook-timestamp"] == str(int(clock().timestamp()))
    signed = signature(told[1], headers["webhook-id"], int(clock().timestamp()), body)
    assert headers["webhook-signature"] == signed
    assert states(sessions) == [("delivered", 1)]
    assert send_due(here) == 0


def test_the_signature_is_that_of_the_published_example() -> None:
    """The example of the specification's reference libraries."""
    body = b'{"test": 2432232314}'
    signed = signature("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_failing_receiver_is_asked_later_and_later_then_parked_and_replayed_with_the_same_id(
    here: Runtime, receiver: Receiver, told: tuple[UUID, str], sessions: sessionmaker[Session], clock: Any
) -> None:
    receiver.status, receiver.said = 500, b"x" * 10_000
    happens(here, ClaimDecided(uuid4(), "R1", "upheld", clock()))
    for attempt in range(1, messages.ATTEMPTS + 1):
        assert send_due(here) == 1
        assert send_due(here) == 0  # not before its time
        if attempt < messages.ATTEMPTS:
            assert states(sessions) == [("waiting", attempt)]
            clock.advance(seconds=messages.wait_s(attempt))
    assert states(sessions) == [("parked", messages.ATTEMPTS)]
    with transaction(sessions) as session:
        (row,) = session.scalars(select(WebhookMessage))
        assert (row.status, len(row.answer or "")) == (500, posting.ANSWER_BYTES)
        assert webhooks.webhooks(session)[0].parked == 1
        receiver.status = 200
        messages.send_again(session, told[0], row.id, by=ADMINISTRATOR, at=clock())
    assert send_due(here) == 1
    assert states(sessions) == [("delivered", 1)]
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1
    assert len({body for _, body in receiver.got}) == 1


def test_an_attempt_that_nobody_noted_is_made_again(
    here: Runtime, receiver: Receiver, told: tuple[UUID, str], sessions: sessionmaker[Session], clock: Any
) -> None:
    happens(here, ClaimDecided(uuid4(), "R1", "upheld", clock()))
    with transaction(sessions) as session:
        lost = messages.take_due(session, told[0], clock())  # and the worker dies
    assert lost is not None
    assert send_due(here) == 0
    clock.advance(seconds=messages.LEASE.total_seconds())
    assert send_due(here) == 1
    with transaction(sessions) as session:
        assert messages.note_answer(session, lost, Answer(500, "late"), clock()) == ""
    assert states(sessions) == [("delivered", 2)]


def test_a_redirect_is_not_followed(
    here: Runtime, receiver: Receiver, told: tuple[UUID, str], sessions: sessionmaker[Session], clock: Any
) -> None:
    receiver.status, receiver.headers = 302, {"Location": receiver.url}
    happens(here, ClaimDecided(uuid4(), "R1", "upheld", clock()))
    send_due(here)
    assert len(receiver.got) == 1
    assert states(sessions) == [("waiting", 1)]


def test_who_stopped_is_told_nothing(
    here: Runtime, receiver: Receiver, told: tuple[UUID, str], sessions: sessionmaker[Session], clock: Any
) -> None:
    happens(here, ClaimDecided(uuid4(), "R1", "upheld", clock()))
    with transaction(sessions) as session:
        webhooks.stop(session, told[0], by=ADMINISTRATOR, at=clock())
    happens(here, ClaimDecided(uuid4(), "R1", "upheld", clock()))
    assert send_due(here) == 0
    assert states(sessions) == [("parked", 0)]
    assert receiver.got == []


def test_an_order_is_told_from_its_own_commit(
    here: Runtime, receiver: Receiver, sessions: sessionmaker[Session], clock: Any
) -> None:
    with transaction(sessions) as session:
        webhooks.make(session, receiver.url, ["order.received"], HERE, by=ADMINISTRATOR, at=clock())
        make_sku(session)
        make_retailer(session, "R1")
        place(session, make_device(session, "R1"), make_window(session), K1=10)
    with transaction(sessions) as session:
        queued = (
            session.connection()
            .exec_driver_sql("SELECT args FROM procrastinate_jobs WHERE args ->> 'event' = 'orders.OrdersReceived'")
            .scalars()
            .all()
        )
    (job,) = queued
    worker.react(here, **job)
    send_due(here)
    data = json.loads(receiver.got[0][1])["data"]
    assert (data["retailer"], data["revision"], data["state"]) == ("R1", 1, "accepted")
    assert data["link"] == f"/api/v1/orders/R1/{data['id']}"


def test_every_fact_has_words_and_reaches_the_worker() -> None:
    assert all(messages.on_event in REACTIONS[kind] for kind in telling.FACTS)
    assert len(telling.EVENTS) == len(telling.FACTS)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "ftp://example.com/",
        "https://",
        "https://user@example.com/",
        "https://example.com/#part",
        "https://exa mple.com/",
        "https://127.0.0.1/",
        "https://10.1.2.3/",
        "https://169.254.169.254/latest",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://[64:ff9b::a00:1]/",
        "https://example.com:99999/",
        "https://example.com:0/",
    ],
)
def test_an_address_that_is_not_told(url: str) -> None:
    with pytest.raises(Rejected) as refused:
        check_address(url, Allowed())
    assert refused.value.code == "webhook_address"


@pytest.mark.parametrize("url", ["https://example.com", "https://example.com:8443/told?by=us", "https://1.1.1.1/"])
def test_an_address_that_may_be_told(url: str) -> None:
    assert check_address(url, Allowed()).scheme == "https"


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",  # noqa: S104 - looked at, not listened on
        "100.64.0.1",
        "192.0.0.8",
        "192.168.0.1",
        "224.0.0.1",
        "64:ff9b:1::1",
        "2002:a00:1::",
        "::",
        "::10.0.0.1",
        "fd00::1",
        "fe80::1%eth0",
        "fec0::1",
    ],
)
def test_an_address_that_is_not_everybodys(address: str) -> None:
    assert not is_public(address)


def test_a_name_that_leads_to_this_machine_is_refused_when_it_is_looked_up(receiver: Receiver) -> None:
    address = receiver.url.replace("127.0.0.1", "localhost")
    answer = post(address, {}, b"{}", Allowed(plain_http=True))
    assert answer == Answer(None, "RefusedAddressError: localhost leads to a private address")
    assert receiver.got == []


def test_a_receiver_that_never_ends_its_answer_is_left_in_time() -> None:
    """It sends a byte of its headers now and then, so that no single wait is long."""
    ended = threading.Event()

    class Dripping(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            try:
                while not ended.wait(0.02):
                    self.wfile.write(b"H")
            except OSError:
                ended.set()

        def log_message(self, *_args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Dripping)
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    serving.start()
    try:
        url = f"http://127.0.0.1:{server.server_address[1]}/"
        answer = post(url, {}, b"{}", HERE, timeout_s=0.3)
        assert answer.status is None
        assert ended.wait(30)
    finally:
        ended.set()
        server.shutdown()
        serving.join()
        server.server_close()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_an_administrator_adds_a_webhook_tests_it_and_replays_what_was_parked(
    language: str, signed_in: Callable[..., TestClient], here: Runtime, sessions: sessionmaker[Session], clock: Any
) -> None:
    browser = signed_in("administrator", language=language)
    assert browser.get("/console/webhooks").status_code == 200
    refused = browser.post("/console/webhooks", data={"url": "https://10.0.0.1/", "wanted": ["claim.decided"]})
    assert refused.status_code == 422
    assert 'value="https://10.0.0.1/"' in refused.text
    page = browser.post("/console/webhooks", data={"url": "https://erp.example/told", "wanted": ["claim.decided"]})
    secret = re.findall(r'id="secret">(whsec_[\w+/=]+)<', page.text)[0]
    with transaction(sessions) as session:
        (one,) = webhooks.webhooks(session)
    place_ = f"/console/webhooks/{one.id}"
    assert secret not in browser.get("/console/webhooks").text + browser.get(place_).text
    assert browser.post(f"{place_}/test").status_code == 303
    happens(here, ClaimDecided(uuid4(), "R1", "upheld", clock()))
    with transaction(sessions) as session:
        for row in session.scalars(select(WebhookMessage)):
            row.state, row.attempts, row.answer = "parked", messages.ATTEMPTS, "no"
    assert len(re.findall(r"/messages/[0-9a-f-]{36}/again", browser.get(place_).text)) == 2
    with transaction(sessions) as session:
        number = session.scalars(select(WebhookMessage.id)).first()
    assert browser.post(f"{place_}/messages/{number}/again").status_code == 303
    assert sorted(state for state, _ in states(sessions)) == ["parked", "waiting"]
    assert browser.post(f"{place_}/messages/again").status_code == 303
    assert states(sessions) == [("waiting", 0), ("waiting", 0)]
    assert browser.post(f"{place_}/messages/{uuid4()}/again").status_code == 404
    renewed = re.findall(r'id="secret">(whsec_[\w+/=]+)<', browser.post(f"{place_}/secret").text)
    assert renewed != [secret]
    assert renewed[0] not in browser.get(place_).text
    assert browser.post(f"{place_}/stop").status_code == 303
    assert browser.post(f"{place_}/test").status_code == 409
    assert browser.post(f"{place_}/resume").status_code == 303
    assert browser.get(f"/console/webhooks/{uuid4()}").status_code == 404


def test_for_a_day_the_former_secret_signs_beside_the_new_one(
    here: Runtime, receiver: Receiver, told: tuple[UUID, str], sessions: sessionmaker[Session], clock: Any
) -> None:
    with transaction(sessions) as session:
        _, new = webhooks.rotate(session, told[0], by=ADMINISTRATOR, at=clock())
    happens(here, ClaimDecided(uuid4(), "R1", "upheld", clock()))
    send_due(here)
    headers, body = receiver.got[0]
    at = int(headers["webhook-timestamp"])
    by_each = [signature(secret, headers["webhook-id"], at, body) for secret in (new, told[1])]
    assert headers["webhook-signature"].split() == by_each
    clock.advance(seconds=webhooks.FORMER_FOR.total_seconds())
    happens(here, ClaimDecided(uuid4(), "R1", "upheld", clock()))
    send_due(here)
    headers, body = receiver.got[1]
    assert headers["webhook-signature"] == signature(new, headers["webhook-id"], int(clock().timestamp()), body)


def test_an_address_that_does_not_answer_keeps_no_other_waiting(
    here: Runtime, receiver: Receiver, told: tuple[UUID, str], sessions: sessionmaker[Session], clock: Any
) -> None:
    """The worker's own loop, against a listener that takes a connection and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        with transaction(sessions) as session:
            address = f"http://127.0.0.1:{silent.getsockname()[1]}/"
            webhooks.make(session, address, ["claim.decided"], HERE, by=ADMINISTRATOR, at=clock())
        for _ in range(3):
            happens(here, ClaimDecided(uuid4(), "R1", "upheld", clock()))
        stop = Ending()
        sending_ = threading.Thread(target=sending.run, args=(here, stop))
        sending_.start()
        try:
            assert receiver.enough.wait(60)
        finally:
            stop.set()
            silent.close()  # which ends the attempt that waits for it
            sending_.join()
    assert len(receiver.got) == 3
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("webhook ")]


def test_what_nobody_outside_awaits_is_not_queued(
    sessions: sessionmaker[Session], receiver: Receiver, clock: Any
) -> None:
    def queued() -> int:
        with transaction(sessions) as session:
            events.publish_awaited(session, ClaimDecided(uuid4(), "R1", "upheld", clock()))
            return session.connection().exec_driver_sql("SELECT count(*) FROM procrastinate_jobs").scalar_one()

    assert queued() == 0
    with transaction(sessions) as session:
        webhook, _ = webhooks.make(session, receiver.url, ["claim.decided"], HERE, by=ADMINISTRATOR, at=clock())
        webhooks.make(session, receiver.url, ["claim.opened"], HERE, by=ADMINISTRATOR, at=clock())
    assert queued() == 1
    with transaction(sessions) as session:
        webhooks.stop(session, webhook, by=ADMINISTRATOR, at=clock())
    assert queued() == 1
    with transaction(sessions) as session:
        webhooks.resume(session, webhook, by=ADMINISTRATOR, at=clock())
    assert queued() == 2


def test_messages_that_are_over_are_erased_after_their_term(
    sessions: sessionmaker[Session], told: tuple[UUID, str], clock: Any
) -> None:
    with transaction(sessions) as session:
        for _ in range(3):
            messages.test(session, told[0], by=ADMINISTRATOR, at=clock())
        rows = session.scalars(select(WebhookMessage)).all()
        rows[0].state, rows[1].state = "delivered", "parked"
    with transaction(sessions) as session:
        assert messages.count_old(session, clock()) == messages.erase_old(session, clock(), clock()) == 0
        clock.advance(seconds=1)
        assert messages.count_old(session, clock()) == messages.erase_old(session, clock(), clock()) == 2
    assert states(sessions) == [("waiting", 0)]


def test_an_address_for_some_shops_hears_of_these_alone(
    here: Runtime, receiver: Receiver, sessions: sessionmaker[Session], clock: Any
) -> None:
    with transaction(sessions) as session:
        make_retailer(session, "R1", region="hills")
        make_retailer(session, "R2", region="town")
        asked = ["claim.decided", "retailer.changed", "catalogue.changed"]
        within = Bounds(regions=("hills",))
        webhooks.make(session, receiver.url, asked, HERE, by=ADMINISTRATOR, at=clock(), within=within)
    for retailer in ("R1", "R2"):
        happens(here, ClaimDecided(uuid4(), retailer, "upheld", clock()))
    happens(here, RetailersChanged(("R1", "R2"), clock()))
    happens(here, RetailersChanged(("R2",), clock() + timedelta(seconds=1)))
    happens(here, CatalogueChanged(("K1",), clock()))
    while send_due(here):
        pass
    told = [json.loads(body)["data"] for _, body in receiver.got]
    assert [one["retailer"] for one in told if "retailer" in one] == ["R1"]
    assert [one["retailers"] for one in told if "retailers" in one] == [["R1"]]
    assert [one["skus"] for one in told if "skus" in one] == [["K1"]]
