"""What a terminal reads of the repository over HTTP."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ceremony import archive, begun
from fastapi.testclient import TestClient

from contract.releases import RANGE_MOST_BYTES
from server.devices.http import known_sender
from server.kit.runtime import Runtime
from server.releases import drafting


@pytest.fixture
def device(app_client: TestClient) -> Iterator[TestClient]:
    """A device that is known, however it says who it is."""
    application: Any = app_client.app
    application.dependency_overrides[known_sender] = lambda: None
    yield app_client
    del application.dependency_overrides[known_sender]


@pytest.fixture
def published(runtime: Runtime, clock: Any) -> str:
    """A repository with one release of more than two megabytes; return the path of its archive."""
    at = clock()
    data_dir = runtime.settings.data_dir
    repository, holders = begun(data_dir, at)
    path, release = archive(data_dir, "0.2.0", {"RELEASE.json": b"{}"})
    path.write_bytes(bytes(range(256)) * 9000)
    drafting.add(repository, path, release, at)
    holders.publish(repository, at)
    (one,) = repository.releases()
    return f"/device/v1/updates/targets/{one.sha256}.{one.name}"


def test_nobody_reads_it_without_being_a_device(app_client: TestClient, published: str) -> None:
    for path in (published, "/device/v1/updates/metadata/timestamp.json"):
        assert app_client.get(path).status_code == 401


def test_metadata_comes_by_number_and_the_next_root_is_not_found(device: TestClient, published: str) -> None:
    for name in ("1.root.json", "2.targets.json", "2.snapshot.json", "timestamp.json"):
        answer = device.get(f"/device/v1/updates/metadata/{name}")
        assert (answer.status_code, answer.json()["signed"]["_type"]) == (200, name.split(".")[-2])
    missing = device.get("/device/v1/updates/metadata/2.root.json")
    assert (missing.status_code, missing.json()["code"]) == (404, "not_found")


def test_an_archive_comes_by_ranges_of_at_most_a_megabyte(device: TestClient, published: str) -> None:
    whole = bytes(range(256)) * 9000
    got = b""
    while len(got) < len(whole):
        answer = device.get(published, headers={"Range": f"bytes={len(got)}-"})
        assert answer.status_code == 206
        assert len(answer.content) <= RANGE_MOST_BYTES
        assert answer.headers["Content-Range"] == f"bytes {len(got)}-{len(got) + len(answer.content) - 1}/{len(whole)}"
        got += answer.content
    assert got == whole
    assert device.get(published, headers={"Range": f"bytes={len(whole)}-"}).status_code == 416
    at_once = device.get(published)
    assert (at_once.status_code, at_once.json()["code"]) == (413, "too_large")


@pytest.mark.parametrize("name", ["..%2f..%2fonline-key.pem", "online-key.pem", "1.root.json.new", "lock"])
def test_nothing_else_of_the_folder_is_given_out(device: TestClient, published: str, name: str) -> None:
    for kind in ("metadata", "targets"):
        assert device.get(f"/device/v1/updates/{kind}/{name}").status_code in (404, 422)


def test_a_repository_that_is_not_begun_is_not_found(device: TestClient, tmp_path: Path) -> None:
    assert device.get("/device/v1/updates/metadata/timestamp.json").status_code == 404
