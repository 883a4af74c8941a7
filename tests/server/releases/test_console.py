"""The screen of releases."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from ceremony import archive, begun
from fastapi.testclient import TestClient

from server.kit.runtime import Runtime
from server.releases import drafting

PAGE = "/console/releases"


def test_it_says_what_is_published_what_ends_and_what_waits(
    runtime: Runtime, clock: Any, signed_in: Callable[..., TestClient]
) -> None:
    fleet = signed_in("fleet", name="fleet")
    assert "No release is published" in fleet.get(PAGE, headers={"Accept-Language": "en"}).text
    repository, holders = begun(runtime.settings.data_dir, clock())
    drafting.add(repository, *archive(runtime.settings.data_dir, "0.2.0", minimum_version="0.1.0"), clock())
    holders.publish(repository, clock())
    drafting.renew_targets(repository, clock() + timedelta(seconds=1))
    page = fleet.get(PAGE, headers={"Accept-Language": "en"}).text
    for said in ("0.2.0", "from 0.1.0 on", "2 of 3 holders; 2 are needed", "2 more signatures are wanted"):
        assert said in page, page


def test_it_is_for_who_looks_after_terminals(signed_in: Callable[..., TestClient]) -> None:
    assert signed_in("auditor", name="auditor").get(PAGE).status_code == 200
    assert signed_in("dispatcher", name="dispatcher").get(PAGE).status_code == 403
