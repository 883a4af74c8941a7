"""Whatever is changed in a problem or a result, by whomever and however carefully, is found and named."""

import shutil
from dataclasses import replace
from hashlib import sha256

import numpy as np
import pytest
from allocation_problems import ROUNDINGS, RULES, columns, policies
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from published_results import Published, publish
from typer.testing import CliRunner

from allocation import Policy, Problem, solve, verify
from allocation.errors import InputError
from allocation.result import Result
from allocation.tables.texts import Quotients
from allocation.verification import verify_folders
from allocation.verification.entitlement import claims_of
from allocation.verification.findings import Findings
from allocation.verification.given import given_by
from allocation.verification.stops import Filled, check_stops
from allocation.verification.turns import Turns
from evenhand.cli import app

SHOPS = [f"shop{i:02d}" for i in range(8)]
LINES = [(shop, sku) for shop in SHOPS for sku in ("BOX", "PEN")]
REQUESTS = {
    "retailer": [shop for shop, _ in LINES],
    "sku": [sku for _, sku in LINES],
    "requested": [14 + i % 7 for i, _ in enumerate(LINES)],
    "floor": [4 if line == ("shop03", "BOX") else 0 for line in LINES],
    "cap": [6 if line == ("shop04", "PEN") else None for line in LINES],
    "weight": [1 + i % 4 for i, _ in enumerate(LINES)],
}
SUPPLY = {"sku": ["BOX", "PEN"], "supply": [61, 70], "pack": [2, 1], "price_minor": [3, 5]}
DECIDED = {
    "retailer": ["shop06"],
    "sku": ["BOX"],
    "granted": [4],
    "reason": ["water damage"],
    "author": ["planner"],
    "approver": ["head"],
}
LIMITS = {
    "retailer": SHOPS,
    "credit_minor": [45, None, 38, None, 60, None, None, 71],
    "max_units": [None, 11, None, None, None, 13, None, None],
    "group:region": ["north"] * 4 + ["south"] * 4,
}
QUOTAS = {"group": ["region"] * 2, "value": ["north", "south"], "sku": ["*", "BOX"], "max_units": [49, 24]}


def make_problem(kind):
    requests, tables = dict(REQUESTS), {}
    if kind == "coupled":
        tables = {"retailers": LIMITS, "quotas": QUOTAS}
    if kind == "minimums":
        requests["minimum"] = [6 if sku == "BOX" else None for _, sku in LINES]
    if kind == "bundles":
        requests["exclusive"] = ["either" if shop in {"shop01", "shop02"} else "" for shop, _ in LINES]
    if kind == "priority":
        tables = {"retailers": {"retailer": SHOPS, "group:tier": [str(1 + i % 2) for i in range(len(SHOPS))]}}
    return Problem.from_columns(requests, SUPPLY, **tables, adjustments=DECIDED)


KINDS = {
    "uncoupled": Policy(),
    "coupled": Policy(),
    "minimums": Policy(),
    "bundles": Policy(),
    "none": Policy(rounding="none"),
    "priority": Policy(rule="priority"),
}


@pytest.fixture(scope="module", params=KINDS)
def untouched(request, tmp_path_factory) -> Published:
    return publish(make_problem(request.param), KINDS[request.param], tmp_path_factory.mktemp(request.param))


@pytest.fixture
def published(untouched, tmp_path) -> Published:
    shutil.copytree(untouched.problem, tmp_path / "problem")
    shutil.copytree(untouched.result, tmp_path / "result")
    return Published(tmp_path / "problem", tmp_path / "result")


def free(rows):
    """The rows of BOX that may have more and are not decided by hand."""
    return [row for row in rows if row["sku"] == "BOX" and row["reason"] not in {"filled", "capped", "adjusted"}]


def add_units(row, units):
    whole, point, decimals = row["granted"].partition(".")
    row["granted"] = str(int(whole) + units) + point + decimals


def holder(rows, at_least=2):
    return next(row for row in free(rows) if float(row["granted"]) >= at_least)


def one_pack_moved(rows):
    giver = holder(rows)
    taker = next(row for row in free(rows) if row is not giver)
    add_units(giver, -2)
    add_units(taker, 2)
    return {giver["retailer"], taker["retailer"], "region=south"}


def one_pack_added(rows):
    row = free(rows)[0]
    add_units(row, 2)
    return {row["retailer"], "supply:BOX"}


def one_pack_removed(rows):
    row = holder(rows)
    add_units(row, -2)
    return {row["retailer"]}


def two_lines_swapped(rows):
    a = holder(rows)
    b = next(row for row in free(rows) if row["granted"] != a["granted"])
    a["granted"], b["granted"] = b["granted"], a["granted"]
    return {a["retailer"], b["retailer"]}


def a_share_altered(rows):
    row = free(rows)[0]
    row["share"] += "1" if "." in row["share"] else ".1"
    return {row["retailer"]}


