"""The page of scores: whole, in both languages, fetching nothing, fitting every screen."""

import re

import pytest
from browser import SIZES, system_chromium, violations
from scored_networks import sold

from allocation.scoring import Guards, ScorePolicy, score
from allocation.scoring.folders import read_given
from allocation.scoring.page import ROWS_SHOWN, score_page
from allocation.scoring.sample import Network, write_network

OUTSIDE = re.compile(r"""(?:src|href|url|@import|http)\s*[=(:]""")


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The page of a network with decisions, tiers from before, an absent component and guards that changed much."""
    folder = tmp_path_factory.mktemp("scored") / "network"
    write_network(Network(120, 60), folder)
    (folder / "service.csv").unlink()
    given = read_given(folder)
    before = {name: 1 + number % 30 for number, name in enumerate(given.history.retailer)}
    policy = ScorePolicy(version="<draft> 一", guards=Guards(15, 90, 100))
    return score_page(score(given.history, policy, given.decisions, before))


def test_it_says_everything_in_both_languages_and_fetches_nothing(page):
    assert not OUTSIDE.search(page)
    assert len(re.findall('<span lang="en">', page)) == len(re.findall('<span lang="zh-Hans">', page))
    for said in ("Capability scores", "经营能力评分", "&lt;draft&gt; 一", "Moves since the last scores", "暂停供货"):
        assert said in page
    assert "Nothing is known of service: absent for everybody" in page
    assert "没有服务的数据" in page
    assert re.search(r"\d+ more in guards.json", page)
    assert page.count("a small retailer weighs at least") == ROWS_SHOWN
    for tag in ("section", "table", "figure", "svg", "tr", "td", "span"):
        assert page.count(f"<{tag}") == page.count(f"</{tag}>")


def test_every_chart_has_its_table(page):
    charted = re.findall(r'<section class="charted">.*?</section>', page, re.DOTALL)

    assert len(charted) == 5
    assert all("<svg" in part and "<table" in part for part in charted)


def test_sales_that_stand_for_demand_are_said_to(page):
    assert "Demand is taken from sales as they stand" not in page
    assert "Demand is taken from sales as they stand" in score_page(score(sold({"a": [1, 2]})))


@pytest.mark.system
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_it_fits_every_screen_prints_and_axe_finds_nothing(page, lang, tmp_path):
    path = tmp_path / "report.html"
    path.write_text(page, encoding="utf-8")
    with system_chromium() as browser:
        for width, height in SIZES.values():
            tab = browser.new_page(viewport={"width": width, "height": height})
            tab.goto(path.as_uri())
            tab.click(f"label[for=show-{lang}]")
            assert tab.evaluate("document.documentElement.scrollWidth") <= width
            assert violations(tab) == []
        assert tab.pdf(format="A4").startswith(b"%PDF")
