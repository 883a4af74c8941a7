"""Figures over time as SVG: what was, what is expected with its interval, what people say. Each with its table.

Pure; texts and figures as in :mod:`server.kit.console.charts`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from server.kit.console.charts import Form, data_table, framed, picture, plain, ticks_over

Values = Sequence[float | None]
LABELS_MOST = 8


@dataclass(frozen=True)
class Line:
    """One row of figures, a value or none a period; ``look`` is a class of the style sheet, such as ``line-0``."""

    label: str
    values: Values
    look: str
    dots: bool = False


@dataclass(frozen=True)
class Band:
    """An interval, both of its ends or none a period."""

    label: str
    low: Values
    high: Values


def over_time(
    periods: Sequence[str],
    lines: Sequence[Line],
    band: Band | None,
    *,
    title: str,
    description: str,
    table: str,
    column: str,
    form: Form = plain,
) -> Markup:
    """Return lines over their periods from zero up, maybe with an interval behind; the table begins with the newest.

    ``table`` names the table, ``column`` its first heading. A line has gaps where nothing is known.
    """
    every = [
        value
        for row in (*(line.values for line in lines), band.high if band else ())
        for value in row
        if value is not None
    ]
    ticks = ticks_over(every)
    top = ticks[-1]
    count = max(len(periods), 1)

    def point(place: int, value: float) -> tuple[float, float]:
        return (place + 0.5) * 100 / count, 100 - 100 * min(value, top) / top

    shapes = [
        _band(
            [point(at, value) for at, value in _known(band.low if band else ())],
            [point(at, value) for at, value in _known(band.high if band else ())],
        )
    ]
    for line in lines:
        for run in [] if line.dots else _runs(line.values):
            drawn = "L".join("{:.2f} {:.2f}".format(*point(at, value)) for at, value in run)
            shapes.append(
                Markup('<path class="chart-line {}" vector-effect="non-scaling-stroke" d="M{}"/>').format(
                    line.look, drawn
                )
            )
    box = Markup('<svg viewBox="0 0 100 100" preserveAspectRatio="none" width="100%" height="100%">{}</svg>')
    dots = Markup().join(
        Markup('<circle class="chart-dot {}" cx="{:.3f}%" cy="{:.3f}%" r="{}"/>').format(
            line.look, *point(at, value), 4.5 if line.dots else 2.5
        )
        for line in lines
        for at, value in _lonely(line)
    )
    every_nth = -(-count // LABELS_MOST)
    svg = picture(
        title,
        description,
        box.format(Markup().join(shapes)) + dots,
        y_ticks=[(tick / top, form(tick)) for tick in ticks],
        x_labels=[
            ((at + 0.5) * 100 / count, label, (at // every_nth) % 2 == 1)
            for at, label in enumerate(periods)
            if at % every_nth == 0
        ],
        extra="tall",
    )
    rows = [
        [
            label,
            *(_said(line.values[at], form) for line in lines),
            *((_interval(band.low[at], band.high[at], form),) if band else ()),
        ]
        for at, label in reversed(list(enumerate(periods)))
    ]
    headings = [column, *(line.label for line in lines), *((band.label,) if band else ())]
    return framed(
        svg,
        legend=[*((line.look, line.label) for line in lines), *((("line-band", band.label),) if band else ())],
        axes=("", ""),
        table=data_table(table, headings, rows),
    )


def _known(values: Values) -> list[tuple[int, float]]:
    return [(at, value) for at, value in enumerate(values) if value is not None]


def _runs(values: Values) -> list[list[tuple[int, float]]]:
    """Return the stretches without a gap."""
    runs: list[list[tuple[int, float]]] = []
    for at, value in _known(values):
        if runs and runs[-1][-1][0] == at - 1:
            runs[-1].append((at, value))
        else:
            runs.append([(at, value)])
    return runs


def _lonely(line: Line) -> list[tuple[int, float]]:
    """Return the values that are drawn as dots: all of a line of dots, and those that have no neighbour."""
    return [one for run in _runs(line.values) if line.dots or len(run) == 1 for one in run]


def _band(low: Sequence[tuple[float, float]], high: Sequence[tuple[float, float]]) -> Markup:
    if not low:
        return Markup()
    around = "L".join(f"{x:.2f} {y:.2f}" for x, y in (*high, *reversed(low)))
    return Markup('<path class="chart-band" d="M{}Z"/>').format(around)


def _said(value: float | None, form: Form) -> str:
    return "–" if value is None else form(value)


def _interval(low: float | None, high: float | None, form: Form) -> str:
    return "–" if low is None or high is None else f"{form(low)} – {form(high)}"
