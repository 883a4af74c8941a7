"""An integrator's day: a token made on the screen, a list in pages, a webhook that is signed, parked and sent again."""

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx2
import pytest
from factories import make_retailer
from playwright.sync_api import expect

from server.integrations import console_webhooks, messages, sending
from server.integrations.posting import Allowed
from server.kit.db import transaction

pytestmark = [pytest.mark.system, pytest.mark.slow]


class Receiver(ThreadingHTTPServer):
    """The program of the other side: what it got, and what it answers."""

    status = 204

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        super().__init__(("127.0.0.1", 0), _Takes)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/told"


class _Takes(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_args: object) -> None:
        pass


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """A real HTTP server on this machine, which an installation would have to allow."""
    for module in (sending, console_webhooks):
        monkeypatch.setattr(module, "allowed", lambda _settings: Allowed(plain_http=True, private_addresses=True))
    with Receiver() as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server
        server.shutdown()


def is_signed(secret: str, headers: dict[str, str], body: bytes) -> bool:
    """Check a message as its receiver does, by nothing but the published scheme."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    right = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return f"v1,{right}" in headers["webhook-signature"].split(" ")


def send_due(house) -> list[str | None]:
    """Let the worker make one attempt for each webhook for which one is due."""
    with transaction(house.runtime.sessions) as session:
        due = messages.with_due(session, house.clock())
    return [sending.send_one(house.runtime, webhook) for webhook in due]


def test_a_program_is_let_in_told_and_shut_out(house, receiver: Receiver):
    here, program = house.code("plant"), house.code("erp")
    with transaction(house.runtime.sessions) as session:
        for number in range(5):
            make_retailer(session, house.code(f"IN{number}"), region=here)
    adam = house.come_in("Adam", "administrator", second_factor=True)
    page = adam.page

    token = makes_a_token(adam, program, here)
    with httpx2.Client(base_url=house.address, headers={"Authorization": f"Bearer {token}"}) as client:
        codes: list[str] = []
        following: str | None = "/api/v1/retailers?limit=2"
        while following is not None:
            answer = client.get(following).raise_for_status()
            codes += [row["code"] for row in answer.json()["retailers"]]
            following = answer.links.get("next", {}).get("url")
        assert codes == sorted(house.code(f"IN{number}") for number in range(5))
        assert client.get("/api/v1/orders").status_code == 403

        webhook, secret = adds_a_webhook(adam, receiver)
        assert send_due(house) == ["delivered"]
        assert is_signed(secret, *receiver.got[-1])
        parks_and_sends_again(house, adam, receiver, webhook)
        adam.tap("Stop")
        page.locator("#confirm").get_by_role("button", name=adam.words("Stop")).click()
        adam.says("The webhook is stopped; what waited is parked.")

        page.goto("/console/tokens")
        adam.look()
        row = page.locator("tr", has_text=program)
        row.get_by_role("button").click()
        page.locator("#confirm").get_by_role("button", name=adam.words("Revoke")).click()
        expect(row).to_contain_text(adam.words("revoked"))
        assert client.get("/api/v1/retailers").status_code == 401
    did = ("token.revoked", "webhook.stopped", "webhook.sent_again", "webhook.tested", "webhook.tested", "webhook.made")
    assert house.trace(f"operator:{house.code('Adam')}")[: len(did)] == house.did(*(("Adam", act) for act in did))


def adds_a_webhook(adam, receiver: Receiver) -> tuple[str, str]:
    """Add a webhook on its screen, send a test; return the webhook's page and its secret."""
    page = adam.page
    page.goto("/console/webhooks")
    adam.tap("Add a webhook")
    page.locator("dialog input[name=url]").fill(receiver.url)
    page.locator("dialog input[name=wanted]").first.check()
    adam.tap("Add and show the secret", within="dialog[open]")
    secret = page.locator("#secret").inner_text()
    adam.tap("Done", role="link")
    adam.tap("Send a test")
    adam.says("A test is on its way; it stands in the list below.")
    return page.url, secret


def makes_a_token(adam, name: str, region: str) -> str:
    """Make a token that reads the retailers of one region; return it as it is shown once."""
    page = adam.page
    page.goto("/console/tokens")
    adam.tap("Make a token")
    page.locator("dialog input[name=name]").fill(name)
    page.locator("dialog input[name=wanted][value='retailers:read']").check()
    page.locator(f"dialog input[name=regions][value='{region}']").check()
    adam.look()
    adam.tap("Make and show the token", within="dialog[open]")
    token = page.locator("#token").inner_text()
    adam.look()
    return token


def parks_and_sends_again(house, adam, receiver: Receiver, webhook: str) -> None:
    """Let a message be refused until it is parked, see it on the screens, and send it again."""
    receiver.status = 503
    adam.tap("Send a test")
    adam.says("A test is on its way; it stands in the list below.")
    for attempt in range(1, messages.ATTEMPTS + 1):
        assert send_due(house) == ["parked" if attempt == messages.ATTEMPTS else "waiting"]
        house.clock.advance(seconds=messages.wait_s(attempt))
    adam.page.goto("/console/webhooks")
    expect(adam.page.locator("tr", has_text=receiver.url)).to_contain_text(adam.words("needs a look"))
    adam.page.goto(webhook)
    adam.look()
    receiver.status = 204
    adam.tap("Send all parked ones again")
    assert send_due(house) == ["delivered"]
    assert json.loads(receiver.got[-1][1])["type"] == "test"
    assert len({headers["webhook-id"] for headers, _ in receiver.got[-messages.ATTEMPTS :]}) == 1
    adam.page.goto(webhook)
    expect(adam.page.locator("main tbody")).to_contain_text(adam.words("delivered"))
