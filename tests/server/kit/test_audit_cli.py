"""`evenhand audit`: an outsider's way to find out whether the audit was touched."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner

from evenhand.cli import app
from server import worker
from server.kit import audit, embedded
from server.kit.db import transaction
from server.kit.identity import Actor
from server.kit.runtime import Runtime

ANN = Actor("operator", "ann")
AT = datetime(2026, 11, 25, 1, 0, tzinfo=UTC)


@pytest.fixture
def command(runtime: Runtime, database: embedded.Cluster, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    """The command on a server with three sealed entries."""
    monkeypatch.setenv("EVENHAND_DATABASE_URL", database.app_url)
    monkeypatch.setenv("EVENHAND_DATA_DIR", str(runtime.settings.data_dir))
    with transaction(runtime.sessions) as session:
        for number in range(3):
            at = AT + timedelta(minutes=number)
            audit.record(
                session, actor=Actor("operator", "ann"), action="order.placed", subject=f"order:{number}", at=at
            )
    worker.seal(runtime)
    return CliRunner()


def tamper(database: embedded.Cluster, statement: str) -> None:
    with psycopg.connect(database.admin_url.replace("+psycopg", "", 1), autocommit=True) as connection:
        connection.execute(statement)


def test_a_whole_chain_holds_by_heads_and_key_that_were_kept_elsewhere(command: CliRunner, tmp_path: Path) -> None:
    heads, key = tmp_path / "heads.jsonl", tmp_path / "key.pem"
    assert command.invoke(app, ["audit", "heads", "--out", str(heads)]).exit_code == 0
    assert command.invoke(app, ["audit", "key", "--out", str(key)]).exit_code == 0
    told = command.invoke(app, ["audit", "verify", "--heads", str(heads), "--key", str(key)])
    assert (told.exit_code, "The audit holds: 3 sealed entries." in told.output) == (0, True)
    told = command.invoke(app, ["audit", "verify", "--json"])
    assert json.loads(told.output)["holds"] is True


def test_what_is_amiss_is_said_in_words_and_by_the_exit_code(command: CliRunner, database: embedded.Cluster) -> None:
    tamper(database, "DELETE FROM audit WHERE id = 2")
    told = command.invoke(app, ["audit", "verify"])
    assert told.exit_code == 1
    assert told.output.splitlines() == [
        "THE AUDIT DOES NOT HOLD: 1 faults in 3 sealed entries",
        "  Entry 2, sealed at place 2, is gone.",
    ]
    told = command.invoke(app, ["audit", "verify", "--json"])
    assert json.loads(told.output)["faults"] == [{"kind": "missing", "ordinal": 2, "entry": 2}]


def test_a_cut_is_found_by_the_heads_that_an_outsider_kept(
    command: CliRunner, database: embedded.Cluster, runtime: Runtime, tmp_path: Path
) -> None:
    heads = tmp_path / "heads.jsonl"
    command.invoke(app, ["audit", "heads", "--out", str(heads)])
    for table in ("audit", "audit_seals", "audit_heads"):
        tamper(database, f"DELETE FROM {table}")  # noqa: S608 - names of the line above
    (runtime.settings.data_dir / "audit" / "newest-head.json").unlink()
    assert command.invoke(app, ["audit", "verify"]).exit_code == 0
    told = command.invoke(app, ["audit", "verify", "--heads", str(heads)])
    assert (told.exit_code, "The chain ends before place 3" in told.output) == (1, True)


@pytest.mark.parametrize(("option", "text"), [("--heads", "no head"), ("--key", "no key"), ("--heads", None)])
def test_files_that_are_something_else_are_named(
    command: CliRunner, tmp_path: Path, option: str, text: str | None
) -> None:
    given = tmp_path / "given"
    if text is not None:
        given.write_text(text)
    told = command.invoke(app, ["audit", "verify", option, str(given)])
    assert told.exit_code == 2
    assert ("no head" if text == "no head" else str(given)) in told.output
