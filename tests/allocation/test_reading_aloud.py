"""Explanations, report and page: what people read."""

import html.parser
import json
import re

import pytest
from allocation_problems import SEED, columns, one_sku, policies
from hypothesis import assume, given, settings

from allocation import Policy, Problem, explain, solve
from allocation.errors import InputError
from allocation.reporting.page import report_page
from allocation.result import REASONS


def solved(problem, **policy):
    return solve(problem, Policy(**policy), seed=SEED)


def town():
    """One line for every reason."""
    lines = {
        "filled": ("a", "AMPLE", 3),
        "part": ("b", "AMPLE", 5),
        "capped": ("c", "AMPLE", 8),
        "ineligible": ("d", "AMPLE", 1),
        "none": ("e", "AMPLE", 0),
        "lottery": ("a", "SCARCE", 4),
        "floor": ("b", "SCARCE", 4),
        "quota": ("c", "SCARCE", 4),
        "credit": ("f", "AMPLE", 9),
    }
    return Problem.from_columns(
        {
            "retailer": [line[0] for line in lines.values()],
            "sku": [line[1] for line in lines.values()],
            "requested": [line[2] for line in lines.values()],
            "cap": [4 if name == "capped" else None for name in lines],
            "floor": [2 if name == "floor" else None for name in lines],
        },
        {"sku": ["AMPLE", "SCARCE"], "supply": [100, 3], "pack": [2, 1], "price_minor": [1, 1]},
        {
            "retailer": list("abcdef"),
            "credit_minor": [None] * 5 + [5],
            "max_units": [None, None, 4, None, None, None],
            "group:tier": ["1", "1", "2", "2", "3", "3"],
        },
    )


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_line_is_explained_in_both_languages(lang):
    result = solved(town())

    for row in result.rows():
        text = explain(result, row.retailer, row.sku, lang)
        sentence, *numbers = text.split("\n")
        assert row.sku in sentence
        assert sentence[-1] in ".。"
        assert "{" not in text
        assert row.granted in text
        assert all(numbers)
        assert bool(re.search("[一-鿿]", sentence)) is (lang == "zh")


def test_the_sentence_says_what_stopped_the_line():
    result = solved(town())

    assert "draw went to others" in explain(result, "a", "SCARCE") or "ran out" in explain(result, "a", "SCARCE")
    assert "promised to you" in explain(result, "b", "SCARCE")
    assert "credit" in explain(result, "f", "AMPLE").split("\n")[0]
    assert "whole packs of 2" in explain(result, "a", "AMPLE")
    assert explain(result, "e", "AMPLE").startswith("You asked for none of AMPLE.")


def test_who_was_left_out_by_a_minimum_is_told_so():
    result = solved(one_sku([20] * 5, 14, sku={"minimum": 6}))
    loser = next(row for row in result.rows() if row.granted == "0")

    assert "smallest order" in explain(result, loser.retailer, "K")
    assert "最小订货量" in explain(result, loser.retailer, "K", "zh")


def test_an_unknown_line_or_language_is_refused():
    result = solved(town())

    with pytest.raises(KeyError):
        explain(result, "nobody", "AMPLE")
    with pytest.raises(ValueError, match="en and zh"):
        explain(result, "a", "AMPLE", "fr")


@settings(max_examples=60, deadline=None)
@given(columns(coupled=True), policies(roundings=("webster", "none")))
def test_reports_add_up(drawn, policy):
    try:
        problem = Problem.from_columns(**drawn)
    except InputError:
        assume(condition=False)
    result = solve(problem, policy)
    report = json.loads(json.dumps(result.report))

    assert sum(report["reasons"].values()) == len(result)
    assert set(report["reasons"]) <= set(REASONS)
    assert sum(sku["lines"] for sku in report["skus"]) == len(result)
    for what in ("requested", "eligible", "granted"):
        assert sum(sku[what] for sku in report["skus"]) == pytest.approx(report["totals"][what])
        assert sum(row[what] for row in report["groups"]["tier"]) == pytest.approx(report["totals"].get(what))
    assert report["evenness"]["lorenz_granted"][-1] == [1.0, 1.0]


def test_the_measures_of_evenness_are_right():
    evenness = solved(one_sku([1, 1, 2, 4], 8)).report["evenness"]

    assert evenness["gini"] == pytest.approx(0.3125)
    assert evenness["jain"] == pytest.approx(64 / (4 * 22), abs=1e-6)
    assert evenness["largest_1_percent_share"] == 0.5
    assert evenness["retailers_at_zero"] == 0
    assert [0.5, 0.25] in evenness["lorenz_granted"]


class Balanced(html.parser.HTMLParser):
    """Checks that every element is closed, and collects the languages."""

    def __init__(self):
        super().__init__()
        self.open, self.languages = [], set()

    def handle_starttag(self, tag, attrs):
        self.languages |= {value for name, value in attrs if name == "lang"}
        assert not [value for name, value in attrs if name in {"src", "href"}], "nothing is fetched"
        if tag not in {"meta", "input"}:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_is_whole_escaped_and_in_both_languages():
    names = ["<script>alert(1)</script>", "r&d", "曾记烟酒商行"]
    problem = Problem.from_columns(
        {"retailer": names, "sku": ["<b>K</b>"] * 3, "requested": [5, 5, 5]},
        {"sku": ["<b>K</b>"], "supply": [7]},
        {"retailer": names, "group:region": ["<i>north</i>", "south", "south"]},
    )
    page = report_page(solved(problem).report)
    parser = Balanced()
    parser.feed(page)

    assert parser.open == []
    assert parser.languages >= {"en", "zh-Hans"}
    assert "<b>K" not in page
    assert "<i>north" not in page
    assert "&lt;b&gt;K&lt;/b&gt;" in page
    assert "http" not in page
