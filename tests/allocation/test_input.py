"""What may stand in a problem, and how a fault is named."""

import pytest
from allocation_problems import SEED, one_sku

from allocation import Policy, Problem, solve
from allocation.errors import InputError


def fault(requests=None, supply=None, retailers=None, quotas=None):
    """Return the error of a problem that is sound but for what is given."""
    sound = {"retailer": ["a", "b"], "sku": ["K", "K"], "requested": [5, 5]}
    with pytest.raises(InputError) as caught:
        Problem.from_columns(
            sound | (requests or {}), {"sku": ["K"], "supply": [9]} | (supply or {}), retailers, quotas
        )
    error = caught.value
    assert "\n" not in str(error)
    return error.table, error.row, error.column, error.value


@pytest.mark.parametrize(
    "bad",
    [
        *("-1", "1.5", "1,5", "NaN", "nan", "inf", "1e3", " 5", "5 ", "+5", "1_000", "0x10", "abc", "５", "٣", "²", ""),
        *("4611686018427387904", "9" * 30, "9" * 5000, 2**62, 2**70, -1, 1.5, float("nan"), True, b"5", (5,), None),
    ],
)
def test_a_quantity_that_is_no_whole_number_is_named(bad):
    table, row, column, _ = fault({"requested": [5, bad]})

    assert (table, row, column) == ("requests.csv", 3, "requested")


@pytest.mark.parametrize("good", ["5", "05", "0", 0, 2**62 - 1, str(2**62 - 1), "0" * 5000 + "5"])
def test_decimal_digits_are_a_quantity(good):
    assert one_sku([5, good], 9).requests.requested[1] == int(str(good)[-20:])


@pytest.mark.parametrize(
    "bad",
    [
        "",
        " a",
        "a ",
        "\u3000a",
        "a\tb",
        "a\nb",
        "a\u200bb",
        "\ufeffa",
        "a\u00adb",
        "e\u0301",
        "a\x1fb",
        "a\u2028b",
        "\u3164",
        None,
        7,
    ],
)
def test_a_name_that_would_be_mistaken_is_named(bad):
    table, row, column, _ = fault({"retailer": ["a", bad]})

    assert (table, row, column) == ("requests.csv", 3, "retailer")


@pytest.mark.parametrize(
    ("tables", "place"),
    [
        ({"requests": {"sku": ["K", "Z"]}}, ("requests.csv", 3, "sku", "Z")),
        ({"requests": {"retailer": ["a", "a"]}}, ("requests.csv", 3, "sku", "K")),
        ({"requests": {"weight": [1, 0]}}, ("requests.csv", 3, "weight", "0")),
        ({"requests": {"weight": ["1", "1000000001"]}}, ("requests.csv", 3, "weight", "1000000001")),
        ({"requests": {"carry": ["0", "1001"]}}, ("requests.csv", 3, "carry", "1001")),
        ({"requests": {"carry": ["0", "-1001"]}}, ("requests.csv", 3, "carry", "-1001")),
        ({"requests": {"carry": ["0", "0.5"]}}, ("requests.csv", 3, "carry", "0.5")),
        ({"requests": {"all_or_nothing": ["0", "2"]}}, ("requests.csv", 3, "all_or_nothing", "2")),
        ({"requests": {"exclusive": ["", " x"]}}, ("requests.csv", 3, "exclusive", " x")),
        ({"requests": {"exclusive": [1, 2]}}, ("requests.csv", 2, "exclusive", "1")),
        ({"requests": {"note": ["x", "y"]}}, ("requests.csv", 1, "note", "note")),
        ({"requests": {"floor": [5, 5]}}, ("requests.csv", 3, "floor", "5")),
        ({"supply": {"sku": ["K", "K"], "supply": [1, 1]}}, ("supply.csv", 3, "sku", "K")),
        ({"supply": {"pack": [0]}}, ("supply.csv", 2, "pack", "0")),
        ({"supply": {"reserve": [10]}}, ("supply.csv", 2, "reserve", "10")),
        ({"supply": {"price": [10]}}, ("supply.csv", 1, "price", "price")),
        ({"retailers": {"retailer": ["a"]}}, ("requests.csv", 3, "retailer", "b")),
        ({"retailers": {"retailer": ["a", "b", "b"]}}, ("retailers.csv", 4, "retailer", "b")),
        ({"retailers": {"retailer": ["a", "b"], "credit_minor": [None, 5]}}, ("requests.csv", 3, "sku", "K")),
        ({"retailers": {"retailer": ["a", "b"], "group:": ["x", "y"]}}, ("retailers.csv", 1, "group:", "group:")),
    ],
)
def test_a_fault_is_named_by_file_row_column_and_value(tables, place):
    assert fault(**tables) == place


