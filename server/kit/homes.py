"""Where a service that we bring along keeps its files, also when its account cannot reach our data folder.

A service never runs as root. When we are root it runs as an existing unprivileged account, and a data folder
below a folder of mode 0700 is out of its reach. We change no folder that is not ours: its home is then made
elsewhere and written down in the data folder, so that `remove` finds it again.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import pwd
import shutil
import signal
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from server.kit.processes import Account, StartError, run, stop

SHARED = Path("/var/lib/evenhand")
_RECORD = "home.json"
_MARK = "home-of"


@dataclass(frozen=True)
class Home:
    """A folder of ours, closed to others' writing, and the account that serves in it (None: ourselves)."""

    path: Path
    account: Account | None

    def private_folder(self, name: str) -> Path:
        """Make a folder that the account owns and nobody else may enter."""
        folder = self.path / name
        folder.mkdir(mode=0o700, exist_ok=True)
        self.hand_over(folder)
        return folder

    def write(self, name: str, text: str) -> None:
        """Write a file that only the account may read, whole or not at all."""
        write_private(self.path / name, text, self)

    def hand_over(self, path: Path) -> None:
        """Give a file or folder of ours to the account."""
        if self.account is not None:
            os.chown(path, self.account.uid, self.account.gid, follow_symlinks=False)


def write_private(path: Path, text: str, home: Home | None = None) -> None:
    """Write a file that only we (with `home`: its account) may read, whole or not at all, kept through a crash."""
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as sink:
        sink.write(text)
        sink.flush()
        os.fsync(sink.fileno())
    if home is not None:
        home.hand_over(draft)
    draft.replace(path)


@contextlib.contextmanager
def opened(data_dir: Path, *accounts: str) -> Iterator[Home]:
    """Settle the home of `data_dir` and hold it alone until the end of the block.

    The data folder is made where it is missing. The accounts are tried in turn when we are root; the choice of
    the first run stays.

    Raises
    ------
    StartError
        The folder cannot be made, holds something else, belongs to another user, or its home is gone.
    """
    folder = _own_folder(data_dir)
    with _locked(folder):
        record = _read_record(folder)
        if record is None:
            yield _settle(folder, unprivileged(accounts))
        else:
            yield _recorded_home(folder, record)


def remove(folder: Path) -> None:
    """End the service of a data folder; remove the folder and its home elsewhere.

    Raises
    ------
    StartError
        `folder` is no data folder of ours; nothing was removed.
    """
    folder = folder.resolve()
    if not folder.exists():
        return
    with _locked(folder):
        record = _read_record(folder)
        if record is None and any(folder.iterdir()):
            raise StartError(f"{folder} is not a data folder of ours: nothing removed")
        if record is not None:
            home = Path(record["path"])
            _end(home)
            if home != folder and _mark_of(home) == str(folder):
                _discard(home)
        shutil.rmtree(folder)


def known_home(data_dir: Path) -> Path | None:
    """Return where the home of `data_dir` is, without making or locking anything; None before it is used."""
    record = _read_record(data_dir.resolve())
    return None if record is None else Path(record["path"])


def _own_folder(data_dir: Path) -> Path:
    folder = data_dir.resolve()
    try:
        if not folder.exists():
            folder.mkdir(parents=True)
            folder.chmod(0o711 if os.geteuid() == 0 else 0o700)  # an account below us must pass through
    except OSError as error:
        raise StartError(
            f"cannot make the data folder {folder}: {error.strerror}; name another by EVENHAND_DATA_DIR"
        ) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise StartError(f"cannot write in the data folder {folder}: run as {_owner(folder)} or name another folder")
    return folder


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _read_record(folder: Path) -> dict[str, str] | None:
    path = folder / _RECORD
    try:
        text = path.read_text()
        owner = path.stat().st_uid
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StartError(f"cannot read {path}: {error.strerror}; run as {_owner(folder)}") from error
    if owner != os.geteuid():
        raise StartError(f"the data folder {folder} belongs to {_owner(path)}: run as that user, or remove it")
    try:
        record: dict[str, str] = json.loads(text)
    except ValueError as error:
        raise StartError(f"{path} is damaged: restore it, or remove {folder} to start afresh") from error
    return record


