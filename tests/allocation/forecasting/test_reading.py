"""``demand.csv`` and the calendar file: what is read, what is refused, and where."""

import numpy as np
import pytest

from allocation.errors import InputError
from allocation.forecasting import Frequency, read_calendar, read_history
from allocation.forecasting.periods import iso_dates

HEADER = "series,period,value\n"


def months(tmp_path, rows, header=HEADER):
    return written(tmp_path, Frequency.MONTHLY, rows, header)


def weeks(tmp_path, rows):
    return written(tmp_path, Frequency.WEEKLY, rows, HEADER)


def written(tmp_path, frequency, rows, header):
    path = tmp_path / "demand.csv"
    path.write_text(header + rows, encoding="utf-8")
    return read_history(path, frequency)


def test_rows_in_any_order_become_series_in_byte_order(tmp_path):
    history, remarks = months(tmp_path, "b,2024-02-01,5\na,2024-01-01,1\nb,2024-01-01,4.5\na,2024-02-01,2e1\n")

    assert history.names == ("a", "b")
    assert history.of(0).tolist() == [1.0, 20.0]
    assert history.of(1).tolist() == [4.5, 5.0]
    assert (remarks.returns, remarks.gaps_zero, remarks.gaps_unknown) == (0, 0, 0)


def test_returns_count_as_no_demand_and_are_told(tmp_path):
    history, remarks = months(tmp_path, "a,2024-01-01,3\na,2024-02-01,-2\n")

    assert history.of(0).tolist() == [3.0, 0.0]
    assert remarks.returns == 1


def test_an_empty_cell_is_not_known(tmp_path):
    history, _ = months(tmp_path, "a,2024-01-01,3\na,2024-02-01,\na,2024-03-01,4\n")

    assert np.isnan(history.of(0)[1])


def test_a_period_without_a_row_counts_as_no_demand_where_that_is_usual(tmp_path):
    history, remarks = months(tmp_path, "a,2024-01-01,3\na,2024-05-01,4\n")

    assert history.of(0).tolist() == [3.0, 0.0, 0.0, 0.0, 4.0]
    assert (remarks.gaps_zero, remarks.gaps_unknown) == (3, 0)


def test_a_period_without_a_row_counts_as_not_known_where_it_is_an_exception(tmp_path):
    rows = "".join(f"a,{2022 + m // 12}-{m % 12 + 1:02d}-01,9\n" for m in range(24) if m != 7)
    history, remarks = months(tmp_path, rows)

    assert np.isnan(history.of(0)[7])
    assert (remarks.gaps_zero, remarks.gaps_unknown) == (0, 1)


def test_weeks_begin_on_any_day_the_same_for_a_series(tmp_path):
    history, _ = weeks(tmp_path, "a,2024-01-01,3\nb,2024-01-03,1\na,2024-01-08,4\nb,2024-01-17,1\n")

    assert history.lengths.tolist() == [2, 3]
    assert history.weekday.tolist() == [4, 6]  # days after Thursday: Monday, Wednesday


def test_classes_are_read_where_they_are_given(tmp_path):
    history, _ = months(tmp_path, "a,2024-01-01,3,wine\nb,2024-01-01,1,beer\n", "series,period,value,class\n")

    assert [history.classes[member] for member in history.members] == ["wine", "beer"]


@pytest.mark.parametrize(
    ("rows", "row", "column", "value", "says"),
    [
        ("a,2024-01-01,1\na,2024-01-01,2\n", 3, "period", "2024-01-01", "a second row for this period"),
        ("a,2024-01-02,1\n", 2, "period", "2024-01-02", "the first day of its month"),
        ("a,2024-13-01,1\n", 2, "period", "2024-13-01", "no such day"),
        ("a,01/02/2024,1\n", 2, "period", "01/02/2024", "not an ISO date"),
        ("a,,1\n", 2, "period", "", "the cell is empty"),
        ("a,2024-01-01,nan\n", 2, "value", "nan", "not a number"),
        ("a,2024-01-01,NaN\n", 2, "value", "NaN", "leave the cell empty"),
        ("a,2024-01-01,inf\n", 2, "value", "inf", "not a number"),
        ("a,2024-01-01,1e300\n", 2, "value", "1e300", "too large"),
        ('a,2024-01-01,"1,5"\n', 2, "value", "1,5", "decimal comma"),
        ("a,2024-01-01,１\n", 2, "value", "１", "not a number"),
        (" a,2024-01-01,1\n", 2, "series", " a", "blanks around"),
        (",2024-01-01,1\n", 2, "series", "", "a name is needed"),
        ("a,2024-01-01,\n", 2, "value", "", "no period of this series has a value"),
        ("a,1024-01-01,1\na,2024-01-01,1\n", 3, "period", "2024-01-01", "more than 200 years"),
        ("a,9999-01-01,1\n", 2, "period", "9999-01-01", "years up to 9900"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_place(tmp_path, rows, row, column, value, says):
    with pytest.raises(InputError) as refused:
        months(tmp_path, rows)

    assert (refused.value.table, refused.value.row, refused.value.column) == ("demand.csv", row, column)
    assert refused.value.value == value
    assert says in refused.value.what


def test_weeks_that_begin_on_two_days_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"row 3, column period.*a Tuesday, but this series' weeks begin on Monday"):
        weeks(tmp_path, "a,2024-01-01,3\na,2024-01-09,4\n")


def test_a_series_in_two_classes_is_refused(tmp_path):
    with pytest.raises(InputError, match="row 3, column class"):
        months(tmp_path, "a,2024-01-01,3,wine\na,2024-02-01,1,beer\n", "series,period,value,class\n")


@pytest.mark.parametrize(("header", "says"), [(HEADER, "no rows"), ("series,period\n", "column value: it is missing")])
def test_a_file_without_history_is_refused(tmp_path, header, says):
    with pytest.raises(InputError, match=says):
        months(tmp_path, "", header)


def test_a_calendar_file_replaces_the_dates_of_the_holidays_that_it_names(tmp_path):
    path = tmp_path / "holidays.csv"
    path.write_text("holiday,date\nharvest,2025-09-01\neaster,2025-05-01\nharvest,2024-09-08\n")
    calendar = read_calendar(path)

    assert iso_dates(calendar["harvest"]) == ["2024-09-08", "2025-09-01"]
    assert iso_dates(calendar["easter"]) == ["2025-05-01"]
    assert "2027-02-06" in iso_dates(calendar["spring_festival"])


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ("easter,2025-02-30\n", "row 2, column date.*no such day"),
        ("easter,2025-05-01\neaster,2025-05-01\n", "row 3, column date.*a second row"),
        ("\u200beaster,2025-05-01\n", "row 2, column holiday"),
        ("", "no rows"),
    ],
)
def test_a_calendar_file_that_cannot_be_meant_is_refused(tmp_path, rows, says):
    path = tmp_path / "holidays.csv"
    path.write_text("holiday,date\n" + rows, encoding="utf-8")

    with pytest.raises(InputError, match=says):
        read_calendar(path)
