"""The terminal's memory: what it said is kept is kept, and nobody else gets at it."""

import stat
from pathlib import Path

import apsw
import pytest

from contract.device_api import Enrolled
from terminal_client.core.store import FILE, Store, StoreInUseError, StoreTooNewError


def asked(store: Store, pragma: str) -> object:
    return store.rows(f"PRAGMA {pragma}")[0][0]


def test_every_commit_reaches_the_disk_before_the_screen_says_saved(tmp_path: Path):
    store = Store(tmp_path)

    assert asked(store, "journal_mode") == "wal"
    assert asked(store, "synchronous") == 2, "2 is FULL: with 1, NORMAL, a power cut takes orders that were saved"
    store.close()


def test_a_transaction_that_fails_leaves_nothing_behind(tmp_path: Path):
    store = Store(tmp_path)
    store.choose("language", "en")

    def half_done() -> None:
        with store.transaction():
            store.choose("language", "zh")
            store.choose("theme", "dark")
            raise RuntimeError("the screen was closed")

    with pytest.raises(RuntimeError, match="the screen was closed"):
        half_done()

    assert (store.setting("language", "none"), store.setting("theme", "none")) == ("en", "none")
    store.close()


def test_what_was_kept_is_there_after_a_start(tmp_path: Path, enrolled: Enrolled):
    store = Store(tmp_path)
    kept = store.keep_identity(enrolled)
    store.close()

    again = Store(tmp_path)

    assert again.identity() == kept
    again.close()


def test_what_was_kept_survives_a_process_that_ended_without_a_word(tmp_path: Path):
    store = Store(tmp_path / "running")
    store.choose("language", "en")
    after_power_cut = tmp_path / "after"
    after_power_cut.mkdir()
    for file in (tmp_path / "running").iterdir():
        (after_power_cut / file.name).write_bytes(file.read_bytes())
    store.close()

    again = Store(after_power_cut)

    assert again.setting("language", "none") == "en"
    again.close()


def test_a_second_process_is_refused(tmp_path: Path):
    store = Store(tmp_path)

    with pytest.raises(StoreInUseError, match="Another terminal is using"):
        Store(tmp_path)

    store.close()


def test_a_store_of_a_newer_version_is_left_alone(tmp_path: Path):
    Store(tmp_path).close()
    newer = apsw.Connection(str(tmp_path / FILE))
    newer.execute("PRAGMA user_version = 999")
    newer.close()
    before = (tmp_path / FILE).read_bytes()

    with pytest.raises(StoreTooNewError, match="version 999"):
        Store(tmp_path)

    assert (tmp_path / FILE).read_bytes() == before


def test_the_secret_is_readable_by_this_user_alone_and_never_shown(tmp_path: Path, enrolled: Enrolled):
    store = Store(tmp_path / "terminal")
    identity = store.keep_identity(enrolled)

    assert enrolled.secret not in repr(identity)
    assert stat.S_IMODE((tmp_path / "terminal").stat().st_mode) == 0o700
    for file in (tmp_path / "terminal").iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file.name
    store.close()


@pytest.fixture
def enrolled() -> Enrolled:
    return Enrolled.model_validate(
        {
            "device": "t-1",
            "secret": "not to be shown",
            "retailer": "R1",
            "name": "Shop R1",
            "broker_host": None,
            "broker_port": None,
            "server_time": "2026-11-25T01:00:00Z",
        }
    )
