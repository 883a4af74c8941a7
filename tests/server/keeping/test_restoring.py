"""A backup of a database by URL, and what comes of it elsewhere."""

import io
import json
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import ceremony
import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from factories import make_device, make_retailer, make_sku, make_window, place
from pydantic import SecretStr
from tuf.api.exceptions import BadVersionNumberError, DownloadHTTPError
from tuf.ngclient import FetcherInterface, Updater
from typer.testing import CliRunner

from evenhand.cli import app
from server import worker
from server.keeping import archive, backing_up, restoring
from server.keeping.age import SealedFileError, Sealer
from server.keeping.archive import BackupRefusedError, Manifest
from server.kit import audit_cli, audit_keys, embedded, outbox, sealing
from server.kit.audit_cli import Checked
from server.kit.db import make_engine, make_sessions, transaction
from server.kit.runtime import Runtime
from server.kit.settings import Settings
from server.releases import drafting, publishing
from server.releases.repository import ONLINE_KEY, Repository

pytestmark = pytest.mark.slow
KEY = X25519PrivateKey.from_private_bytes(bytes(range(32)))
ORDERS = 3


def quiet(_stage: str, _done: int, _total: int) -> None:
    pass


def owned(settings: Settings, cluster: embedded.Cluster, data_dir: Path) -> Settings:
    urls = {"database_url": SecretStr(cluster.app_url), "database_owner_url": SecretStr(cluster.owner_url)}
    return settings.model_copy(update={**urls, "data_dir": data_dir})


@pytest.fixture
def running(runtime: Runtime, database: embedded.Cluster) -> Runtime:
    """A server with orders and a sealed audit."""
    runtime = replace(runtime, settings=owned(runtime.settings, database, runtime.settings.data_dir))
    with transaction(runtime.sessions) as session:
        make_sku(session)
        for number in range(ORDERS):
            make_retailer(session, f"R{number}")
            place(session, make_device(session, f"R{number}"), window_of(session), K1=2)
    worker.seal(runtime)
    sealing.add_key(runtime.settings)
    return runtime


def window_of(session: Any) -> Any:
    if "window" not in session.info:
        session.info["window"] = make_window(session)
    return session.info["window"]


@pytest.fixture
def elsewhere(postgres: embedded.Cluster, runtime: Runtime, tmp_path: Path) -> Iterator[Settings]:
    """Settings of another server, with an empty database and no data folder yet."""
    made = postgres.create_database("elsewhere")
    yield owned(runtime.settings, made, tmp_path / "elsewhere")
    postgres.drop_database("elsewhere")


@pytest.fixture
def backup(running: Runtime, tmp_path: Path) -> Path:
    out = tmp_path / "town.backup"
    backing_up.back_up(running.settings, out, [KEY.public_key()], at=running.clock(), progress=quiet)
    return out


def restored(settings: Settings, backup: Path, running: Runtime, **by: float) -> Manifest:
    at = running.clock() + timedelta(**(by or {"hours": 1}))
    return restoring.restore(settings, backup, [KEY], at=at, progress=quiet)


def verified(settings: Settings, at: Any, *, heads: Path | None = None) -> Checked:
    engine = make_engine(settings.database_url.get_secret_value(), pool=1)
    try:
        with transaction(make_sessions(engine)) as session:
            return audit_cli.verify(session, settings, heads=heads, key=None, at=at)
    finally:
        engine.dispose()


def history(settings: Settings) -> str:
    engine = make_engine(settings.database_url.get_secret_value(), pool=1)
    try:
        with transaction(make_sessions(engine)) as session:
            return outbox.history(session)
    finally:
        engine.dispose()


def tables_in(settings: Settings) -> list[Any]:
    with psycopg.connect(settings.database_owner_url.get_secret_value().replace("+psycopg", "", 1)) as connection:
        return connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()


def test_everything_comes_back_under_another_history(running: Runtime, backup: Path, elsewhere: Settings):
    held = restored(elsewhere, backup, running)

    assert held.tables["orders"] == ORDERS
    assert len(tables_in(elsewhere)) == len(held.tables)
    assert history(elsewhere) != history(running.settings)
    key = "signing-key.pem"
    of = [audit_keys.folder(settings) / key for settings in (running.settings, elsewhere)]
    assert of[0].read_bytes() == of[1].read_bytes()
    assert of[1].stat().st_mode & 0o077 == 0
    of = [sealing.path(settings) for settings in (running.settings, elsewhere)]
    assert of[0].read_bytes() == of[1].read_bytes()
    assert of[1].stat().st_mode & 0o077 == 0


