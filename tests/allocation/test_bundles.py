"""Of a retailer's lines that exclude each other at most one is granted anything."""

import csv
import hmac
from fractions import Fraction
from itertools import product

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from allocation_problems import SEED, columns, filled_by_the_book, policies
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from published_results import publish
from typer.testing import CliRunner

from allocation import Policy, Problem, explain, solve, verify
from allocation.carrying import carries_after, entitlements, left_out
from allocation.carrying.entitling import entitled_thousandths
from allocation.comparing.first_come import fill_first_come
from allocation.errors import AnswerRefusedError, InputError
from allocation.filling import minimums
from allocation.folders import read_problem
from allocation.hashing.canonical import input_sha256
from allocation.proving import prove_folders
from allocation.sharding import Here
from allocation.verification import verify_folders
from allocation.verification.canonical import input_sha256 as checked_sha256
from allocation.verification.given import given_by
from evenhand.cli import app

DECISION = {"reason": ["stock"], "author": ["planner"], "approver": ["head"]}


def shops(lines, supply, *, pack=None, adjustments=None, retailers=None, **columns):
    """Make a problem of lines (retailer, SKU, requested, label); `columns` are further columns of the requests."""
    retailer, sku, requested, exclusive = (list(column) for column in zip(*lines, strict=True))
    requests = {"retailer": retailer, "sku": sku, "requested": requested, "exclusive": exclusive, **columns}
    table = {"sku": list(supply), "supply": list(supply.values())}
    if pack:
        table["pack"] = [pack.get(name, 1) for name in supply]
    return Problem.from_columns(requests, table, retailers, adjustments=adjustments)


def solved(problem, **policy):
    result = solve(problem, Policy(**policy), seed=SEED)
    assert verify(problem, result).violations == ()
    return result


def grants(problem, **policy):
    result = solved(problem, **policy)
    return {(row.retailer, row.sku): int(row.granted) for row in result.rows()}


def test_the_line_that_gets_the_largest_part_of_what_it_asked_stays_and_others_have_the_rest():
    problem = shops([("a", "x", 20, "t"), ("a", "y", 40, "t"), ("b", "x", 20, "")], {"x": 20, "y": 30})

    result = solved(problem)

    assert result.granted.tolist() == [0, 30, 20]
    assert result.eligible.tolist() == [20, 40, 20]
    assert result.reason.tolist() == ["quota", "supply", "filled"]
    assert result.bound_by.tolist() == ["exclusive:t", "supply:y", ""]


def test_either_the_small_pack_or_the_large_one_is_drawn_where_both_are_full():
    problem = shops([("a", "x", 24, "t"), ("a", "y", 24, "t")], {"x": 99, "y": 99}, pack={"x": 12, "y": 24})
    draws = {
        sku: hmac.digest(bytes.fromhex(SEED), f"{sku}\x1fa\x1f{last}".encode(), "sha256")
        for sku, last in (("x", 2), ("y", 1))
    }
    stays = min(draws, key=draws.__getitem__)

    assert grants(problem) == {("a", sku): 24 if sku == stays else 0 for sku in "xy"}


def test_a_label_binds_the_lines_of_one_retailer_alone():
    problem = shops([("a", "x", 5, "t"), ("b", "x", 5, "t"), ("a", "y", 5, "u"), ("b", "y", 5, "")], {"x": 9, "y": 9})

    assert sum(got > 0 for got in grants(problem).values()) == 4


def test_a_floor_decides_its_bundle():
    problem = shops([("a", "x", 9, "t"), ("a", "y", 9, "t"), ("b", "x", 9, "")], {"x": 6, "y": 9}, floor=[1, 0, 0])

    assert grants(problem) == {("a", "x"): 3, ("a", "y"): 0, ("b", "x"): 3}


@pytest.mark.parametrize(("units", "expected"), [(2, [2, 0]), (0, [0, 9])])
def test_a_decision_above_nothing_decides_its_bundle(units, expected):
    decided = {"retailer": ["a"], "sku": ["x"], "granted": [units], **DECISION}
    result = solved(shops([("a", "x", 9, "t"), ("a", "y", 9, "t")], {"x": 9, "y": 9}, adjustments=decided))

    assert result.granted.tolist() == expected
    assert result.reason.tolist()[0] == "adjusted"


