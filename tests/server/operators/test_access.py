"""Who may do what: a matrix made from the application's own routes."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi import APIRouter, Depends, FastAPI
from fastapi.routing import iter_route_contexts
from starlette.testclient import TestClient

from server import rooms
from server.kit import http
from server.kit.http import Guard, check_guards, everyone, guards
from server.kit.identity import ROLES, Operator

pytestmark = pytest.mark.slow

ZERO = "00000000-0000-0000-0000-000000000000"
#: One role in the quick tier, all in the other.
SOME_QUICK = [role if role == "planner" else pytest.param(role, marks=pytest.mark.slow) for role in ROLES]


def routes(app: Any) -> Iterator[tuple[str, str, list[Callable[..., Any]]]]:
    """Yield method, a callable address and the guards of every route."""
    described = {app.openapi_url}
    for route in iter_route_contexts(app.routes):
        if route.methods and route.path not in described:
            address = re.sub(r"\{([^}]*)\}", lambda found: ZERO if "id" in found[1] else "1", route.path or "")
            for method in sorted(route.methods - {"HEAD"}):
                yield method, address, guards(route.dependant)


def personal(app: Any) -> Iterator[tuple[str, str, list[Guard]]]:
    """Yield the routes that need a person."""
    for method, address, declared in routes(app):
        of_people = [guard for guard in declared if isinstance(guard, Guard)]
        if of_people:
            yield method, address, of_people


def may(role: str, needed: list[Guard]) -> bool:
    person = Operator(1, role, frozenset({role}))  # type: ignore[arg-type] # one of ROLES
    return all(not guard.roles or person.may(*guard.roles) for guard in needed)


def test_every_route_declares_who_may_use_it(app_client: TestClient) -> None:
    silent = [f"{method} {address}" for method, address, declared in routes(app_client.app) if not declared]
    assert silent == []
    assert sum(1 for _ in personal(app_client.app)) > 20


def test_an_application_with_a_route_that_says_nothing_does_not_start() -> None:
    app = FastAPI()
    forgotten = APIRouter()
    forgotten.add_api_route("/forgotten", lambda: "seen", methods=["GET"])
    app.include_router(forgotten)
    with pytest.raises(TypeError, match=r"GET.*/forgotten"):
        check_guards(app)


def test_a_route_that_is_open_on_purpose_may_start() -> None:
    app = FastAPI()
    app.include_router(http.router("/open", tag="t", roles="everyone"))
    app.add_api_route("/x", lambda: "seen", dependencies=[Depends(everyone)])
    check_guards(app)


def test_nobody_gets_anywhere_without_signing_in(app_client: TestClient) -> None:
    for method, address, _ in personal(app_client.app):
        answer = app_client.request(method, address)
        assert (method, address, answer.status_code) == (method, address, 401)
        assert answer.json()["code"] == "signed_out"


@pytest.mark.parametrize("role", [*SOME_QUICK, "nothing"])
def test_a_role_gets_nowhere_where_it_is_not_named(role: str, signed_in: Callable[..., TestClient]) -> None:
    browser = signed_in(*(() if role == "nothing" else (role,)))
    browser.headers["Accept"] = "application/json"
    refused = [(m, a) for m, a, needed in personal(browser.app) if not may(role, needed)]
    assert refused
    for method, address in refused:
        answer = browser.request(method, address)
        assert (method, address, answer.status_code) == (method, address, 403)
        assert answer.json()["code"] == "not_allowed"


@pytest.mark.parametrize("role", SOME_QUICK)
def test_nothing_changes_without_the_sessions_token(role: str, signed_in: Callable[..., TestClient]) -> None:
    browser = signed_in(role)
    browser.headers["Accept"] = "application/json"
    del browser.headers["X-CSRF-Token"]
    for method, address, needed in personal(browser.app):
        if method != "GET" and may(role, needed):
            answer = browser.request(method, address)
            assert (method, address, answer.status_code) == (method, address, 403)
            assert answer.json()["code"] == "forged_request"


@pytest.mark.parametrize("role", SOME_QUICK)
def test_every_room_in_the_navigation_of_a_role_opens(role: str, signed_in: Callable[..., TestClient]) -> None:
    browser = signed_in(role)
    for group in rooms.NAVIGATION:
        for entry in group.entries:
            shown = not entry.roles or role in entry.roles
            assert (entry.href, browser.get(entry.href).status_code) == (entry.href, 200 if shown else 403)


def test_terminals_are_told_apart_from_people(app_client: TestClient, signed_in: Callable[..., TestClient]) -> None:
    browser = signed_in(*ROLES, name="everything")
    answer = browser.get("/device/v1/feed", headers={"Accept": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (401, "not_enrolled")
    assert app_client.get("/device/v1/time").status_code == 200


#: What an auditor may send beside the own account: to have the audit's chain checked changes nothing of what it checks.
AUDITORS_OWN = {"/console/audit/chain/checks"}


def test_an_auditor_changes_nothing_but_the_own_account(app_client: TestClient) -> None:
    may_change = {
        address
        for method, address, needed in personal(app_client.app)
        if method not in http.READS and may("auditor", needed)
    }
    assert {one for one in may_change if not one.startswith(("/console/account/", "/console/sign-out"))} == AUDITORS_OWN