def test_the_audit_holds_and_says_what_happened(running: Runtime, backup: Path, elsewhere: Settings):
    at = running.clock() + timedelta(hours=2)
    restored(elsewhere, backup, running)

    found = verified(elsewhere, at)

    assert (found.faults, found.overtaken) == ((), ())
    with psycopg.connect(elsewhere.database_url.get_secret_value().replace("+psycopg", "", 1)) as connection:
        said = connection.execute(
            "SELECT actor, detail FROM audit WHERE action = 'audit.restored' AND alert"
        ).fetchall()
    assert [(actor, detail["ordinal"]) for actor, detail in said] == [("system:command", found.entries - 1)]


def test_heads_of_after_the_backup_are_set_aside_and_named(
    running: Runtime, backup: Path, elsewhere: Settings, tmp_path: Path
):
    with transaction(running.sessions) as session:
        place(session, make_device(session, "R0", device="later"), make_window(session), K1=9)
    worker.seal(running)
    with transaction(running.sessions) as session:
        (tmp_path / "heads").write_text(audit_cli.exported_heads(session))
    restored(elsewhere, backup, running)

    found = verified(elsewhere, running.clock() + timedelta(hours=2), heads=tmp_path / "heads")

    assert (found.faults, len(found.overtaken)) == ((), 1)
    assert "is set aside: a backup that ended before it" in audit_cli.lines(found)[-1]


def test_without_the_mark_of_a_restoring_such_heads_are_faults(
    running: Runtime, backup: Path, elsewhere: Settings, tmp_path: Path
):
    with transaction(running.sessions) as session:
        place(session, make_device(session, "R0", device="later"), make_window(session), K1=9)
        place(session, make_device(session, "R0", device="later too"), make_window(session), K1=9)
    worker.seal(running)
    with transaction(running.sessions) as session:
        (tmp_path / "heads").write_text(audit_cli.exported_heads(session))
    restored(elsewhere, backup, running)
    for mark in (audit_keys.folder(elsewhere) / "restored").iterdir():
        mark.unlink()

    found = verified(elsewhere, running.clock() + timedelta(hours=2), heads=tmp_path / "heads")

    assert [one.kind for one in found.faults] == ["cut_off"]


def test_a_database_that_was_lost_beside_its_folder_is_restored_into_it(
    running: Runtime, backup: Path, elsewhere: Settings
):
    with transaction(running.sessions) as session:
        place(session, make_device(session, "R0", device="later"), make_window(session), K1=9)
    worker.seal(running)
    lost = audit_keys.kept_head(running.settings)
    beside = elsewhere.model_copy(update={"data_dir": running.settings.data_dir})

    restored(beside, backup, running)

    assert verified(beside, running.clock() + timedelta(hours=2)).faults == ()
    assert lost is not None
    aside = audit_keys.folder(beside) / f"head-{lost.ordinal}-before-restoring.json"
    assert aside.read_text() == lost.as_json() + "\n"


def test_a_second_restoring_is_another_history_again(
    running: Runtime, backup: Path, elsewhere: Settings, tmp_path: Path
):
    restored(elsewhere, backup, running)
    again = tmp_path / "again.backup"
    backing_up.back_up(elsewhere, again, [KEY.public_key()], at=running.clock(), progress=quiet)
    first = history(elsewhere)
    with psycopg.connect(elsewhere.database_owner_url.get_secret_value().replace("+psycopg", "", 1)) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    restored(elsewhere, again, running, hours=3)
    assert history(elsewhere) != first
    assert verified(elsewhere, running.clock() + timedelta(hours=4)).faults == ()


def test_a_database_that_holds_something_is_left_alone(running: Runtime, backup: Path):
    with pytest.raises(BackupRefusedError, match="the database is not empty"):
        restored(running.settings, backup, running)


def damaged(file: bytes) -> bytes:
    return file[:-100] + bytes([file[-100] ^ 1]) + file[-99:]


