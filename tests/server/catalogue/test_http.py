"""The programs' interface of catalogue, retailers, licences and files."""

import io
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from factories import make_retailer, make_sku
from filled import fill
from sqlalchemy.orm import Session, sessionmaker
from starlette.testclient import TestClient

from server.kit.db import transaction

SignedIn = Callable[..., TestClient]
CSV = "Item;Text;Preis\n007;甲;10,50\n008;乙;x\n".encode("gbk")
MAPPING = """
[fields]
sku = "Item"
name_zh = "Text"
name_en = "Text"
price_minor = { column = "Preis", multiply = 100, point = "," }
"""


@pytest.fixture
def planner(signed_in: SignedIn) -> TestClient:
    browser = signed_in("planner")
    browser.headers["Accept"] = "application/json"
    return browser


def send(client: TestClient, kind: str, content: bytes, mapping: str | None = None, **form: str) -> Any:
    files: dict[str, Any] = {"file": ("list.csv", content, "text/csv")}
    if mapping is not None:
        files["mapping"] = ("mapping.toml", mapping.encode(), "application/toml")
    return client.post(f"/api/v1/imports/{kind}", files=files, data=form)


def test_a_file_with_its_mapping_is_brought_in_over_http(planner: TestClient) -> None:
    tried = send(planner, "skus", CSV, MAPPING, dry_run="true").json()
    assert (tried["id"], tried["rows_taken"], planner.get("/api/v1/skus").json()["total"]) == (None, 1, 0)

    report = send(planner, "skus", CSV, MAPPING).json()
    assert (report["rows_read"], report["rows_taken"], report["rows_new"], report["rows_refused"]) == (2, 1, 1, 1)
    assert report["reading"] == {"encoding": "gb18030", "separator": ";", "guarded": False, "blank_rows": 0}
    assert report["refused"] == [
        {
            "row": 3,
            "problems": [
                {
                    "column": "Preis",
                    "field": "price_minor",
                    "value": "x",
                    "code": "not_decimal",
                    "reason": "“x” is not a number. Write it like 1234.50.",
                }
            ],
        }
    ]
    assert planner.get("/api/v1/skus/007").json()["price_minor"] == 1050
    assert planner.get(f"/api/v1/imports/reports/{report['id']}").json() == report
    assert [one["id"] for one in planner.get("/api/v1/imports", params={"kind": "skus"}).json()] == [report["id"]]
    listed = planner.get(f"/api/v1/imports/reports/{report['id']}/refused.csv")
    assert listed.content.decode("utf-8-sig").splitlines() == [
        "Row,Column,Field,Value,Code,Reason",
        "3,Preis,price_minor,x,not_decimal,“x” is not a number. Write it like 1234.50.",
    ]


def test_what_goes_out_comes_in_unchanged(planner: TestClient) -> None:
    send(planner, "skus", CSV, MAPPING)
    exported = planner.get("/api/v1/imports/skus.csv").content
    again = send(planner, "skus", exported).json()
    assert (again["rows_unchanged"], again["rows_read"]) == (1, 1)


def test_what_goes_out_as_parquet_comes_in_unchanged_and_changed_values_are_taken(
    planner: TestClient, sessions: sessionmaker[Session]
) -> None:
    with transaction(sessions) as session:
        make_sku(session, "00123", case_barcodes=("6901=6", "6902=12"), pack_units=6)
        make_sku(session, "K2")
    answer = planner.get("/api/v1/imports/skus.parquet")
    assert answer.headers["content-type"] == "application/vnd.apache.parquet"
    again = send(planner, "skus", answer.content, dry_run="true").json()
    assert (again["id"], again["rows_unchanged"], again["rows_read"]) == (None, 2, 2)
    assert again["reading"]["encoding"] == "parquet"
    table = pq.read_table(io.BytesIO(answer.content))
    assert table["sku"].to_pylist() == ["00123", "K2"]
    assert table["case_barcodes"].to_pylist()[0] == ["6901=6", "6902=12"]
    dearer = io.BytesIO()
    pq.write_table(pa.table({"Item": ["00123", "K3"], "Preis": [10.5, 7.0]}), dearer)
    mapping = '[fields]\nsku = "Item"\nprice_minor = { column = "Preis", multiply = 100 }'
    report = send(planner, "skus", dearer.getvalue(), mapping).json()
    assert (report["rows_changed"], [row["row"] for row in report["refused"]]) == (1, [3])
    assert planner.get("/api/v1/skus/00123").json()["price_minor"] == 1050


@pytest.mark.slow
def test_every_list_goes_out_as_parquet_and_comes_in_unchanged(
    planner: TestClient, sessions: sessionmaker[Session]
) -> None:
    with transaction(sessions) as session:
        fill(session)
    read = 0
    for kind in planner.get("/api/v1/imports/kinds").json():
        exported = planner.get(f"/api/v1/imports/{kind['name']}.parquet").content
        report = send(planner, kind["name"], exported, dry_run="true").json()
        assert (kind["name"], report["rows_unchanged"]) == (kind["name"], report["rows_read"])
        read += report["rows_read"]
    assert read > 5


def test_a_damaged_parquet_file_is_refused(planner: TestClient) -> None:
    answer = send(planner, "skus", b"PAR1 and no more")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert "not a whole Parquet file" in answer.json()["text"]


