"""A run as files: what a stranger unpacks, counts once more and finds to hold, whatever changed since."""

import io
import zipfile
from datetime import date

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from contract.errors import Conflict, Rejected
from evenhand.score_command import app
from server.kit.db import transaction
from server.scores import exporting

NOVEMBER = date(2026, 11, 1)


def unpacked(content, folder):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        archive.extractall(folder)
        return archive.namelist()


def check(folder, *more):
    words = ["verify-score", str(folder / "given"), str(folder / "scores"), *map(str, more)]
    return CliRunner().invoke(app, words, catch_exceptions=False)


def archive(room, number):
    with transaction(room.runtime.sessions) as session:
        return exporting.archive(session, number)


def test_the_files_of_a_run_hold_by_the_checker_and_one_changed_byte_is_named(room, signed_in, tmp_path):
    room.decide("R4", "lowered", 28, NOVEMBER, date(2026, 12, 1))
    first = room.publish(room.draft().number)
    second = room.draft()
    # What changes afterwards is no part of it: another market, a figure that comes late.
    with transaction(room.runtime.sessions) as session:
        session.execute(text("UPDATE retailers SET market_type = 'village' WHERE code = 'R1'"))

    answer = signed_in("planner").get(f"/console/scores/run/{second.number}/files")

    assert answer.headers["content-type"] == "application/zip"
    names = unpacked(answer.content, tmp_path)
    assert {"given/retailers.csv", "given/history.csv", "given/decisions.csv", "given/score.toml"} < set(names)
    assert {"scores/scores.csv", "scores/certificate.json", "previous/scores.csv", "README.txt"} < set(names)
    assert "Shop R1" not in (tmp_path / "given" / "retailers.csv").read_text()
    found = check(tmp_path, "--previous", tmp_path / "previous")
    assert (found.exit_code, found.output) == (0, "holds: 4 retailers checked\n")
    assert second.score_version in (tmp_path / "scores" / "certificate.json").read_text()
    assert first.score_version in (tmp_path / "scores" / "certificate.json").read_text()

    table = tmp_path / "scores" / "scores.csv"
    table.write_bytes(table.read_bytes().replace(b"R1,town,", b"R1,towm,", 1))
    broken = check(tmp_path)
    assert broken.exit_code == 1
    assert "scores.csv, R1, market_type: is towm, not town" in broken.output


def test_a_figure_of_the_input_that_was_changed_is_found(room, tmp_path):
    unpacked(archive(room, room.draft().number), tmp_path)
    assert check(tmp_path).exit_code == 0

    table = tmp_path / "given" / "history.csv"
    table.write_bytes(table.read_bytes().replace(b"R1,2026-01-01,400", b"R1,2026-01-01,401", 1))

    broken = check(tmp_path)
    assert broken.exit_code == 1
    assert "input_sha256" in broken.output
    assert "R1, demand" in broken.output


def test_programs_get_the_same_bytes_as_often_as_they_ask_and_nothing_before_there_is_any(room, signed_in):
    program = signed_in("planner")
    number = room.ask()
    with pytest.raises(Conflict, match="waiting"):
        archive(room, number)
    with pytest.raises(Rejected, match="99"):
        archive(room, 99)
    room.work(number)

    one, other = (program.get(f"/api/v1/scores/runs/{number}/files").content for _ in range(2))

    assert one == other == archive(room, number)
