"""The demand history: from files and from cycles, each later figure beside the earlier one."""

from datetime import date

from factories import NOW
from sqlalchemy.orm import Session

from server.forecasts import queries, service

HEAD = "retailer,product_class,period,sold_units,requested_units,granted_units,out_days\n"
MARCH = date(2026, 3, 1)


def test_every_row_of_a_history_is_taken_or_refused_with_its_reason(session, bring_history):
    report = bring_history(
        HEAD
        + "R1,goods,2026-03-01,40,60,40,3\n"
        + "R1,goods,2026-04-01,45,,,\n"
        + "R1,goods,2026-05-02,45,,,\n"
        + "R1,goods,2026-06-01,-3,,,\n"
        + "R1,goods,2026-02-01,3,,,29\n"
        + "R1,goods,2026-07-01,,,,\n"
        + "R9,goods,2026-03-01,4,,,\n"
        + "R2,gods,2026-03-01,4,,,\n"
    )

    assert report.rows_new == 2
    assert [(row.row, row.problems[0].column, row.problems[0].code) for row in report.refused] == [
        (4, "period", "not_a_month"),
        (5, "sold_units", "out_of_range"),
        (6, "out_days", "out_of_range"),
        (7, "sold_units", "nothing_known"),
        (8, "retailer", "not_known"),
        (9, "product_class", "not_known"),
    ]
    first, second = queries.history(session, "R1")["goods"]
    assert (first.sold_units, first.requested_units, first.granted_units, first.out_days) == (40, 60, 40, 3)
    assert (second.sold_units, second.requested_units, second.out_days) == (45, None, None)


def test_a_later_figure_stands_beside_the_earlier_one(session, bring_history):
    bring_history(HEAD + "R1,goods,2026-03-01,40,,,\n")
    then = queries.history_number(session, date(2026, 4, 1))
    bring_history(HEAD + "R1,goods,2026-03-01,41,,,\n")

    assert [cell.sold_units for cell, _ in queries.cell_versions(session, "R1", "goods", MARCH)] == [41, 40]
    now = queries.history_number(session, date(2026, 4, 1))
    read = [[c.sold_units for c in queries.cells_until(session, date(2026, 4, 1), number)] for number in (then, now)]
    assert read == [[40], [41]]


def test_the_same_file_again_makes_no_new_figure(session, bring_history):
    for _ in range(2):
        bring_history(HEAD + "R1,goods,2026-03-01,40,,,\n")

    assert len(queries.cell_versions(session, "R1", "goods", MARCH)) == 1


def test_what_cycles_tell_leaves_sales_alone_and_is_taken_once(session: Session, bring_history):
    bring_history(HEAD + "R1,goods,2026-03-01,40,,,2\n")
    sums = {("R1", "goods"): (90, 50), ("R2", "goods"): (30, 30)}

    told = [service.note_requests(session, MARCH, sums, "cycles", at=NOW) for _ in range(2)]

    assert told == [2, 0]
    (cell,) = queries.history(session, "R1")["goods"]
    assert (cell.sold_units, cell.requested_units, cell.granted_units, cell.out_days) == (40, 90, 50, 2)
    assert cell.source == "cycles"
    (other,) = queries.history(session, "R2")["goods"]
    assert (other.sold_units, other.came_units, other.in_stock) == (None, 30, 1.0)


def test_no_month_from_the_cut_off_on_is_read(session, bring_history):
    bring_history(HEAD + "R1,goods,2026-03-01,40,,,\n" + "R1,goods,2026-04-01,50,,,\n")
    number = queries.history_number(session, date(2026, 5, 1))

    assert [c.period for c in queries.cells_until(session, date(2026, 4, 1), number)] == [MARCH]
    assert queries.history_number(session, MARCH) == 0


def test_rows_that_repeat_contradict_or_come_too_early_are_refused_whatever_their_order(session, bring_history):
    report = bring_history(
        HEAD
        + "R1,goods,2026-09-01,4,,,\n"
        + "R1,goods,2026-03-01,4,,,\n"
        + "R1,goods,2026-03-01,4,,,\n"
        + "R2,goods,2026-03-01,4,,,\n"
        + "R2,goods,2026-03-01,5,,,\n"
        + "R1,goods,2026-11-01,4,,,\n"
        + "R1,goods,2027-05-01,4,,,\n"
        + "R1,goods,2026-W10,4,,,\n"
        + "R1,goods,2026-05-01,NaN,,,\n"
        + "R1,goods,2026-06-01,4.5,,,\n"
    )

    assert [(row.row, row.problems[0].column, row.problems[0].code) for row in report.refused] == [
        (4, "retailer", "repeated"),
        (5, "retailer", "contradicted"),
        (6, "retailer", "contradicted"),
        (7, "period", "not_over"),
        (8, "period", "not_over"),
        (9, "period", "not_a_day"),
        (10, "sold_units", "not_whole"),
        (11, "sold_units", "not_whole"),
    ]
    assert [cell.period.month for cell in queries.history(session, "R1")["goods"]] == [3, 9]


def test_one_point_and_nothing_but_zeros_are_known_and_missing_months_are_not(session, bring_history):
    bring_history(HEAD + "R1,goods,2026-03-01,7,,,\n" + "R2,goods,2026-03-01,0,,,0\n" + "R2,goods,2026-06-01,0,,,0\n")

    assert [cell.sold_units for cell in queries.history(session, "R1")["goods"]] == [7]
    assert [(c.period.month, c.sold_units, c.in_stock) for c in queries.history(session, "R2")["goods"]] == [
        (3, 0, 1.0),
        (6, 0, 1.0),
    ]
