"""SKUs from files: every row accounted for, nothing half done, identifiers byte for byte."""

import csv
import io
from collections.abc import Callable
from pathlib import Path

import pytest
from factories import NOW
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from server.catalogue import queries
from server.catalogue.fields import SKUS
from server.kit import records
from server.kit.audit import AuditEntry
from server.kit.fields import problems
from server.kit.identity import Actor
from server.kit.imports import FileRefused, Report, Upload, bring, reports
from server.kit.sheets import original

ANN = Actor("operator", "ann")
HEAD = "sku,name_zh,name_en,pack_units,price_minor\n"
IOWA = Path(__file__).parents[4] / "shared" / "data" / "iowa" / "products_2022-11-01.csv"


@pytest.fixture
def bring_skus(session: Session) -> Callable[..., Report]:
    def run(content: str | bytes, mapping: str = "", *, dry_run: bool = False) -> Report:
        raw = content.encode() if isinstance(content, str) else content
        return bring(session, SKUS, Upload("skus.csv", raw), mapping, actor=ANN, at=NOW, dry_run=dry_run)

    return run


def counts(report: Report) -> tuple[int, int, int, int]:
    return report.rows_new, report.rows_changed, report.rows_unchanged, report.rows_refused


def events(session: Session) -> int:
    return session.execute(text("SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'react'")).scalar_one()


def test_every_row_is_taken_or_refused_with_its_reason(bring_skus: Callable[..., Report], session: Session) -> None:
    report = bring_skus(
        HEAD
        + "007,甲,First,12,1050\n"
        + "008,乙,Second,0,990\n"
        + "009,丙,Third,6,9.90\n"
        + "010,丁\n"
        + "011,戊,Fifth,6,990\n"
        + "\n"
        + "011,戊,Fifth,6,990\n"
        + "012,己,Sixth,6,990\n"
        + "012,己,Sixth,6,991\n"
    )
    assert counts(report) == (2, 0, 0, 6)
    assert report.rows_read == report.rows_taken + report.rows_refused == 8
    assert [
        (row.row, row.problems[0].column, row.problems[0].value, row.problems[0].code) for row in report.refused
    ] == [
        (3, "pack_units", "0", "out_of_range"),
        (4, "price_minor", "9.90", "not_whole"),
        (5, "", "", "wrong_width"),
        (8, "sku", "011", "repeated"),
        (9, "sku", "012", "contradicted"),
        (10, "sku", "012", "contradicted"),
    ]
    assert list(queries.skus(session)) == ["007", "011"]
    assert reports.report(session, report.id) == report  # type: ignore[arg-type] # a stored one has an id


def test_the_same_file_again_changes_nothing_and_tells_nobody(
    bring_skus: Callable[..., Report], session: Session
) -> None:
    content = HEAD + "007,甲,First,12,1050\n008,乙,Second,6,990\n"
    assert counts(bring_skus(content)) == (2, 0, 0, 0)
    assert events(session) == 1
    assert counts(bring_skus(content)) == (0, 0, 2, 0)
    assert events(session) == 1


def test_a_trial_run_reports_the_same_and_stores_nothing(bring_skus: Callable[..., Report], session: Session) -> None:
    content = HEAD + "007,甲,First,12,1050\n008,乙,Second,x,990\n"
    tried = bring_skus(content, dry_run=True)
    assert (tried.id, list(queries.skus(session)), events(session)) == (None, [], 0)
    assert session.scalars(select(AuditEntry)).all() == []
    stored = bring_skus(content)
    assert counts(tried) == counts(stored)
    assert tried.refused == stored.refused


def test_a_file_changes_only_the_fields_that_it_names(bring_skus: Callable[..., Report], session: Session) -> None:
    bring_skus(HEAD + "007,甲,First,12,1050\n008,乙,Second,6,990\n")
    report = bring_skus(
        "Nr;Preis\n007;11,20\n008;9,90\n",
        '[fields]\nsku = "Nr"\nprice_minor = { column = "Preis", multiply = 100, point = "," }',
    )
    assert counts(report) == (0, 1, 1, 0)
    assert [(c.row, c.record, c.field, c.before, c.after) for c in report.changes] == [
        (2, "007", "price_minor", "1050", "1120")
    ]
    assert queries.skus(session)["007"].name_en == "First"


