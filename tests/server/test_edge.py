"""What holds for every request and answer: headers, cookies, the size of bodies."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from fastapi.routing import iter_route_contexts
from starlette.testclient import TestClient

from server.kit import edge, http
from server.kit.identity import ROLES
from server.kit.runtime import Runtime
from server.kit.settings import Settings

SignedIn = Callable[..., TestClient]
ALWAYS = set(edge.HEADERS)


def addresses(app: Any) -> Iterator[str]:
    """Yield an address of every route that only reads, streams left out, and some that are none."""
    for route in iter_route_contexts(app.routes):
        if route.methods and "GET" in route.methods and not route.path.endswith("/events") and "{" not in route.path:
            yield route.path
    yield from ("/nowhere", "/console/nowhere", "/console/static/tokens.css", "/console/static/nowhere.css")


@pytest.mark.slow
def test_every_answer_carries_the_headers(signed_in: SignedIn) -> None:
    browser = signed_in(*ROLES, name="everybody")
    asked = list(addresses(browser.app))
    assert len(asked) > 80
    for address in asked:
        headers = browser.get(address).headers
        assert (address, {name for name in ALWAYS if name not in headers}) == (address, set())
        policy = headers["content-security-policy"]
        assert (address, "default-src 'none'" in policy, "unsafe" in policy) == (address, True, False)
        assert (address, "frame-ancestors 'none'" in policy or "sandbox" in policy) == (address, True)
        kept = headers["cache-control"]
        assert (address, "no-store" in kept) == (address, not address.endswith("tokens.css"))
        assert "strict-transport-security" not in headers


def test_a_refusal_a_stream_and_a_file_carry_them_too(signed_in: SignedIn) -> None:
    browser = signed_in("planner")
    del browser.headers["X-CSRF-Token"]
    for method, address in (
        ("POST", "/console/sign-out"),
        ("GET", "/console/nowhere"),
        ("POST", "/device/v1/enrol"),
        ("GET", "/console/static/console.js"),
    ):
        headers = browser.request(method, address).headers
        assert (address, {name for name in ALWAYS if name not in headers}) == (address, set())


def test_over_tls_browsers_are_told_to_come_by_tls_only(app_client: TestClient, runtime: Runtime) -> None:
    public = replace(runtime, settings=runtime.settings.model_copy(update={"public_url": "https://evenhand.test"}))
    app_client.app.state.runtime = public  # type: ignore[attr-defined] # an application
    for address in ("/healthz", "/console/sign-in", "/console/static/console.js"):
        assert app_client.get(address).headers["strict-transport-security"] == edge.HSTS


@pytest.mark.parametrize("by", ["scheme", "public address"])
def test_over_tls_every_cookie_is_for_tls_only(
    app_client: TestClient, runtime: Runtime, signed_in: SignedIn, by: str
) -> None:
    browser = signed_in("planner", name="ann")
    token = browser.cookies["evenhand"]
    public = replace(runtime, settings=runtime.settings.model_copy(update={"public_url": "https://evenhand.test"}))
    app_client.app.state.runtime = public if by == "public address" else runtime  # type: ignore[attr-defined] # as above
    over = TestClient(app_client.app, base_url="https://evenhand.test", follow_redirects=False)
    over.headers.update(dict(browser.headers))
    over.headers["Cookie"] = f"__Host-evenhand={token}"
    set_now = [
        over.post("/console/language", data={"lang": "zh"}),
        over.post("/console/theme", data={"theme": "dark"}),
        over.post("/console/account/end-sessions"),
        over.get("/console/cycles?column=week"),
        over.post("/console/sign-out"),
    ]
    cookies = [one for answer in set_now for one in answer.headers.get_list("set-cookie")]
    assert len(cookies) >= 4
    for cookie in cookies:
        assert ("; secure" in cookie.lower(), "httponly" in cookie.lower()) == (True, True), cookie
        assert "domain=" not in cookie.lower()
    assert any(cookie.startswith("__Host-evenhand=") for cookie in cookies)


def test_a_body_is_bounded_whether_its_length_is_said_or_not(app_client: TestClient, signed_in: SignedIn) -> None:
    piece = b"x" * (1 << 20)

    def unsaid() -> Iterator[bytes]:
        for _ in range(17):
            yield piece

    browser = signed_in("planner")
    browser.headers["Accept"] = "application/json"
    for kind in ("application/json", "application/x-www-form-urlencoded"):
        answer = browser.put("/api/v1/skus/K1", content=unsaid(), headers={"Content-Type": kind})
        assert (kind, answer.status_code, answer.json()["code"]) == (kind, 413, "too_large")
    said = browser.put("/api/v1/skus/K1", content=b"", headers={"Content-Length": str(edge.MAX_BODY_BYTES + 1)})
    assert (said.status_code, said.json()["code"]) == (413, "too_large")


def test_a_form_of_too_many_parts_is_refused(signed_in: SignedIn) -> None:
    browser = signed_in("planner")
    browser.headers["Accept"] = "application/json"
    many = browser.post("/console/language", data={f"f{number}": "x" for number in range(1_001)} | {"lang": "zh"})
    files = browser.post("/console/imports", files=[("file", (f"{n}.csv", b"x")) for n in range(1_001)])
    assert {many.status_code, files.status_code} <= {413, 422}


ELSEWHERE = (
    "https://evil.example",
    "//evil.example",
    "/\\evil.example",
    "/\t/evil.example",
    "javascript:alert(1)",
    "https:evil.example",
    "%2f%2fevil.example",
)


@pytest.mark.parametrize("elsewhere", ELSEWHERE)
def test_nobody_is_sent_elsewhere(signed_in: SignedIn, app_client: TestClient, elsewhere: str) -> None:
    """``next``, ``to`` and the address that htmx says it shows: none of them leads away from the console."""
    browser = signed_in("planner")
    stranger = TestClient(app_client.app, follow_redirects=False)
    htmx = {"HX-Request": "true", "HX-Current-URL": elsewhere, "Accept": "text/html"}
    answers = [
        browser.get("/console/sign-in", params={"next": elsewhere}),
        browser.post("/console/language", data={"lang": "zh", "to": elsewhere}),
        browser.post("/console/language", data={"lang": "zh", "to": elsewhere}, headers=htmx),
        stranger.get("/console/cycles", headers=htmx),
    ]
    for answer in answers:
        to = answer.headers.get("location") or answer.headers["HX-Redirect"]
        assert to.startswith("/console/")
        assert "evil" not in to


def test_what_changes_something_needs_token_and_origin_wherever_it_is(signed_in: SignedIn) -> None:
    browser = signed_in(*ROLES, name="everybody")
    browser.headers["Accept"] = "application/json"
    foreign = {"Origin": "https://evil.example"}
    asked = 0
    for route in http.of_people(browser.app):
        if "{" not in route.path:
            for method in route.methods - http.READS:
                answer = browser.request(method, route.path, headers=foreign)
                assert (route.path, answer.status_code, answer.json()["code"]) == (route.path, 403, "forged_request")
                asked += 1
    assert asked > 40


def test_no_setting_has_a_secret_by_default() -> None:
    secret = {
        name: field.default for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)
    }
    assert len(secret) >= 3
    assert set(secret.values()) == {None}
