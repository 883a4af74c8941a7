"""The folder of a demonstration: never another one's, never somebody else's."""

from pathlib import Path

import pytest

from evenhand.demo.room import room
from firmware_sim import folders
from server.kit import claims
from server.kit.processes import StartError


def contents(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_an_earlier_demo_goes_and_a_new_one_finds_room(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    with room(folder):
        for name in ("server/serve.log", "terminals/00001/store", "published/result/grants.csv"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).touch()
    with room(folder):
        assert contents(folder) == ["demo.lock"]


def test_an_open_demo_is_left_alone_and_named(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    with room(folder):
        (folder / "server").mkdir()
        (folder / "server" / "serve.log").touch()
        with pytest.raises(StartError, match=r"a demo runs in .*demo \(process \d+\); end it first"), room(folder):
            pass
        assert contents(folder) == ["demo.lock", "server/serve.log"]


@pytest.mark.parametrize("earlier_demos", [0, 1])
def test_what_no_demo_has_made_is_never_removed(tmp_path: Path, earlier_demos: int) -> None:
    for _ in range(earlier_demos):
        with room(tmp_path):
            pass
    (tmp_path / "thesis.txt").write_text("years of work", encoding="utf-8")
    with pytest.raises(StartError, match=r"no demo has made \(thesis\.txt\)"), room(tmp_path):
        pass
    assert (tmp_path / "thesis.txt").read_text(encoding="utf-8") == "years of work"


def test_a_file_in_its_place_is_refused(tmp_path: Path) -> None:
    place = tmp_path / "demo"
    place.touch()
    with pytest.raises(StartError, match="no demo has made"), room(place):
        pass


def test_an_installation_with_a_running_server_is_not_removed(tmp_path: Path) -> None:
    (tmp_path / "serve.log").touch()
    with claims.claim(tmp_path / "supervisor.lock"):
        with pytest.raises(StartError, match=r"a server runs in .* \(process \d+\)"):
            folders.remove(tmp_path)
        assert contents(tmp_path) == ["serve.log", "supervisor.lock"]
    folders.remove(tmp_path)
    assert not tmp_path.exists()