def test_two_promises_in_one_bundle_are_refused():
    lines = [("a", "x", 9, "t"), ("a", "y", 9, "t")]
    with pytest.raises(InputError, match=r'requests.csv, row 3, column floor, value "2": .* as t only one .* a, x alr'):
        shops(lines, {"x": 9, "y": 9}, floor=[1, 2])
    decided = {"retailer": ["a"], "sku": ["x"], "granted": [3], **DECISION}
    with pytest.raises(InputError, match=r'adjustments.csv, row 2, column granted, value "3": .* a, y already has 2'):
        shops(lines, {"x": 9, "y": 9}, floor=[0, 2], adjustments=decided)


def test_packs_of_lines_left_out_complete_the_minimums_of_others():
    lines = [("a", "x", 8, "t"), ("a", "y", 8, "t"), ("b", "x", 8, ""), ("c", "x", 8, "")]
    without = shops([(*line[:3], "") for line in lines], {"x": 12, "y": 20}, minimum=[0, 0, 6, 6])

    assert sorted(list(grants(without).values())[2:]) == [0, 6]
    got = grants(shops(lines, {"x": 12, "y": 20}, minimum=[0, 0, 6, 6]))
    assert got == {("a", "x"): 0, ("a", "y"): 8, ("b", "x"): 6, ("c", "x"): 6}


def test_all_or_nothing_lines_that_exclude_each_other_are_served_once():
    lines = [("a", "x", 8, "t"), ("a", "y", 8, "t"), ("b", "x", 8, "t"), ("b", "y", 8, "t"), ("c", "y", 8, "")]
    got = grants(shops(lines, {"x": 8, "y": 8}, all_or_nothing=[1] * 5))

    assert sorted(got.values()) == [0, 0, 0, 8, 8]
    assert got["a", "x"] + got["b", "x"] == 8
    assert min(got["a", "x"], got["a", "y"]) == min(got["b", "x"], got["b", "y"]) == 0


def test_a_line_that_got_nothing_claims_nothing_from_those_that_stand_aside():
    # b's packs go to nobody else for b's minimum; a has a label and no minimum, and has no claim on them before c.
    lines = [("a", "x", 9, "t"), ("a", "y", 9, "t"), ("b", "x", 9, ""), ("c", "x", 9, "")]
    problem = shops(lines, {"x": 4, "y": 0}, minimum=[0, 0, 9, 0], weight=[1, 1, 100, 2])

    assert grants(problem) == {("a", "x"): 1, ("a", "y"): 0, ("b", "x"): 0, ("c", "x"): 3}


def test_a_bundle_is_told_in_both_languages():
    result = solved(shops([("a", "x", 20, "瓶装"), ("a", "y", 40, "瓶装")], {"x": 10, "y": 30}))

    assert "only one of the goods marked 瓶装" in explain(result, "a", "x").split("\n")[0]
    assert "标为“瓶装”的几种货您只要其中一种" in explain(result, "a", "x", "zh").split("\n")[0]


def test_bundles_need_whole_packs_and_no_basket():
    problem = shops([("a", "x", 9, "t"), ("a", "y", 9, "t")], {"x": 9, "y": 9})
    with pytest.raises(InputError, match="lines that exclude each other need whole packs"):
        solve(problem, Policy(rounding="none"))
    with pytest.raises(InputError, match='column exclusive, value "t": a, x excludes other lines and lies in a basket'):
        solve(problem, Policy(fairness="basket"), seed=SEED)


def test_bundles_change_no_hash_of_a_problem_without_them():
    lines = [("a", "x", 9, ""), ("a", "y", 9, None)]
    bare = {"retailer": ["a", "a"], "sku": ["x", "y"], "requested": [9, 9]}
    supply = {"sku": ["x", "y"], "supply": [9, 9]}
    without = Problem.from_columns(bare, supply)

    assert input_sha256(shops(lines, {"x": 9, "y": 9})) == input_sha256(without)
    with_bundle = shops([("a", "x", 9, "t"), ("a", "y", 9, "t")], {"x": 9, "y": 9})
    assert input_sha256(with_bundle) != input_sha256(without)
    assert solve(without, Policy(), seed=SEED).certificate["minimums"] == {}


@settings(max_examples=60, deadline=None)
@given(columns(coupled=True, minimums=True, bundles=True))
def test_both_sides_write_one_canonical_input(drawn):
    problem = readable(drawn)

    assert input_sha256(problem) == checked_sha256(given_by(problem))


