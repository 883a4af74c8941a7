"""The first exchange of a terminal: how many bytes cross the wire, and whose data they are."""

import gzip
import json

import pytest
from devices import signing
from factories import make_device, make_retailer, make_sku, make_window, place

from server.catalogue.models import SkuRow
from server.kit.db import transaction

pytestmark = pytest.mark.slow

SKUS = 200
BUDGET_BYTES = 64 * 1024
SECRET = "s" * 43
#: What the broker's side of a first exchange takes beside HTTP is little: connect, subscribe, acknowledgements.
REQUEST_BYTES = 400


@pytest.fixture
def busy(sessions):
    """A catalogue of 200, two shops that both order, and a window."""
    with transaction(sessions) as session:
        for number in range(SKUS):
            make_sku(session, f"690123{number:07}", price_minor=1_000 + 37 * number, limit_units=60 + number)
            row = session.get_one(SkuRow, f"690123{number:07}")
            row.name_zh, row.name_en = f"云岭（硬金）{number} 号", f"Yunling Gold hard box number {number}"
            row.barcodes = [f"690{number * 7919:010}", f"1690{number * 104729:010}"]
        for code in ("R1", "R2"):
            make_retailer(session, code)
        sender = make_device(session, "R1", device="t-1", secret=SECRET)
        other = make_device(session, "R2", device="t-2", secret="x" * 43)
        window = make_window(session)
        for number in range(20):
            place(session, sender, window, **{f"690123{number:07}": 3})
            place(session, other, window, **{f"690123{number:07}": 5})


def test_it_takes_at_most_64_kb_for_200_skus_and_holds_this_shops_data_alone(
    app_client, busy, record_testsuite_property
):
    took, texts = 0, []
    for path in ("/device/v1/feed?after=0", "/device/v1/reference"):
        with app_client.stream("GET", path, auth=signing("t-1", SECRET), headers={"Accept-Encoding": "gzip"}) as answer:
            raw = b"".join(answer.iter_raw())
        assert answer.status_code == 200
        assert answer.headers["Content-Encoding"] == "gzip"
        took += len(raw) + sum(len(k) + len(v) + 4 for k, v in answer.headers.items()) + REQUEST_BYTES
        texts.append(gzip.decompress(raw).decode())
    assert len(json.loads(texts[1])["catalogue"]) == SKUS
    record_testsuite_property("bytes", took)
    assert took <= BUDGET_BYTES
    assert all("R2" not in text and "t-2" not in text for text in texts)
    quantities = {
        line["quantity_units"] for item in json.loads(texts[0])["items"] for line in item["data"].get("lines", ())
    }
    assert quantities == {3}


def test_only_devices_are_answered_in_packed_form(app_client, busy):
    answer = app_client.get("/openapi.json", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in answer.headers
