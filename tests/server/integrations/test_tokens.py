"""Programs with tokens: what each scope opens, and that nothing else does."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from factories import make_retailer
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from contract.errors import Conflict, Rejected
from server.integrations import scopes, tokens
from server.integrations.models import ApiToken
from server.kit import http
from server.kit.audit import AuditEntry
from server.kit.db import transaction
from server.kit.http import READS, Guard, guards
from server.kit.identity import Operator, scope_of
from server.kit.runtime import Runtime

ZERO = "00000000-0000-0000-0000-000000000000"
ADMINISTRATOR = Operator(1, "root", frozenset({"administrator"}))


@pytest.fixture
def program(app_client: TestClient, runtime: Runtime, clock: Any) -> Callable[..., TestClient]:
    """Return a program that calls the real application with a token of these scopes."""

    def make(*wanted: str, name: str = "erp", **within: tuple[str, ...]) -> TestClient:
        with transaction(runtime.sessions) as session:
            token = tokens.make(session, name, wanted, tokens.Bounds(**within), days=30, by=ADMINISTRATOR, at=clock())
        return TestClient(app_client.app, headers={"Authorization": f"Bearer {token}", "Accept": "application/json"})

    return make


def personal(app: Any) -> Iterator[tuple[str, str, list[Guard]]]:
    """Yield method, a callable address and the guards of every route that needs a person or a program."""
    for route in http.of_people(app):
        address = re.sub(r"\{([^}]*)\}", lambda part: ZERO if "id" in part[1] else "1", route.path)
        for method in sorted(route.methods - {"HEAD"}):
            yield method, address, [one for one in guards(route.dependant) if isinstance(one, Guard)]


def admits(needed: list[Guard]) -> bool:
    return all(not guard.roles or not scopes.ROLES.isdisjoint(guard.roles) for guard in needed)


def test_every_scope_opens_a_route_and_every_family_is_offered_or_left_to_people(app_client: TestClient) -> None:
    opened = {
        scope_of(address, reads=method in READS)
        for method, address, needed in personal(app_client.app)
        if admits(needed)
    }
    assert set(scopes.SCOPES) - opened == set()
    left_to_people = {scope for scope in opened - {None} if scope not in scopes.SCOPES}
    assert {str(scope).partition(":")[2] for scope in left_to_people} == {"write"}
    assert left_to_people == {
        f"{name}:write"
        for name in ("cycles", "depot", "policies", "schedules", "forecasts", "scores", "signals", "visits", "rollouts")
    }


@pytest.mark.slow
def test_routes_by_scopes(app_client: TestClient, program: Callable[..., TestClient]) -> None:
    """Each route with the one scope of its own, and with all the others: refused by its guard, or not."""
    alone = {scope: program(scope, name=f"only {scope.replace(':', ' ')}") for scope in scopes.SCOPES}
    others = {
        scope: program(*(one for one in scopes.SCOPES if one != scope), name=f"not {scope.replace(':', ' ')}")
        for scope in scopes.SCOPES
    }
    everything = program(*scopes.SCOPES, name="everything")
    tried = 0
    for method, address, needed in personal(app_client.app):
        scope = scope_of(address, reads=method in READS)
        if scope is None:
            answer = everything.request(method, address)
            assert (method, address, answer.status_code, answer.json()["code"]) == (method, address, 401, "signed_out")
        elif scope not in scopes.SCOPES:
            assert (method, address, everything.request(method, address).json()["code"]) == (
                method,
                address,
                "scope_missing",
            )
        else:
            refused = others[scope].request(method, address)
            assert (address, refused.status_code, refused.json()["code"]) == (address, 403, "scope_missing")
            answer = alone[scope].request(method, address)
            assert (method, address, answer.status_code < 500) == (method, address, True)
            if admits(needed):
                assert (method, address, answer.status_code in {401, 403}) == (method, address, False)
            else:
                assert (method, address, answer.json()["code"]) == (method, address, "not_allowed")
            tried += 1
    assert tried > 60


def test_a_token_opens_the_interface_alone_whatever_cookie_comes_with_it(
    program: Callable[..., TestClient], signed_in: Callable[..., TestClient]
) -> None:
    browser = signed_in("administrator")
    caller = program("orders:read")
    caller.cookies = browser.cookies
    assert caller.get("/api/v1/orders").status_code == 200
    assert caller.get("/api/v1/retailers").json()["code"] == "scope_missing"
    caller.headers["Authorization"] = "Bearer evh_unknown"
    assert caller.get("/api/v1/orders").status_code == 401
    caller.cookies.clear()
    assert caller.get("/console/orders", follow_redirects=False).status_code == 401


def test_what_a_program_does_stands_in_the_audit_under_its_token(
    program: Callable[..., TestClient], sessions: sessionmaker[Session]
) -> None:
    with transaction(sessions) as session:
        make_retailer(session, "R1")
    answer = program("retailers:write", "retailers:read").put(
        "/api/v1/retailers/R1/standing", json={"standing": "suspended", "reason": "because"}
    )
    assert answer.status_code == 200
    with transaction(sessions) as session:
        acts = session.execute(select(AuditEntry.actor, AuditEntry.action).order_by(AuditEntry.id)).all()
    assert acts == [("operator:root", "token.made"), ("token:erp", "retailer.suspended")]


def test_a_token_ends_at_once_when_it_is_revoked_and_by_itself(
    program: Callable[..., TestClient], sessions: sessionmaker[Session], clock: Any
) -> None:
    first, second = program("orders:read"), program("orders:read", name="bi")
    assert first.get("/api/v1/orders").status_code == second.get("/api/v1/orders").status_code == 200
    with transaction(sessions) as session:
        kept = {one.name: one for one in tokens.tokens(session)}
        assert kept["erp"].last_used_at == clock()
        tokens.revoke(session, kept["erp"].id, by=ADMINISTRATOR, at=clock())
    assert first.get("/api/v1/orders").status_code == 401
    assert second.get("/api/v1/orders").status_code == 200
    clock.advance(days=30)
    assert second.get("/api/v1/orders").status_code == 401


def test_the_table_holds_nothing_that_opens_anything(
    program: Callable[..., TestClient], sessions: sessionmaker[Session]
) -> None:
    token = program("orders:read").headers["Authorization"].removeprefix("Bearer ")
    assert len(token) == len("evh_") + 43  # 256 bits in base64
    with transaction(sessions) as session:
        row = session.scalars(select(ApiToken)).one()
        assert row.token_sha256 == tokens.digest(token)
        assert all(token not in str(value) for value in vars(row).values())


def test_a_bounded_token_sees_its_shops_alone(
    program: Callable[..., TestClient], sessions: sessionmaker[Session]
) -> None:
    with transaction(sessions) as session:
        for code, region in (("R1", "north"), ("R2", "south")):
            make_retailer(session, code)
            session.execute(
                ApiToken.metadata.tables["retailers"]
                .update()
                .where(ApiToken.metadata.tables["retailers"].c.code == code)
                .values(region=region)
            )
    caller = program("retailers:read", "imports:read", regions=("north",))
    assert [one["code"] for one in caller.get("/api/v1/retailers").json()["retailers"]] == ["R1"]
    assert caller.get("/api/v1/retailers/R2").status_code == 404
    assert caller.get("/api/v1/imports").json()["code"] == "whole_network"


def test_a_token_that_asks_too_often_waits(program: Callable[..., TestClient], runtime: Runtime) -> None:
    caller, other = program("orders:read"), program("orders:read", name="bi")
    most = runtime.settings.token_requests_per_minute
    with transaction(runtime.sessions) as session:
        made = {one.name for one in tokens.tokens(session)}
    assert made == {"erp", "bi"}
    for _ in range(most - 1):
        runtime.attempts.take(http_limit(most), "token:erp")
    assert caller.get("/api/v1/orders").status_code == 200
    answer = caller.get("/api/v1/orders")
    assert (answer.status_code, answer.json()["code"]) == (429, "rate_limited")
    assert 0 < int(answer.headers["Retry-After"]) <= 60
    assert other.get("/api/v1/orders").status_code == 200


def http_limit(most: int) -> Any:
    from limits import RateLimitItemPerMinute  # noqa: PLC0415 - the test's own

    return RateLimitItemPerMinute(most)


@pytest.mark.parametrize(
    ("name", "wanted", "days", "code"),
    [
        ("", ["orders:read"], 30, "name_invalid"),
        ("a:b", ["orders:read"], 30, "name_invalid"),
        ("erp", [], 30, "scopes_needed"),
        ("erp", ["cycles:write"], 30, "not_found"),
        ("erp", ["orders:read"], 31, "malformed"),
    ],
)
def test_a_token_that_cannot_be_made(
    session: Session, clock: Any, name: str, wanted: list[str], days: int, code: str
) -> None:
    with pytest.raises(Rejected) as refused:
        tokens.make(session, name, wanted, tokens.Bounds(), days=days, by=ADMINISTRATOR, at=clock())
    assert refused.value.code == code


def test_a_name_is_given_once(session: Session, clock: Any) -> None:
    tokens.make(session, "erp", ["orders:read"], tokens.Bounds(), days=30, by=ADMINISTRATOR, at=clock())
    with pytest.raises(Conflict):
        tokens.make(session, "ERP", ["orders:read"], tokens.Bounds(), days=30, by=ADMINISTRATOR, at=clock())


@pytest.mark.parametrize("language", ["en", "zh"])
def test_an_administrator_makes_a_token_that_is_shown_once_and_revokes_it(
    language: str, signed_in: Callable[..., TestClient], app_client: TestClient
) -> None:
    browser = signed_in("administrator", language=language)
    assert browser.get("/console/tokens").status_code == 200
    page = browser.post("/console/tokens", data={"name": "erp", "wanted": ["orders:read"], "days": "30"})
    token = re.findall(r'id="token">(evh_[\w-]+)<', page.text)[0]
    bearer = {"Authorization": f"Bearer {token}"}
    assert app_client.get("/api/v1/orders", headers=bearer).status_code == 200
    listed = browser.get("/console/tokens").text
    assert "erp" in listed
    assert token not in listed
    number = re.findall(r"/console/tokens/(\d+)/revoke", listed)[0]
    assert browser.post(f"/console/tokens/{number}/revoke").status_code == 303
    assert app_client.get("/api/v1/orders", headers=bearer).status_code == 401


def test_what_was_ticked_stays_ticked_when_the_name_is_wrong(signed_in: Callable[..., TestClient]) -> None:
    page = signed_in("administrator").post("/console/tokens", data={"name": "", "wanted": ["stock:read"]})
    assert page.status_code == 422
    assert re.search(r'value="stock:read"[^>]*checked', page.text)


def test_an_auditor_looks_and_makes_nothing(signed_in: Callable[..., TestClient]) -> None:
    browser = signed_in("auditor")
    assert 'data-opens="make"' not in browser.get("/console/tokens").text
    assert browser.post("/console/tokens", data={"name": "erp", "wanted": ["orders:read"]}).status_code == 403