def test_bundles_are_read_from_csv_and_parquet_alike(tmp_path):
    problem = shops([("b", "x", 9, "t, u"), ("a", "y", 9, 'say "t"'), ("b", "y", 9, "t, u")], {"x": 9, "y": 9})
    published = publish(problem, Policy(), tmp_path)
    assert verify_folders(published.problem, published.result).holds
    assert '"exclusive:t, u"' in (published.result / "allocation.csv").read_text()

    rows = published.table(published.problem / "requests.csv")
    (published.problem / "requests.csv").unlink()
    table = {name: pa.array([row[name] or None for row in rows]) for name in rows[0]}
    table["exclusive"] = table["exclusive"].dictionary_encode()
    pq.write_table(pa.table(table), published.problem / "requests.parquet")

    assert input_sha256(read_problem(published.problem)) == input_sha256(problem)
    assert verify_folders(published.problem, published.result).holds


def test_a_fault_of_a_label_is_refused_by_the_command(tmp_path):
    (tmp_path / "p").mkdir()
    with (tmp_path / "p" / "requests.csv").open("w", newline="") as file:
        csv.writer(file).writerows(
            [("retailer", "sku", "requested", "exclusive"), ("a", "x", 1, "t"), ("a", "y", 1, " t")]
        )
    (tmp_path / "p" / "supply.csv").write_text("sku,supply\nx,1\ny,1\n")

    done = CliRunner().invoke(app, ["allocate", str(tmp_path / "p"), "--out", str(tmp_path / "r"), "--seed", SEED])

    assert (done.exit_code, (tmp_path / "r").exists()) == (2, False)
    assert 'requests.csv, row 3, column exclusive, value " t": blanks around the label' in done.stderr


def test_whoever_comes_first_gets_one_line_of_a_bundle_in_the_baseline():
    problem = Problem.from_columns(
        {
            "retailer": ["a", "a", "b", "b"],
            "sku": ["y", "x", "x", "y"],
            "requested": [9, 9, 9, 9],
            "exclusive": ["t"] * 4,
            "floor": [0, 0, 0, 1],
        },
        {"sku": ["x", "y"], "supply": [9, 9]},
        keep_arrival=True,
    )

    filling = fill_first_come(problem)

    assert filling.granted.tolist() == [0, 8, 0, 1]
    assert filling.stopped_by.tolist()[0] == filling.stopped_by.tolist()[2] == len(problem.constraints.names)


def test_entitlements_leave_bundles_aside_and_nobody_is_owed_the_line_that_he_did_not_want():
    problem = shops([("a", "x", 9, "t"), ("a", "y", 9, "t")], {"x": 5, "y": 9})

    assert entitlements(problem) == [5, 9]
    assert entitled_thousandths(problem).tolist() == [5000, 9000]
    result = solved(problem)
    assert left_out(result).tolist() == [True, False]
    assert carries_after(problem, result).tolist() == [0, 0]


# Damage


@pytest.fixture
def published(tmp_path):
    lines = [(shop, sku, 9, "t") for shop in ("a", "b", "c") for sku in ("x", "y")] + [("d", "x", 9, "")]
    return publish(shops(lines, {"x": 14, "y": 12}), Policy(), tmp_path)


def another_line_of_the_bundle(rows):
    out, stays = sorted((row for row in rows if row["retailer"] == "a"), key=lambda row: int(row["granted"]))
    out["granted"], stays["granted"] = stays["granted"], out["granted"]
    out["reason"], out["bound_by"], stays["reason"], stays["bound_by"] = (
        *(stays["reason"], stays["bound_by"]),
        *(out["reason"], out["bound_by"]),
    )
    out["share"], stays["share"] = stays["share"], out["share"]


def both_lines_of_a_bundle(rows):
    out, stays = sorted((row for row in rows if row["retailer"] == "a"), key=lambda row: int(row["granted"]))
    out["granted"] = out["share"] = "1"
    stays["granted"] = stays["share"] = str(int(stays["granted"]) - 1)


def another_label_named(rows):
    next(row for row in rows if row["bound_by"] == "exclusive:t")["bound_by"] = "exclusive:u"


def the_supply_named(rows):
    row = next(row for row in rows if row["bound_by"] == "exclusive:t")
    row["reason"], row["bound_by"] = "supply", f"supply:{row['sku']}"


