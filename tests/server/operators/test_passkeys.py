"""Passkeys: registered by who knows the password, they sign in by themselves, and nothing else does by them."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from authenticator import Authenticator
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from server.kit.audit import AuditEntry
from server.kit.db import transaction
from server.kit.identity import SYSTEM
from server.kit.runtime import Runtime
from server.operators import queries, second_factor, service
from server.operators.models import OperatorSession, PasskeyChallenge

PASSWORD = "seven quiet herons wade"
ORIGIN, HOST = "http://testserver", "testserver"
SignedIn = Callable[..., TestClient]


@pytest.fixture
def ann(signed_in: SignedIn, runtime: Runtime, clock: Any) -> TestClient:
    """A signed-in releaser with a password."""
    browser = signed_in("releaser", name="ann")
    with transaction(runtime.sessions) as session:
        found = queries.session_of(session, browser.cookies["evenhand"], clock())
        assert found is not None
        service.change_password(
            session, found[0], present="", new=PASSWORD, token=browser.cookies["evenhand"], at=clock()
        )
    return browser


def options(browser: TestClient, place: str = "account/passkeys", **typed: str) -> Any:
    answer = browser.post(f"/console/{place}/options", data=typed, headers={"Accept": "application/json"})
    assert answer.status_code == 200, answer.text
    return answer.json()


def registered(browser: TestClient, device: Authenticator, name: str = "own telephone") -> Any:
    made = device.create(options(browser, present=PASSWORD))
    return browser.post("/console/account/passkeys", data={"credential": made, "name": name})


def stranger(browser: TestClient) -> TestClient:
    """The same server as a browser sees it in which nobody is signed in."""
    fresh = TestClient(browser.app, follow_redirects=False)
    fresh.headers.update({"Accept": "text/html", "Accept-Language": "en"})
    return fresh


def shown(browser: TestClient, device: Authenticator, **more: str) -> Any:
    signed = device.get(options(browser, "sign-in/passkey"))
    return browser.post("/console/sign-in/passkey", data={"credential": signed, **more})


def test_a_passkey_signs_in_without_password_and_code(ann: TestClient, session: Session) -> None:
    device = Authenticator(ORIGIN, HOST)
    first = registered(ann, device)
    assert (first.status_code, first.text.count("<li><code>")) == (200, second_factor.RECOVERY_CODES)

    browser = stranger(ann)
    opened = shown(browser, device, next="/console/cycles")

    assert (opened.status_code, opened.headers["location"]) == (303, "/console/cycles")
    page = browser.get("/console/account").text
    assert "own telephone" in page
    assert "last used" in page
    acts = session.scalars(select(AuditEntry.action)).all()
    assert "operator.passkey_added" in acts


def test_who_has_a_passkey_does_not_get_in_by_the_password_alone(ann: TestClient) -> None:
    device = Authenticator(ORIGIN, HOST)
    registered(ann, device)
    browser = stranger(ann)
    half = browser.post("/console/sign-in", data={"name": "ann", "password": PASSWORD})
    assert (half.status_code, "/console/sign-in/passkey" in half.text) == (200, True)
    assert browser.get("/console/account").headers["location"].startswith("/console/sign-in")
    assert shown(browser, device).status_code == 303
    assert browser.get("/console/account").status_code == 200


@pytest.mark.parametrize(
    "device",
    [
        Authenticator(ORIGIN, HOST, verifies=False),
        Authenticator("https://evil.example", HOST),
        Authenticator("http://testserver.evil.example", HOST),
        Authenticator(ORIGIN, "evil.example"),
    ],
    ids=["without finger or PIN", "another page", "a like page", "another host"],
)
def test_what_is_not_made_here_by_its_owner_is_not_kept(
    ann: TestClient, device: Authenticator, session: Session
) -> None:
    refused = registered(ann, device)
    assert refused.headers["location"] == "/console/account"
    assert "was not accepted" in ann.get("/console/account").text
    assert not queries.has_second_factor(session, 1)


@pytest.mark.parametrize("change", ["verifies", "origin", "host"])
def test_what_is_not_shown_here_by_its_owner_opens_nothing(ann: TestClient, change: str, session: Session) -> None:
    device = Authenticator(ORIGIN, HOST)
    registered(ann, device)
    setattr(device, change, {"verifies": False, "origin": "https://evil.example", "host": "evil.example"}[change])
    refused = shown(stranger(ann), device)
    assert (refused.status_code, "was not accepted" in refused.text) == (401, True)
    assert len(session.scalars(select(OperatorSession)).all()) == 1


def test_a_challenge_counts_once_and_for_five_minutes(ann: TestClient, clock: Any, session: Session) -> None:
    device = Authenticator(ORIGIN, HOST)
    registered(ann, device)
    browser = stranger(ann)
    signed = device.get(options(browser, "sign-in/passkey"))
    assert browser.post("/console/sign-in/passkey", data={"credential": signed}).status_code == 303
    assert stranger(ann).post("/console/sign-in/passkey", data={"credential": signed}).status_code == 401

    late = device.get(options(browser, "sign-in/passkey"))
    clock.advance(seconds=300)
    assert stranger(ann).post("/console/sign-in/passkey", data={"credential": late}).status_code == 401
    options(browser, "sign-in/passkey")
    assert len(session.scalars(select(PasskeyChallenge)).all()) == 1  # those that are over are cleared away


def test_a_challenge_of_a_registration_signs_nobody_in_and_is_no_other_persons(
    ann: TestClient, signed_in: SignedIn
) -> None:
    device = Authenticator(ORIGIN, HOST)
    registered(ann, device)
    of_registration = device.get(options(ann, present=PASSWORD))
    assert stranger(ann).post("/console/sign-in/passkey", data={"credential": of_registration}).status_code == 401
    made = Authenticator(ORIGIN, HOST).create(options(ann, present=PASSWORD))
    other = signed_in("planner", name="bob")
    other.post("/console/account/passkeys", data={"credential": made, "name": "x"})
    assert "You have none yet" in other.get("/console/account").text


def test_a_copy_of_a_passkey_is_found_by_its_count(ann: TestClient) -> None:
    device = Authenticator(ORIGIN, HOST)
    registered(ann, device)
    for _ in range(2):
        assert shown(stranger(ann), device).status_code == 303
    device.uses = 0
    assert shown(stranger(ann), device).status_code == 401


def test_adding_and_removing_need_the_password(ann: TestClient, runtime: Runtime) -> None:
    asked = ann.post("/console/account/passkeys/options", data={"present": "x"}, headers={"Accept": "application/json"})
    assert (asked.status_code, asked.json()["code"]) == (422, "password_wrong")
    device = Authenticator(ORIGIN, HOST)
    registered(ann, device)
    named = {"credential": device.credential.hex()}
    ann.post("/console/account/passkeys/remove", data={**named, "present": "x"})
    with transaction(runtime.sessions) as session:
        assert [one.name for one in queries.passkeys(session, 1)] == ["own telephone"]
        assert second_factor.codes_left(session, 1) == second_factor.RECOVERY_CODES
    ann.post("/console/account/passkeys/remove", data={**named, "present": PASSWORD})
    with transaction(runtime.sessions) as session:
        assert not queries.has_second_factor(session, 1)
        assert second_factor.codes_left(session, 1) == 0
    assert shown(stranger(ann), device).status_code == 401


def test_who_is_shut_out_does_not_get_in_by_a_passkey(ann: TestClient, runtime: Runtime, clock: Any) -> None:
    device = Authenticator(ORIGIN, HOST)
    registered(ann, device)
    with transaction(runtime.sessions) as session:
        service.disable_operator(
            session,
            "ann",
            by=SYSTEM,
            at=clock(),
        )
    assert shown(stranger(ann), device).status_code == 401


@pytest.mark.parametrize(
    "odd", ["", "{}", "[]", "null", "x", json.dumps({"id": "a", "rawId": "a", "response": {}}), "\x00"]
)
def test_any_text_instead_of_a_passkey_is_refused(ann: TestClient, odd: str) -> None:
    assert stranger(ann).post("/console/sign-in/passkey", data={"credential": odd}).status_code == 401
    assert ann.post("/console/account/passkeys", data={"credential": odd, "name": "x"}).status_code == 303


def test_who_must_have_a_second_factor_may_have_a_passkey_instead_of_an_app(ann: TestClient, runtime: Runtime) -> None:
    strict = runtime.settings.model_copy(update={"second_factor_required": True})
    object.__setattr__(runtime, "settings", strict)
    assert ann.get("/console/cycles").headers["location"] == "/console/account"
    registered(ann, Authenticator(ORIGIN, HOST))
    assert ann.get("/console/cycles").status_code == 200
