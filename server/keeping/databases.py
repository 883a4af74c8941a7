"""The database in and out by PostgreSQL's own programs, those that fit the server."""

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import conninfo, sql

from server.keeping.archive import BackupRefusedError
from server.kit import processes
from server.kit.postgres_binaries import system_folders, wheel_folders

POLL_S: Final = 0.2
VERSION_TABLE: Final = "alembic_version"
NEVER_MIGRATED: Final = ""


@dataclass(frozen=True)
class Snapshot:
    """The database as one transaction sees it; ``name`` lets pg_dump see the same while the transaction is open."""

    name: str
    major: int
    schema: str
    tables: dict[str, int]
    audit_ordinal: int


@contextmanager
def snapshot(owner_url: str) -> Iterator[Snapshot]:
    """Hold a snapshot open: its schema, its tables' rows, where the audit's chain ends in it.

    Raises
    ------
    BackupRefusedError
        The database cannot be reached, or is not ours.
    """
    with connected(owner_url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        name = one(connection, "SELECT pg_export_snapshot()")
        names = table_names(connection)
        if VERSION_TABLE not in names:
            raise BackupRefusedError("this database holds no Evenhand: nothing to back up")
        yield Snapshot(
            name=name,
            major=connection.info.server_version // 10_000,
            schema=one(connection, f"SELECT version_num FROM {VERSION_TABLE}") or NEVER_MIGRATED,  # noqa: S608 - our own name
            tables={name: _rows(connection, name) for name in names},
            audit_ordinal=one(connection, "SELECT coalesce(max(ordinal), 0) FROM audit_seals"),
        )


def counts(owner_url: str) -> dict[str, int]:
    """Return how many rows each table holds."""
    with connected(owner_url) as connection:
        return {name: _rows(connection, name) for name in table_names(connection)}


@contextmanager
def connected(url: str) -> Iterator[psycopg.Connection[Any]]:
    """Connect by an SQLAlchemy URL, with time zone UTC.

    Raises
    ------
    BackupRefusedError
        It cannot be reached.
    """
    try:
        connection = psycopg.connect(_libpq(url), options="-c timezone=UTC", connect_timeout=10)
    except psycopg.OperationalError as error:
        raise BackupRefusedError(f"the database cannot be reached: {_first_line(str(error))}") from error
    with connection:
        yield connection


def dump(owner_url: str, seen: Snapshot, path: Path, progress: Callable[[int], None]) -> None:
    """Write the snapshot to ``path`` in pg_dump's custom format, without owners and rights: those are made anew.

    Raises
    ------
    BackupRefusedError
        No fitting pg_dump, or it failed.
    """
    words = ["--format=custom", "--no-owner", "--no-privileges", f"--snapshot={seen.name}", f"--file={path}"]
    _run("pg_dump", words, owner_url, seen.major, lambda: progress(path.stat().st_size if path.exists() else 0))


def load(owner_url: str, path: Path, major: int, progress: Callable[[], None]) -> None:
    """Restore a dump into an empty database, in one transaction.

    Raises
    ------
    BackupRefusedError
        No fitting pg_restore, or it failed: the database is as empty as before.
    """
    words = ["--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction", str(path)]
    _run("pg_restore", words, owner_url, major, progress)


def refuse_full(owner_url: str) -> int:
    """Return the server's major version where the database holds no table.

    Raises
    ------
    BackupRefusedError
        It holds some, or cannot be reached.
    """
    with connected(owner_url) as connection:
        found = table_names(connection)
        if found:
            raise BackupRefusedError(
                f"the database is not empty ({found[0]} and {len(found) - 1} more tables): name an empty one"
            )
        return connection.info.server_version // 10_000


def table_names(connection: psycopg.Connection[Any]) -> list[str]:
    """Return the names of the tables of the schema ``public``."""
    found = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1").fetchall()
    return [name for (name,) in found]


def one(connection: psycopg.Connection[Any], question: str) -> Any:
    """Return the first value of the first row; none where there is no row."""
    row = connection.execute(question.encode()).fetchone()
    return None if row is None else row[0]


def _rows(connection: psycopg.Connection[Any], table: str) -> int:
    row = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))).fetchone()
    return 0 if row is None else int(row[0])


def _run(program: str, words: list[str], url: str, major: int, progress: Callable[[], None]) -> None:
    parts = conninfo.conninfo_to_dict(_libpq(url))
    password = parts.pop("password", None)
    environment = processes.environment() | ({} if password is None else {"PGPASSWORD": str(password)})
    target = f"--dbname={conninfo.make_conninfo('', **parts)}"
    with subprocess.Popen(
        [_client(program, major), target, *words],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    ) as running:
        while True:
            try:
                said = running.communicate(timeout=POLL_S)[1]
                break
            except subprocess.TimeoutExpired:
                progress()
        if running.returncode:
            raise BackupRefusedError(f"{program} failed: {_first_line(said)}")


def _client(program: str, major: int) -> Path:
    """Return the program of the server's version, else a newer one."""
    on_path = shutil.which(program)
    folders = [*wheel_folders(), *system_folders(), *([Path(on_path).resolve().parent] if on_path else [])]
    found: dict[int, Path] = {}
    for folder in folders:
        code, said = processes.run([folder / program, "--version"], None, timeout_s=20)
        match = re.search(r"\(PostgreSQL\) (\d+)", said)
        if code == 0 and match:
            found.setdefault(int(match[1]), folder / program)
    fitting = sorted(version for version in found if version >= major)
    if not fitting:
        known = ", ".join(str(version) for version in sorted(found)) or "none"
        raise BackupRefusedError(
            f"the database is PostgreSQL {major}, and no {program} for it is here (found: {known})"
        )
    return found[fitting[0]]


def _libpq(url: str) -> str:
    return url.replace("+psycopg", "", 1)


def _first_line(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return lines[0] if lines else "it said nothing"
