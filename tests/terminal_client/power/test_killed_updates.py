"""The updater killed at every step, on real files: the old or the new release boots, never neither."""

import json
import subprocess
import sys
from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import pytest
from ceremony import archive, begun
from release_server import key_in, serving
from releases import in_slot, release_of, small_release

from server.releases import drafting
from terminal_client.adapters.slots import FolderSlots
from terminal_client.core import booting
from terminal_client.core.store import Identity

SUPPORT = Path(__file__).parents[2] / "support"
CHECKOUT = SUPPORT.parents[1]
FILES = 27


@pytest.mark.slow
def test_killed_at_any_of_more_than_two_hundred_steps_the_old_or_the_new_release_boots(tmp_path: Path) -> None:
    at = datetime.now(UTC).replace(microsecond=0)
    repository, holders = begun(tmp_path / "server", at)
    files = {f"site/part{number:02}.py": f"version = '2.0.0'  # {number}\n".encode() * 40 for number in range(FILES)}
    manifest, contents = release_of("2.0.0", files)
    drafting.add(repository, *archive(tmp_path, "2.0.0", {"RELEASE.json": manifest.raw, **dict(contents)}), at)
    holders.publish(repository, at)
    root = tmp_path / "root.json"
    root.write_bytes((repository.metadata / "1.root.json").read_bytes())
    slots = FolderSlots(tmp_path / "installed")
    for path, data in (in_slot("a", small_release("1.0.0")) | in_slot("b", small_release("0.9.0", FILES))).items():
        slots.write(path, data)
    booting.keep(slots, booting.Record(chosen="a", version="1.0.0", previous="b"))
    key = key_in(tmp_path / "machine" / "keys")
    identity = Identity(device="d-1", retailer="R-1", name="Shop", broker_host=None, broker_port=None, key=key)
    with serving(repository.folder) as server:
        told = {
            "installed": str(tmp_path / "installed"),
            "folder": str(tmp_path / "machine" / "releases"),
            "root": str(root),
            "server_url": server.url,
            "identity": asdict(identity),
            "now_ms": round(at.timestamp() * 1000),
        }
        done = subprocess.run(
            [sys.executable, str(SUPPORT / "killed_updates.py")],
            input=json.dumps(told) + "\n",
            capture_output=True,
            text=True,
            check=False,
            cwd=CHECKOUT,
            env={"PYTHONPATH": f"{CHECKOUT}:{SUPPORT}", "PATH": "/usr/bin:/bin"},
        )
    assert done.returncode == 0, done.stderr[-3000:]
    kills = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one for one in kills if one["boots"] not in ("1.0.0", "2.0.0") or one["mixed"]] == []
    assert {one["again"] for one in kills} == {"", "2.0.0"}
    assert sum(one["killed"] for one in kills) >= 200
    found = Counter(one["boots"] for one in kills)
    assert min(found["1.0.0"], found["2.0.0"]) >= 4
