"""Signing in and out, one's account, people and the audit, in a browser."""
from collections.abc import Callable
from starlette.testclient import TestClient

def test_every_screen_shows(signed_in: Callable[..., TestClient]) -> None:
    for language in ("en", "zh"):
        browser = signed_in("administrator", "planner", "releaser", language=language)
        for path in ("/console/", "/console/account", "/console/operators", "/console/operators/1", "/console/audit", "/console/devices", "/console/devices/enrol", "/console/windows", "/console/orders"):
            answer = browser.get(path)
            assert answer.status_code == 200, (path, answer.text[-3000:])
