"""Steps as SVG: one level a class, the first series strong, every figure in the table."""

from server.kit.console.step_chart import steps


def drawn(series, labels=("1", "2", "3")):
    return str(
        steps(labels, series, title="Weight", description="By tier", table="Weights", column="Tier", x_title="tier")
    )


def test_a_series_goes_level_by_level_and_every_figure_stands_in_the_table():
    svg = drawn([("now", [4, 2, 0])])
    assert 'd="M0.000 0.00H33.333V50.00H66.667V100.00H100.000"' in svg
    assert '<td class="figures-column">4</td>' in svg
    assert "legend" not in svg


def test_several_series_have_a_legend_and_a_shorter_one_ends_sooner():
    svg = drawn([("then", [1, 2, 3]), ("now <b>", [4])])
    assert "now &lt;b&gt;" in svg
    assert svg.index('line-1" vector') < svg.index('line-0" vector')
    assert "–" in svg


def test_nothing_is_drawn_of_nothing():
    assert "chart-line" not in drawn([("now", [])], labels=())


def test_where_nothing_is_known_the_line_has_a_gap():
    svg = drawn([("now", [4, None, 2])])
    assert 'd="M0.000 0.00H33.333M66.667 50.00H100.000"' in svg
    assert svg.count("chart-area") == 2
    assert '<td class="figures-column">–</td>' in svg
