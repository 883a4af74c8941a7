"""Steps as SVG: one figure for each of some ordered classes, several rows of them over each other. With its table.

Pure; texts and figures as in :mod:`server.kit.console.charts`.
"""

from collections.abc import Sequence

from markupsafe import Markup

from server.kit.console.charts import LABELS_MOST, Form, data_table, framed, nice_ticks, picture, plain


def steps(
    labels: Sequence[str],
    series: Sequence[tuple[str, Sequence[float | None]]],
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

    ``table`` names the table under it, ``column`` its first heading. Figures are 0 or more, one for each label; where
    one is none the line has a gap. A series that is shorter than the labels ends sooner.
    """
    ticks = nice_ticks(max([*(value for _, values in series for value in values if value is not None), 0]))
    top, count = ticks[-1], max(len(labels), 1)
    drawn = [
        Markup('<path class="chart-line line-{}" vector-effect="non-scaling-stroke" d="{}"/>').format(
            order, "".join(way for _, _, way in _ways(values, top, count))
        )
        for order, (_, values) in reversed(list(enumerate(series)))
        if any(value is not None for value in values)
    ]
    ground = Markup().join(
        Markup('<path class="chart-area" d="{}V100H{:.3f}Z"/>').format(way, start)
        for start, _, way in (_ways(series[0][1], top, count) if series else [])
    )
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
        [label, *(_said(values[at], form) if at < len(values) else "–" for _, values in series)]
        for at, label in enumerate(labels)
    ]
    legend = [(f"line-{order}", label) for order, (label, _) in enumerate(series)] if len(series) > 1 else []
    return framed(
        svg,
        legend=legend,
        axes=(x_title, y_title),
        table=data_table(table, [column, *(label for label, _ in series)], rows),
    )


def _said(value: float | None, form: Form) -> str:
    return "–" if value is None else form(value)


def _ways(values: Sequence[float | None], top: float, count: int) -> list[tuple[float, float, str]]:
    """Return each stretch without a gap: where it begins and ends, and the way along its steps, in a box of 100."""
    found: list[tuple[float, float, str]] = []
    for at, value in enumerate(values):
        if value is None:
            continue
        left, right, height = 100 * at / count, 100 * (at + 1) / count, 100 - 100 * min(value, top) / top
        if at and values[at - 1] is not None:
            start, _, way = found.pop()
            found.append((start, right, f"{way}V{height:.2f}H{right:.3f}"))
        else:
            found.append((left, right, f"M{left:.3f} {height:.2f}H{right:.3f}"))
    return found
