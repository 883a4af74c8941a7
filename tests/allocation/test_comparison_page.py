"""The comparison as a page and as a command."""

import json
import os
import pty
import re
import subprocess
import sys
from html.parser import HTMLParser

import pytest
from allocation_problems import SEED, one_sku
from browser import SIZES, system_chromium, violations
from typer.testing import CliRunner

from allocation import Policy, Problem
from allocation.comparing import compare
from allocation.comparing.charts import fills, shown_bins
from allocation.comparing.comparison import Bin, GroupRow
from allocation.comparing.page import CHART_ROWS, comparison_page
from allocation.comparing.texts import TEXTS, bin_label, signed
from evenhand.allocation_commands import app as allocation_app
from evenhand.compare_command import app

OUTSIDE = re.compile(r"""(?:src|href|url|@import|http)\s*[=(:]""")


@pytest.fixture
def seen():
    """A comparison with tiers, many towns, a name that is markup, and gains and losses."""
    names = [f"shop {i:02d}" for i in range(40)] + ["<b>&shop"]
    problem = Problem.from_columns(
        {"retailer": names * 2, "sku": ["K"] * 41 + ["云南 10"] * 41, "requested": [1 + i for i in range(82)]},
        {"sku": ["K", "云南 10"], "supply": [300, 900]},
        {
            "retailer": names,
            "group:tier": [str(1 + i % 12) for i in range(41)],
            "group:town": [f"town {i}" for i in range(41)],
        },
    )
    even, asked = Policy(seed=SEED), Policy(rule="priority", inside="proportional", seed=SEED)
    return compare(problem, even, asked, names=("even", "by <tier>"))


class Parsed(HTMLParser):
    """Counts elements and refuses any that is not closed."""

    def __init__(self, html):
        super().__init__()
        self.open, self.count, self.text = [], {}, []
        self.feed(html)

    def handle_starttag(self, tag, _attrs):
        self.count[tag] = self.count.get(tag, 0) + 1
        if tag not in {"meta", "br", "path", "rect"}:
            self.open.append(tag)

    def handle_startendtag(self, tag, _attrs):
        self.count[tag] = self.count.get(tag, 0) + 1

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


@pytest.mark.parametrize(("lang", "said"), [("en", "Two policies, one order book"), ("zh", "同一订单簿，两种政策")])
def test_the_page_is_whole_escaped_and_fetches_nothing(seen, lang, said):
    html = comparison_page(seen, lang)
    parsed = Parsed(html)

    assert parsed.open == []
    assert said in html
    assert not OUTSIDE.search(html)
    assert "<b>&" not in html
    assert "<b>&shop" in "".join(parsed.text)
    assert "by <tier>" in "".join(parsed.text)
    # Lorenz, two groups, changes; each with a table under it, and the tables without a chart.
    assert parsed.count["figure"] == 4
    assert parsed.count["table"] >= 10


def test_each_language_says_everything_in_itself():
    for english, chinese in TEXTS.values():
        assert english.isascii() or re.search("[“…·−ß]", english)
        assert re.search("[\u4e00-\u9fff]", chinese)
        assert set(re.findall(r"{\w+}", english)) == set(re.findall(r"{\w+}", chinese))


def test_a_long_list_of_labels_is_cut_and_says_so(seen):
    html = comparison_page(seen)

    assert f"The {CHART_ROWS} with the most eligible units of 41" in html
    assert html.index("Filled by tier") < html.index("Filled by town")


def test_bars_are_as_long_as_they_should_be():
    drawn = fills([GroupRow("n", 1, 100, 100, 50), GroupRow("", 1, 0, 0, 0)], title="x")

    whole, half, nothing_asked, _ = (float(width) for width in re.findall(r'width="([0-9.]+)"', drawn))
    assert half == pytest.approx(whole / 2)
    assert nothing_asked == whole  # who is eligible for nothing is not short of anything


def test_changes_are_labelled():
    assert [bin_label(Bin(*b, 1)) for b in ((0, 0, 0), (1, 0, 1), (1, 1, 2), (-1, 10, 20), (1, 0, 500))] == [
        "±0",
        "+<1",
        "+1",
        "−10…19",
        "+1…499",
    ]
    assert [signed(x) for x in (3, -1200, 0, 0.5)] == ["+3", "−1,200", "±0", "+0.500"]
    assert shown_bins([Bin(-1, 1, 2, 0), Bin(-1, 0, 1, 0), Bin(0, 0, 0, 3), Bin(1, 0, 1, 0)]) == [Bin(0, 0, 0, 3)]