def test_a_new_sku_needs_what_the_file_does_not_name(bring_skus: Callable[..., Report]) -> None:
    report = bring_skus("sku,price_minor\n007,1\n")
    assert counts(report) == (0, 0, 0, 1)
    assert report.refused[0].problems[0].sentence() == (
        "The record is new and needs a value for name_zh. Add a column for it."
    )


def test_a_smallest_order_above_the_limit_is_refused(bring_skus: Callable[..., Report]) -> None:
    report = bring_skus(
        "sku,name_zh,name_en,price_minor,pack_units,minimum_units,limit_units\n1,a,b,1,3,15,14\n2,a,b,1,12,0,0\n3,a,b,1,6,4,6\n"
    )
    assert [(row.row, row.problems[0].field) for row in report.refused] == [(2, "limit_units")]


def test_a_file_of_which_nothing_can_be_taken_stores_no_report(
    bring_skus: Callable[..., Report], session: Session
) -> None:
    with pytest.raises(FileRefused, match=r"skus\.csv: No column is mapped to the field sku"):
        bring_skus("code,name\n1,x\n")
    with pytest.raises(FileRefused, match="not TOML"):
        bring_skus(HEAD, "fields = [")
    assert reports.recent(session) == []


def test_identifiers_that_look_like_numbers_keep_their_bytes(
    bring_skus: Callable[..., Report], session: Session
) -> None:
    codes = ["00123", "123", "0123", "1E5", "100000", "NA", "null", "TRUE", "0x10", "001.50", "-0", "３", "inf", "#N/A"]
    report = bring_skus(HEAD + "".join(f"{code},名{n},Item {n},1,{n}\n" for n, code in enumerate(codes)))
    assert counts(report) == (len(codes), 0, 0, 0)
    assert {sku.sku: sku.price_minor for sku in queries.skus(session).values()} == {
        code: n for n, code in enumerate(codes)
    }


def test_a_gbk_list_is_stored_with_its_rare_characters(bring_skus: Callable[..., Report], session: Session) -> None:
    report = bring_skus((HEAD + "1,镕喆大曲,Daqu,6,100\n").encode("gbk"))
    assert report.reading["encoding"] == "gb18030"
    assert queries.skus(session)["1"].name_zh == "镕喆大曲"


def test_a_character_that_was_lost_before_is_never_stored(bring_skus: Callable[..., Report]) -> None:
    report = bring_skus(HEAD + "1,甲,Cr\N{REPLACEMENT CHARACTER}me,6,100\n")
    assert report.refused[0].problems[0].code == "lost_character"


def test_the_import_stands_in_the_audit_with_the_files_hash(
    bring_skus: Callable[..., Report], session: Session
) -> None:
    report = bring_skus(HEAD + "007,甲,First,12,1050\n")
    session.flush()
    entry = session.scalars(select(AuditEntry)).one()
    assert (entry.actor, entry.action, entry.subject) == ("operator:ann", "import.stored", f"import:{report.id}")
    assert entry.detail["sha256"] == report.file_sha256


