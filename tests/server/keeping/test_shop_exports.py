"""Everything held on one shop: no table is left out, nothing of another is in, the manifest holds."""

import csv
import hashlib
import io
import json
import re
import zipfile
from collections.abc import Callable

import pytest
from factories import NOW, make_retailer
from filled import PLANNER, SHOPS, fill
from pictures import named, picture
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from starlette.testclient import TestClient

from contract.errors import Conflict
from server.keeping import shop_exports
from server.kit import audit
from server.kit.db import transaction
from server.kit.fields import Invalid
from server.kit.runtime import Runtime
from server.photos import service as photos

SignedIn = Callable[..., TestClient]
OWN, FOREIGN = SHOPS


def made(runtime: Runtime) -> zipfile.ZipFile:
    with transaction(runtime.sessions) as session:
        export = shop_exports.ask(session, OWN, "asked by letter", PLANNER, at=NOW)
    shop_exports.run(runtime, export=str(export))
    shop_exports.run(runtime, export=str(export))  # the queue may deliver a job again
    with transaction(runtime.sessions) as session:
        content, found = shop_exports.take(session, export, PLANNER, at=NOW)
    assert hashlib.sha256(content).hexdigest() == found.sha256
    assert found.parts_done == found.parts
    return zipfile.ZipFile(io.BytesIO(content))


def test_every_table_that_knows_shops_is_in_with_this_shops_rows_alone(runtime: Runtime) -> None:
    with transaction(runtime.sessions) as session:
        fill(session)
        content = picture()
        assert photos.add_part(session, OWN, named(content).sha256, 0, content, at=NOW).complete
    archive = made(runtime)
    assert {shop_exports.folder(table) for table, _ in shop_exports.tables()} == shop_exports.FOLDERS.keys()
    names = set(archive.namelist())
    manifest = json.loads(archive.read("manifest.json"))
    listed = {one["name"]: one for one in manifest["files"]}
    assert names == listed.keys() | {"manifest.json"}
    for name, one in listed.items():
        content = archive.read(name)
        assert (len(content), hashlib.sha256(content).hexdigest()) == (one["bytes"], one["sha256"])

    empty = []
    for table, column in shop_exports.tables():
        (name,) = [one for one in names if re.fullmatch(rf"\w+/{table.name}\.json", one)]
        rows = json.loads(archive.read(name))
        assert {row[column] for row in rows} <= {OWN}, name
        shown = list(csv.reader(io.StringIO(archive.read(name.replace(".json", ".csv")).decode("utf-8-sig"))))
        assert len(shown) - 1 == len(rows) == listed[name]["rows"]
        empty += [] if rows else [table.name]
    assert empty == []
    assert any(name.startswith("photos/") and name.endswith((".jpg", ".png", ".webp")) for name in names)
    assert {one["action"] for one in json.loads(archive.read("kit/audit.json"))} >= {"retailer.noted", "export.asked"}
    whole = b"".join(archive.read(name) for name in names)
    assert b"secret_sha256" not in whole
    assert b"broker_hash" not in whole
    readme = archive.read("README.md").decode()
    assert {f"`{name.partition('/')[0]}/`" for name in names if "/" in name} <= set(re.findall(r"`\w+/`", readme))
    assert f"# Everything held on {OWN}" in readme
    assert f"# {OWN} 的全部留存资料" in readme


