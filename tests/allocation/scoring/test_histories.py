"""Every fault in a table of figures is refused with file, row and column; what is strange but valid is scored."""

import pytest
from scored_networks import MONDAY, network, parts, sold, week, weekly

from allocation.errors import InputError
from allocation.scoring import History, ScorePolicy, score
from allocation.scoring.decisions import read_decisions
from allocation.tables.columns import RawTable

DAY = week(0)


def figures(table, heading, *rows):
    columns = dict(zip(heading.split(","), map(list, zip(*(row.split(",") for row in rows), strict=True)), strict=True))
    return History.from_columns({"retailer": ["a", "b"]}, {table: columns})


@pytest.mark.parametrize(
    ("table", "heading", "rows", "place", "said"),
    [
        ("history", "retailer,period,sold", [f"a,{DAY},x"], (2, "sold"), "not whole units"),
        ("history", "retailer,period,sold", [f"a,{DAY},1.5"], (2, "sold"), "not whole units"),
        ("history", "retailer,period,sold", [f"a,{DAY},NaN"], (2, "sold"), "not whole units"),
        ("history", "retailer,period,sold", [f"a,{DAY},1099511627776"], (2, "sold"), "too large"),
        ("history", "retailer,period,sold", [f"a,{DAY},-1099511627776"], (2, "sold"), "too large"),
        ("history", "retailer,period,demand", [f"a,{DAY},NaN"], (2, "demand"), "give a number of 0 or more"),
        ("history", "retailer,period,demand", [f"a,{DAY},-1"], (2, "demand"), "give a number of 0 or more"),
        ("history", "retailer,period,demand", [f"a,{DAY},1.2345"], (2, "demand"), "up to three decimals"),
        ("history", "retailer,period,demand", [f"a,{DAY},1e3"], (2, "demand"), "give a number of 0 or more"),
        ("history", "retailer,period,demand", [f"a,{DAY},99999999999999"], (2, "demand"), "too large"),
        ("history", "retailer,period,sold,stock", [f"a,{DAY},,5"], (2, "sold"), "needed beside stock"),
        ("history", "retailer,period,stock", [f"a,{DAY},5"], (1, "sold"), "is missing"),
        ("history", "retailer,period,in_stock", [f"a,{DAY},1"], (1, "sold"), "in_stock is read together"),
        ("history", "retailer,period,sold,in_stock", [f"a,{DAY},5,1.001"], (2, "in_stock"), "between 0 and 1"),
        ("history", "retailer,period,sold,in_stock", [f"a,{DAY},5,half"], (2, "in_stock"), "give a number"),
        ("history", "retailer,period,sold,stock", [f"a,{DAY},1,-5"], (2, "stock"), "negative"),
        ("history", "retailer,period,sold", [f"z,{DAY},1"], (2, "retailer"), "unknown retailer"),
        ("history", "retailer,period,sold", [f",{DAY},1"], (2, "retailer"), "a name is needed"),
        ("history", "retailer,period,sold", ["a,2027-02-30,1"], (2, "period"), "no date"),
        ("history", "retailer,period,sold", ["a,04.01.2027,1"], (2, "period"), "no date"),
        ("history", "retailer,period,sold", ["a,,1"], (2, "period"), "the cell is empty"),
        ("history", "retailer,period,sold", [f"a,{DAY},1", f"b,{DAY},1", f"a,{DAY},2"], (4, "period"), "a second time"),
        ("history", "retailer,sold", ["a,1"], (1, "period"), "is missing"),
        ("history", "retailer,period,requested", [f"a,{DAY},9"], (1, "requested"), "unknown column"),
        ("orders", "retailer,period,ordered", [f"a,{DAY},9"], (None, None), "unknown table"),
        ("payments", "retailer,period,due_minor", [f"a,{DAY},9"], (1, "paid_minor"), "is missing"),
        ("payments", "retailer,period,due_minor,paid_minor", [f"a,{DAY},9,10"], (2, "paid_minor"), "above due_minor"),
        ("payments", "retailer,period,due_minor,paid_minor", [f"a,{DAY},9,"], (2, "paid_minor"), "needed beside"),
        ("payments", "retailer,period,due_minor,paid_minor", [f"a,{DAY},,9"], (2, "due_minor"), "needed beside"),
        ("deliveries", "retailer,period,deliveries,accepted", [f"a,{DAY},-1,0"], (2, "deliveries"), "negative"),
        ("inspections", "retailer,period,inspections,passed", [f"a,{DAY},1.0,1"], (2, "inspections"), "a fraction"),
    ],
)
def test_a_faulty_figure_is_refused(table, heading, rows, place, said):
    with pytest.raises(InputError) as refused:
        figures(table, heading, *rows)

    assert refused.value.table == f"{table}.csv"
    assert (refused.value.row, refused.value.column) == place
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("columns", "place", "said"),
    [
        ({"retailer": ["a", "a"]}, (3, "retailer"), "a second time"),
        ({"retailer": [" a"]}, (2, "retailer"), "blanks around"),
        ({"retailer": ["a"], "opened": ["soon"]}, (2, "opened"), "no date"),
        ({"retailer": ["a"], "opened": [week(2)], "closed": [week(1)]}, (2, "closed"), "before the day"),
        ({"retailer": ["a"], "tier": ["0"]}, (2, "tier"), "a tier is 1 to"),
        ({"retailer": ["a"], "credit": ["5"]}, (1, "credit"), "unknown column"),
        ({"market_type": ["a"]}, (1, "retailer"), "is missing"),
    ],
)
def test_a_faulty_retailer_is_refused(columns, place, said):
    with pytest.raises(InputError) as refused:
        History.from_columns(columns, {})

    assert (refused.value.table, refused.value.row, refused.value.column) == ("retailers.csv", *place)
    assert said in str(refused.value)


