"""The terminal's memory: one SQLite file, written with full durability, private to its user.

Guarantees: what a finished :meth:`Store.transaction` wrote survives a power cut; a transaction that raised
left nothing behind. One process holds the file at a time; threads take turns.
"""

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import apsw

from contract.device_api import Certified, Enrolled, Reference

if TYPE_CHECKING:
    from contract.feed import WindowState

FILE = "terminal.sqlite3"
#: Each step brings the store from its index to the next version.
MIGRATIONS = (
    "schema.sql",
    "schema_2.sql",
    "schema_3.sql",
    "schema_4.sql",
    "schema_5.sql",
    "schema_6.sql",
    "schema_7.sql",
    "schema_8.sql",
    "schema_9.sql",
    "schema_10.sql",
    "schema_11.sql",
    "schema_12.sql",
)

#: The oldest program, by the number of migrations it knows, that can work with a store of this one. Migrations after it
#: make new tables and indexes alone: a release that did not work leaves a store that the one before still opens.
READABLE_FROM = 11
_READABLE_FROM = "store_readable_from"

#: The log is written back above this many pages: what is to be read after a power cut stays below 1 MB.
LOG_PAGES = 200

Value = str | int | bytes | None


class StoreInUseError(Exception):
    """Another process holds this store."""


class StoreTooNewError(Exception):
    """The store was written by a newer version of the program."""


@dataclass(frozen=True)
class Identity:
    """Who this terminal is. ``key`` names the key that it proves this by; empty where it has none and wants a new code.

    ``renew_at_ms`` is the moment since 1970, by the server's clock, from which another certificate is asked for.
    """

    device: str
    retailer: str
    name: str
    broker_host: str | None
    broker_port: int | None
    key: str = ""
    certificate: str = field(default="", repr=False)
    authorities: str = field(default="", repr=False)
    renew_at_ms: int = 0


@dataclass(frozen=True)
class Progress:
    """How far the exchange with the server has come; times are milliseconds since 1970."""

    cursor: int
    offset_ms: int | None
    measured_at_wall_ms: int | None
    exchanged_at_ms: int | None
    history: str | None
    rereading: bool


