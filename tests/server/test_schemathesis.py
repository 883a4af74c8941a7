"""The programs' and the terminals' interface against what its description allows to send, and against what it forbids.

Every operation is asked by everybody: nobody, each role, a person of one region, a terminal. No answer is a fault of
ours, and none has a status that the description does not name. The cases are the same on every machine;
``EVENHAND_FUZZ_EXAMPLES`` asks for more of them.
"""

import contextlib
import os
from collections.abc import Callable
from typing import Any

import hypothesis
import pytest
import schemathesis
from devices import signing
from filled import SHOPS, fill
from places import parts_of
from schemathesis import GenerationMode
from schemathesis.python.asgi import ASGIClient
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from server.kit.clock import Clock
from server.kit.db import transaction
from server.kit.identity import ROLES, SYSTEM
from server.operators import service as operators

pytestmark = pytest.mark.slow
EXAMPLES = int(os.environ.get("EVENHAND_FUZZ_EXAMPLES", "1"))
FEW = ("everybody", "terminal")
SHOP = SHOPS[0]


@pytest.fixture
def callers(
    sessions: sessionmaker[Session], signed_in: Callable[..., TestClient], clock: Clock
) -> dict[str, dict[str, str]]:
    """Headers by who asks, in a database in which something has happened everywhere."""
    with transaction(sessions) as session:
        fill(session)
    everybody = signed_in(*ROLES, name="everybody")
    browsers = {role: signed_in(role) for role in ROLES} | {"northerner": signed_in(*ROLES, name="northerner")}
    with transaction(sessions) as session:
        operators.set_bounds(session, "northerner", regions=["north"], classes=[], by=SYSTEM, at=clock())
    return {
        "everybody": _of(everybody),
        "nobody": {},
        "terminal": {},
        **{name: _of(browser) for name, browser in browsers.items()},
    }


class SignedByTheTerminal:
    """The application as a terminal asks it: whatever is sent, its key signs."""

    def __init__(self, app: Any, clock: Clock) -> None:
        self._app, self._clock, self._by = app, clock, signing(f"t-{SHOP.lower()}")

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body, more = b"", True
        while more:
            part = await receive()
            body, more = body + part.get("body", b""), part.get("more_body", False)
        raw = scope.get("raw_path") or scope["path"].encode()
        target = raw.decode("ascii").partition("?")[0] + (
            f"?{query}" if (query := scope["query_string"].decode()) else ""
        )
        fields = self._by.fields(scope["method"], target, body, at=self._clock())
        signed = [(name.lower().encode(), value.encode()) for name, value in fields.items()]

        async def said() -> Any:
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app({**scope, "headers": [*scope["headers"], *signed]}, said, send)


def _of(browser: TestClient) -> dict[str, str]:
    return {
        "Cookie": f"evenhand={browser.cookies['evenhand']}; lang=en",
        "X-CSRF-Token": browser.headers["X-CSRF-Token"],
    }


def cases(operation: Any, known: dict[str, str]) -> list[Any]:
    """Return requests of an operation: as described, to what exists and to what does not, and not as described."""
    found: list[Any] = []
    parts = {one.name: known[one.name] for one in operation.path_parameters if one.name in known}
    for mode, fixed in (
        (GenerationMode.POSITIVE, parts),
        (GenerationMode.POSITIVE, None),
        (GenerationMode.NEGATIVE, parts),
    ):

        @hypothesis.settings(
            max_examples=EXAMPLES,
            database=None,
            derandomize=True,
            deadline=None,
            phases=[hypothesis.Phase.generate],
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        @hypothesis.given(case=operation.as_strategy(mode, path_parameters=fixed))
        def keep(case: Any) -> None:
            found.append(case)

        with contextlib.suppress(hypothesis.errors.Unsatisfiable):  # nothing of it can be wrong
            keep()
    return found


def test_no_answer_is_a_fault_or_is_not_described(
    app_client: TestClient, callers: dict[str, dict[str, str]], sessions: sessionmaker[Session], clock: Clock
) -> None:
    schema = schemathesis.openapi.from_dict(app_client.app.openapi())  # type: ignore[attr-defined] # an application
    with transaction(sessions) as session:
        known = parts_of(session, SHOP)
    undescribed: list[str] = []
    asked = let_in = 0
    app: Any = app_client.app
    terminals = SignedByTheTerminal(app, clock)
    with ASGIClient(app) as client, ASGIClient(terminals) as terminal:
        for found in schema.get_all_operations():
            operation = found.ok()
            described = {int(status) for status in operation.definition.raw["responses"]}
            for number, case in enumerate(cases(operation, known)):
                for who in callers if number == 0 else FEW:
                    asks, of = (terminal, terminals) if who == "terminal" else (client, app)
                    answer = case.call(session=asks, app=of, headers=callers[who])
                    asked += 1
                    let_in += who == "terminal" and case.path.startswith("/device/") and answer.status_code < 400
                    if answer.status_code not in described:
                        undescribed.append(f"{operation.label} by {who}: {answer.status_code} {answer.text[:200]}")
    assert asked > len(callers) * len(schema)
    assert let_in > 5
    assert not undescribed, "\n".join(undescribed)
