"""What docs/api.md says is run: its requests with a token, its check of signatures on a signature of ours."""

import re
from pathlib import Path
from typing import Any

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


def test_every_request_of_the_page_is_answered(app_client: TestClient, runtime: Runtime, clock: Any) -> None:
    with transaction(runtime.sessions) as session:
        make_retailer(session, "R1")
        token = tokens.make(session, "docs", scopes.SCOPES, tokens.Bounds(), days=30, by=ADMINISTRATOR, at=clock())
    requests = re.findall(r"```http\n(.*?)```", PAGE, re.DOTALL)
    assert len(requests) > 2
    for request in requests:
        head, _, body = request.partition("\n\n")
        first, *lines = head.strip().splitlines()
        headers = dict(line.split(": ", 1) for line in lines) | {"Authorization": f"Bearer {token}"}
        method, address = first.split()
        answer = app_client.request(method, address, headers=headers, content=body.strip().encode())
        assert (address, answer.status_code) == (address, 201 if method == "POST" else 200), answer.text


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
