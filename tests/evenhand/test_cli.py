"""The command as a whole."""

import re
from importlib.metadata import version

import pytest
from typer.testing import CliRunner

from evenhand.cli import app
from server.kit.identity import ROLES


def told(*words: str) -> str:
    done = CliRunner().invoke(app, [*words, "--help"], env={"COLUMNS": "80"})
    assert done.exit_code == 0
    return done.output


def test_the_version_is_told() -> None:
    done = CliRunner().invoke(app, ["--version"])
    assert (done.exit_code, done.output) == (0, f"evenhand {version('evenhand')}\n")


def test_help_lists_commands_by_task_and_cuts_no_line() -> None:
    listed = told()

    commands = re.findall(r"^│ ([a-z]+)  ", listed, re.MULTILINE)
    assert commands[:6] == ["allocate", "verify", "explain", "compare", "seed", "sample"]
    panels = re.findall(r"╭─ ([A-Z][a-z]+) ─", listed)
    assert panels.index("Allocation") < panels.index("Server") < panels.index("Terminals")
    assert listed.count("...") == listed.count("[ARGS]...") == 1
    assert "…" not in listed


def test_help_of_a_new_person_names_every_role() -> None:
    listed = re.sub(r"[│\s]+", " ", told("operator", "add"))

    assert [role for role in ROLES if role not in listed] == []


@pytest.mark.parametrize("words", ["allocate", "verify", "explain", "compare", "seed commit", "sample national"])
def test_help_of_a_command_ends_each_sentence(words: str) -> None:
    listed = told(*words.split())

    assert "Exit codes" in listed or words in {"explain", "seed commit"}
    assert "..." not in listed
