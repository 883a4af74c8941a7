"""What a policy may say, and how a fault in it is named."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

import allocation
from server.cycles import terms
from server.kit.fields import Invalid

COUPLED = """fairness = "line"
rule = "priority"
rounding = "adams"
inside = "max_min"
credit = true
retailer_units = 400
quotas = [
  {group = "region", value = "hills", sku = "*", max_units = 5000},
  {group = "tier", value = "1", sku = "K1", max_units = 0},
]
all_or_nothing = [
  {retailer = "*", sku = "K1"},
]
baskets = [
  {basket = "wine", sku = "K2"},
  {basket = "wine", sku = "K3"},
]
bundles = [
  {bundle = "either box", sku = "K4"},
  {bundle = "either box", sku = "K5"},
]
"""

names = st.text(st.characters(exclude_categories=("C",)), min_size=1).filter(str.strip)
units = st.integers(0, 2**53 - 1)


def test_a_policy_says_which_limits_hold_across_lines_and_is_written_as_it_was_read():
    said = terms.read(COUPLED)
    assert said.policy == allocation.Policy(rule="priority", rounding="adams", inside="max_min")
    assert (said.credit, said.retailer_units, said.is_coupled) == (True, 400, True)
    assert said.quotas[1] == terms.Quota("tier", "1", "K1", 0)
    assert said.all_or_nothing == (terms.AllOrNothing("*", "K1"),)
    assert said.baskets == (terms.BasketSku("wine", "K2"), terms.BasketSku("wine", "K3"))
    assert said.bundles == (terms.BundleSku("either box", "K4"), terms.BundleSku("either box", "K5"))
    assert terms.write(said) == COUPLED


def test_a_policy_without_limits_is_the_cores_own():
    said = terms.read('rounding = "dean"\n')
    assert not said.is_coupled
    assert said == terms.Terms(allocation.Policy(rounding="dean"))


@given(
    st.booleans(),
    st.none() | units,
    st.lists(st.tuples(st.sampled_from(terms.GROUPS), names, names), unique=True, max_size=3),
    st.lists(st.tuples(names, names), unique=True, max_size=3),
)
def test_what_is_written_is_read_back(credit, retailer_units, quotas, lines):
    said = terms.Terms(
        allocation.Policy(),
        credit,
        retailer_units,
        tuple(terms.Quota(*key, 7) for key in quotas),
        tuple(terms.AllOrNothing(*key) for key in lines),
    )
    assert terms.read(terms.write(said)) == said


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("not toml", "policy"),
        ('rule = "loudest"', "policy"),
        ('rounding = "none"', "policy"),
        (f'seed = "{"0" * 64}"', "policy"),
        ('credit = "yes"', "credit"),
        ("retailer_units = -1", "retailer_units"),
        ("retailer_units = 1.5", "retailer_units"),
        ("retailer_units = true", "retailer_units"),
        ('quotas = "many"', "quotas"),
        ("quotas = [1]", "quotas, row 1"),
        ('quotas = [{group = "region", value = "hills", sku = "*"}]', "quotas, row 1"),
        ('quotas = [{group = "moon", value = "x", sku = "*", max_units = 1}]', "quotas, row 1, group"),
        ('quotas = [{group = "tier", value = 1, sku = "*", max_units = 1}]', "quotas, row 1, value"),
        ('quotas = [{group = "tier", value = " ", sku = "*", max_units = 1}]', "quotas, row 1, value"),
        ('quotas = [{group = "tier", value = "1", sku = "*", max_units = "1"}]', "quotas, row 1, max_units"),
        ('baskets = [{basket = "a", sku = "K1"}, {basket = "b", sku = "K1"}]', "baskets, row 2"),
        ('bundles = [{bundle = "a", sku = "K1"}, {bundle = "b", sku = "K1"}]', "bundles, row 2"),
        ('bundles = [{bundle = " a", sku = "K1"}]', "bundles, row 1, bundle"),
        ('fairness = "basket"\nbundles = [{bundle = "a", sku = "K1"}]', "bundles, row 1, sku"),
        (
            'baskets = [{basket = "a", sku = "K1"}]\nbundles = [{bundle = "a", sku = "K1"}]',
            "bundles, row 1, sku",
        ),
        ('all_or_nothing = [{retailer = "R1", sku = "K1"}, {retailer = "R1", sku = "K1"}]', "all_or_nothing, row 2"),
    ],
)
def test_a_fault_in_a_policy_is_named_by_key_and_row(text, where):
    with pytest.raises(Invalid) as refused:
        terms.read(text)
    assert refused.value.params["where"] == where


@pytest.mark.parametrize("key", ["score_version", "forecast_version"])
def test_what_the_freeze_fills_in_is_refused_by_its_key(key):
    with pytest.raises(Invalid) as refused:
        terms.read(f'{key} = "mine"\n')
    assert list(refused.value.problems) == [key]
    assert refused.value.problems[key].sentence() == (
        f"{key} is filled in at the freeze, from the scores in force and the newest forecast. Take the line out."
    )
