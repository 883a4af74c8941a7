"""A program's request under a key does its act once."""

import inspect
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from factories import make_retailer
from fastapi.routing import iter_route_contexts
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from server.kit import http, idempotency
from server.kit.audit import AuditEntry
from server.kit.db import transaction

CSV = b"code,name\nR9,Shop nine\n"
PLACE = "/api/v1/feedback"


def feedback(words: str) -> dict[str, Any]:
    return {"retailer": "R1", "said": {"kind": "question", "category": "price", "words": words}}


@pytest.fixture
def planner(signed_in: Callable[..., TestClient], sessions: sessionmaker[Session]) -> TestClient:
    with transaction(sessions) as session:
        make_retailer(session, "R1")
    browser = signed_in("planner")
    browser.headers["Accept"] = "application/json"
    return browser


def bring(browser: TestClient, key: str, content: bytes = CSV) -> Any:
    return browser.post(
        "/api/v1/imports/retailers",
        files={"file": ("shops.csv", content, "text/csv")},
        headers={"Idempotency-Key": key},
    )


def asked(browser: TestClient, key: str, words: str = "why?") -> Any:
    return browser.post(PLACE, json=feedback(words), headers={"Idempotency-Key": key})


def acts(sessions: sessionmaker[Session], action: str) -> int:
    with transaction(sessions) as session:
        return session.scalar(select(func.count()).select_from(AuditEntry).where(AuditEntry.action == action)) or 0


def test_a_repeat_gets_the_same_answer_and_does_nothing(planner: TestClient, sessions: sessionmaker[Session]) -> None:
    first, second = asked(planner, "k1"), asked(planner, "k1")
    assert first.status_code == second.status_code == 201
    assert first.content == second.content
    assert first.headers["content-type"] == second.headers["content-type"]
    assert "Idempotency-Replayed" not in first.headers
    assert second.headers["Idempotency-Replayed"] == "true"
    assert acts(sessions, "feedback.received") == 1
    plain = planner.post(PLACE, json=feedback("why?"))
    assert plain.json().keys() == first.json().keys()
    assert acts(sessions, "feedback.received") == 2


def test_the_same_key_with_something_else_is_refused(planner: TestClient, sessions: sessionmaker[Session]) -> None:
    asked(planner, "k1")
    refused = asked(planner, "k1", "else?")
    assert (refused.status_code, refused.json()["code"]) == (409, "id_reused")
    assert asked(planner, "k2", "else?").status_code == 201
    assert acts(sessions, "feedback.received") == 2


def test_a_refused_request_keeps_nothing_and_may_be_sent_again(
    planner: TestClient, sessions: sessionmaker[Session]
) -> None:
    wrong = {**feedback("why?"), "retailer": "R2"}
    answer = planner.post(PLACE, json=wrong, headers={"Idempotency-Key": "k1"})
    assert answer.status_code in {404, 422}
    assert asked(planner, "k1").status_code == 201
    assert acts(sessions, "feedback.received") == 1


def test_keys_belong_to_who_sent_them(planner: TestClient, signed_in: Callable[..., TestClient]) -> None:
    assert asked(planner, "k1").status_code == 201
    other = asked(signed_in("planner", name="bo"), "k1", "else?")
    assert other.status_code == 201
    assert "Idempotency-Replayed" not in other.headers


@pytest.mark.parametrize("key", ["", "x" * 256])
def test_a_key_that_is_none(planner: TestClient, key: str) -> None:
    answer = asked(planner, key)
    assert (answer.status_code, answer.json()["code"]) == (422, "malformed")


def test_a_file_with_a_key_is_brought_in_once(planner: TestClient) -> None:
    first, second = bring(planner, "f1"), bring(planner, "f1")
    assert first.status_code == second.status_code
    assert first.content == second.content


def test_what_is_past_its_term_is_forgotten(planner: TestClient, sessions: sessionmaker[Session], clock: Any) -> None:
    asked(planner, "k1")
    with transaction(sessions) as session:
        assert idempotency.erase_old(session, clock(), clock()) == 0
    assert asked(planner, "k1").headers["Idempotency-Replayed"] == "true"
    with transaction(sessions) as session:
        later = clock() + timedelta(seconds=1)
        assert idempotency.count_old(session, later) == idempotency.erase_old(session, later, clock()) == 1
    assert "Idempotency-Replayed" not in asked(planner, "k1").headers


def test_whatever_changes_something_takes_a_key(planner: TestClient, sessions: sessionmaker[Session]) -> None:
    def suspend(key: str) -> Any:
        return planner.put(
            "/api/v1/retailers/R1/standing",
            json={"standing": "suspended", "reason": "because"},
            headers={"Idempotency-Key": key},
        )

    first, second = suspend("s1"), suspend("s1")
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.content == second.content == planner.get("/api/v1/retailers/R1").content
    assert acts(sessions, "retailer.suspended") == 1
    assert planner.post("/api/v1/retailers/R1/standing", headers={"Idempotency-Key": "s1"}).status_code == 405


def test_every_route_that_changes_something_can_keep_its_answer(app_client: TestClient) -> None:
    """It works in one transaction, and what it answers is described, or nothing."""
    changing = [
        route
        for route in iter_route_contexts(app_client.app.routes)  # type: ignore[attr-defined] # an application
        if str(route.path).startswith("/api/v1/") and not set(route.methods or ()) <= http.READS
    ]
    assert len(changing) > 50
    for route in changing:
        taken = inspect.signature(route.endpoint).parameters.values()
        assert any(one.annotation == http.Db for one in taken), route.path
        assert route.response_field is not None or route.status_code == 204, route.path


def test_two_at_once_with_one_key_do_one_act(
    planner: TestClient, sessions: sessionmaker[Session], signed_in: Callable[..., TestClient]
) -> None:
    with ThreadPoolExecutor(4) as several:
        answers = list(several.map(lambda _: asked(planner, "k1"), range(4)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert sum("Idempotency-Replayed" not in answer.headers for answer in answers) == 1
    assert acts(sessions, "feedback.received") == 1
