"""A chart over time has gaps where nothing is known, and a table of everything."""

import xml.etree.ElementTree as ET

from server.kit.console.time_chart import Band, Line, over_time


def test_a_line_is_broken_where_nothing_is_known_and_the_table_holds_every_figure() -> None:
    chart = over_time(
        ["Jan", "Feb", "Mar", "Apr", "May"],
        [
            Line("sold", [10, 12, None, 9, None], "line-0"),
            Line("agreed", [None, None, None, None, 11], "line-agreed", dots=True),
        ],
        Band("four times in five", [None, None, None, None, 8], [None, None, None, None, 15]),
        title="Wine <by month>",
        description="a & b",
        table="numbers",
        column="Month",
    )

    drawn = ET.fromstring(f"<all>{chart}</all>")  # noqa: S314 - our own markup
    paths = [path for path in drawn.findall(".//path") if path.get("class") == "chart-line line-0"]
    assert len(paths) == 3  # January to February, April alone; the legend's sample
    assert [dot.get("class") for dot in drawn.findall(".//circle")] == ["chart-dot line-0", "chart-dot line-agreed"]
    rows = [[cell.text for cell in row] for row in drawn.findall(".//tbody/tr")]
    assert rows[0] == ["May", "–", "11", "8 – 15"]
    assert rows[-1] == ["Jan", "10", "–", "–"]


def test_nothing_known_draws_an_empty_plot() -> None:
    chart = over_time([], [], Band("b", [], []), title="t", description="d", table="numbers", column="Month")

    assert "chart-band" not in chart
