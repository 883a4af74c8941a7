"""Charts say in words and in a table what they draw."""

import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markupsafe import Markup

from server.kit.console import charts

SHARES = st.lists(st.integers(0, 10**9), max_size=60)
FIGURES = st.lists(st.floats(0, 1e12, allow_nan=False), max_size=60)
WORDS = {"title": "Fill <rate>", "description": "by tier & region"}


def well_formed(markup: Markup) -> ET.Element:
    """Return the parsed markup; a chart is also well-formed XML."""
    return ET.fromstring(f"<all>{markup}</all>")  # noqa: S314 - our own markup


def lorenz(*series: tuple[str, list[int]]) -> Markup:
    """Return a Lorenz curve with all its words."""
    return charts.lorenz(
        series, x_title="retailers", y_title="units", equal="equal shares", table="numbers", column="Retailers", **WORDS
    )


def bars(labels: list[str], values: list[float]) -> Markup:
    """Return bars with all their words."""
    return charts.bars(labels, values, table="numbers", columns=("Tier", "Filled"), **WORDS)


@settings(deadline=None)
@given(FIGURES)
def test_bars_hold_every_value_in_their_table(values: list[float]) -> None:
    labels = [f"tier {n}" for n in range(len(values))]
    drawn = well_formed(bars(labels, values))
    assert len(drawn.findall(".//rect")) == len(values)
    assert [row.findtext("th") for row in drawn.findall(".//tbody/tr")] == labels


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.text(st.characters(codec="utf-8", min_codepoint=32), max_size=9), SHARES), min_size=1, max_size=3
    )
)
def test_every_chart_has_a_title_a_description_and_a_table(series: list[tuple[str, list[int]]]) -> None:
    drawn = well_formed(lorenz(*[(re.sub(r"[\x7f-\x9f\ufffe\uffff]", "", name), shares) for name, shares in series]))
    picture = drawn.find(".//svg[@role='img']")
    assert picture is not None
    assert picture.findtext("title") == "Fill <rate>"
    assert picture.findtext("desc") == "by tier & region"
    assert len(drawn.findall(".//tbody/tr")) == 11


def test_charts_carry_no_style_and_no_script() -> None:
    everything = lorenz(("a", [1, 2, 3])) + bars(["1"], [5]) + charts.spark([1, 2], title="t")
    everything += charts.stacked_bar([("a", 1, "ok")], title="t") + charts.progress_ring(1, 2, title="t")
    assert "style" not in everything
    assert "script" not in everything


def test_equal_shares_have_no_concentration_and_one_owner_has_nearly_all() -> None:
    assert charts.gini([7, 7, 7, 7]) == pytest.approx(0)
    assert charts.gini([0, 0, 0, 100]) == pytest.approx(0.75)
    assert charts.gini([]) == charts.gini([0, 0]) == 0
    assert charts.gini([1, 2, 3, 4]) == pytest.approx(0.25)


@settings(deadline=None)
@given(SHARES)
def test_a_lorenz_curve_rises_and_never_crosses_equality(shares: list[int]) -> None:
    curve = charts.cumulative(shares)
    assert curve == sorted(curve)
    assert all(held <= place / max(len(shares), 1) + 1e-9 for place, held in enumerate(curve))


@settings(deadline=None)
@given(st.floats(1e-6, 1e12))
@example(0.88)
def test_ticks_are_few_round_and_reach_the_top(most: float) -> None:
    ticks = charts.nice_ticks(most)
    assert ticks[0] == 0
    assert 2 <= len(ticks) <= 6
    assert ticks[-1] >= most * 0.999_999
    assert f"{ticks[1]:e}".partition("e")[0].rstrip("0").rstrip(".") in {"1", "2", "2.5", "5"}


def test_counts_have_whole_ticks() -> None:
    assert charts.ticks_over([1, 0]) == [0, 1]
    assert charts.ticks_over([9, 2]) == [0, 5, 10]
    assert charts.ticks_over([0.5]) == [0, 0.2, 0.4, 0.6]


def test_five_million_shares_are_drawn_with_a_hundred_points() -> None:
    drawn = lorenz(("network", list(range(50_000))))
    assert len(drawn) < 20_000


def test_a_ring_is_full_only_when_everything_is_in() -> None:
    assert "99%" in charts.progress_ring(9_999, 10_000, title="in")
    assert "100%" in charts.progress_ring(10, 10, title="in")
    assert "0%" in charts.progress_ring(0, 0, title="in")


def test_labels_are_left_out_on_a_telephone_only_where_they_would_run_together() -> None:
    def drawn(labels: list[str]) -> str:
        words = {"title": "t", "description": "d", "table": "t", "columns": ("a", "b")}
        return str(charts.bars(labels, [1.0] * len(labels), **words))

    assert 'class="minor"' not in drawn(["1", "2", "3", "4", "5"])
    assert 'class="minor"' in drawn(["1000–1999", "2000–2999", "3000–3999", "4000–4999"])