def a_reason_altered(rows):
    row = free(rows)[0]
    row["reason"] = "floor" if row["reason"] != "floor" else "supply"
    return {row["retailer"]}


def a_constraint_altered(rows):
    row = free(rows)[0]
    row["bound_by"] = "supply:PEN"
    return {row["retailer"]}


def a_decision_forgotten(rows):
    row = next(row for row in rows if row["reason"] == "adjusted")
    row["reason"], row["bound_by"] = "supply", "supply:BOX"
    return {row["retailer"]}


def a_decision_exceeded(rows):
    row = next(row for row in rows if row["reason"] == "adjusted")
    add_units(row, 2)
    return {row["retailer"]}


def a_request_altered(rows):
    row = rows[0]
    row["requested"] = str(int(row["requested"]) + 1)
    return {row["retailer"]}


def an_eligible_altered(rows):
    row = rows[0]
    row["eligible"] = str(int(row["eligible"]) - 2)
    return {row["retailer"]}


def a_row_dropped(rows):
    return {rows.pop(5)["retailer"]}


def a_row_doubled(rows):
    rows.insert(5, dict(rows[5]))
    return {rows[5]["retailer"]}


def two_rows_out_of_order(rows):
    rows[2], rows[3] = rows[3], rows[2]
    return {rows[2]["retailer"]}


def a_name_altered(rows):
    rows[7]["retailer"] += "x"
    return {rows[7]["retailer"]}


def not_a_number(rows):
    rows[4]["granted"] = "NaN"
    return {rows[4]["retailer"]}


ROW_DAMAGES = [
    one_pack_moved,
    one_pack_added,
    one_pack_removed,
    two_lines_swapped,
    a_share_altered,
    a_reason_altered,
    a_constraint_altered,
    a_decision_forgotten,
    a_decision_exceeded,
    a_request_altered,
    an_eligible_altered,
    a_row_dropped,
    a_row_doubled,
    two_rows_out_of_order,
    a_name_altered,
    not_a_number,
]


def named_by_the_command(published):
    answer = CliRunner().invoke(app, ["verify", str(published.problem), str(published.result)])
    assert "Traceback" not in answer.output
    return answer.exit_code, answer.stderr


def test_what_is_untouched_holds(published):
    assert verify_folders(published.problem, published.result).violations == ()
    assert named_by_the_command(published) == (0, "")


@pytest.mark.parametrize("resealed", [False, True], ids=["as it is", "resealed"])
@pytest.mark.parametrize("damage", ROW_DAMAGES, ids=lambda damage: damage.__name__)
def test_damage_to_the_rows_is_named(published, damage, resealed):
    rows = published.rows()
    named = damage(rows)
    published.write_rows(rows)
    if resealed:
        published.reseal()

    code, said = named_by_the_command(published)

    assert code == 1
    assert any(name in said for name in named), said
    assert ("hash" in said) is not resealed


def test_bytes_that_say_the_same_otherwise_are_found(published):
    path = published.result / "allocation.csv"
    path.write_bytes(path.read_bytes().replace(b"shop00,", b'"shop00",', 1))
    published.reseal()

    assert named_by_the_command(published)[0] == 1


def another_seed(certificate):
    certificate["seed"] = "ab" * 32


def another_rule(certificate):
    certificate["policy"]["rule"] = "proportional"


def another_rounding(certificate):
    certificate["policy"]["rounding"] = "adams"


def another_input(certificate):
    certificate["input_sha256"] = "00" * 32


def fewer_lines(certificate):
    certificate["lines"] -= 1


def a_threshold_or_level_edited(certificate):
    stated = certificate["thresholds"] or certificate["levels"]
    next(iter(stated.values()))["level"] = "1/7"


def thresholds_and_levels_left_out(certificate):
    certificate["thresholds"], certificate["levels"] = {}, {}


def a_level_invented(certificate):
    certificate["levels"]["credit:shop01"] = {"tier": 0, "phase": 0, "level": "3"}


def the_author_of_a_decision_altered(certificate):
    certificate["adjustments"][0][4] = "somebody"


def decisions_left_out(certificate):
    del certificate["adjustments"]


def another_commitment(certificate):
    certificate["seed_proof"] = {"secret": "00" * 32, "root": "11" * 32, "commitment": "22" * 32}


CERTIFICATE_DAMAGES = [
    another_seed,
    another_rule,
    another_rounding,
    another_input,
    fewer_lines,
    a_threshold_or_level_edited,
    thresholds_and_levels_left_out,
    a_level_invented,
    the_author_of_a_decision_altered,
    decisions_left_out,
    another_commitment,
]


@pytest.mark.parametrize("resealed", [False, True], ids=["as it is", "resealed"])
@pytest.mark.parametrize("damage", CERTIFICATE_DAMAGES, ids=lambda damage: damage.__name__)
def test_an_edited_certificate_is_named(published, damage, resealed):
    certificate = published.certificate()
    damage(certificate)
    published.write_certificate(certificate)
    if resealed:
        published.reseal()

    code, said = named_by_the_command(published)

    assert code == 1
    assert "certificate.json" in said or "supply:BOX" in said  # an edited level empties or overdraws it