@pytest.mark.parametrize(
    ("row", "place"),
    [
        (("nowhere", "n", "K", 5), (2, "group", "nowhere")),
        (("region", "", "K", 5), (2, "value", "")),
        (("region", "n", "Z", 5), (2, "sku", "Z")),
        (("region", "n", "K", -5), (2, "max_units", "-5")),
    ],
)
def test_a_fault_of_a_quota_is_named(row, place):
    quotas = {name: [cell] for name, cell in zip(("group", "value", "sku", "max_units"), row, strict=True)}
    retailers = {"retailer": ["a", "b"], "group:region": ["n", "s"]}

    assert fault(retailers=retailers, quotas=quotas) == ("quotas.csv", *place)


def test_a_missing_column_is_named():
    with pytest.raises(InputError, match=r"requests.csv, row 1, column requested: it is missing"):
        Problem.from_columns({"retailer": ["a"], "sku": ["K"]}, {"sku": ["K"], "supply": [1]})


def test_a_duplicate_is_reported_at_its_later_row():
    requests = {"retailer": ["b", "a", "c", "a", "b"], "sku": ["K"] * 5, "requested": [1] * 5}

    assert fault(requests)[1] == 5


def test_floors_above_the_supply_are_refused_at_the_row_where_it_ends():
    with pytest.raises(InputError, match=r"row 5, column floor, value \"2\": floors of 15 are above supply:K of 10"):
        one_sku([4, 3, 2, 2, 1, 1, 1, 1], 10, floor=[4, 3, 2, 2, 1, 1, 1, 1])


def test_floors_above_a_credit_are_refused():
    problem = {
        "requests": {"retailer": ["a", "a"], "sku": ["K", "L"], "requested": [5, 5], "floor": [3, 3]},
        "supply": {"sku": ["K", "L"], "supply": [9, 9], "price_minor": [10, 10]},
        "retailers": {"retailer": ["a"], "credit_minor": [50]},
    }

    with pytest.raises(InputError, match="floors of 60 are above credit:a of 50"):
        Problem.from_columns(**problem)


def test_an_empty_optional_cell_is_absent():
    problem = one_sku(["5", "5"], 5, cap=["", "1"], weight=["", "3"], floor=["", ""], carry=[None, ""])

    assert solve(problem, Policy(), seed=SEED).granted.tolist() == [4, 1]


def test_nothing_requested_and_nothing_offered_are_fine():
    result = solve(one_sku([0, 5], 0), Policy(), seed=SEED)

    assert result.granted.tolist() == [0, 0]
    assert result.reason.tolist() == ["filled", "supply"]
    assert len(solve(one_sku([], 5), Policy(), seed=SEED)) == 0


@pytest.mark.parametrize(
    ("keys", "column"),
    [
        ({"rule": "best"}, "rule"),
        ({"rule": "first_come"}, "rule"),
        ({"rounding": "up"}, "rounding"),
        ({"fairness": "shop"}, "fairness"),
        ({"seed": "abc"}, "seed"),
        ({"seed": "g" * 64}, "seed"),
        ({"inside": "talmud"}, "inside"),
        ({"rule": "priority", "inside": "priority"}, "inside"),
        ({"colour": "red"}, "colour"),
        ({"rounding": 3}, "rounding"),
    ],
)
def test_a_fault_of_the_policy_is_named(keys, column):
    with pytest.raises(InputError) as caught:
        Policy.from_mapping(keys)

    assert (caught.value.table, caught.value.column) == ("policy.toml", column)


def test_whole_packs_need_a_seed_and_fractions_do_not():
    with pytest.raises(InputError, match="a seed is needed"):
        solve(one_sku([1, 1], 1), Policy())

    assert [str(units) for units in solve(one_sku([1, 1], 1), Policy(rounding="none")).granted] == ["1/2", "1/2"]


def test_tiers_are_needed_where_they_decide():
    tiers = {"retailer": ["a", "b"], "group:tier": ["1", "first"]}
    problem = Problem.from_columns(
        {"retailer": ["a", "b"], "sku": ["K"] * 2, "requested": [1, 1]}, {"sku": ["K"], "supply": [1]}, tiers
    )

    with pytest.raises(InputError, match=r'retailers.csv, row 3, column group:tier, value "first"'):
        solve(problem, Policy(rule="priority"), seed=SEED)


def test_a_problem_cannot_be_changed():
    problem = one_sku([1, 2], 3)

    with pytest.raises(ValueError, match="read-only"):
        problem.requests.requested[0] = 9
