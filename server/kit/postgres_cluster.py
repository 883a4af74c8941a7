"""A new PostgreSQL cluster: initdb, the three roles with random passwords, and their rights."""

import json
import re
import secrets
import shutil
from pathlib import Path

from server.kit.homes import Home, write_private
from server.kit.postgres_binaries import Programs
from server.kit.processes import StartError, run

DATABASE = "evenhand"
OWNER = "evenhand_owner"
APP = "evenhand_app"
ADMIN = "evenhand_admin"


def make_cluster(folder: Path, home: Home, binaries: Programs, *, durable: bool) -> None:
    """Make the cluster with its roles and database, whole or not at all."""
    draft = home.path / "pgdata.new"
    shutil.rmtree(draft, ignore_errors=True)
    home.private_folder(draft.name)
    passwords = {role: secrets.token_urlsafe(32) for role in (ADMIN, OWNER, APP)}
    write_private(folder / "passwords.json", json.dumps(passwords) + "\n")
    options = ["-U", ADMIN, "-E", "UTF8", "--locale=C"]
    options += ["-A", "reject"]  # until our own access file takes the place of this one
    if binaries.major >= 17:  # noqa: PLR2004 - the first with a locale of its own, the same on every machine
        options += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    if not durable:
        options.append("--no-sync")
    code, said = run([binaries.folder / "initdb", "-D", draft, *options], home.account)
    if code:
        shutil.rmtree(draft, ignore_errors=True)
        raise StartError(explained("initdb failed", draft, said))
    durability = "fsync=on" if durable else "fsync=off"
    code, said = run(
        [
            binaries.folder / "postgres",
            "--single",
            "-D",
            draft,
            "-c",
            "exit_on_error=on",
            "-c",
            durability,
            "template1",
        ],
        home.account,
        stdin=_bootstrap_statements(passwords),
    )
    if code:
        shutil.rmtree(draft, ignore_errors=True)
        raise StartError(explained("making the roles failed", draft, said))
    draft.rename(home.path / "pgdata")


def _bootstrap_statements(passwords: dict[str, str]) -> str:
    """Return SQL for a single-user session in template1, one statement a line; later databases inherit it."""
    plain = "LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS NOREPLICATION"
    by_owner = f"ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER}"
    statements = [
        "SET password_encryption = 'scram-sha-256'",
        f"ALTER ROLE {ADMIN} PASSWORD '{passwords[ADMIN]}'",
        f"CREATE ROLE {OWNER} {plain} PASSWORD '{passwords[OWNER]}'",
        f"CREATE ROLE {APP} {plain} PASSWORD '{passwords[APP]}'",
        "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
        f"GRANT USAGE ON SCHEMA public TO {APP}",
        f"{by_owner} REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC",
        f"{by_owner} IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {APP}",
        f"{by_owner} IN SCHEMA public GRANT USAGE ON SEQUENCES TO {APP}",
        f"{by_owner} IN SCHEMA public GRANT EXECUTE ON FUNCTIONS TO {APP}",
        f"CREATE DATABASE {DATABASE} OWNER {OWNER} TEMPLATE template1",
        f"REVOKE ALL ON DATABASE {DATABASE}, postgres FROM PUBLIC",
        f"GRANT CONNECT, TEMPORARY ON DATABASE {DATABASE} TO {APP}",
    ]
    return "".join(f"{statement};\n" for statement in statements)


def major_of(cluster: Path) -> int | None:
    """Return the PostgreSQL version whose files lie in `cluster`; None when there are none."""
    try:
        return int((cluster / "PG_VERSION").read_text())
    except FileNotFoundError:
        return None


def explained(what: str, where: Path, said: str) -> str:
    """Make one line of a program's output: the reason, and what to do where we know it."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    reasons = [line for line in lines if re.search(r"\b(error|FATAL|PANIC)\b", line)] or lines[-3:]
    reason = " / ".join(reasons[-3:]) or "it said nothing"
    if "No space left on device" in said:
        return f"{what} in {where}: the disk is full; free some space there and start again ({reason})"
    if "Permission denied" in said:
        return f"{what} in {where}: no permission; let its account in, or name another folder ({reason})"
    return f"{what} in {where}: {reason}"