def _recorded_home(folder: Path, record: dict[str, str]) -> Home:
    path = Path(record["path"])
    account = _account(record["account"]) if record["account"] else None
    if record["account"] and account is None:
        raise StartError(f"{folder} is served by the account {record['account']}, which no longer exists")
    if path != folder and _mark_of(path) != str(folder):
        raise StartError(f"{path}, where {folder} keeps its files, is gone: restore it, or remove {folder}")
    if not _reachable(path, account):
        raise StartError(f"{path} can no longer be reached by {record['account']}: allow it to pass (chmod o+x)")
    return Home(path, account)


def _settle(folder: Path, account: Account | None) -> Home:
    strangers = sorted(entry.name for entry in folder.iterdir())
    if strangers:
        raise StartError(f"{folder} holds other files ({strangers[0]}, …): name an empty folder")
    path = folder if _reachable(folder, account) else _elsewhere(folder, account)
    name = "" if account is None else account.name
    write_private(folder / _RECORD, json.dumps({"path": str(path), "account": name}) + "\n")
    return Home(path, account)


def _elsewhere(folder: Path, account: Account | None) -> Path:
    shared = SHARED / hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]
    if _mark_of(shared) == str(folder):  # its data folder was deleted by hand, and the passwords with it
        _discard(shared)
    for parent in dict.fromkeys([SHARED, Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp")]):  # noqa: S108 - as a fresh folder
        try:
            if parent == SHARED:
                _make_shared()
                path = shared
                path.mkdir()
            else:
                path = Path(tempfile.mkdtemp(prefix="evenhand-", dir=parent))
            path.chmod(0o711)
        except OSError:
            continue
        if _reachable(path, account):
            (path / _MARK).write_text(str(folder))
            return path
        path.rmdir()
    raise StartError(
        f"{account and account.name} can reach neither {folder} nor {SHARED} nor the temp folder: "
        "set EVENHAND_DATA_DIR to a folder that every user may pass through"
    )


def _make_shared() -> None:
    if not SHARED.exists():
        SHARED.mkdir(parents=True)
        SHARED.chmod(0o755)
    found = SHARED.lstat()
    if found.st_uid != os.geteuid() or not stat.S_ISDIR(found.st_mode) or found.st_mode & 0o022:
        raise PermissionError(f"{SHARED} is not ours alone")


def _end(home: Path) -> None:
    stop(home, [signal.SIGINT, signal.SIGKILL], patience_s=10)


def _discard(home: Path) -> None:
    _end(home)
    shutil.rmtree(home)
    if home.parent == SHARED and not any(SHARED.iterdir()):
        SHARED.rmdir()


def _mark_of(home: Path) -> str | None:
    try:
        return (home / _MARK).read_text()
    except OSError:
        return None


def _reachable(folder: Path, account: Account | None) -> bool:
    return account is None or run(["/bin/sh", "-c", 'cd "$1"', "sh", folder], account)[0] == 0


def unprivileged(names: tuple[str, ...]) -> Account | None:
    """Return the first of these accounts that there is, when we are root; else none, which is ourselves."""
    if os.geteuid() != 0:
        return None
    for name in names:
        account = _account(name)
        if account is not None:
            return account
    raise StartError(f"root may not run this service, and none of the accounts {', '.join(names)} exists")


def _account(name: str) -> Account | None:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    if entry.pw_uid == 0:
        raise StartError(f"{name} is root: name an unprivileged account")
    return Account(name, entry.pw_uid, entry.pw_gid)


def _owner(path: Path) -> str:
    uid = path.stat().st_uid
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