DECISION = {
    "retailer": "a",
    "decision": "lowered",
    "tier": "20",
    "from": week(0),
    "until": week(9),
    "reason": "late payments",
    "author": "x",
    "approver": "y",
}


@pytest.mark.parametrize(
    ("change", "column", "said"),
    [
        ({"retailer": "z"}, "retailer", "unknown retailer"),
        ({"decision": "raised"}, "decision", "unknown decision"),
        ({"tier": ""}, "tier", "name the best tier"),
        ({"decision": "suspended"}, "tier", "leave it empty"),
        ({"until": week(0)}, "until", "not after the first day"),
        ({"until": ""}, "until", "the cell is empty"),
        ({"reason": " "}, "reason", "fill it in"),
        ({"author": ""}, "author", "fill it in"),
        ({"approver": " X "}, "approver", "a second person"),
        ({"reason": "a\x07b"}, "reason", "control character"),
    ],
)
def test_a_faulty_decision_is_refused(change, column, said):
    raw = RawTable("decisions.csv", {name: [cell] for name, cell in (DECISION | change).items()})

    with pytest.raises(InputError) as refused:
        read_decisions(raw, ["a"])

    assert (refused.value.table, refused.value.row, refused.value.column) == ("decisions.csv", 2, column)
    assert said in str(refused.value)


def test_a_decision_stands_once():
    raw = RawTable("decisions.csv", {name: [cell] * 2 for name, cell in DECISION.items()})

    with pytest.raises(InputError, match=r"row 3, column retailer.*a second time"):
        read_decisions(raw, ["a"])


def test_a_lowered_tier_that_the_policy_does_not_have_is_refused():
    made = read_decisions(RawTable("decisions.csv", {name: [cell] for name, cell in DECISION.items()}), ["a"])

    with pytest.raises(InputError, match="a tier that the policy does not have"):
        score(sold({"a": [1]}), ScorePolicy(tiers=5), made)


# What is strange but valid


def points(history, **keys):
    scores = score(history, ScorePolicy(**keys))
    return dict(zip(scores.retailer, scores.score_milli.tolist(), strict=True))


def test_an_empty_history_cannot_be_scored_but_one_retailer_without_figures_can():
    with pytest.raises(InputError, match="no row in any table"):
        score(network(["a"]))
    with pytest.raises(InputError, match="no figures of any component"):
        score(network(["a"], history=weekly({"a": [1]})), as_of=MONDAY)

    assert (
        points(sold({"a": [1, 2]}) if False else network(["a", "new"], history=weekly({"a": [1, 2]})))["new"] == 500_000
    )


