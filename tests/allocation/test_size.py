"""The memory that a line takes is what the documentation says: counted, not timed."""

from dataclasses import fields, is_dataclass

import numpy as np

from allocation import solve
from allocation.folders import POLICY_FILE, read_policy, read_problem
from allocation.national import Book, write_national
from allocation.tables.texts import Coded, Quotients

STATED_BYTES = 70
LINES_ALIKE = 8 + 8 + 13 + 1


def arrays_of(thing, lines):
    """Yield the arrays of a line's length that hang on something, each piece of memory once."""
    if isinstance(thing, np.ndarray):
        if len(thing) == lines and thing.strides != (0,):
            yield thing
    elif isinstance(thing, list | tuple):
        for part in thing[:50]:
            yield from arrays_of(part, lines)
    elif isinstance(thing, Coded | Quotients) or is_dataclass(thing):
        for field in fields(thing):
            yield from arrays_of(getattr(thing, field.name), lines)


def bytes_a_line(*things):
    lines = len(things[0])
    memory = {}
    for thing in things:
        for array in arrays_of(thing, lines):
            assert array.dtype != object
            memory[array.__array_interface__["data"][0]] = array.nbytes
    return sum(memory.values()) / lines


def test_a_line_of_the_national_book_takes_what_is_stated(tmp_path):
    write_national(Book(500, 20, 60), tmp_path / "book")
    problem = read_problem(tmp_path / "book")
    result = solve(problem, read_policy(tmp_path / "book" / POLICY_FILE))

    assert bytes_a_line(problem, result) <= STATED_BYTES


def test_what_is_not_given_takes_nothing(tmp_path):
    (tmp_path / "requests.csv").write_text("retailer,sku,requested\n" + "".join(f"r{i},K,{i}\n" for i in range(500)))
    (tmp_path / "supply.csv").write_text("sku,supply\nK,9000\n")
    problem = read_problem(tmp_path)

    assert bytes_a_line(problem, solve(problem, read_policy(tmp_path, needed=False), seed="2a" * 32)) <= LINES_ALIKE
