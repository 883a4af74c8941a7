"""Explanations, report and page: what people read."""

import html.parser
import json
import re

import pytest
from allocation_problems import SEED, columns, one_sku, policies
from browser import SIZES, system_chromium, violations
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


def first_sentences(result, retailer, sku):
    return tuple(explain(result, retailer, sku, lang).split("\n")[0] for lang in ("en", "zh"))


def market_of_baskets(supply=(12, 6), **retailers):
    """Two goods shared by whole orders; r2 can turn to either."""
    return Problem.from_columns(
        {"retailer": ["r1", "r2", "r2", "r3"], "sku": ["A", "A", "B", "B"], "requested": [10, 10, 10, 10]},
        {"sku": ["A", "B"], "supply": list(supply), "price_minor": [10, 10]},
        {"retailer": ["r1", "r2", "r3"], **retailers} if retailers else None,
    )


def test_of_a_basket_the_whole_order_its_level_and_what_stopped_it_are_told():
    result = solved(market_of_baskets(), fairness="basket")

    english, chinese = first_sentences(result, "r2", "B")
    assert english == (
        "You asked for 10 of B and got none. These goods are shared by whole orders: "
        "of the 20 you asked for in all you got 6, and all of B went to other orders."
    )
    assert "您共申请 20 件，共得到 6 件；这种货都分给了其他订单" in chinese
    numbers = explain(result, "r2", "B").split("\n")[1:]
    assert "whole order (A, B): requested 20, granted 6, granted/weight 6" in numbers
    assert any("level 6 unless" in line and "stage 1 of 1" in line for line in numbers)


def test_a_credit_that_stops_a_whole_order_is_named():
    result = solved(market_of_baskets((30, 6), credit_minor=[None, 40, None]), fairness="basket")

    english, chinese = first_sentences(result, "r2", "A")
    assert english.endswith("of the 20 you asked for in all you got 4, and your credit does not cover more.")
    assert chinese.endswith("共得到 4 件；您的信用额度不够再多要。")


def test_an_order_that_is_filled_is_told_no_level_that_it_could_not_pass():
    result = solved(market_of_baskets(credit_minor=[None, 1000, None]), fairness="line")

    assert "whole order" not in explain(result, "r1", "A")
    filled = solve(one_sku([3], 5), Policy(fairness="basket"), seed=SEED)
    assert "whole order (K): requested 3, granted 3" in explain(filled, "r01", "K")
    assert "could not pass" not in explain(filled, "r01", "K")


def test_who_draws_against_himself_is_not_told_that_others_won():
    problem = Problem.from_columns(
        {"retailer": ["a", "a"], "sku": ["x", "y"], "requested": [5, 5]},
        {"sku": ["x", "y"], "supply": [50, 50], "price_minor": [10, 10]},
        {"retailer": ["a"], "credit_minor": [50]},
    )
    result = solved(problem)
    loser = next(row for row in result.rows() if row.reason == "lottery")

    english, chinese = first_sentences(result, "a", loser.sku)
    assert "shops" not in english
    assert "your credit had room for one more, and the draw went to another" in english
    assert "您的信用额度" in chinese
    assert "户条件相同" not in chinese


def test_a_floor_under_a_credit_is_not_blamed_on_others():
    problem = Problem.from_columns(
        {"retailer": ["a"], "sku": ["x"], "requested": [5], "floor": [2]},
        {"sku": ["x"], "supply": [50], "price_minor": [10]},
        {"retailer": ["a"], "credit_minor": [25]},
    )

    english, chinese = first_sentences(solved(problem), "a", "x")
    assert (
        english == "You asked for 5 of x and got the 2 promised to you beforehand; your credit leaves no room for more."
    )
    assert chinese == "x：您申请 5 件，得到事先保证的 2 件；您的信用额度已没有余量。"


def test_a_request_below_one_pack_is_told_the_pack():
    english, chinese = first_sentences(solved(town()), "d", "AMPLE")

    assert english == "You asked for 1 of AMPLE and got none: it is less than one pack of 2."
    assert chinese == "AMPLE：您申请 1 件，这次没有分到：不足一个整包（2 件）。"


@pytest.mark.parametrize(("sku", "words"), [("K", "the quota of region=north for K"), ("*", "for all goods")])
def test_a_quota_is_named_in_words(sku, words):
    problem = Problem.from_columns(
        {"retailer": ["a"], "sku": ["K"], "requested": [5]},
        {"sku": ["K"], "supply": [50]},
        {"retailer": ["a"], "group:region": ["north"]},
        {"group": ["region"], "value": ["north"], "sku": [sku], "max_units": [3]},
    )

    assert f"{words} leaves no room for more." in explain(solved(problem), "a", "K").split("\n")[0]


def test_fractions_are_not_explained_by_packs():
    result = solve(one_sku([5, 5], 7), Policy(rounding="none"))

    english, chinese = first_sentences(result, "r01", "K")
    assert english == "You asked for 5 of K and got 3.5: there was not enough for all, and this is your share."
    assert "包" not in chinese


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


@pytest.mark.system
@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_report_fits_every_screen_breaks_no_name_and_axe_finds_nothing(language, tmp_path):
    path = tmp_path / "report.html"
    path.write_text(report_page(solved(town()).report), encoding="utf-8")
    with system_chromium() as browser:
        for width, height in SIZES.values():
            page = browser.new_page(viewport={"width": width, "height": height})
            page.goto(path.as_uri())
            page.click(f"label[for=show-{language}]")
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            name = page.get_by_role("cell", name="SCARCE", exact=True)
            assert (
                name.evaluate(
                    "cell => { const r = document.createRange(); r.selectNodeContents(cell); "
                    "return r.getClientRects().length }"
                )
                == 1
            )
            assert violations(page) == []
