"""Fetching a release: what comes, what is refused, and what a bad line or a bad server can do."""

import hashlib
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ceremony import Holders, archive, begun
from release_server import ReleaseServer, key_in, serving

from contract.releases import Release
from server.releases import drafting, publishing
from server.releases.repository import Repository
from terminal_client.adapters import signed_files
from terminal_client.adapters.slots import FolderSlots
from terminal_client.bring import NotBroughtError, Wish, bring
from terminal_client.core import booting
from terminal_client.core.offers import Machine
from terminal_client.core.store import Identity

MACHINE = Machine(running="0.1.0", model="reference terminal", platform="linux_x86_64", python="3.11", store_version=13)


@dataclass
class World:
    """A distributor's repository, its server, and a machine."""

    repository: Repository
    holders: Holders
    server: ReleaseServer
    folder: Path
    at: datetime

    def release(self, version: str, **told: Any) -> Path:
        """Publish a release."""
        path, said = packed(self.folder.parent, version, **told)
        drafting.add(self.repository, path, said, self.at)
        self.holders.publish(self.repository, self.at)
        return path

    def wish(self, wanted: str = "", **more: Any) -> Wish:
        first = self.folder.parent / "root.json"
        first.write_bytes((self.repository.metadata / "1.root.json").read_bytes())
        wish = Wish(
            server_url=self.server.url,
            identity=replace(IDENTITY, key=key_in(self.folder.parent / "keys")),
            data_dir=self.folder.parent,
            folder=self.folder,
            root=first,
            wanted=wanted,
            again=False,
            machine=MACHINE,
            now_ms=round(self.at.timestamp() * 1000) + 60_000,
        )
        return replace(wish, **more)


IDENTITY = Identity(device="d-1", retailer="R-1", name="Shop", broker_host=None, broker_port=None)


def packed(folder: Path, version: str, **told: Any) -> tuple[Path, Release]:
    """Make an archive with a manifest, whose bytes do not pack."""
    noise = random.Random(version).randbytes(700_000)  # noqa: S311 - bytes that do not pack
    files = {"site/data.bin": noise, "site/version.py": f"version = {version!r}\n".encode()}
    manifest = {
        "format": 1,
        "version": told.pop("says", version),
        "files": {
            name: {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in files.items()
        },
    }
    return archive(folder, version, {"RELEASE.json": json.dumps(manifest).encode(), **files}, **told)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    at = datetime.now(UTC).replace(microsecond=0)
    repository, holders = begun(tmp_path / "server", at)
    with serving(repository.folder) as server:
        yield World(repository, holders, server, tmp_path / "machine" / "releases", at)


@pytest.fixture(autouse=True)
def _a_place(tmp_path: Path) -> None:
    (tmp_path / "machine").mkdir()


def refused(wish: Wish) -> str:
    with pytest.raises(NotBroughtError) as error:
        bring(wish, lambda _said: None)
    return error.value.reason


def test_the_newest_release_comes_and_lies_whole_in_the_free_slot(world: World) -> None:
    world.release("0.2.0")
    world.release("0.3.0")
    said: list[dict[str, Any]] = []
    assert bring(world.wish(), said.append) == "0.3.0"
    slots = FolderSlots(world.folder)
    assert (booting.version_in(slots, "a"), slots.read("a/site/version.py")) == ("0.3.0", b"version = '0.3.0'\n")
    done = [told["progress"][1] for told in said]
    assert done == sorted(done)
    assert len(done) > 4
    assert list((world.folder / "incoming").iterdir()) == []


def test_what_lies_there_already_is_not_fetched_again(world: World) -> None:
    world.release("0.2.0")
    bring(world.wish("0.2.0"), lambda _said: None)
    world.server.asked.clear()
    assert bring(world.wish("0.2.0"), lambda _said: None) == "0.2.0"
    assert not [path for path, _ in world.server.asked if "targets/" in path and path.endswith(".gz")]


def test_a_cut_line_costs_one_part_and_goes_on_where_it_stood(world: World) -> None:
    world.release("0.2.0")
    world.server.cut_after = 3
    assert refused(world.wish()) == "offline"
    world.server.cut_after, before = None, len(world.server.asked)
    assert bring(world.wish(), lambda _said: None) == "0.2.0"
    ranges = [wanted for path, wanted in world.server.asked[before:] if path.endswith(".gz")]
    assert ranges[0].startswith(f"bytes={3 * signed_files.PART_BYTES}-")


def test_nothing_newer_is_nothing_and_no_way_back_is_offered(world: World) -> None:
    world.release("0.2.0")
    runs = replace(MACHINE, running="0.2.0")
    assert bring(world.wish(machine=runs), lambda _said: None) is None
    assert refused(world.wish("0.2.0", machine=runs)) == "older"
    assert refused(world.wish("0.1.0", machine=runs)) == "older"
    assert refused(world.wish("0.9.0", machine=runs)) == "not_found"


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"minimum_version": "0.1.5"}, "too_old"),
        ({"platform": "linux_aarch64"}, "not_for_platform"),
        ({"python": "3.9"}, "not_for_platform"),
        ({"models": ("another terminal",)}, "not_for_model"),
        ({"store_readable_from": 14}, "store_too_new"),
        ({"says": "0.4.0"}, "damaged_archive"),
    ],
)
def test_a_release_that_does_not_suit_is_refused_with_its_reason(world: World, told: Any, reason: str) -> None:
    world.release("0.2.0", **told)
    assert refused(world.wish("0.2.0")) == reason
    assert booting.version_in(FolderSlots(world.folder), "a") is None