NAMES = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="\ufffd"), min_size=1, max_size=20
) | st.sampled_from(
    [
        "=1+1",
        "+1-1",
        "-2+3",
        "@SUM(A1)",
        "'=x",
        "''",
        'say "so"',
        "two\nlines",
        "two\r\nlines",
        "\t=1",
        "+86 10 1234",
        "- none -",
        ",;|",
    ]
)
CODES = st.text(st.characters(categories=("Lu", "Ll", "Nd", "Lo", "Sm", "Po", "Pd")), min_size=1, max_size=10)
SKU = st.fixed_dictionaries(
    {
        "sku": CODES,
        "name_zh": NAMES,
        "name_en": NAMES,
        "unit_zh": st.just("条"),
        "unit_en": st.just("carton"),
        "category": NAMES | st.just(""),
        "pack_units": st.integers(1, 500),
        "price_minor": st.integers(0, 2**31 - 1),
        "minimum_units": st.just(0),
        "limit_units": st.none() | st.integers(500, 1000),
        "licence_class": st.none() | CODES,
        "barcodes": st.lists(st.text("0123456789", min_size=8, max_size=14), max_size=3, unique=True).map(tuple),
        "case_barcodes": st.lists(
            st.tuples(st.text("0123456789", min_size=8, max_size=14), st.integers(1, 10**9 - 1)),
            max_size=3,
            unique_by=lambda case: case[0],
        ).map(lambda cases: tuple(f"{barcode}={units}" for barcode, units in cases)),
        "state": st.sampled_from(["offered", "withdrawn"]),
    }
).filter(lambda sku: not problems(SKUS.fields, sku, SKUS.rule))


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(st.lists(SKU, min_size=1, max_size=5, unique_by=lambda sku: sku["sku"]))
def test_an_export_that_is_brought_in_again_is_the_same_byte_for_byte(
    session: Session, bring_skus: Callable[..., Report], skus: list[records.Record]
) -> None:
    for nested in [session.begin_nested()]:
        exported = records.export_csv(SKUS, skus)
        assert counts(bring_skus(exported)) == (len(skus), 0, 0, 0)
        assert list(records.every(session, SKUS)) == sorted(skus, key=lambda sku: sku["sku"])
        assert records.export_csv(SKUS, records.every(session, SKUS)) == records.export_csv(
            SKUS, sorted(skus, key=lambda sku: sku["sku"])
        )
        assert counts(bring_skus(exported)) == (0, 0, len(skus), 0)
        nested.rollback()


@pytest.mark.skipif(not IOWA.exists(), reason="the real catalogue is not beside this checkout")
def test_a_wholesalers_real_catalogue_comes_in_and_every_row_is_accounted_for(
    bring_skus: Callable[..., Report],
) -> None:
    mapping = """
        [fields]
        sku = "Item Number"
        name_zh = "Item Description"
        name_en = "Item Description"
        category = "Category Name"
        pack_units = "Pack"
        price_minor = { column = "State Bottle Retail", multiply = 100 }
        licence_class = { constant = "spirits" }
        barcodes = "UPC"
    """
    report = bring_skus(IOWA.read_bytes(), mapping)
    assert counts(report) == (6476, 0, 0, 6)
    assert {problem.code for row in report.refused for problem in row.problems} == {"lost_character"}
    mended = mapping.replace('"Item Description"', '{ column = "Item Description", lost = "?" }')
    assert counts(bring_skus(IOWA.read_bytes(), mended)) == (6, 0, 6476, 0)


CELLS = st.text(st.sampled_from("ab01,;\"'=\n\r\0\ufffd é镕"), max_size=6)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(CELLS, min_size=4, max_size=6), max_size=6), st.sampled_from([",", ";", "\t"]))
def test_whatever_a_file_holds_every_row_is_accounted_for(
    session: Session, bring_skus: Callable[..., Report], rows: list[list[str]], separator: str
) -> None:
    written = io.StringIO(newline="")
    writer = csv.writer(written, delimiter=separator, quoting=csv.QUOTE_ALL)
    writer.writerows([["sku", "name_zh", "name_en", "price_minor"], *rows])
    nested = session.begin_nested()
    report = bring_skus(written.getvalue())
    as_written = sum(any(cell.strip() for cell in row) for row in rows)
    without_guards = sum(
        any(original(cell).strip() for cell in row) for row in rows
    )  # what our own lists put before =+-@
    assert report.rows_read in {as_written, without_guards}
    assert report.rows_taken == report.rows_read - len(report.refused)
    session.flush()
    assert all("\0" not in name and "\ufffd" not in name for name in queries.skus(session))
    nested.rollback()
