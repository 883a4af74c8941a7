"""The table of access and the routes say the same, and a person of each role meets what they say."""

from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from server.duties import DUTIES, access, duty_of, roles_through, routes_of_people
from server.kit.identity import ROLES


def test_every_route_has_a_row_that_says_what_its_guard_says(app_client: TestClient) -> None:
    wrong = []
    for method, path, guards, of_shops in routes_of_people(app_client.app):  # type: ignore[arg-type] # it is ours
        duty = duty_of(method, path)
        if duty is None:
            wrong.append(f"{method} {path}: no row of server/duties.py names it")
        elif (roles_through(guards), of_shops) != (set(duty.roles or ROLES), duty.of_shops):
            wrong.append(f"{method} {path}: {sorted(roles_through(guards))}, of shops: {of_shops}; row {duty.words!r}")
    assert wrong == []


def test_no_row_is_without_a_route(app_client: TestClient) -> None:
    named: set[str] = set()
    app: Any = app_client.app
    for method, path, _, _ in routes_of_people(app):
        kind = "read" if method == "GET" else "write"
        fitting = [one for duty in DUTIES for one in duty.routes if f"{kind} {path}/".startswith(f"{one}/")]
        named.update(fitting, {f"{kind} {path}"})
    assert [one for duty in DUTIES for one in duty.routes if one not in named] == []


def test_a_route_under_no_known_address_has_no_row() -> None:
    assert duty_of("GET", "/console/anything-new") is None
    assert duty_of("POST", "/console/account-of-others") is None


def test_everybody_reads_who_may_what_in_words(signed_in: Callable[..., TestClient]) -> None:
    page = signed_in("manager").get("/console/access")
    assert page.status_code == 200
    assert all(one.duty.words in page.text.replace("&#39;", "'") for one in access(page_app(signed_in)))


def page_app(signed_in: Callable[..., TestClient]) -> Any:
    return signed_in("manager").app


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_names_every_role(language: str, signed_in: Callable[..., TestClient]) -> None:
    page = signed_in("auditor", language=language).get("/console/access").text
    assert page.count('scope="col"') == len(ROLES) + 2
