"""A wire-level device has all of its feed up to its cursor, whatever was passed over or replaced."""

from firmware_sim.fleet import Cursor


def after(cursor: Cursor, *seqs: int) -> int:
    for seq in seqs:
        cursor.heard(seq)
    return cursor.at


def test_what_was_only_told_by_a_broadcast_is_not_passed_over() -> None:
    cursor = Cursor()
    assert after(cursor, 1, 2, 4) == 2
    cursor.pulled()
    assert after(cursor, 3, 4) == 4


def test_what_was_replaced_before_it_was_heard_is_missed_by_nobody() -> None:
    cursor = Cursor()
    cursor.pulled()
    assert after(cursor, 3, 4, 7) == 4
    cursor.pulled()
    assert after(cursor, 7, 8) == 8


def test_an_answer_that_was_lost_with_its_connection_is_asked_for_again() -> None:
    cursor = Cursor()
    cursor.pulled()
    cursor.lost()
    assert after(cursor, 5) == 0
    cursor.pulled()
    assert after(cursor, 4, 5) == 5


def test_items_in_another_order_and_again_move_it_to_the_same_place() -> None:
    assert after(Cursor(), 2, 1, 3, 3, 1) == 3
