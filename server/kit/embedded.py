"""PostgreSQL as a child process, for machines where nobody installed one.

The binaries are called by ourselves: never as root, on a socket in a private folder only, with random passwords.
Roles: `evenhand_owner` owns the database and runs migrations; `evenhand_app` may read and write rows and is
neither superuser nor owner, so that row security binds it; the superuser is for bootstrap and for the databases
of tests.
"""

import json
import os
import shutil
import signal
import stat
import tempfile
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from server.kit import homes
from server.kit.postgres_binaries import Programs, programs
from server.kit.postgres_cluster import ADMIN, APP, DATABASE, OWNER, explained, major_of, make_cluster
from server.kit.processes import StartError, find, inspect, spawn, stop, until

PORT = 5432  # only part of the socket's name
SOCKET_PATH_LIMIT_BYTES = 103  # Linux allows 107, macOS 103


@dataclass(frozen=True)
class Cluster:
    """A running PostgreSQL, looked at through one of its databases.

    The URLs are stable: a cluster that is stopped, or killed, and started again answers under the same ones.
    """

    data_dir: Path
    home: Path
    socket_dir: Path
    pid: int
    started: bool
    """Whether this call started it; False: it ran already and ends with the process that started it."""
    major: int
    passwords: dict[str, str] = field(repr=False)
    database: str = DATABASE

    @property
    def owner_url(self) -> str:
        """SQLAlchemy URL of the role that owns the database: for migrations."""
        return self._url(OWNER)

    @property
    def app_url(self) -> str:
        """SQLAlchemy URL of the role of the running application, bound by row security."""
        return self._url(APP)

    @property
    def admin_url(self) -> str:
        """SQLAlchemy URL of the superuser: for backups and tests, never for the application."""
        return self._url(ADMIN)

    def create_database(self, name: str, *, template: str | None = None) -> "Cluster":
        """Make an empty database with the same rights; return the cluster looked at through it.

        `template` names a database to copy instead (nobody may be connected to it). Its files are copied as files:
        75 ms where copying through the log takes 260.
        """
        database = sql.Identifier(name)
        how = sql.SQL("STRATEGY FILE_COPY TEMPLATE {}").format(sql.Identifier(template)) if template else sql.SQL("")
        with psycopg.connect(self._conninfo(), autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {} OWNER {} {}").format(database, sql.Identifier(OWNER), how))
            connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))
            connection.execute(
                sql.SQL("GRANT CONNECT, TEMPORARY ON DATABASE {} TO {}").format(database, sql.Identifier(APP))
            )
        return replace(self, database=name)

    def drop_database(self, name: str) -> None:
        """Remove a database, ending whoever is connected to it; nothing happens when there is none."""
        with psycopg.connect(self._conninfo(), autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def stop(self) -> None:
        """End the cluster cleanly, also for the other processes that use it; sessions are rolled back."""
        stop(self.home, [signal.SIGINT, signal.SIGQUIT])

    def _url(self, role: str) -> str:
        where = f"host={quote(str(self.socket_dir))}&port={PORT}"
        return f"postgresql+psycopg://{role}:{self.passwords[role]}@/{quote(self.database)}?{where}"

    def _conninfo(self) -> str:
        return psycopg.conninfo.make_conninfo(
            host=str(self.socket_dir),
            port=PORT,
            user=ADMIN,
            password=self.passwords[ADMIN],
            dbname="postgres",
        )


def start(
    data_dir: Path,
    *,
    account: str | None = None,
    durable: bool = True,
    binaries: Path | None = None,
    max_connections: int = 200,
    timeout_s: float = 60,
) -> Cluster:
    """Return the running cluster of `data_dir`: attach to it, or start it, or make it first.

    Several processes may call this at once; one starts the cluster, the others attach. It ends when the
    process that started it ends, also by `kill -9` (on Linux; elsewhere the next start ends what was left).

    Parameters
    ----------
    data_dir
        A folder that is ours alone; holds the passwords (mode 0600), the log, and the cluster if the account
        that runs it can reach the folder.
    account
        Whose rights the cluster runs with when we are root; default: `postgres`, else `nobody`.
    durable
        False gives up what a crash of the machine could cost, for tests.
    binaries
        Folder of `postgres` and `initdb`; default: the wheel's, else the system's.

    Raises
    ------
    StartError
        One line: what, where and what to do.
    """
    names = (account,) if account else ("postgres", "nobody")
    with homes.opened(data_dir, *names) as home:
        folder = data_dir.resolve()
        cluster = home.path / "pgdata"
        deadline = time.monotonic() + timeout_s
        while True:
            running = _running(home.path, deadline)
            if running is not None:
                return _look_at(folder, home.path, running, started=False)
            found = programs(home, binaries, major_of(cluster))
            if not cluster.exists():
                make_cluster(folder, home, found, durable=durable)
            _passwords(folder)  # before anything runs that nobody could enter
            pid = _serve(folder, home, found, durable=durable, max_connections=max_connections, deadline=deadline)
            if pid is not None:
                return _look_at(folder, home.path, pid, started=True)


def remove_cluster(data_dir: Path) -> None:
    """End the cluster of `data_dir` and remove it with all that belongs to it, wherever it lies.

    Raises
    ------
    StartError
        The folder is none of ours; nothing was removed.
    """
    home = homes.known_home(data_dir)
    socket_dir = None if home is None else _recorded_socket_dir(home)
    homes.remove(data_dir)
    if home is not None and socket_dir is not None and home not in socket_dir.parents:
        shutil.rmtree(socket_dir, ignore_errors=True)


# --- a running cluster ---


def _running(home: Path, deadline: float) -> int | None:
    """Return the process id of a cluster that takes connections; None once none runs."""
    while (child := find(home)) is not None:
        if child.orphaned:  # its parent was killed, so it is about to end
            stop(home, [signal.SIGINT, signal.SIGQUIT])
        elif _is_ready(home, child.pid):
            return child.pid
        elif time.monotonic() > deadline:
            raise StartError(f"PostgreSQL in {home} (process {child.pid}) does not become ready: see its log")
        else:
            time.sleep(0.01)
    return None


def _is_ready(home: Path, pid: int) -> bool:
    try:
        lines = (home / "pgdata" / "postmaster.pid").read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return False
    return len(lines) > 7 and lines[0] == str(pid) and lines[7].strip() == "ready"  # noqa: PLR2004 - its 8th line


def _look_at(folder: Path, home: Path, pid: int, *, started: bool) -> Cluster:
    socket_dir = _recorded_socket_dir(home) or home
    major = major_of(home / "pgdata") or 0
    return Cluster(folder, home, socket_dir, pid, started, major, _passwords(folder))


def _passwords(folder: Path) -> dict[str, str]:
    path = folder / "passwords.json"
    try:
        passwords: dict[str, str] = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise StartError(f"cannot read the passwords in {path}: restore the file, or remove {folder}") from error
    return passwords


def _serve(
    folder: Path,
    home: homes.Home,
    binaries: Programs,
    *,
    durable: bool,
    max_connections: int,
    deadline: float,
) -> int | None:
    """Start the postmaster; return its process id, or None when the last one's remains are in the way."""
    cluster, log = home.path / "pgdata", folder / "postgresql.log"
    _clear_stale_pid_file(cluster)
    access = home.path / "pg_hba.conf"
    access.write_text("# Written at every start.\nlocal all all scram-sha-256\n")
    access.chmod(0o644)
    safe = "on" if durable else "off"
    settings = {
        "listen_addresses": "",
        "unix_socket_directories": '"' + str(_socket_dir(home)) + '"',
        "unix_socket_permissions": "0700",
        "port": str(PORT),
        "hba_file": str(access),
        "fsync": safe,
        "synchronous_commit": safe,
        "full_page_writes": safe,
        "max_connections": str(max_connections),
        "password_encryption": "scram-sha-256",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_destination": "stderr",
        "logging_collector": "off",
        "jit": "off",  # our statements are short: compiling them costs more than it saves
    }
    words = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
    postmaster = spawn(
        [binaries.folder / "postgres", "-D", cluster, *words],
        home=home.path,
        account=home.account,
        log=log,
        death_signal=signal.SIGINT,  # its fast shutdown
    )
    until(
        lambda: postmaster.has_ended() or _is_ready(home.path, postmaster.pid),
        deadline - time.monotonic(),
    )
    if _is_ready(home.path, postmaster.pid) and not postmaster.has_ended():
        return postmaster.pid
    stop(home.path, [signal.SIGINT, signal.SIGQUIT], patience_s=5)
    said = postmaster.said()
    leftovers = "pre-existing shared memory block" in said or "lock file" in said
    if leftovers and time.monotonic() < deadline:
        time.sleep(0.05)
        return None
    raise StartError(explained("PostgreSQL did not start", cluster, said) + f"; its log: {log}")


def _clear_stale_pid_file(cluster: Path) -> None:
    """Remove the pid file of a killed postmaster if another program got its number: PostgreSQL would give way.

    What is left of that postmaster itself PostgreSQL still detects, by its shared memory.
    """
    path = cluster / "postmaster.pid"
    try:
        pid = int(path.read_text(errors="replace").splitlines()[0])
    except (FileNotFoundError, ValueError, IndexError):
        return
    seen = inspect(pid)
    if seen is None:
        return
    if str(cluster) in seen[1]:
        raise StartError(f"another PostgreSQL (process {pid}) serves {cluster}: stop it first")
    path.unlink(missing_ok=True)


def _socket_dir(home: homes.Home) -> Path:
    """Return a private folder whose path is short enough for a socket, the same one at every start."""
    recorded = _recorded_socket_dir(home.path)
    if recorded is not None and _is_private(recorded, home):
        return recorded
    inside = home.path / "socket"
    fits = len(os.fsencode(inside / f".s.PGSQL.{PORT}")) <= SOCKET_PATH_LIMIT_BYTES
    if fits and not set(str(inside)) & set('",'):  # both mean something in PostgreSQL's lists of folders
        folder = home.private_folder("socket")
    else:
        folder = Path(tempfile.mkdtemp(prefix="evenhand-", dir=_short_temp_folder()))
        home.hand_over(folder)
    (home.path / "socket-dir").write_text(str(folder))
    return folder


def _recorded_socket_dir(home: Path) -> Path | None:
    try:
        return Path((home / "socket-dir").read_text())
    except FileNotFoundError:
        return None


def _is_private(folder: Path, home: homes.Home) -> bool:
    try:
        found = folder.lstat()
    except FileNotFoundError:
        return False
    owner = os.geteuid() if home.account is None else home.account.uid
    return stat.S_ISDIR(found.st_mode) and found.st_uid == owner and stat.S_IMODE(found.st_mode) == 0o700  # noqa: PLR2004 - a mode


def _short_temp_folder() -> str:
    usual = tempfile.gettempdir()
    return usual if len(os.fsencode(usual)) < SOCKET_PATH_LIMIT_BYTES // 2 else "/tmp"  # noqa: S108 - mkdtemp makes it private