def test_one_that_did_not_work_here_comes_again_only_when_asked_once_more(world: World) -> None:
    world.release("0.2.0")
    returned = replace(MACHINE, returned="0.2.0")
    assert bring(world.wish(machine=returned), lambda _said: None) is None
    assert refused(world.wish("0.2.0", machine=returned)) == "returned_before"
    assert bring(world.wish("0.2.0", machine=returned, again=True), lambda _said: None) == "0.2.0"


# What the public conformance cases of the framework ask of a client, against ours.


def test_rollback_of_the_repository_is_refused(world: World) -> None:
    world.release("0.2.0")
    old = {path.name: path.read_bytes() for path in world.repository.metadata.iterdir()}
    world.release("0.3.0")
    bring(world.wish(), lambda _said: None)
    (world.repository.metadata / "timestamp.json").write_bytes(old["timestamp.json"])
    assert refused(world.wish()) == "not_genuine"


def test_a_frozen_repository_is_noticed_once_its_time_is_over(world: World) -> None:
    world.release("0.2.0")
    late_ms = round((world.at + timedelta(days=3)).timestamp() * 1000)
    assert refused(world.wish(now_ms=late_ms)) == "expired"
    early = world.wish(now_ms=round(world.at.timestamp() * 1000))
    assert refused(early) == "expired"  # setting the clock back does not help: the latest time counts
    publishing.renew(world.repository, world.at + timedelta(days=3))
    assert bring(early, lambda _said: None) == "0.2.0"


def test_too_few_signatures_are_refused(world: World) -> None:
    world.release("0.2.0")
    listed = world.repository.newest("targets")
    told = json.loads(listed.read_bytes())
    told["signatures"] = told["signatures"][:1]
    world.server.instead = lambda path, data: json.dumps(told).encode() if path.endswith(listed.name) else data
    assert refused(world.wish()) == "not_genuine"


def test_a_root_that_the_old_holders_did_not_sign_is_refused(world: World) -> None:
    stranger, holders = begun(world.folder.parent / "stranger", world.at)
    drafting.rotate(stranger, world.at)
    holders.publish(stranger, world.at)
    (world.repository.metadata / "2.root.json").write_bytes((stranger.metadata / "2.root.json").read_bytes())
    assert refused(world.wish()) == "not_genuine"


def test_keys_change_from_root_to_root_and_a_machine_that_was_off_follows_the_chain(world: World) -> None:
    world.wish()
    new = Holders(world.folder.parent / "new", ("qian", "sun"))
    first = (world.repository.metadata / "1.root.json").read_bytes()
    drafting.rotate(world.repository, world.at, root_keys=(new.all(), 2), targets_keys=(new.all(), 2), online=True)
    for draft in ("root.json", "targets.json"):
        drafting.collect(world.repository, new.sign(world.repository.draft / draft, "qian", "sun"))
    drafting.collect(world.repository, world.holders.sign(world.repository.draft / "root.json", "li", "wang"))
    publishing.publish(world.repository, world.at)
    world.holders = new
    drafting.rotate(world.repository, world.at)
    new.publish(world.repository, world.at)
    world.release("0.2.0")
    wish = world.wish()
    assert wish.root.read_bytes() == first
    assert bring(wish, lambda _said: None) == "0.2.0"


@pytest.mark.parametrize("role", ["snapshot", "targets"])
def test_files_of_different_states_do_not_mix(world: World, role: str) -> None:
    world.release("0.2.0")
    before = world.repository.newest(role).read_bytes()  # type: ignore[arg-type]
    world.release("0.3.0")
    newest = world.repository.newest(role).name  # type: ignore[arg-type]
    world.server.instead = lambda path, data: before if path.endswith(newest) else data
    assert refused(world.wish()) == "not_genuine"


def test_endless_data_ends_at_the_length_that_was_signed(world: World) -> None:
    world.release("0.2.0")
    world.server.instead = lambda path, data: data + bytes(3_000_000) if path.startswith("targets/") else data
    assert refused(world.wish()) == "not_genuine"
    world.server.instead = lambda path, data: data + b" " * 9_000_000 if path.endswith("timestamp.json") else data
    assert refused(world.wish()) == "not_genuine"


def test_one_other_byte_is_refused_and_what_came_is_thrown_away(world: World) -> None:
    world.release("0.2.0")
    world.server.instead = lambda path, data: bytes([data[0] ^ 1]) + data[1:] if path.startswith("targets/") else data
    assert refused(world.wish()) == "not_genuine"
    world.server.instead = lambda _path, data: data
    assert bring(world.wish(), lambda _said: None) == "0.2.0"


def test_who_answers_a_byte_at_a_time_holds_nobody(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.release("0.2.0")
    monkeypatch.setattr(signed_files, "PART_WITHIN_S", -1.0)
    assert refused(world.wish()) == "slow"


def test_a_server_that_is_not_there_or_knows_nothing_is_offline(world: World) -> None:
    assert refused(world.wish(server_url="http://127.0.0.1:9")) == "offline"
    (world.repository.metadata / "timestamp.json").unlink()
    assert refused(world.wish()) == "offline"
