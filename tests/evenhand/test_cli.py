"""The command as a whole."""

from importlib.metadata import version

from typer.testing import CliRunner

from evenhand.cli import app


def test_the_version_is_told() -> None:
    done = CliRunner().invoke(app, ["--version"])
    assert (done.exit_code, done.output) == (0, f"evenhand {version('evenhand')}\n")
