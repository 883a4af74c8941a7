"""Every text that a person reads is in both languages."""

import json
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from evenhand import catalogs


@pytest.fixture(scope="module", autouse=True)
def read_once() -> Iterator[None]:
    """Read the files of each part once; that is what takes the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalogs, "extracted", cache(catalogs.extracted))
        yield


@pytest.mark.parametrize("part", catalogs.PARTS)
def test_every_text_has_a_chinese_translation(part: str) -> None:
    assert catalogs.faults(part) == []


@pytest.mark.parametrize("part", catalogs.PARTS)
def test_bringing_a_catalog_up_to_date_changes_no_translation(part: str) -> None:
    before = {message.id: message.string for message in catalogs.stored(part) if message.id}
    after = {message.id: message.string for message in catalogs.updated(part, {}) if message.id}
    both = before.keys() & after.keys()
    assert {key: after[key] for key in both} == {key: before[key] for key in both}


def test_a_plural_is_filled_by_its_singular() -> None:
    filled = catalogs.updated("server", {"%(count)s box": "%(count)s 盒"})
    assert filled.get("%(count)s box").string == ("%(count)s 盒",)


def test_what_is_translated_otherwise_is_changed_only_in_the_part_that_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given = tmp_path / "words.json"
    given.write_text(json.dumps({"%(count)s box": "%(count)s 匣"}), encoding="utf-8")
    monkeypatch.setattr(catalogs, "write", lambda *_: pytest.fail("nothing may be written"))
    monkeypatch.setattr(sys, "argv", ["catalogs", "--fill", str(given)])

    assert catalogs.main() == 2

    assert "server: “%(count)s box” is “" in capsys.readouterr().err
    assert catalogs.conflicts("server", {"Scores": catalogs.stored("server").get("Scores").string}) == []
