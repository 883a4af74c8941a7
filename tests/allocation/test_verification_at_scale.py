"""The checker's ways for large problems: the same answers as its plain ways."""

import numpy as np
import pytest
from allocation_problems import SEED, columns, policies
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from allocation import Policy, Problem, compiled, solve, verify
from allocation.errors import InputError
from allocation.folders import write_problem, write_result
from allocation.verification import reading, verify_folders
from allocation.verification.canonical import input_sha256
from allocation.verification.entitlement import chunks
from allocation.verification.given import given_by
from allocation.verification.rows import REASONS, Rows
from allocation.verification.tails import Units, start_of_tail

NAMES = ["a", 'b "best", inc', "烟草店", "d\\e", "é"]


@pytest.fixture
def everything_is_large(monkeypatch):
    monkeypatch.setattr(compiled, "WORTH_COMPILING_LINES", 0)
    monkeypatch.setattr(reading, "ARROW_FROM_BYTES", 0)
    monkeypatch.setattr("allocation.verification.published.ARROW_FROM_BYTES", 0)
    monkeypatch.setattr("allocation.verification.entitlement.CHUNK_LINES", 3)


def make_problem(**columns):
    lines = [(name, sku) for name in NAMES for sku in ("K", 'L,"x"')]
    requests = {"retailer": [r for r, _ in lines], "sku": [s for _, s in lines], "requested": range(3, 3 + len(lines))}
    return Problem.from_columns(
        {name: list(column) for name, column in (requests | columns).items()},
        {"sku": ["K", 'L,"x"'], "supply": [17, 40], "pack": [2, 1], "price_minor": [5, 7], "minimum": [0, 2]},
        {
            "retailer": NAMES,
            "credit_minor": [None, 30, None, 9, None],
            "group:region": ["n", "s", "n", 'w,"', ""],
            "group:b": ["", "x", "y", "", ""],
        },
        {"group": ["region"] * 2, "value": ["n", 'w,"'], "sku": ["*", "K"], "max_units": [11, 4]},
    )


@pytest.mark.slow
def test_large_problems_are_hashed_and_checked_as_small_ones(everything_is_large, tmp_path):
    problem = make_problem(cap=[None, 5] * 5, carry=[-1000, 7] * 5, all_or_nothing=[0, 1] * 5, weight=[1, 10**9] * 5)
    policy = Policy(seed=SEED)
    with compiled.without():
        result = solve(problem, policy)
        plain = input_sha256(given_by(problem))
    write_problem(problem, policy, tmp_path / "problem")
    write_result(result, tmp_path / "result")

    assert input_sha256(given_by(problem)) == plain == result.certificate["input_sha256"]
    assert verify(problem, result).violations == ()
    assert verify_folders(tmp_path / "problem", tmp_path / "result").violations == ()
    with compiled.without():
        assert verify_folders(tmp_path / "problem", tmp_path / "result").violations == ()


@pytest.mark.slow
def test_rows_are_printed_the_same_with_kernels_and_without(everything_is_large):
    random = np.random.default_rng(5)
    lines = given_by(make_problem())
    wide = random.integers(0, 2**62, len(lines))
    weight = random.integers(1, 10**9 + 1, len(lines))
    for granted in (wide, wide % 100, wide // weight * weight, np.arange(len(lines)), weight // 1000):
        reason, bound = random.integers(0, len(REASONS), len(lines)), random.integers(-1, 2, len(lines))
        rows = Rows(lines, wide, granted, None, weight, reason, bound, ["supply:K", 'quota:region=w,":K'])

        compiled_text = b"".join(map(bytes, rows.texts()))
        with compiled.without():
            assert b"".join(map(bytes, rows.texts())) == compiled_text


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(columns(coupled=True, minimums=True), policies())
def test_what_is_solved_is_verified_by_kernels(everything_is_large, tables, policy):
    try:
        problem = Problem.from_columns(**tables)
    except InputError:
        assume(False)
    with compiled.without():
        result = solve(problem, policy)

    assert verify(problem, result).violations == ()


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(*map(st.integers, (0, 0, 0, 1), (3, 2, 9, 6))), min_size=1, max_size=30), st.data())
def test_the_last_units_of_constraints_begin_at_the_same_place(everything_is_large, units, data):
    constraint, stage, level, size = (np.array(column, dtype=np.int64) for column in zip(*units, strict=True))
    wanted = np.array(data.draw(st.lists(st.integers(1, 20), min_size=4, max_size=4)), dtype=np.int64)
    low = level / 2
    last = Units(np.arange(len(low)), np.ones_like(size), stage, low, low)

    compiled_start = start_of_tail(last, constraint, size, wanted)

    with compiled.without():
        for kernel, plain in zip(compiled_start, start_of_tail(last, constraint, size, wanted), strict=True):
            assert kernel.tolist() == plain.tolist()


def test_parts_cover_all_lines(monkeypatch):
    monkeypatch.setattr("allocation.verification.entitlement.CHUNK_LINES", 3)

    assert [(part.start, part.stop) for part in chunks(7)] == [(0, 3), (3, 6), (6, 7)]
    assert list(chunks(0)) == []