class Store:
    """An open store. ``revision`` grows with every change, so that a screen knows when to look again.

    ``feed_revision`` grows before every change of the feed becomes visible, and when one is taken back:
    ``kept_windows`` stand as long as they are of it.
    """

    def __init__(self, folder: Path, *, vfs: str | None = None) -> None:
        """Open the store in ``folder``, made where it is missing, through SQLite's own or another registered VFS.

        Raises
        ------
        StoreInUseError, StoreTooNewError
            See there; the file is left alone.
        """
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / FILE
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        self.revision = 0
        self.feed_revision = 0
        self.kept_windows: tuple[int, tuple[WindowState, ...]] | None = None
        self._lock = threading.RLock()
        self._changed = threading.Condition()
        self._reference: Reference | None = None
        self._depth = 0
        self._connection = apsw.Connection(str(path), vfs=vfs)
        try:
            self._prepare()
        except apsw.BusyError as error:
            self._connection.close()
            raise StoreInUseError(f"Another terminal is using {folder}. End it, or name another folder.") from error
        except Exception:
            self._connection.close()
            raise

    def _prepare(self) -> None:
        # Exclusive: no shared-memory file, and a second process is refused instead of interleaving.
        for pragma in (
            "locking_mode = EXCLUSIVE",
            "journal_mode = WAL",
            "synchronous = FULL",
            "foreign_keys = ON",
            f"wal_autocheckpoint = {LOG_PAGES}",
            "cache_size = -1024",
        ):
            self._connection.execute(f"PRAGMA {pragma}").fetchall()
        with self.transaction():
            version: int = self.rows("PRAGMA user_version")[0][0]
            if version > len(MIGRATIONS) and int(self.setting(_READABLE_FROM, str(version))) > len(MIGRATIONS):
                raise StoreTooNewError(f"The store has version {version}; this program knows {len(MIGRATIONS)}.")
            for step, name in enumerate(MIGRATIONS[version:], start=version + 1):
                script = files("terminal_client.core").joinpath(name).read_text(encoding="utf-8")
                self._connection.execute(script)
                self._connection.execute(f"PRAGMA user_version = {step}")
            if version < len(MIGRATIONS):
                self.choose(_READABLE_FROM, str(READABLE_FROM))

    def close(self) -> None:
        """Close the file; what is committed stays."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything inside is kept, or nothing of it. May be nested: the outermost one decides."""
        with self._lock:
            if self._depth:
                yield
                return
            self._connection.execute("BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                self.feed_revision += 1
                raise
            finally:
                self._depth -= 1
            with self._changed:
                self.revision += 1
                self._changed.notify_all()

    def wait_for_change(self, *, timeout_s: float) -> None:
        """Wait until something is written, at most ``timeout_s``."""
        with self._changed:
            self._changed.wait(timeout_s)

    def execute(self, sql: str, values: Sequence[Value] | dict[str, Value] = ()) -> int:
        """Run one statement inside the caller's transaction; return how many rows it changed."""
        with self._lock:
            if not self._depth:
                raise RuntimeError("a statement that writes stands inside a transaction")
            self._connection.execute(sql, values)
            return self._connection.changes()

    def rows(self, sql: str, values: Sequence[Value] | dict[str, Value] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        with self._lock:
            return self._connection.execute(sql, values).fetchall()

    # identity, settings, progress, reference: each is one row

    def identity(self) -> Identity | None:
        """Return who this terminal is, or none before enrolment."""
        found = self.rows(
            "SELECT device, retailer, name, broker_host, broker_port, key, certificate, authorities, renew_at_ms"
            " FROM identity"
        )
        return Identity(*found[0]) if found else None

    def keep_identity(self, enrolled: Enrolled, key: str = "") -> Identity:
        """Keep what enrolment answered about ``key``, in place of an earlier identity."""
        certified = enrolled.certified
        values = (
            enrolled.device,
            enrolled.retailer,
            enrolled.name,
            enrolled.broker_host,
            enrolled.broker_port,
            key,
            certified.certificate if certified else "",
            certified.authorities if certified else "",
            _milliseconds(certified.renew_at) if certified else 0,
        )
        with self.transaction():
            self.execute("INSERT OR REPLACE INTO identity VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
        return Identity(*values)

    def keep_certified(self, certified: Certified, key: str) -> None:
        """Keep a certificate for ``key``, and who is believed, in place of the earlier ones."""
        values = (key, certified.certificate, certified.authorities, _milliseconds(certified.renew_at))
        with self.transaction():
            self.execute("UPDATE identity SET key = ?, certificate = ?, authorities = ?, renew_at_ms = ?", values)

    def setting(self, name: str, otherwise: str) -> str:
        """Return a setting, or ``otherwise`` where it was never chosen."""
        found = self.rows("SELECT value FROM setting WHERE name = ?", (name,))
        return found[0][0] if found else otherwise

    def choose(self, name: str, value: str) -> None:
        """Keep a setting."""
        with self.transaction():
            self.execute("INSERT OR REPLACE INTO setting VALUES (?, ?)", (name, value))

    def progress(self) -> Progress:
        """Return how far the exchange has come."""
        sql = "SELECT cursor, offset_ms, measured_at_wall_ms, exchanged_at_ms, history, rereading FROM progress"
        cursor, offset_ms, measured_at_wall_ms, exchanged_at_ms, history, rereading = self.rows(sql)[0]
        return Progress(cursor, offset_ms, measured_at_wall_ms, exchanged_at_ms, history, bool(rereading))

    def next_message_seq(self) -> int:
        """Return the number of this device's next message; inside the caller's transaction."""
        self.execute("UPDATE progress SET last_message_seq = last_message_seq + 1")
        seq: int = self.rows("SELECT last_message_seq FROM progress")[0][0]
        return seq

    def reference(self) -> Reference | None:
        """Return the catalogue and all else that changes seldom, or none before it came."""
        found = self.rows("SELECT version, document FROM reference")
        if not found:
            return None
        version, document = found[0]
        if self._reference is None or self._reference.version != version:
            self._reference = Reference.model_validate_json(document)
        return self._reference

    def reference_version(self) -> str | None:
        """Return the version of the reference that is kept."""
        found = self.rows("SELECT version FROM reference")
        return found[0][0] if found else None

    def keep_reference(self, reference: Reference) -> None:
        """Keep a reference in place of the earlier one."""
        with self.transaction():
            self.execute(
                "INSERT OR REPLACE INTO reference VALUES (1, ?, ?)",
                (reference.version, reference.model_dump_json(exclude_none=True)),
            )
            self._reference = None


def _milliseconds(at: datetime) -> int:
    return round(at.timestamp() * 1000)