@pytest.mark.parametrize(
    ("kind", "content", "mapping", "status", "text"),
    [
        ("skus", CSV, "fields = [", 422, "not TOML"),
        ("skus", CSV, '[fields]\nsku = "Itm"', 422, "no column “Itm”"),
        ("skus", b"", None, 422, "holds nothing"),
        ("ships", CSV, None, 404, "no kind of import ships"),
    ],
)
def test_a_file_that_cannot_be_taken_says_what_to_do(
    planner: TestClient, kind: str, content: bytes, mapping: str | None, status: int, text: str
) -> None:
    answer = send(planner, kind, content, mapping)
    assert answer.status_code == status
    assert text in answer.json()["text"]
    assert planner.get("/api/v1/imports").json() == []


def test_the_refusal_speaks_the_callers_language(signed_in: SignedIn) -> None:
    browser = signed_in("planner", language="zh")
    browser.headers["Accept"] = "application/json"
    answer = send(browser, "skus", b"").json()
    assert answer["text"].isascii() is False
    assert "holds nothing" not in answer["text"]


def test_only_those_who_keep_the_lists_bring_files_in(signed_in: SignedIn) -> None:
    browser = signed_in("releaser")
    browser.headers["Accept"] = "application/json"
    assert send(browser, "skus", CSV, MAPPING).json()["code"] == "not_allowed"
    assert browser.get("/api/v1/skus").status_code == 200


def test_programs_learn_what_can_be_brought_in(planner: TestClient) -> None:
    kinds = {kind["name"]: kind for kind in planner.get("/api/v1/imports/kinds").json()}
    assert {"skus", "retailers", "limits", "licences"} <= set(kinds)
    assert [field["name"] for field in kinds["licences"]["fields"] if field["key"]] == [
        "retailer",
        "licence_class",
        "number",
    ]


def test_a_sku_is_written_and_read_by_programs(planner: TestClient) -> None:
    body = {"name_zh": "大曲", "name_en": "Daqu", "price_minor": 1200}
    assert planner.put("/api/v1/skus/N%2FA", json=body).json() == {"outcome": "new"}
    found = planner.get("/api/v1/skus/N%2FA").json()
    assert (found["sku"], found["pack_units"], found["state"]) == ("N/A", 1, "offered")
    changed = planner.put("/api/v1/skus/N%2FA", json=body | {"price_minor": 1}, headers={"If-Match": found["version"]})
    assert changed.json() == {"outcome": "changed"}
    late = planner.put("/api/v1/skus/N%2FA", json=body, headers={"If-Match": found["version"]})
    assert (late.status_code, late.json()["code"]) == (409, "changed_meanwhile")
    wrong = planner.put("/api/v1/skus/N%2FA", json=body | {"pack_units": 0})
    assert (wrong.status_code, wrong.json()["params"]["where"]) == (422, "pack_units")
    assert planner.get("/api/v1/skus/none").status_code == 404


def test_a_shop_is_kept_by_programs(planner: TestClient, sessions: sessionmaker[Session]) -> None:
    with transaction(sessions) as session:
        make_sku(session, "K1")
    assert planner.put("/api/v1/retailers/R1", json={"name": "One", "route": "north"}).json() == {"outcome": "new"}
    suspended = planner.put("/api/v1/retailers/R1/standing", json={"standing": "suspended"})
    assert (suspended.status_code, suspended.json()["params"]["where"]) == (422, "standing_reason")
    suspended = planner.put("/api/v1/retailers/R1/standing", json={"standing": "suspended", "reason": "unpaid"})
    assert suspended.json()["standing_reason"] == "unpaid"
    assert planner.put("/api/v1/retailers/R1/standing", json={"standing": "good"}).json()["standing"] == "good"
    assert planner.put("/api/v1/retailers/R1/limits", json={"sku": "K1", "limit_units": 12}).json() == {"K1": 12}
    assert planner.get("/api/v1/retailers/R1/limits").json() == {"K1": 12}
    assert planner.put("/api/v1/retailers/R1/limits", json={"sku": "K1", "limit_units": None}).json() == {}
    assert [one["code"] for one in planner.get("/api/v1/retailers", params={"q": "one"}).json()["retailers"]] == ["R1"]


def test_a_licences_document_is_kept_by_programs(
    signed_in: Callable[..., TestClient], sessions: sessionmaker[Session]
) -> None:
    keeper = signed_in("administrator")
    with transaction(sessions) as session:
        make_retailer(session)
    key = {"retailer": "R1", "licence_class": "spirits", "number": "L-1"}
    body = key | {"valid_from": "2026-01-01", "valid_until": "2026-12-31"}
    assert keeper.put("/api/v1/licences", json=body).json() == {"outcome": "new"}
    assert keeper.put("/api/v1/licences", json=body | {"valid_until": "2025-01-01"}).status_code == 422
    assert [one["stands"] for one in keeper.get("/api/v1/licences").json()["licences"]] == ["expiring"]
    assert keeper.put("/api/v1/licences", json=body | {"state": "cancelled"}).json() == {"outcome": "unchanged"}


@pytest.mark.parametrize(
    "address",
    [
        "/api/v1/skus?q=%00",
        "/api/v1/skus/%00",
        "/api/v1/skus?limit=99999999999999999999999",
        "/api/v1/retailers?region=%00",
        "/api/v1/licences?licence_class=%00",
    ],
)
def test_a_value_that_no_database_keeps_is_refused(planner: TestClient, address: str) -> None:
    answer = planner.get(address)
    assert (answer.status_code, answer.json()["code"]) == (422, "malformed")
