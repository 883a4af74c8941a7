"""Columns of texts behave like arrays of texts, and hold no object a cell."""

from fractions import Fraction

import numpy as np
import pytest

from allocation.tables.texts import Coded, Quotients


def test_coded_texts_read_like_a_list():
    column = Coded.of(["b", "a", "b", "c"])

    assert (len(column), column[2], column[1:3].tolist(), list(column)) == (4, "b", ["a", "b"], ["b", "a", "b", "c"])
    assert column.codes.tolist() == [0, 1, 0, 2]
    assert column.where("b").tolist() == [True, False, True, False]
    assert not column.where("z").any()
    with pytest.raises(IndexError):
        column[4]


def test_the_last_text_stands_for_none():
    column = Coded(np.array([0, -1, 1]), ("supply:K", ""))

    assert column.tolist() == ["supply:K", "", ""]
    assert column.where("").tolist() == [False, True, True]


def test_quotients_are_cut_after_twelve_decimals():
    column = Quotients(np.array([2, 1, 7, 999_999_999, 0]), np.array([3, 8, 7, 10**9, 5]))

    assert column.tolist() == ["0.666666666666", "0.125", "1", "0.999999999", "0"]
    assert (len(column), column[1], column[1:3].tolist(), list(column)[-1]) == (5, "0.125", ["0.125", "1"], "0")
    halves = np.array([Fraction(1, 2)], dtype=object)
    assert Quotients(halves, np.array([3])).tolist() == ["0.166666666666"]
