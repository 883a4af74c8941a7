"""The ceremony from the command line: several people, several machines, files carried between them."""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest
from ceremony import PASSPHRASE
from typer.testing import CliRunner, Result

from evenhand import release_building
from evenhand.release_commands import app
from server.releases import publishing
from server.releases.repository import Repository

CHECKOUT = Path(__file__).parents[2]


def said(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def holders(tmp_path: Path) -> Path:
    (tmp_path / "words").write_text(PASSPHRASE + "\n")
    for name in ("li", "wang", "zhao"):
        done = said("key", tmp_path / f"{name}.key", "--passphrase-file", tmp_path / "words")
        assert done.exit_code == 0, done.output
    return tmp_path


def carried(server: Path, holders: Path, role: str, name: str) -> Path:
    """Let a holder sign a copy of a draft on a machine of his own."""
    copy = holders / f"{name}-{role}.json"
    shutil.copyfile(server / "updates" / "draft" / f"{role}.json", copy)
    done = said("sign", copy, "--key", holders / f"{name}.key", "--passphrase-file", holders / "words", "--yes")
    assert done.exit_code == 0, done.output
    return copy


def begin(server: Path, holders: Path) -> Result:
    keys = [word for name in ("li", "wang", "zhao") for word in ("--root-key", holders / f"{name}.key.pub")]
    return said("init", *keys, "--data-dir", server)


def test_a_release_goes_from_the_checkout_through_two_signatures_to_the_list(holders: Path, tmp_path: Path) -> None:
    server = tmp_path / "server"
    begun = begin(server, holders)
    assert "2 more signatures wanted" in begun.output
    for role in ("root", "targets"):
        for name in ("li", "zhao"):
            assert said("collect", carried(server, holders, role, name), "--data-dir", server).exit_code == 0
    publishing.publish(Repository(server), datetime.now(UTC))
    built = said("build", tmp_path, "--version", "0.2.0", "--no-with-packages", "--checkout", CHECKOUT)
    archive = tmp_path / "terminal-0.2.0-any.tar.gz"
    assert (built.exit_code, archive.exists()) == (0, True), built.output
    notes = ("--notes-zh", "更快", "--notes-en", "Faster")
    assert said("add", archive, *notes, "--minimum-version", "0.1.0", "--data-dir", server).exit_code == 0
    shown = said("sign", carried(server, holders, "targets", "li"), "--key", holders / "li.key").output
    assert "terminal-0.2.0-any.tar.gz" in shown
    assert "Faster" in shown
    said("collect", holders / "li-targets.json", carried(server, holders, "targets", "wang"), "--data-dir", server)
    publishing.publish(Repository(server), datetime.now(UTC))
    listed = said("list", "--data-dir", server).output
    assert "terminal-0.2.0-any.tar.gz" in listed
    assert "targets number 2" in listed
    assert "2 of 3 signed, 2 wanted" in listed
    out = tmp_path / "root.json"
    assert said("root", out, "--data-dir", server).exit_code == 0
    assert json.loads(out.read_bytes())["signed"]["version"] == 1


def test_what_cannot_be_done_is_said_in_one_line_with_what_to_do(holders: Path, tmp_path: Path) -> None:
    server = tmp_path / "server"
    for words, wanted in [
        (("init", "--data-dir", server), "--root-key FILE.pub"),
        (("add", tmp_path / "words", "--data-dir", server), "build it anew"),
        (("root", tmp_path / "root.json", "--data-dir", server), "fleet release init"),
        (("withdraw", "9.9.9", "--data-dir", server), "fleet release init"),
        (("key", tmp_path / "li.key", "--passphrase-file", tmp_path / "words"), "exists: name another file"),
    ]:
        done = said(*words)
        assert done.exit_code == 2, (words, done.output)
        assert wanted in done.output
    assert begin(server, holders).exit_code == 0
    assert "holds a first draft" in begin(server, holders).output


def test_the_same_checkout_gives_the_same_bytes(tmp_path: Path) -> None:
    at = datetime(2027, 1, 1, tzinfo=UTC)
    built = [
        release_building.build(CHECKOUT, tmp_path / name, "0.2.0", with_packages=False, at=at).read_bytes()
        for name in ("one", "two")
    ]
    assert built[0] == built[1]
