"""What ``evenhand demo`` refuses before anything starts."""

from pathlib import Path

from typer.testing import CliRunner

from evenhand.cli import app


def test_a_week_without_a_ledger_is_refused(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["demo", "--week", "2020-12-07", "--data-dir", str(tmp_path / "demo")])
    assert done.exit_code == 2
    assert "--data" in done.output
    assert not (tmp_path / "demo").exists()


def test_a_folder_that_is_somebody_elses_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").touch()
    done = CliRunner().invoke(app, ["demo", "--once", "--data-dir", str(tmp_path)])
    assert done.exit_code == 1
    assert "thesis.txt" in done.output
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.txt"]
