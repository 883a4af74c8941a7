"""Steps as SVG: one figure for each of some ordered classes, several rows of them over each other. With its table.

Pure; texts and figures as in :mod:`server.kit.console.charts`.
"""

from collections.abc import Sequence

from markupsafe import Markup

from server.kit.console.charts import LABELS_MOST, Form, data_table, framed, nice_ticks, picture, plain


def steps(
    labels: Sequence[str],
    series: Sequence[tuple[str, Sequence[float]]],
    *,
    title: str,
    description: str,
    table: str,
    column: str,
    form: Form = plain,
    x_title: str = "",
    y_title: str = "",
) -> Markup:
    """Return a line of steps for each of the ``series`` (label, figures), the first strong over its ground.

    ``table`` names the table under it, ``column`` its first heading. Figures are 0 or more, one for each label; a
    series that is shorter than the labels ends sooner.
    """
    ticks = nice_ticks(max([*(value for _, values in series for value in values), 0]))
    top, count = ticks[-1], max(len(labels), 1)
    drawn = [
        Markup('<path class="chart-line line-{}" vector-effect="non-scaling-stroke" d="{}"/>').format(
            order, _steps(values, top, count)
        )
        for order, (_, values) in reversed(list(enumerate(series)))
        if values
    ]
    ground = Markup()
    if series and series[0][1]:
        values = series[0][1]
        ground = Markup('<path class="chart-area" d="{}V100H0Z"/>').format(_steps(values, top, count))
    box = Markup('<svg viewBox="0 0 100 100" preserveAspectRatio="none" width="100%" height="100%">{}{}</svg>')
    every = -(-count // LABELS_MOST)
    svg = picture(
        title,
        description,
        box.format(ground, Markup().join(drawn)),
        y_ticks=[(tick / top, form(tick)) for tick in ticks],
        x_labels=[
            ((at + 0.5) * 100 / count, label, (at // every) % 2 == 1)
            for at, label in enumerate(labels)
            if at % every == 0
        ],
    )
    rows = [
        [label, *(form(values[at]) if at < len(values) else "–" for _, values in series)]
        for at, label in enumerate(labels)
    ]
    legend = [(f"line-{order}", label) for order, (label, _) in enumerate(series)] if len(series) > 1 else []
    return framed(
        svg,
        legend=legend,
        axes=(x_title, y_title),
        table=data_table(table, [column, *(label for label, _ in series)], rows),
    )


def _steps(values: Sequence[float], top: float, count: int) -> str:
    """Return the way along the steps in a box of 100 by 100, from the left."""
    heights = [100 - 100 * min(value, top) / top for value in values]
    way = [f"M0 {heights[0]:.2f}"]
    for at, height in enumerate(heights, start=1):
        way.append(f"V{height:.2f}H{100 * at / count:.3f}")
    return "".join(way)
