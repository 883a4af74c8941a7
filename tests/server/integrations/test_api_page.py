"""What docs/api.md says is run: its requests with a token, its check of signatures on a signature of ours."""

import re
from pathlib import Path
from typing import Any

import pytest
from factories import make_retailer
from starlette.testclient import TestClient

from server.integrations import scopes, telling, tokens
from server.integrations.posting import signature
from server.kit.db import transaction
from server.kit.identity import Operator
from server.kit.runtime import Runtime

PAGE = (Path(__file__).parents[3] / "docs/api.md").read_text(encoding="utf-8")
ADMINISTRATOR = Operator(1, "root", frozenset({"administrator"}))
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
def program(app_client: TestClient, runtime: Runtime, clock: Any) -> TestClient:
    """A program with a token for everything, and two shops."""
    with transaction(runtime.sessions) as session:
        make_retailer(session, "R1")
        make_retailer(session, "R2")
        token = tokens.make(session, "docs", scopes.SCOPES, tokens.Bounds(), days=30, by=ADMINISTRATOR, at=clock())
    return TestClient(app_client.app, headers={"Authorization": f"Bearer {token}"})


def requests() -> list[tuple[str, str, dict[str, str], bytes]]:
    """Return the requests of the page: method, address, headers without the token, body."""
    found = []
    for request in re.findall(r"```http\n(.*?)```", PAGE, re.DOTALL):
        head, _, body = request.partition("\n\n")
        first, *lines = head.strip().splitlines()
        headers = dict(line.split(": ", 1) for line in lines)
        assert headers.pop("Authorization") == "Bearer evh_..."
        method, address = first.split()
        found.append((method, address, headers, body.strip().encode()))
    return found


def test_every_request_of_the_page_is_answered(program: TestClient) -> None:
    assert len(requests()) > 3
    for method, address, headers, body in requests():
        answer = program.request(method, address, headers=headers, content=body)
        assert (address, answer.status_code) == (address, 201 if method == "POST" else 200), answer.text
        if "Idempotency-Key" in headers:
            again = program.request(method, address, headers=headers, content=body)
            assert (again.content, again.headers["Idempotency-Replayed"]) == (answer.content, "true")
            refused = program.request(method, address, headers=headers, content=body.replace(b"dearer", b"cheaper"))
            assert (refused.status_code, refused.json()["code"]) == (409, "id_reused")


def test_a_list_of_the_page_goes_on_as_it_says(program: TestClient) -> None:
    (address,) = [address for _, address, _, _ in requests() if address.startswith("/api/v1/retailers")]
    first = program.get(address)
    assert (first.json()["total"], first.json()["retailers"][0]["code"]) == (2, "R1")
    assert first.headers["Link"] == f'<{address}&cursor={first.json()["next"]}>; rel="next"'
    second = program.get(first.links["next"]["url"]).json()
    assert ([one["code"] for one in second["retailers"]], second["next"]) == (["R2"], None)


def test_the_check_of_the_page_knows_our_signature_and_no_other() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    told: dict[str, Any] = {}
    exec(code, told)  # noqa: S102 - it is ours, and to be run is what it stands there for
    headers = {"webhook-id": "m1", "webhook-timestamp": "1", "webhook-signature": signature(SECRET, "m1", 1, b"{}")}
    assert told["is_ours"](SECRET, headers, b"{}")
    assert told["is_ours"](SECRET, headers | {"webhook-signature": f"v1,x {headers['webhook-signature']}"}, b"{}")
    assert not told["is_ours"](SECRET, headers, b"{ }")


def test_the_page_names_every_event() -> None:
    table = PAGE.partition("| event |")[2].partition("\n\n")[0]
    assert set(re.findall(r"`([a-z]+\.[a-z]+)`", table)) == set(telling.EVENTS)
