"""What was scored, written as files: read again, it is the same history and the same decisions."""

from datetime import date

from allocation.scoring import Decision, History
from allocation.scoring.folders import read_given
from allocation.scoring.given import given_files

WHO = {
    "retailer": ["b", 'a "x", y', "c"],
    "market_type": ["town", "", "镇"],
    "format": ["", "kiosk", ""],
    "opened": ["2020-02-29", "", ""],
    "closed": ["", "", "2027-01-01"],
    "tier": ["3", "", "1"],
}
FIGURES = {
    "history": {
        "retailer": ["b", "b", "c"],
        "period": ["2026-10-01", "2026-09-01", "2026-10-01"],
        "demand": ["10.25", "", "0.001"],
        "sold": ["-3", "4", ""],
        "in_stock": ["0.5", "1", ""],
    },
    "deliveries": {"retailer": ["c"], "period": ["2026-10-01"], "deliveries": ["4"], "accepted": ["3"]},
}


def test_a_history_comes_back_from_its_files_with_its_hash(tmp_path):
    history = History.from_columns(WHO, FIGURES)
    decided = (
        Decision("b", "lowered", 7, date(2026, 10, 1), date(2026, 12, 1), "sold, to minors", "anna", "bo"),
        Decision("c", "suspended", None, date(2026, 10, 1), date(2026, 12, 1), "why", "anna", "bo"),
    )
    for name, content in given_files(history, decided).items():
        (tmp_path / name).write_bytes(content)

    found = read_given(tmp_path)

    assert found.history.sha256() == history.sha256()
    assert found.decisions == decided


def test_a_file_that_would_hold_nothing_is_not_written():
    assert list(given_files(History.from_columns({"retailer": ["a"]}, {}))) == ["retailers.csv"]
