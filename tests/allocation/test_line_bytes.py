"""Lines are written with the same bytes by the compiled kernels and by the standard library."""

import hashlib
from itertools import pairwise

import numpy as np
import pytest
from allocation_problems import SEED, columns, policies
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from allocation import Policy, Problem, Result, compiled, solve
from allocation.errors import InputError
from allocation.hashing.canonical import input_sha256
from allocation.hashing.line_bytes import Pool, csv_bytes, json_rows, result_csv
from allocation.tables.texts import Coded, Quotients

pytest.importorskip("numba", reason="numba is not installed")

NAMES = ["a,b", 'say "so"', "back\\slash", "００１", "曾记烟酒商行", "plain", "007", "e-mail@example"]


@pytest.fixture(autouse=True)
def _all_sizes_are_compiled(monkeypatch):
    monkeypatch.setattr(compiled, "WORTH_COMPILING_LINES", 0)
    monkeypatch.setattr("allocation.hashing.line_bytes.STRETCH_LINES", 3)


def both_ways(problem, policy):
    seen = []
    for left_out in (False, True):
        if left_out:
            with compiled.without():
                result = solve(problem, policy)
                seen.append((result.csv_bytes, result.certificate, result.report))
        else:
            result = solve(problem, policy)
            seen.append((result.csv_bytes, result.certificate, result.report))
    return seen


def test_names_that_need_quotes_are_written_the_same():
    retailers = {"retailer": NAMES, "group:region": ["n\ns", "s,t", "", "n", "s", "n", "s", 'q"']}
    requests = {"retailer": NAMES, "sku": ['K"1', "L,2"] * 4, "requested": [5, 6, 7, 8, 9, 10, 11, 12]}
    quotas = {"group": ["region"] * 2, "value": ["n\ns", 'q"'], "sku": ["*", "L,2"], "max_units": [3, 4]}
    problem = Problem.from_columns(requests, {"sku": ['K"1', "L,2"], "supply": [9, 30]}, retailers, quotas)

    fast, plain = both_ways(problem, Policy(seed=SEED))

    assert fast == plain
    assert b'quota:region=q"":' in fast[0]


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(columns(coupled=True, minimums=True, bundles=True), policies())
def test_whatever_the_problem_both_ways_write_the_same(drawn, policy):
    try:
        problem = Problem.from_columns(**drawn)
    except InputError:
        assume(condition=False)

    fast, plain = both_ways(problem, policy)

    assert fast == plain


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 2**62 - 1), st.one_of(st.integers(1, 30), st.integers(1, 10**9))),
        min_size=1,
        max_size=20,
    )
)
def test_shares_and_large_numbers_are_written_the_same(pairs):
    units, weight = (np.array(column, dtype=np.int64) for column in zip(*pairs, strict=True))
    text = Coded(np.zeros(len(pairs), dtype=np.int32), ("x",))
    result = Result(text, text, units, units, units, Quotients(units, weight), text, text)

    fast = b"".join(result_csv([text] * 4, [units] * 3, weight))

    assert fast == csv_bytes(zip(*result.columns.values(), strict=True))


def test_what_cannot_be_compiled_is_written_the_plain_way():
    problem = Problem.from_columns(
        {"retailer": ["a", "b"], "sku": ["K"] * 2, "requested": [5, 5]}, {"sku": ["K"], "supply": [7]}
    )
    result = solve(problem, Policy(rounding="none"))

    assert b"a,K,5,5,3.5,3.5,supply,supply:K\n" in result.csv_bytes


def test_a_pool_holds_texts_as_they_are_written():
    for texts in (NAMES, ["a", "b"], []):
        for pool, one in (
            (Pool.for_csv(texts), lambda text: csv_bytes([(text, "")])[:-2]),
            (Pool.for_json(texts), lambda text: json_rows([text])),
        ):
            cells = [pool.content[a:b].tobytes() for a, b in pairwise(pool.starts.tolist())]
            assert cells == [one(text) for text in texts]


def test_the_canonical_hash_is_that_of_the_documented_text():
    problem = Problem.from_columns(
        {"retailer": ["a", "b"], "sku": ["K"] * 2, "requested": [5, 6], "cap": [None, 3], "carry": [-7, 0]},
        {"sku": ["K"], "supply": [7]},
    )
    text = '[[["a","K",5,0,null,1,-7],["b","K",6,0,3,1,0]],[["K",7,1,null,0]],[],[]]'

    assert input_sha256(problem) == hashlib.sha256(text.encode()).hexdigest()
