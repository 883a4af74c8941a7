"""Keeping SKUs: checked in words, told once, withdrawn and offered again."""

from typing import Any

import pytest
from factories import NOW
from sqlalchemy import text
from sqlalchemy.orm import Session

from contract.errors import Conflict, Rejected
from server.catalogue import queries, service
from server.catalogue.fields import SKUS
from server.catalogue.rules import can_be_ordered
from server.kit import audit, records
from server.kit.fields import Invalid
from server.kit.identity import Actor

ANN = Actor("operator", "ann")


def sku(**changed: Any) -> dict[str, Any]:
    return {
        "sku": "K1",
        "name_zh": "大曲",
        "name_en": "Daqu",
        "unit_zh": "瓶",
        "unit_en": "bottle",
        "category": "spirits",
        "pack_units": 6,
        "price_minor": 1200,
        "minimum_units": 0,
        "limit_units": None,
        "licence_class": "spirits",
        "barcodes": ("6901234567892",),
        "case_barcodes": ("16901234567899=600",),
        "state": "offered",
    } | changed


def told(session: Session) -> list[Any]:
    query = text(
        "SELECT args->'data'->'skus' FROM procrastinate_jobs WHERE args->>'event' = 'catalogue.CatalogueChanged'"
    )
    return list(session.scalars(query))


def test_a_sku_is_kept_as_it_was_given_and_told_once(session: Session) -> None:
    assert service.save_sku(session, sku(), ANN, at=NOW) == "new"
    assert vars(queries.skus(session)["K1"]) == sku()
    assert service.save_sku(session, sku(), ANN, at=NOW) == "unchanged"
    assert told(session) == [["K1"]]
    session.flush()
    assert [entry.action for entry in audit.entries(session, subject="sku:K1")] == ["sku.added"]


def test_a_sku_that_does_not_fit_names_every_field(session: Session) -> None:
    with pytest.raises(Invalid) as refused:
        service.save_sku(session, sku(sku=" K1", pack_units=0, name_en="", price_minor=True), ANN, at=NOW)
    assert sorted(refused.value.problems) == ["name_en", "pack_units", "price_minor", "sku"]
    assert refused.value.params["where"] == "sku"
    assert queries.skus(session) == {}


def test_a_withdrawn_sku_cannot_be_ordered_and_can_be_offered_again(session: Session) -> None:
    service.save_sku(session, sku(), ANN, at=NOW)
    service.withdraw_sku(session, "K1", ANN, at=NOW)
    assert queries.skus(session) == {}
    assert queries.skus(session, withdrawn=True)["K1"].state == "withdrawn"
    assert queries.known(session, ["K1", "K2"]) == {"K1"}
    service.offer_sku(session, "K1", ANN, at=NOW)
    assert list(queries.skus(session)) == ["K1"]
    session.flush()
    assert [entry.action for entry in audit.entries(session, subject="sku:K1")] == [
        "sku.offered",
        "sku.withdrawn",
        "sku.added",
    ]


def test_withdrawing_what_is_not_there_says_so(session: Session) -> None:
    with pytest.raises(Rejected, match="no SKU K9"):
        service.withdraw_sku(session, "K9", ANN, at=NOW)


def test_a_form_that_is_out_of_date_changes_nothing(session: Session) -> None:
    service.save_sku(session, sku(), ANN, at=NOW)
    seen = records.version(SKUS, sku())
    service.save_sku(session, sku(price_minor=1300), ANN, at=NOW, seen=seen)
    with pytest.raises(Conflict, match="K1 was changed meanwhile"):
        service.save_sku(session, sku(price_minor=1400), ANN, at=NOW, seen=seen)
    assert queries.skus(session)["K1"].price_minor == 1300


@pytest.mark.parametrize(
    ("minimum", "pack", "limit", "fits"),
    [
        (15, 3, 14, False),
        (15, 3, 15, True),
        (0, 12, 11, False),
        (0, 12, 12, True),
        (4, 6, 5, False),
        (9, 1, None, True),
        (9, 1, 0, True),
    ],
)
def test_the_smallest_order_in_whole_packs_fits_the_limit(
    minimum: int,
    pack: int,
    limit: int | None,
    fits: bool,  # noqa: FBT001 - a table of cases
) -> None:
    found = can_be_ordered(sku(minimum_units=minimum, pack_units=pack, limit_units=limit))
    assert (found is None) == fits


def test_skus_are_found_by_code_name_and_barcode(session: Session) -> None:
    service.save_sku(session, sku(), ANN, at=NOW)
    service.save_sku(session, sku(sku="50%", name_en="Half_Strong", name_zh="半", barcodes=()), ANN, at=NOW)
    for words, codes in (("daqu", ["K1"]), ("6901234567892", ["K1"]), ("%", ["50%"]), ("_", ["50%"]), ("曲", ["K1"])):
        found, total = queries.search(session, text=words)
        assert ([one.sku for one in found], total) == (codes, len(codes))
    assert [one.sku for one in queries.search(session, sort="sku", descending=True, limit=1)[0]] == ["K1"]
    assert queries.search(session, category="none") == ([], 0)


@pytest.mark.parametrize("cases", [("16901234567899",), ("16901234567899=0",), ("1=5", "1=6"), ("=5",), ("1=x",)])
def test_a_case_is_a_barcode_and_its_units(session: Session, cases: tuple[str, ...]) -> None:
    with pytest.raises(Invalid) as refused:
        service.save_sku(session, sku(case_barcodes=cases), ANN, at=NOW)
    assert list(refused.value.problems) == ["case_barcodes"]