@pytest.mark.parametrize(
    ("change", "why"),
    [(damaged, "damaged or cut"), (lambda file: file[:-20_000], "damaged or cut"), (lambda _: b"", "no backup")],
    ids=["damaged", "cut", "empty"],
)
def test_a_file_that_is_not_what_was_written_writes_nothing(
    running: Runtime, backup: Path, elsewhere: Settings, change: Callable[[bytes], bytes], why: str
):
    backup.write_bytes(change(backup.read_bytes()))
    with pytest.raises(SealedFileError, match=why):
        restored(elsewhere, backup, running)
    assert (tables_in(elsewhere), elsewhere.data_dir.exists()) == ([], False)


def test_a_backup_of_a_newer_schema_writes_nothing(running: Runtime, elsewhere: Settings, tmp_path: Path):
    manifest = {"format": archive.FORMAT, "made_at": "2026-11-25T01:00:00Z", "evenhand": "9.0", "postgresql": 18}
    manifest |= {"schema": "0999", "audit_ordinal": 0, "broker_port": None, "tables": {}, "parts": []}
    newer = made_by_hand(tmp_path / "newer", {archive.MANIFEST: json.dumps(manifest).encode()})
    with pytest.raises(BackupRefusedError, match=r"Evenhand 9.0, whose schema 0999 is newer"):
        restored(elsewhere, newer, running)
    assert (tables_in(elsewhere), elsewhere.data_dir.exists()) == ([], False)


@pytest.mark.parametrize(
    ("manifest", "why"),
    [(b"{}", "of the form None"), (b"no", "cannot be read"), (b'{"format": "evenhand backup 2"}', "update it first")],
)
def test_a_manifest_of_another_form_is_refused(
    running: Runtime, elsewhere: Settings, tmp_path: Path, manifest: bytes, why: str
):
    with pytest.raises(BackupRefusedError, match=why):
        restored(elsewhere, made_by_hand(tmp_path / "other", {archive.MANIFEST: manifest}), running)


def made_by_hand(path: Path, members: dict[str, bytes]) -> Path:
    with path.open("wb") as sink:
        sealer = Sealer(sink, [KEY.public_key()])
        with tarfile.open(fileobj=sealer, mode="w|") as tar:  # type: ignore[arg-type] # it writes, nothing else
            for name, content in members.items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
        sealer.finish()
    return path


def test_a_backup_never_takes_the_place_of_a_file(running: Runtime, backup: Path):
    before = backup.read_bytes()
    with pytest.raises(BackupRefusedError, match="exists"):
        backing_up.back_up(running.settings, backup, [KEY.public_key()], at=running.clock(), progress=quiet)
    assert backup.read_bytes() == before


