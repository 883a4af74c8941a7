"""The guards of routes: forms and headers carry the session's token, and a body is read once."""

from collections.abc import Iterator
from typing import Annotated, Any

import pytest
from fastapi import Depends, FastAPI, Form, Request, UploadFile
from fastapi.responses import JSONResponse
from starlette.testclient import TestClient

from contract.errors import Refusal
from server.kit import http
from server.kit.attempts import PER_ACCOUNT, Attempts
from server.kit.clock import system_clock
from server.kit.http import needs, status_of
from server.kit.identity import Operator
from server.kit.runtime import Runtime
from server.kit.settings import Settings

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def make_app(operator: Operator | None, public_url: str | None = None) -> FastAPI:
    def load(request: Request) -> None:
        request.state.operator, request.state.csrf = operator, "right"

    app = FastAPI(dependencies=[Depends(load)])
    app.state.runtime = Runtime(Settings(public_url=public_url), None, None, system_clock, None)  # type: ignore[arg-type] # no database
    planners = http.router("/p", tag="t", roles=("planner",))

    @planners.get("/read")
    def read() -> str:
        return "read"

    @planners.post("/plain")
    def plain(request: Request) -> dict[str, Any]:
        return {"typed": list(getattr(request.state, "typed", {}).items())}

    @planners.post("/form")
    def form(name: Annotated[str, Form()], request: Request) -> dict[str, Any]:
        return {"name": name, "typed": dict(request.state.typed)}

    @planners.post("/upload")
    def upload(file: UploadFile, note: Annotated[str, Form()]) -> dict[str, Any]:
        return {"held": file.file.read().decode(), "note": note}

    @planners.post("/releasing", dependencies=[Depends(needs("releaser"))])
    def release() -> str:
        return "released"

    app.include_router(planners)
    app.add_exception_handler(Refusal, _told)
    return app


def _told(_: Request, refusal: Any) -> JSONResponse:
    return JSONResponse(refusal.code, status_code=status_of(refusal))


@pytest.fixture
def planner() -> Iterator[TestClient]:
    with TestClient(make_app(Operator(1, "ann", frozenset({"planner"})))) as client:
        yield client


@pytest.mark.parametrize("path", ["/p/plain", "/p/form"])
def test_the_token_counts_in_a_form_and_in_a_header(planner: TestClient, path: str) -> None:
    assert planner.post(path, data={"name": "x", "csrf": "right"}).status_code == 200
    assert planner.post(path, data={"name": "x"}, headers={"X-CSRF-Token": "right"}).status_code == 200
    for data, headers in (
        ({"name": "x"}, {}),
        ({"name": "x", "csrf": "wrong"}, {}),
        ({"name": "x", "csrf": "rïght"}, {}),
        ({"name": "x", "csrf": ""}, {}),
        ({"name": "x", "csrf": "right"}, {"X-CSRF-Token": "wrong"}),
    ):
        answer = planner.post(path, data=data, headers=headers)
        assert (answer.status_code, answer.json()) == (403, "forged_request")


def test_what_was_typed_is_kept_with_every_value(planner: TestClient) -> None:
    answer = planner.post("/p/form", data={"name": "x", "note": "kept", "csrf": "right"})
    assert answer.json() == {"name": "x", "typed": {"name": "x", "note": "kept", "csrf": "right"}}


def test_a_form_with_a_file_is_read_once_by_guard_and_endpoint(planner: TestClient) -> None:
    sent = {"data": {"csrf": "right", "note": "n"}, "files": {"file": ("a.csv", b"sku,units\n")}}
    assert planner.post("/p/upload", **sent).json() == {"held": "sku,units\n", "note": "n"}  # type: ignore[arg-type]
    assert planner.post("/p/plain", **sent).json() == {"typed": [["csrf", "right"], ["note", "n"]]}  # type: ignore[arg-type]


def test_a_token_sent_as_a_file_is_none(planner: TestClient) -> None:
    answer = planner.post("/p/plain", files={"csrf": ("right", b"right")})
    assert (answer.status_code, answer.json()) == (403, "forged_request")


@pytest.mark.parametrize("body", [b"", b"%%%", b"csrf", b"csrf=right&csrf=wrong", b"\xff\xfe"])
def test_odd_forms_are_refused_and_break_nothing(planner: TestClient, body: bytes) -> None:
    assert planner.post("/p/plain", content=body, headers=FORM).status_code == 403


def test_a_broken_multipart_body_is_a_bad_request(planner: TestClient) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    assert planner.post("/p/plain", content=b"--y\r\nbroken", headers=headers).status_code in {400, 403}


def test_a_json_body_needs_the_header(planner: TestClient) -> None:
    assert planner.post("/p/plain", json={"csrf": "right"}).status_code == 403
    assert planner.post("/p/plain", json={}, headers={"X-CSRF-Token": "right"}).status_code == 200


def test_reading_needs_no_token(planner: TestClient) -> None:
    assert planner.get("/p/read").status_code == 200


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://testserver", 200),
        ("https://evil.example", 403),
        ("http://testserver.evil.example", 403),
        ("null", 403),
        ("", 403),
    ],
)
def test_a_change_from_another_site_is_refused_even_with_the_token(
    planner: TestClient, origin: str, status: int
) -> None:
    headers = {"Origin": origin, "X-CSRF-Token": "right"}
    assert planner.post("/p/plain", headers=headers).status_code == status


def test_the_public_address_is_ours_too() -> None:
    app = make_app(Operator(1, "ann", frozenset({"planner"})), "https://orders.example")
    with TestClient(app) as client:
        for origin, status in (("https://orders.example", 200), ("http://orders.example", 403)):
            headers = {"Origin": origin, "X-CSRF-Token": "right"}
            assert client.post("/p/plain", headers=headers).status_code == status


def test_a_route_may_need_more_than_its_router(planner: TestClient) -> None:
    answer = planner.post("/p/releasing", headers={"X-CSRF-Token": "right"})
    assert (answer.status_code, answer.json()) == (403, "not_allowed")
    both = make_app(Operator(1, "bo", frozenset({"planner", "releaser"})))
    with TestClient(both) as client:
        assert client.post("/p/releasing", headers={"X-CSRF-Token": "right"}).status_code == 200


def test_nobody_is_told_to_sign_in_before_anything_is_read() -> None:
    with TestClient(make_app(None)) as client:
        for method, path in (("GET", "/p/read"), ("POST", "/p/form"), ("POST", "/p/upload")):
            answer = client.request(method, path)
            assert (answer.status_code, answer.json()) == (401, "signed_out")


def test_failed_attempts_are_counted_by_key_and_forgotten_on_success() -> None:
    tries = Attempts()
    assert [tries.failed(PER_ACCOUNT, "ann") for _ in range(10)] == [False] * 9 + [True]
    with pytest.raises(Refusal) as refused:
        tries.check(PER_ACCOUNT, "ann")
    assert refused.value.code == "rate_limited"
    assert 0 < int(refused.value.params["seconds"]) <= 900
    tries.check(PER_ACCOUNT, "bob")
    tries.forget(PER_ACCOUNT, "ann")
    tries.check(PER_ACCOUNT, "ann")