@pytest.mark.parametrize(
    "damage", [another_line_of_the_bundle, both_lines_of_a_bundle, another_label_named, the_supply_named]
)
def test_a_bundle_decided_otherwise_is_found(published, damage):
    assert verify_folders(published.problem, published.result).holds
    rows = published.rows()
    damage(rows)
    published.write_rows(rows)
    published.reseal()

    found = verify_folders(published.problem, published.result).violations

    assert any(violation.place.startswith(("a, ", "b, ", "c, ")) for violation in found), found


def test_a_first_filling_stated_otherwise_is_found(published):
    certificate = published.certificate()
    retailer, sku, units = certificate["minimums"]["before"][0]
    certificate["minimums"]["before"][0] = [retailer, sku, units + 1]
    published.write_certificate(certificate)
    published.reseal()

    assert not verify_folders(published.problem, published.result).holds


@pytest.mark.parametrize("label", ["", "u"])
def test_a_label_changed_afterwards_is_found(published, label):
    rows = published.table(published.problem / "requests.csv")
    rows[0]["exclusive"] = label
    published.write_table(published.problem / "requests.csv", rows)

    found = verify_folders(published.problem, published.result).violations

    assert any("input_sha256" in violation.what for violation in found)


def by_minimums(lines=6):
    """Shops that want all of x or all of y, where neither is enough for all of them."""
    pairs = [(f"r{i:02d}", sku, 6 + i % 3, "t") for i in range(lines) for sku in ("x", "y")]
    return shops(pairs, {"x": 4 * lines, "y": 2 * lines}, all_or_nothing=[1] * len(pairs))


@pytest.mark.parametrize("lines", [6, 20], ids=["every choice tried", "by exchange"])
def test_a_choice_that_serves_fewer_or_two_of_a_bundle_is_found(monkeypatch, lines):
    problem = by_minimums(lines)
    right = solved(problem).granted
    assert (right > 0).sum() > lines // 2
    monkeypatch.setattr(minimums.Programme, "solve", lambda self: {self.able[0].line})
    monkeypatch.setattr(minimums, "_check", lambda *_: None)
    assert not verify(problem, solve(problem, Policy(), seed=SEED)).holds

    both = set(range(2))
    monkeypatch.setattr(minimums.Programme, "solve", lambda _self: both)
    found = verify(problem, solve(problem, Policy(), seed=SEED)).violations
    assert any("take more than the lines held" in violation.what for violation in found)


def test_a_solver_that_serves_two_of_a_bundle_is_refused(monkeypatch):
    monkeypatch.setattr(minimums.Programme, "solve", lambda _self: set(range(2)))

    with pytest.raises(AnswerRefusedError, match="failed the check"):
        solve(by_minimums(), Policy(), seed=SEED)


def test_bundles_settled_for_the_lesser_line_are_found(monkeypatch):
    problem = shops([("a", "x", 20, "t"), ("a", "y", 40, "t"), ("b", "x", 20, "")], {"x": 20, "y": 30})
    monkeypatch.setattr(minimums, "settled", lambda *_: 0)

    found = verify(problem, solve(problem, Policy(), seed=SEED)).violations

    assert found[0].place == "a, x"
    assert "another line of its bundle stays" in found[0].what


def test_a_result_with_bundles_is_proved_and_filled_in_shards_alike(tmp_path):
    lines = [(shop, sku, 9, "t") for shop in ("a", "b", "c") for sku in ("x", "y")] + [("d", "x", 9, "")]
    problem = shops(lines, {"x": 14, "y": 12})
    published = publish(problem, Policy(rounding="adams"), tmp_path)

    proved = prove_folders(published.problem, published.result)

    assert proved.contradictions == ()
    assert any("in a bundle is served is taken from the result" in str(sentence) for sentence in proved.sentences)
    spread = solve(problem, Policy(), seed=SEED, places=Here(3))
    assert spread.csv_bytes == solve(problem, Policy(), seed=SEED).csv_bytes


# Against the definition, by trying every choice


def draw_of(line, n):
    return hmac.digest(bytes.fromhex(SEED), f"{line['sku']}\x1f{line['retailer']}\x1f{n}".encode(), "sha256")


def turn_of(line, n):
    return Fraction(2 * n - 1, line["weight"]), draw_of(line, n)