def test_a_dump_that_fails_leaves_nothing(running: Runtime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def fails(*_given: object) -> None:
        raise BackupRefusedError("pg_dump failed: no room")

    monkeypatch.setattr("server.keeping.databases.dump", fails)
    out = tmp_path / "out"
    with pytest.raises(BackupRefusedError):
        backing_up.back_up(running.settings, out, [KEY.public_key()], at=running.clock(), progress=quiet)
    assert not out.exists()
    assert [path.name for path in running.settings.data_dir.iterdir() if path.name.startswith("backup-")] == []


def test_the_commands_make_a_key_a_backup_and_another_server_of_it(
    running: Runtime, elsewhere: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def use(settings: Settings) -> None:
        for name in ("database_url", "database_owner_url"):
            monkeypatch.setenv(f"EVENHAND_{name.upper()}", getattr(settings, name).get_secret_value())
        monkeypatch.setenv("EVENHAND_DATA_DIR", str(settings.data_dir))

    run, secret, public, out = CliRunner(), tmp_path / "secret", tmp_path / "public", tmp_path / "out"
    use(running.settings)
    made = run.invoke(app, ["backup-key", "--out", str(secret)])
    assert (made.exit_code, made.output[:4]) == (0, "age1")
    public.write_text(made.output)
    told = run.invoke(app, ["backup", "--out", str(out), "--recipient", str(public)])
    assert (told.exit_code, "rows of" in told.output) == (0, True), told.output
    use(elsewhere)
    told = run.invoke(app, ["restore", str(out)])
    assert (told.exit_code, "name --identity or --passphrase-file" in told.output) == (2, True)
    other = tmp_path / "other"
    run.invoke(app, ["backup-key", "--out", str(other)])
    told = run.invoke(app, ["restore", str(out), "--identity", str(other)])
    assert (told.exit_code, "the key does not open this file" in told.output) == (2, True)
    told = run.invoke(app, ["restore", str(out), "--identity", str(secret)])
    assert (told.exit_code, "restored as it was at" in told.output) == (0, True), told.output
    told = run.invoke(app, ["audit", "verify"])
    assert (told.exit_code, "The audit holds" in told.output) == (0, True), told.output


def test_a_short_passphrase_is_refused(tmp_path: Path):
    (tmp_path / "words").write_text("secret\n")
    told = CliRunner().invoke(app, ["backup", "--out", "x", "--passphrase-file", str(tmp_path / "words")])
    assert (told.exit_code, "12 at least" in told.output) == (2, True)


class Reading(FetcherInterface):
    """Reads a repository as if it were a server."""

    def __init__(self, repository: Repository) -> None:
        self._folder = repository.folder

    def _fetch(self, url: str) -> Iterator[bytes]:
        path = self._folder / url.removeprefix("server:")
        if not path.exists():
            raise DownloadHTTPError("not there", 404)
        return iter([path.read_bytes()])


class Terminal:
    """The part of a terminal that looks for releases, and remembers what it saw."""

    def __init__(self, folder: Path, first: Repository) -> None:
        folder.mkdir()
        self._folder, self._root = folder, (first.metadata / "1.root.json").read_bytes()

    def fetches(self, repository: Repository, name: str) -> bytes:
        client = Updater(
            str(self._folder),
            "server:metadata/",
            target_dir=str(self._folder),
            target_base_url="server:targets/",
            fetcher=Reading(repository),
            bootstrap=self._root,
        )
        client.refresh()
        found = client.get_targetinfo(name)
        assert found is not None
        return Path(client.download_target(found)).read_bytes()


@pytest.fixture
def releases(running: Runtime, tmp_path: Path) -> tuple[Repository, ceremony.Holders, str]:
    """A repository in the running server's folder with one release, and its name."""
    repository, holders = ceremony.begun(running.settings.data_dir)
    name = drafting.add(repository, *ceremony.archive(tmp_path, "0.2.0"), datetime.now(UTC))
    holders.publish(repository, datetime.now(UTC))
    return repository, holders, name


def test_releases_come_back_and_terminals_that_knew_later_signatures_fetch_them(
    running: Runtime, elsewhere: Settings, releases: tuple[Repository, ceremony.Holders, str], tmp_path: Path
):
    repository, _, name = releases
    drafting.add(repository, *ceremony.archive(tmp_path, "0.3.0"), datetime.now(UTC))
    out, now = tmp_path / "town.backup", datetime.now(UTC)
    backing_up.back_up(running.settings, out, [KEY.public_key()], at=now, progress=quiet)
    for _ in range(3):
        publishing.renew(repository, now, anyway=True)
    terminal = Terminal(tmp_path / "terminal", repository)
    fetched = terminal.fetches(repository, name)

    restoring.restore(elsewhere, out, [KEY], at=now, progress=quiet)

    again = Repository(elsewhere.data_dir)
    assert again.releases() == repository.releases()
    assert terminal.fetches(again, name) == fetched
    assert Terminal(tmp_path / "new terminal", again).fetches(again, name) == fetched
    assert (again.folder / ONLINE_KEY).stat().st_mode & 0o077 == 0
    assert again.drafts() == [], "what people had not signed yet is not in a backup"
    with pytest.raises(BadVersionNumberError):
        terminal.fetches(repository, name)


def test_what_was_published_after_the_backup_is_published_again_by_the_same_people(
    running: Runtime, elsewhere: Settings, releases: tuple[Repository, ceremony.Holders, str], tmp_path: Path
):
    repository, holders, _ = releases
    out, now = tmp_path / "town.backup", datetime.now(UTC)
    backing_up.back_up(running.settings, out, [KEY.public_key()], at=now, progress=quiet)
    later = ceremony.archive(tmp_path, "0.3.0")
    name = drafting.add(repository, *later, now)
    holders.publish(repository, now)
    terminal = Terminal(tmp_path / "terminal", repository)
    fetched = terminal.fetches(repository, name)
    restoring.restore(elsewhere, out, [KEY], at=now, progress=quiet)
    again = Repository(elsewhere.data_dir)
    with pytest.raises(BadVersionNumberError):
        terminal.fetches(again, name)

    drafting.add(again, *later, now)
    holders.publish(again, now)

    assert terminal.fetches(again, name) == fetched
