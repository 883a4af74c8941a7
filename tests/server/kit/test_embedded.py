"""PostgreSQL as our child, judged on real clusters: rights, sharing, crashes, and the errors that a person reads."""

import json
import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import psycopg
import pytest

from server.kit import embedded, postgres_binaries
from server.kit.embedded import Cluster
from server.kit.processes import StartError, inspect, until

pytestmark = pytest.mark.system

ROOT = Path(__file__).parents[3]

Ask = Callable[[str, str], object]
Connect = Callable[[str], AbstractContextManager[psycopg.Connection]]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    data_dir = tmp_path_factory.mktemp("embedded") / "data"
    yield embedded.start(data_dir, durable=False)
    embedded.remove_cluster(data_dir)


# --- roles ---


def test_the_application_reads_and_writes_rows_and_is_neither_superuser_nor_owner(
    cluster: Cluster, connect_to: Connect
) -> None:
    fresh = cluster.create_database("rights")
    with connect_to(fresh.owner_url) as owner:
        owner.execute("CREATE TABLE book (id bigint GENERATED ALWAYS AS IDENTITY, region text)")
        owner.execute("CREATE SEQUENCE numbers")
        owner.execute("CREATE FUNCTION answer() RETURNS int LANGUAGE sql AS 'SELECT 42'")
    with connect_to(fresh.app_url) as app:
        app.execute("INSERT INTO book (region) VALUES ('north')")
        app.execute("UPDATE book SET region = 'south'")
        assert app.execute("SELECT region, nextval('numbers'), answer() FROM book").fetchone() == ("south", 1, 42)
        app.execute("DELETE FROM book")
        app.execute("CREATE TEMPORARY TABLE staging (line text)")
        for forbidden in (
            "CREATE TABLE own (id int)",
            "ALTER TABLE book ADD COLUMN more int",
            "DROP TABLE book",
            "TRUNCATE book",
            "ALTER TABLE book DISABLE ROW LEVEL SECURITY",
            "CREATE SCHEMA own",
            "CREATE DATABASE own",
            "CREATE ROLE own",
            "SET ROLE evenhand_owner",
            "SET ROLE evenhand_admin",
            "SELECT pg_read_file('postgresql.conf')",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                app.execute(forbidden)
        roles = app.execute(
            "SELECT rolname FROM pg_roles WHERE rolname LIKE 'evenhand%' AND "
            "(rolsuper OR rolbypassrls OR rolcreatedb OR rolcreaterole OR rolreplication)"
        ).fetchall()
        assert roles == [("evenhand_admin",)]
        owned = "SELECT count(*) FROM pg_class WHERE relowner = 'evenhand_app'::regrole AND relpersistence = 'p'"
        assert app.execute(owned).fetchone() == (0,)


def test_row_security_binds_the_application(cluster: Cluster, connect_to: Connect) -> None:
    fresh = cluster.create_database("rows")
    with connect_to(fresh.owner_url) as owner:
        owner.execute("CREATE TABLE book (region text)")
        owner.execute("INSERT INTO book VALUES ('north'), ('south')")
        owner.execute("ALTER TABLE book ENABLE ROW LEVEL SECURITY")
        owner.execute("CREATE POLICY mine ON book USING (region = current_setting('app.region', true))")
    with connect_to(fresh.app_url) as app:
        assert app.execute("SELECT count(*) FROM book").fetchone() == (0,)
        app.execute("SET app.region = 'north'")
        assert app.execute("SELECT region FROM book").fetchall() == [("north",)]


def test_the_owner_makes_no_databases_and_roles(cluster: Cluster, connect_to: Connect) -> None:
    with connect_to(cluster.owner_url) as owner:
        for forbidden in (b"CREATE DATABASE own", b"CREATE ROLE own", b"ALTER SYSTEM SET fsync = off"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                owner.execute(forbidden)


def test_a_copied_database_has_the_tables_and_the_rights_of_its_template(
    cluster: Cluster, ask: Ask, connect_to: Connect
) -> None:
    template = cluster.create_database("pattern")
    with connect_to(template.owner_url) as owner:
        owner.execute("CREATE TABLE book (line text)")
        owner.execute("INSERT INTO book VALUES ('first')")
    copy = cluster.create_database("copy", template="pattern")
    assert ask(copy.app_url, "SELECT line FROM book") == "first"
    with connect_to(copy.owner_url) as owner:
        owner.execute("CREATE TABLE later (line text)")
    assert ask(copy.app_url, "SELECT count(*) FROM later") == 0
    cluster.drop_database("copy")
    cluster.drop_database("copy")
    with pytest.raises(psycopg.OperationalError, match="does not exist"):
        connect_to(copy.app_url)


def test_nobody_enters_without_the_password_or_over_the_network(cluster: Cluster, ask: Ask) -> None:
    for role in ("evenhand_app", "evenhand_owner", "evenhand_admin"):
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(host=str(cluster.socket_dir), port=5432, user=role, password="guessed", dbname="evenhand")
    assert ask(cluster.admin_url, "SHOW listen_addresses") == ""
    assert ask(cluster.admin_url, "SELECT count(*) FROM pg_authid WHERE rolpassword NOT LIKE 'SCRAM-SHA-256$%'") == 0
    assert stat.S_IMODE(cluster.socket_dir.stat().st_mode) == 0o700
    assert stat.S_IMODE((cluster.data_dir / "passwords.json").stat().st_mode) == 0o600
    for secret in json.loads((cluster.data_dir / "passwords.json").read_text()).values():
        assert secret not in repr(cluster)
        assert secret not in (cluster.data_dir / "postgresql.log").read_text()


def test_text_is_compared_as_bytes_and_times_are_utc(cluster: Cluster, ask: Ask) -> None:
    assert ask(cluster.app_url, "SELECT 'Z' < 'a' AND '鲜' > 'z'") is True
    assert ask(cluster.app_url, "SHOW timezone") == "UTC"
    assert ask(cluster.app_url, "SHOW server_encoding") == "UTF8"


# --- sharing and ending ---


def test_a_second_start_attaches_from_this_and_from_another_process(cluster: Cluster, ask: Ask) -> None:
    again = embedded.start(cluster.data_dir)
    assert (again.pid, again.started, again.app_url) == (cluster.pid, False, cluster.app_url)
    script = (
        "import sys; from pathlib import Path; from server.kit import embedded\n"
        "print(embedded.start(Path(sys.argv[1])).pid)"
    )
    command = [sys.executable, "-c", script, str(cluster.data_dir)]
    said = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    assert int(said.stdout) == cluster.pid
    assert ask(cluster.app_url, "SELECT 1") == 1  # the other process ended without taking it along


def test_processes_that_start_at_once_share_one_cluster(cluster_dir: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from server.kit import embedded\n"
        "c = embedded.start(Path(sys.argv[1]), durable=False)\n"
        "print(c.pid, c.started, flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", script, str(cluster_dir)]
    starters = [
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    answers = [starter.stdout.readline().split() for starter in starters if starter.stdout]
    for starter in starters:
        starter.communicate("")
    assert len({pid for pid, _ in answers}) == 1
    assert sorted(started for _, started in answers) == ["False", "False", "True"]


def test_a_durable_cluster_keeps_what_was_committed_when_it_is_killed(
    cluster_dir: Path, ask: Ask, connect_to: Connect
) -> None:
    first = embedded.start(cluster_dir)
    for setting in ("fsync", "synchronous_commit", "full_page_writes"):
        assert ask(first.admin_url, f"SHOW {setting}") == "on"
    with connect_to(first.owner_url) as owner:
        owner.execute("CREATE TABLE book (line text)")
        owner.execute("INSERT INTO book VALUES ('kept')")
        os.kill(first.pid, signal.SIGKILL)
        second = embedded.start(cluster_dir)
    assert second.pid != first.pid
    assert second.app_url == first.app_url
    assert ask(first.app_url, "SELECT line FROM book") == "kept"


@contextmanager
def parent_of_a_cluster(data_dir: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Let another process start a cluster; yield that process and the cluster's process id."""
    script = (
        "import signal, sys; from pathlib import Path; from server.kit import embedded\n"
        "print(embedded.start(Path(sys.argv[1]), durable=False).pid, flush=True); signal.pause()"
    )
    command = [sys.executable, "-c", script, str(data_dir)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        yield parent, int(parent.stdout.readline())


def test_the_cluster_ends_by_itself_when_its_parent_is_killed(cluster_dir: Path) -> None:
    with parent_of_a_cluster(cluster_dir) as (parent, pid):
        parent.kill()
        assert until(lambda: inspect(pid) is None, 5)


def test_a_start_right_after_the_parent_was_killed_does_not_attach_to_what_is_ending(
    cluster_dir: Path, ask: Ask
) -> None:
    with parent_of_a_cluster(cluster_dir) as (parent, first):
        parent.kill()
        parent.wait()
        second = embedded.start(cluster_dir, durable=False)
    assert second.started
    assert inspect(first) is None
    assert ask(second.app_url, "SELECT 1") == 1


def test_the_cluster_outlives_the_thread_that_started_it(cluster_dir: Path, ask: Ask) -> None:
    started: list[Cluster] = []
    thread = threading.Thread(target=lambda: started.append(embedded.start(cluster_dir, durable=False)))
    thread.start()
    thread.join()
    assert not until(lambda: inspect(started[0].pid) is None, 0.3)
    assert ask(started[0].app_url, "SELECT 1") == 1


def test_stopping_ends_sessions_and_the_process_and_may_be_repeated(cluster_dir: Path, connect_to: Connect) -> None:
    running = embedded.start(cluster_dir, durable=False)
    with connect_to(running.app_url) as session:
        running.stop()
        assert inspect(running.pid) is None
        with pytest.raises(psycopg.OperationalError):
            session.execute("SELECT 1")
    running.stop()
    assert embedded.start(cluster_dir, durable=False).app_url == running.app_url


def test_a_stale_pid_file_whose_number_another_program_got_is_no_obstacle(cluster_dir: Path) -> None:
    running = embedded.start(cluster_dir, durable=False)
    os.kill(running.pid, signal.SIGKILL)
    assert until(lambda: inspect(running.pid) is None, 5)
    owner = (running.home / "pgdata").stat()
    with subprocess.Popen(["sleep", "60"], user=owner.st_uid, cwd="/") as other:
        for record, first_line in (
            (running.home / "child", f"{other.pid} {os.getpid()}"),
            (running.home / "pgdata" / "postmaster.pid", str(other.pid)),
        ):
            lines = record.read_text().splitlines()
            record.write_text("\n".join([first_line, *lines[1:]]) + "\n")
        assert embedded.start(cluster_dir, durable=False).started
        assert other.poll() is None
        other.kill()


def test_an_interrupted_first_start_leaves_nothing_in_the_way(cluster_dir: Path, ask: Ask) -> None:
    first = embedded.start(cluster_dir, durable=False)
    first.stop()
    (first.home / "pgdata").rename(first.home / "pgdata.new")  # as if killed before the end
    second = embedded.start(cluster_dir, durable=False)
    assert ask(second.app_url, "SELECT 1") == 1


# --- errors for persons ---


def test_without_any_postgresql_it_says_what_to_set(cluster_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_binaries, "wheel_folders", list)
    monkeypatch.setattr(postgres_binaries, "system_folders", list)
    with pytest.raises(StartError, match="set EVENHAND_DATABASE_URL") as caught:
        embedded.start(cluster_dir)
    assert "\n" not in str(caught.value)


def test_a_cluster_of_a_version_that_is_not_here_is_named(cluster_dir: Path) -> None:
    running = embedded.start(cluster_dir, durable=False)
    running.stop()
    (running.home / "pgdata" / "PG_VERSION").write_text("14\n")
    with pytest.raises(StartError, match="holds a cluster of PostgreSQL 14, and no such version is here"):
        embedded.start(cluster_dir)


def test_lost_passwords_and_a_lost_home_are_told(cluster_dir: Path) -> None:
    running = embedded.start(cluster_dir, durable=False)
    (cluster_dir / "passwords.json").rename(cluster_dir / "passwords.kept")
    with pytest.raises(StartError, match=r"cannot read the passwords in .*passwords\.json: restore the file"):
        embedded.start(cluster_dir)
    running.stop()
    record = cluster_dir / "home.json"
    text = record.read_text()
    record.write_text(json.dumps(json.loads(text) | {"path": "/nowhere"}))
    with pytest.raises(StartError, match=r"/nowhere, where .* keeps its files, is gone"):
        embedded.start(cluster_dir)
    record.write_text(text)