@pytest.mark.parametrize("problem", [one_sku([0], 0), one_sku([5], 5), one_sku([], 5)])
def test_a_page_of_next_to_nothing_is_a_page(problem):
    one = compare(problem, Policy(seed=SEED), Policy(rule="talmud", rounding="none"))

    assert Parsed(comparison_page(one)).open == []


@pytest.mark.system
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_page_fits_every_screen_and_axe_finds_nothing(seen, lang, tmp_path):
    path = tmp_path / "page.html"
    path.write_text(comparison_page(seen, lang), encoding="utf-8")
    with system_chromium() as browser:
        for width, height in SIZES.values():
            page = browser.new_page(viewport={"width": width, "height": height})
            page.goto(path.as_uri())
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert violations(page) == []
        assert page.pdf(format="A4").startswith(b"%PDF")


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "problem"
    made.mkdir()
    (made / "requests.csv").write_text("retailer,sku,requested,weight\nc,K,40,50\nb,K,35,20\na,K,25,10\n")
    (made / "supply.csv").write_text("sku,supply\nK,50\n")
    (tmp_path / "fair.toml").write_text(f'rule = "max_min"\nseed = "{SEED}"\n')
    (tmp_path / "first.toml").write_text('rule = "first_come"\n')
    return tmp_path


def run(*words):
    return CliRunner().invoke(app, list(map(str, words)), catch_exceptions=False)


def test_the_command_prints_json_and_writes_the_page(folder):
    page = folder / "pages" / "page.html"
    words = ("--policy", folder / "first.toml", "--policy", folder / "fair.toml", "--html", page, "--lang", "zh")

    answer = run(folder / "problem", *words)

    assert answer.exit_code == 0
    said = json.loads(answer.stdout)
    assert [(c["retailer"], c["a"], c["b"]) for c in said["lines"]["winners"]] == [("a", 0, 6), ("b", 10, 13)]
    assert (said["a"]["name"], said["b"]["policy"]["rule"]) == ("first", "max_min")
    assert "先到先得" in page.read_text("utf-8")
    assert [path.name for path in page.parent.iterdir()] == ["page.html"]


@pytest.mark.system
def test_on_a_terminal_it_prints_tables(folder):
    command = [sys.executable, "-m", "evenhand", "compare", str(folder / "problem")]
    command += [word for name in ("first", "fair") for word in ("--policy", str(folder / f"{name}.toml"))]
    ours, theirs = pty.openpty()
    done = subprocess.Popen(command, stdout=theirs, stderr=theirs, env=os.environ | {"COLUMNS": "100"})
    os.close(theirs)
    said = b""
    try:
        while some := os.read(ours, 65536):
            said += some
    except OSError:  # the other end is closed
        pass
    os.close(ours)

    assert done.wait() == 0
    text = said.decode()
    assert "first come, first served" in text
    assert "2 retailers get more, 1 get less" in text
    assert "Lines that gain most" in text
    assert "{" not in text


@pytest.mark.parametrize(
    ("policies", "said"),
    [
        (["fair"], "compare takes two policies, not 1"),
        (["fair", "fair", "first"], "compare takes two policies, not 3"),
        (["fair", "nowhere"], "nowhere.toml: no such file"),
        (["fair", "problem"], "problem.toml, column rule"),
    ],
)
def test_what_cannot_be_compared_is_refused(folder, policies, said):
    (folder / "problem.toml").write_text('rule = "lottery"\n')
    words = [word for name in policies for word in ("--policy", folder / f"{name}.toml")]

    answer = run(folder / "problem", *words, "--html", folder / "page.html")

    assert answer.exit_code == 2
    assert said in answer.stderr
    assert answer.stdout == ""
    assert not (folder / "page.html").exists()


def test_allocate_still_refuses_the_baseline(folder):
    words = ["allocate", str(folder / "problem"), "--out", str(folder / "out"), "--policy", str(folder / "first.toml")]
    answer = CliRunner().invoke(allocation_app, words, catch_exceptions=False)

    assert answer.exit_code == 2
    assert "baseline for comparisons only" in answer.stderr