def filled(lines, supply, out=frozenset(), *, with_minimums=False):
    """Fill each SKU by the book, lines of `out` left out; return packs by position."""
    got = {}
    for sku, units in supply.items():
        here = {i: line for i, line in enumerate(lines) if line["sku"] == sku}
        taken = [
            line | {"eligible": 0, "floor": 0} if i in out else line | {"floor": line["minimum"] * with_minimums}
            for i, line in here.items()
        ]
        of_retailer = filled_by_the_book(taken, units, sku=sku)
        got |= {i: of_retailer[line["retailer"]] for i, line in here.items()}
    return got


def settled_by(lines, first):
    """Return the lines left out by the first filling, and the bundles that it does not settle."""
    bundles, out, undecided = {}, set(), []
    for i, line in enumerate(lines):
        if line["label"] and line["eligible"]:
            bundles.setdefault(line["retailer"], []).append(i)
    for members in bundles.values():
        able = [i for i in members if first[i] >= max(1, lines[i]["minimum"])]
        if able:
            stays = min(able, key=lambda i: (-Fraction(first[i], lines[i]["requested"]), draw_of(lines[i], first[i])))
            out |= set(members) - {stays}
        else:
            undecided.append(set(members))
    return out, undecided


def best_of(lines, below, undecided, room):
    """Try every choice among the lines below their minimum."""

    def fits(some):
        need = {sku: sum(lines[i]["minimum"] for i in some if lines[i]["sku"] == sku) for sku in room}
        return all(need[sku] <= room[sku] for sku in room) and all(len(some & members) <= 1 for members in undecided)

    choices = (
        {i for i, is_taken in zip(below, flags, strict=True) if is_taken}
        for flags in product((0, 1), repeat=len(below))
    )
    return max(filter(fits, choices), key=lambda some: (len(some), [i in some for i in below]))


def by_trying_every_choice(lines, supply):
    """Share SKUs as the definition says; lines have retailer, sku, requested, eligible, minimum, weight and label."""
    first = filled(lines, supply)
    out, undecided = settled_by(lines, first)
    below = [i for i, line in enumerate(lines) if i not in out and first[i] < line["minimum"]]
    below.sort(key=lambda i: turn_of(lines[i], lines[i]["minimum"]))
    room = dict(supply)
    for i, packs in first.items():
        if i not in out and i not in below:
            room[lines[i]["sku"]] -= packs
    best = best_of(lines, below, undecided, room)
    out |= set(below) - best
    for members in undecided:
        without = {i for i in members if not lines[i]["minimum"]}
        if without and not best & members:
            without.remove(min(without, key=lambda i: turn_of(lines[i], 1)))
        out |= without
    return filled(lines, supply, out, with_minimums=True)


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 6), st.sampled_from(("", "t", "t"))), min_size=8, max_size=8),
    st.lists(st.integers(1, 4), min_size=4, max_size=4),
    st.tuples(st.integers(0, 24), st.integers(0, 24)),
)
def test_the_choice_is_what_trying_every_choice_gives(drawn, weights, supply):
    lines = []
    for number, (requested, minimum, label) in enumerate(drawn):
        retailer, sku = f"r{number // 2}", "xy"[number % 2]
        eligible = requested if minimum <= requested else 0
        least = minimum if minimum > 1 and eligible else 0
        lines.append(
            {"retailer": retailer, "sku": sku, "requested": requested, "eligible": eligible, "label": label}
            | {"weight": weights[number // 2], "minimum": least}
        )
    problem = shops(
        [(line["retailer"], line["sku"], line["requested"], line["label"]) for line in lines],
        dict(zip("xy", supply, strict=True)),
        minimum=[minimum for _, minimum, _ in drawn],
        weight=[line["weight"] for line in lines],
    )
    right = by_trying_every_choice(lines, dict(zip("xy", supply, strict=True)))

    assert list(grants(problem).values()) == [right[i] for i in range(8)]


def readable(drawn):
    try:
        return Problem.from_columns(**drawn)
    except InputError:
        assume(condition=False)
        raise


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(columns(coupled=True, minimums=True, bundles=True), policies())
def test_results_with_bundles_hold_before_the_checker(drawn, policy):
    problem = readable(drawn)
    result = solve(problem, policy)

    assert verify(problem, result).violations == ()
    got = [
        (row.retailer, label)
        for row, label in zip(result.rows(), problem.requests.exclusive.tolist(), strict=True)
        if label >= 0 and row.granted != "0"
    ]
    assert len(set(got)) == len(got)