@pytest.mark.parametrize("name", ["report.json", "report.html"])
def test_an_edited_report_is_named(published, name):
    path = published.result / name
    path.write_bytes(path.read_bytes().replace(b"8", b"9", 1))

    code, said = named_by_the_command(published)

    assert (code, name in said) == (1, True)


INPUT_DAMAGES = {
    "a request": ("requests.csv", 0, "requested", "15"),
    "a weight": ("requests.csv", 1, "weight", "3"),
    "a supply": ("supply.csv", 0, "supply", "63"),
    "a pack": ("supply.csv", 1, "pack", "2"),
    "a price": ("supply.csv", 0, "price_minor", "4"),
    "a decision": ("adjustments.csv", 0, "granted", "6"),
    "the reason of a decision": ("adjustments.csv", 0, "reason", "none"),
}


@pytest.mark.parametrize("resealed", [False, True], ids=["as it is", "resealed"])
@pytest.mark.parametrize("damage", INPUT_DAMAGES)
def test_an_input_changed_afterwards_is_found(published, damage, resealed):
    file, index, column, value = INPUT_DAMAGES[damage]
    rows = published.table(published.problem / file)
    assert rows[index][column] != value
    rows[index][column] = value
    published.write_table(published.problem / file, rows)
    if resealed:
        published.reseal()

    code, said = named_by_the_command(published)

    assert code == 1
    assert "input_sha256" in said


def test_a_decision_taken_away_is_found(published):
    (published.problem / "adjustments.csv").unlink()

    code, said = named_by_the_command(published)

    assert (code, "shop06, BOX" in said) == (1, True)


@pytest.mark.parametrize("name", ["policy.toml", "requests.csv"])
def test_a_missing_file_of_the_problem_is_found_or_unreadable(published, name):
    (published.problem / name).unlink()

    assert named_by_the_command(published)[0] == (2 if name == "requests.csv" else 1)


# One allocation only passes


@st.composite
def other_grants(draw, problem, granted):
    """Packs that every constraint has room for, floors and decisions kept, and not all as they were."""
    lines, constraints = problem.lines_to_fill, problem.constraints
    packs = list(lines.floor.tolist())
    room = list(constraints.limits)

    def needs(line):
        price = int(problem.supply.price_minor[problem.requests.sku[line]])
        return [(c, size) for c, size, _ in constraints.of_line(line, int(lines.pack[line]), price)]

    for line, floor in enumerate(packs):
        for constraint, size in needs(line):
            room[constraint] -= size * floor
    start_from_right = draw(st.booleans())
    for line in draw(st.permutations(range(len(packs)))):
        most = min([int(lines.eligible[line]) - packs[line], *(room[c] // size for c, size in needs(line) if size)])
        wish = int(granted[line]) - packs[line] if start_from_right else draw(st.integers(0, most))
        more = min(most, max(0, wish + (draw(st.integers(-1, 1)) if start_from_right else 0)))
        packs[line] += more
        for constraint, size in needs(line):
            room[constraint] -= size * more
    return np.array(packs, dtype=np.int64)


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(columns(coupled=True), policies(rules=RULES, roundings=ROUNDINGS), st.data())
def test_no_other_feasible_allocation_passes(tables, policy, data):
    try:
        problem = Problem.from_columns(**tables)
    except InputError:
        assume(False)
    result = solve(problem, policy)
    right = result.granted // problem.lines.pack
    packs = data.draw(other_grants(problem, right))
    assume(packs.tolist() != right.tolist())

    assert_fairness_alone_finds(problem, policy, packs)
    forged = forge(problem, result, packs)
    assert not verify(problem, forged).holds


def assert_fairness_alone_finds(problem, policy, packs):
    """Feasible as it is, and with whatever thresholds and reasons: a stop does not hold."""
    problem_given = given_by(problem)
    claims = claims_of(problem_given, tiered=policy.rule == "priority")
    left = claims.limits - claims.amounts(packs)
    assert (left >= 0).all()
    turns = Turns(
        problem_given, claims, rule=policy.rule_inside, rounding=policy.rounding, seed=bytes.fromhex(policy.seed)
    )
    findings = Findings()
    check_stops(turns, claims, Filled(packs, claims.base, claims.top, left), findings)
    assert findings.found


def forge(problem, result, packs) -> Result:
    """Make a result of other grants, with the hash and the shares that go with them."""
    granted = packs * problem.lines.pack
    forged = replace(result, granted=granted, share=Quotients(granted, problem.lines.weight))
    return replace(forged, certificate={**result.certificate, "result_sha256": sha256(forged.csv_bytes).hexdigest()})
