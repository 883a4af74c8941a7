"""The store: private, exclusive, and whole after every kill."""

import os
import re
import signal
import stat
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import apsw
import pytest

from terminal_client.core import outbox
from terminal_client.core.store import (
    FILE,
    MIGRATIONS,
    READABLE_FROM,
    Identity,
    Store,
    StoreInUseError,
    StoreTooNewError,
)


def test_the_store_is_readable_by_its_user_alone(tmp_path: Path) -> None:
    store = Store(tmp_path / "shop")
    store.choose("language", "en")
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "shop").iterdir()}
    assert modes == {0o600}
    assert stat.S_IMODE((tmp_path / "shop").stat().st_mode) == 0o700
    store.close()


def test_what_was_known_by_a_secret_keeps_everything_and_wants_a_new_code(tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as before:
        before.setattr("terminal_client.core.store.MIGRATIONS", MIGRATIONS[:10])
        store = Store(tmp_path)
        with store.transaction():
            store.execute("INSERT INTO identity VALUES (1, 'd-12', 's3cret', 'R-12', 'Harbour Road 12', NULL, NULL)")
        store.choose("language", "en")
        store.close()
    store = Store(tmp_path)
    assert store.identity() == Identity("d-12", "R-12", "Harbour Road 12", None, None)
    assert store.setting("language", "zh") == "en"
    assert "s3cret" not in str(store.rows("SELECT * FROM identity"))
    store.close()


def test_a_second_terminal_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from terminal_client.core.store import Store;"
        "store = Store(Path(sys.argv[1])); print('open', flush=True); sys.stdin.read()"
    )
    other = subprocess.Popen([sys.executable, "-c", script, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert other.stdin is not None
    assert other.stdout is not None
    try:
        assert other.stdout.readline() == b"open\n"
        with pytest.raises(StoreInUseError, match="Another terminal"):
            Store(tmp_path)
    finally:
        other.stdin.close()
        other.wait(10)
        other.stdout.close()
    Store(tmp_path).close()


def test_a_store_of_a_newer_program_is_left_alone(tmp_path: Path) -> None:
    Store(tmp_path).close()
    raw = apsw.Connection(str(tmp_path / FILE))
    raw.execute("PRAGMA user_version = 99; UPDATE setting SET value = '98' WHERE name = 'store_readable_from'")
    raw.close()
    with pytest.raises(StoreTooNewError, match="99"):
        Store(tmp_path)


def test_a_store_that_a_newer_release_only_added_to_still_opens_after_the_return(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.choose("language", "en")
    store.close()
    raw = apsw.Connection(str(tmp_path / FILE))
    raw.execute("CREATE TABLE of_the_newer (x ANY) STRICT")
    raw.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    raw.close()
    back = Store(tmp_path)
    assert back.setting("language", "zh") == "en"
    back.choose("language", "zh")
    assert back.rows("PRAGMA user_version") == [(len(MIGRATIONS) + 1,)]
    back.close()


def test_migrations_after_the_oldest_that_reads_them_add_tables_and_indexes_alone() -> None:
    """Whoever needs another change raises READABLE_FROM, and releases twice (docs/adr/0057)."""
    for name in MIGRATIONS[READABLE_FROM:]:
        script = files("terminal_client.core").joinpath(name).read_text(encoding="utf-8")
        made = set(re.findall(r"^CREATE TABLE (\w+)", script, re.MULTILINE))
        for begun in re.findall(r"^(?!--|\s|\)|$)(.*)", script, re.MULTILINE):
            filled = re.match(r"INSERT INTO (\w+)", begun)
            fits = begun.startswith(("CREATE TABLE", "CREATE INDEX", "CREATE UNIQUE INDEX"))
            assert fits or (filled is not None and filled[1] in made), (name, begun)


def test_a_store_of_the_first_version_is_brought_along_with_all_that_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("terminal_client.core.store.MIGRATIONS", ("schema.sql",))
        old = Store(tmp_path)
        with old.transaction():
            old.execute(
                "INSERT INTO outbox (id, kind, subject, data, seq, saved_at_ms) VALUES (?, ?, ?, ?, ?, ?)",
                ("01a467f5-6600-7226-b63c-5ab791b7584a", "order.place", "order:1", "{}", 1, 5),
            )
        old.close()
    store = Store(tmp_path)
    assert store.rows("PRAGMA user_version") == [(len(MIGRATIONS),)]
    assert [(entry.state, entry.saved_at_ms) for entry in outbox.queued(store)] == [("saved", 5)]
    assert not store.progress().rereading
    store.close()


def test_a_transaction_that_raises_leaves_nothing(world: Any) -> None:
    def half() -> None:
        with world.store.transaction():
            world.store.execute("INSERT INTO setting VALUES ('a', 'b')")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half()
    assert world.store.setting("a", "none") == "none"


def test_writing_outside_a_transaction_is_a_defect(world: Any) -> None:
    with pytest.raises(RuntimeError, match="inside a transaction"):
        world.store.execute("DELETE FROM outbox")


def test_what_was_written_is_flushed_before_it_counts(world: Any) -> None:
    assert world.store.rows("PRAGMA synchronous") == [(2,)]
    assert world.store.rows("PRAGMA journal_mode") == [("wal",)]


def test_a_full_disk_loses_nothing_that_was_kept_and_the_exchange_recovers(world: Any, make: Any) -> None:
    window = make.window(world)
    world.run(1)
    pages = world.store.rows("PRAGMA page_count")[0][0]
    world.store.rows(f"PRAGMA max_page_count = {pages}")
    world.server.tell("news:1", "weather", {"text": "x" * 20_000})
    world.run(90)
    assert world.engine.trouble == "disk_full"
    assert world.store.progress().cursor == 1
    world.store.rows("PRAGMA max_page_count = 1000000")
    world.run(90)
    assert (world.engine.trouble, world.store.progress().cursor) == (None, 2)
    assert window.window is not None


WRITER = """
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from contract.ids import uuid7
from contract.messages import OrderLine
from terminal_client.adapters.system import SystemClock, bits
from terminal_client.core import use_cases
from terminal_client.core.server_clock import ServerClock
from terminal_client.core.store import Store

store = Store(Path(sys.argv[1]))
shop = use_cases.Shop(store, ServerClock(store, SystemClock()), bits, lambda message: None)
window = uuid7()
print("open", flush=True)
while True:
    use_cases.set_draft_line(shop, window, "GOLD", 12)
    order = use_cases.submit_draft(shop, window)
    print(order, flush=True)
    with store.transaction():
        store.execute("DELETE FROM draft")
"""


@pytest.mark.slow
def test_killed_at_any_moment_every_order_that_was_said_to_be_saved_is_there_and_whole(tmp_path: Path) -> None:
    said: list[str] = []
    for round_ in range(5):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, tmp_path], stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        said += [writer.stdout.readline().strip() for _ in range(5 + 7 * round_)]
        os.kill(writer.pid, signal.SIGKILL)
        writer.wait(10)
        said += [line.strip() for line in writer.stdout if len(line) == 37]
        writer.stdout.close()
    store = Store(tmp_path)
    assert store.rows("PRAGMA integrity_check") == [("ok",)]
    kept = {str(entry.id): entry for entry in outbox.queued(store)}
    assert {order for order in said if order != "open"} <= set(kept)
    assert all(entry.data["lines"] == [{"sku": "GOLD", "quantity_units": 12}] for entry in kept.values())
    assert len({entry.id for entry in kept.values()}) == len(kept)
    store.close()