def test_an_archive_is_asked_for_with_a_reason_and_who_took_it_is_written_down(
    runtime: Runtime, signed_in: SignedIn
) -> None:
    with transaction(runtime.sessions) as session:
        make_retailer(session, OWN)
    person, auditor = signed_in("administrator", name="ada"), signed_in("auditor")
    place = "/console/retailers/archives"
    assert person.post(place, data={"code": OWN, "reason": " "}).status_code == 422
    assert person.post(place, data={"code": "R99", "reason": "x"}).status_code == 404
    asked = person.post(place, data={"code": OWN, "reason": "asked by letter"})
    where = asked.headers["location"]
    assert "waits for its turn" in person.get(where).text
    assert person.post(f"{where}/file").status_code == 409
    assert auditor.post(place, data={"code": OWN, "reason": "x"}).status_code == 403
    assert signed_in("planner").get(f"{place}?code={OWN}").status_code == 403

    shop_exports.run(runtime, export=where.rpartition("/")[2])
    assert person.get(f"{where}/progress", headers={"HX-Request": "true"}).headers["HX-Refresh"] == "true"
    assert auditor.post(f"{where}/file").status_code == 403
    taken = person.post(f"{where}/file")
    assert taken.headers["content-type"] == "application/zip"
    assert zipfile.ZipFile(io.BytesIO(taken.content)).testzip() is None
    with transaction(runtime.sessions) as session:
        told = [(one.action, one.actor) for one in audit.entries(session, subject=f"retailer:{OWN}")]
    assert told[0] == ("export.taken", "operator:ada")
    assert [action for action, _ in told] == ["export.taken", "export.made", "export.asked"]


def test_a_stopped_archive_is_not_made_and_an_old_one_is_emptied(runtime: Runtime) -> None:
    with transaction(runtime.sessions) as session:
        make_retailer(session, OWN)
        with pytest.raises(Invalid, match="reason"):
            shop_exports.ask(session, OWN, "", PLANNER, at=NOW)
        stopped = shop_exports.ask(session, OWN, "a mistake", PLANNER, at=NOW)
        kept = shop_exports.ask(session, OWN, "asked by letter", PLANNER, at=NOW)
        shop_exports.stop(session, stopped, PLANNER, at=NOW)
    for export in (stopped, kept):
        shop_exports.run(runtime, export=str(export))
    with transaction(runtime.sessions) as session:
        assert [one.state for one in shop_exports.of_shop(session, OWN)].count("done") == 1
        (kind,) = shop_exports.RETENTION
        assert kind.due(session, runtime.clock()) == kind.erase(session, runtime.clock(), NOW) == 0
        session.execute(text("UPDATE shop_exports SET done_at = done_at - interval '1 day' WHERE state = 'done'"))
        assert kind.due(session, runtime.clock()) == kind.erase(session, runtime.clock(), NOW) == 1
        with pytest.raises(Conflict, match="erased"):
            shop_exports.take(session, kept, PLANNER, at=NOW)


def test_an_archive_that_cannot_be_made_says_why_and_is_tried_again(
    runtime: Runtime, signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    with transaction(runtime.sessions) as session:
        make_retailer(session, OWN)
        export = shop_exports.ask(session, OWN, "asked by letter", PLANNER, at=NOW)
    place = f"/console/retailers/archives/{export}"
    person = signed_in("administrator", name="ada")
    assert person.post(f"{place}/again").status_code == 409

    def away(*_: object) -> None:
        raise OperationalError("SELECT", {}, Exception("the database is away"))

    monkeypatch.setattr(shop_exports, "_archive", away)
    with pytest.raises(OperationalError):
        shop_exports.run(runtime, export=str(export))
    assert "is being made" in person.get(place).text, "the queue tries it again"

    def full(*_: object) -> None:
        raise ValueError("a photo of 3 GB does not fit into an archive\nsecond line")

    monkeypatch.setattr(shop_exports, "_archive", full)
    for _ in range(2):
        shop_exports.run(runtime, export=str(export))
    monkeypatch.undo()
    page = person.get(place).text
    assert "It ended with: ValueError: a photo of 3 GB does not fit into an archive." in page
    assert "Try again" in page
    assert "Try again</button>" not in signed_in("auditor").get(place).text
    again = person.post(f"{place}/again").headers["location"]
    shop_exports.run(runtime, export=again.rpartition("/")[2])
    assert "Take it away" in person.get(again).text
    with transaction(runtime.sessions) as session:
        assert sorted(one.state for one in shop_exports.of_shop(session, OWN)) == ["done", "failed"]
        failed = [one for one in audit.entries(session, subject=f"retailer:{OWN}") if one.action == "export.failed"]
        assert [one.detail["export"] for one in failed] == [str(export)]