def test_one_point_counts_as_one_period_and_is_drawn_to_the_middle():
    history = network(["a", "b"], history=weekly({"a": [10], "b": [20]}))

    # Rank ¾ from one period, and eight periods of ½: (¾ + 4)/9 = 19/36.
    assert points(history, weights={"demand": 100}) == {"a": 472_222, "b": 527_778}


@pytest.mark.parametrize("numbers", [[0, 0, 0], [7, 7, 7], [-3, -3, -3]])
def test_all_zero_constant_or_negative_alike_is_the_middle(numbers):
    assert set(points(sold({"a": numbers, "b": numbers})).values()) == {500_000}


def test_returns_above_sales_count_as_zero_and_never_less():
    assert points(sold({"a": [-5, -5], "b": [0, 0]})) == {"a": 500_000, "b": 500_000}
    back = points(sold({"a": [20, -10], "b": [11, 0]}), weights={"demand": 100})
    assert back["a"] < back["b"]


def test_a_missing_period_is_no_zero():
    gaps = sold({"a": [10, None, 10], "b": [10, 0, 10], "c": [10, 10, 10]})

    found = points(gaps, weights={"demand": 100}, shrink_periods=0)

    assert found["a"] == found["c"] > found["b"]


def test_dates_out_of_order_and_months_beside_weeks_are_read_as_they_are():
    table = {"retailer": ["a", "b", "a"], "period": [week(1), week(0), week(0)], "sold": [1, 2, 3]}
    months = {"retailer": ["a"], "period": ["2027-01-01"], "due_minor": [10], "paid_minor": [10]}

    scores = score(History.from_columns({"retailer": ["a", "b"]}, {"history": table, "payments": months}))

    assert scores.as_of.isoformat() == "2027-01-12"
    assert list(scores.parts) == ["demand", "payment"]


def test_outlets_that_are_not_open_on_the_day_are_neither_scored_nor_compared_with():
    history = sold(
        {"closed": [99, 99], "here": [1, 1], "later": [50, 50], "last day": [2, 2]},
        opened=["", "", week(9), ""],
        closed=[week(1), "", "", week(2)],
    )

    scores = score(history, ScorePolicy(shrink_periods=0), as_of=MONDAY.fromisoformat(week(2)))

    assert scores.retailer == ("here",)
    assert scores.not_open == ("closed", "last day", "later")
    with pytest.raises(InputError, match="no retailer is open"):
        score(sold({"a": [1]}, closed=[week(0)]))


def test_a_stock_of_zero_says_nothing_of_turnover():
    table = weekly({"a": [5, 5], "b": [5, 5]}) | {"stock": [0, 0, 10, 10]}

    scores = score(network(["a", "b"], history=table))

    assert scores.parts["turnover"].raw.periods.tolist() == [0, 2]


def test_a_trend_without_a_before_is_unknown_and_of_zeros_is_flat():
    history = network(["a", "b", "c"], history=weekly({"a": [0, 0], "b": [None, 9], "c": [1, 3]}))

    trend = score(history, ScorePolicy(trend_days=7)).parts["trend"].raw

    assert trend.periods.tolist() == [2, 0, 2]
    assert [trend.numerator[0] / trend.denominator[0], trend.numerator[2] / trend.denominator[2]] == [0.5, 0.75]


def test_large_figures_are_exact():
    most = 2**40 - 1
    history = network(
        ["a", "b"],
        history=weekly({"a": [most] * 50, "b": [most] * 49 + [most - 1]}),
        payments=parts({"a": [(most, most - 1)] * 50, "b": [(most, most - 1)] * 50}, "due_minor", "paid_minor"),
    )

    scores = score(history, ScorePolicy(weights={"demand": 50, "payment": 50}, shrink_periods=0))

    assert scores.score_milli.tolist() == [625_000, 375_000]


def test_a_previous_tier_that_the_policy_does_not_have_is_refused():
    with pytest.raises(InputError, match="tier of a: the policy has tiers 1 to 5"):
        score(sold({"a": [1]}, tier=["6"]), ScorePolicy(tiers=5))
    with pytest.raises(InputError, match="tiers 1 to 5"):
        score(sold({"a": [1]}), ScorePolicy(tiers=5), previous={"a": -1})
