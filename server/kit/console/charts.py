"""Charts drawn on the server as SVG, each with its words and its table.

Pure functions; every text that they are given is already in the reader's language, figures are written by the
``form`` that the caller passes (``{{ charts.bars(..., form=...) }}``). Geometry stands in presentation attributes,
colours in classes, so that a chart follows the theme, prints, and needs no script. Positions are percentages
and strokes do not scale: letters keep their size on a phone.
"""

from collections.abc import Callable, Sequence
from math import ceil, floor, log10

from markupsafe import Markup, escape

Form = Callable[[float], str]
CURVE_POINTS = 120
LABELS_MOST = 12
LETTER_PX, PLOT_PX, TELEPHONE_PX = 7.0, 420.0, 230.0
"""How wide a letter is (one of the Han twice), and the narrowest plot at a desk and on a telephone, which leaves out
minor labels."""
LONG_LETTERS = 6
"""Labels of the upright axis that are longer want more room beside the plot."""
LEAST = 1e-9


def plain(value: float) -> str:
    """Write a figure with groups and no needless decimals."""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.3g}"


def percent(value: float) -> str:
    """Write a fraction as a percentage."""
    return f"{100 * value:.4g}%"


def nice_ticks(most: float, count: int = 4) -> list[float]:
    """Return ticks from zero to at least ``most`` in steps of 1, 2, 2.5 or 5 times a power of ten."""
    if most < LEAST:
        return [0.0, 1.0]
    rough = most / count
    power = 10.0 ** floor(log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough * 0.999_999)
    return [float(f"{step * order:.12g}") for order in range(ceil(most / step * 0.999_999) + 1)]


def ticks_over(values: Sequence[float]) -> list[float]:
    """Return ticks that hold all values; whole ones alone where these are whole."""
    ticks = nice_ticks(max([*values, 0]))
    return [tick for tick in ticks if tick.is_integer()] if all(float(one).is_integer() for one in values) else ticks


def gini(shares: Sequence[float]) -> float:
    """Return the Gini coefficient of non-negative ``shares``: 0 for equal, towards 1 for one who has all."""
    ordered = sorted(shares)
    total = sum(ordered)
    if not ordered or total == 0:
        return 0.0
    count = len(ordered)
    weighted = sum(rank * share for rank, share in enumerate(ordered, start=1))
    return 2 * weighted / (count * total) - (count + 1) / count


def cumulative(shares: Sequence[float]) -> list[float]:
    """Return the Lorenz curve of ``shares``: fractions of the total held by the first 0, 1, … n, smallest first."""
    ordered = sorted(shares)
    total = sum(ordered)
    held = 0.0
    curve = [0.0]
    for share in ordered:
        held += share
        curve.append(held / total if total else 0.0)
    return curve


def lorenz(
    series: Sequence[tuple[str, Sequence[float]]],
    *,
    title: str,
    description: str,
    x_title: str,
    y_title: str,
    equal: str,
    table: str,
    column: str,
) -> Markup:
    """Return Lorenz curves, the first drawn strong, over the line of equal shares (its name: ``equal``).

    ``table`` names the table under it (tenths of the holders and the share that they hold together), ``column``
    its first heading.
    """
    given = []
    for label, shares in series:
        curve = cumulative(shares)
        last = len(curve) - 1
        points = [(place / last, height) for place, height in enumerate(curve)] if last else [(0.0, 0.0), (1.0, 0.0)]
        given.append((label, points, gini(shares)))
    return lorenz_curves(
        given,
        title=title,
        description=description,
        x_title=x_title,
        y_title=y_title,
        equal=equal,
        table=table,
        column=column,
    )


def lorenz_curves(
    series: Sequence[tuple[str, Sequence[Sequence[float]], float]],
    *,
    title: str,
    description: str,
    x_title: str,
    y_title: str,
    equal: str,
    table: str,
    column: str,
) -> Markup:
    """Return Lorenz curves as :func:`lorenz` does, of points that are known: label, (x, y) from 0 to 1, and Gini."""
    drawn = [Markup('<path class="chart-equal" vector-effect="non-scaling-stroke" d="M0 100L100 0"/>')]
    for order, (_, points, _) in enumerate(series):
        drawn.append(_curve(_thinned(points), order))
    legend = [(f"line-{order}", f"{label} · Gini {known:.3f}") for order, (label, _, known) in enumerate(series)]
    legend.append(("line-equal", equal))
    rows = [
        [percent(tenth / 10), *(percent(round(_at(points, tenth / 10), 4)) for _, points, _ in series)]
        for tenth in range(11)
    ]
    area = _area(_thinned(series[0][1])) if series else Markup()
    svg = picture(
        title,
        description,
        Markup('<svg viewBox="0 0 100 100" preserveAspectRatio="none" width="100%" height="100%">{}{}</svg>').format(
            area, Markup().join(drawn)
        ),
        y_ticks=[(tick, percent(tick)) for tick in (0, 0.25, 0.5, 0.75, 1)],
        x_labels=[(100 * tick, percent(tick), False) for tick in (0, 0.25, 0.5, 0.75, 1)],
        extra="tall",
    )
    return framed(
        svg,
        legend=legend,
        axes=(x_title, y_title),
        table=data_table(table, [column, *(label for label, *_ in series)], rows),
    )


def bars(
    labels: Sequence[str],
    values: Sequence[float],
    *,
    title: str,
    description: str,
    table: str,
    columns: tuple[str, str],
    most: float | None = None,
    form: Form = plain,
    marked: frozenset[int] = frozenset(),
    y_title: str = "",
    x_title: str = "",
) -> Markup:
    """Return upright bars from zero; ``marked`` (indices) stand out, ``most`` fixes the top of the scale."""
    ticks = ticks_over(values) if most is None else nice_ticks(most)
    top = ticks[-1] if most is None else most
    step = 100 / max(len(values), 1)
    gap = min(step * 0.24, 4.0)
    drawn = [
        Markup('<rect class="chart-bar{}" x="{:.3f}%" y="{:.3f}%" width="{:.3f}%" height="{:.3f}%" rx="1.5"/>').format(
            " marked" if order in marked else "",
            order * step + gap / 2,
            100 - 100 * min(max(value, 0), top) / top,
            step - gap,
            100 * min(max(value, 0), top) / top,
        )
        for order, value in enumerate(values)
    ]
    every = _every(labels)
    crowded = _widest_px(labels) * -(-len(labels) // every) > TELEPHONE_PX
    shown = [
        ((order + 0.5) * step, label, crowded and (order // every) % 2 == 1)
        for order, label in enumerate(labels)
        if order % every == 0
    ]
    if most is not None:
        ticks = [tick for tick in ticks if tick <= most]
    svg = picture(
        title,
        description,
        Markup().join(drawn),
        y_ticks=[(tick / top, form(tick)) for tick in ticks],
        x_labels=shown,
    )
    rows = [[label, form(value)] for label, value in zip(labels, values, strict=True)]
    return framed(svg, legend=(), axes=(x_title, y_title), table=data_table(table, list(columns), rows))


def _every(labels: Sequence[str]) -> int:
    """Return which n-th label is written, so that no label runs into the next."""
    return max(-(-len(labels) // LABELS_MOST), ceil(_widest_px(labels) * len(labels) / PLOT_PX), 1)


def _widest_px(labels: Sequence[str]) -> float:
    return LETTER_PX * max((sum(2 if sign > "\u2e7f" else 1 for sign in label) + 1 for label in labels), default=1)


def stacked_bar(
    parts: Sequence[tuple[str, float, str]], *, title: str, form: Form = plain, total: float | None = None
) -> Markup:
    """Return one bar of parts (label, value, tone) with its legend as the table; ``total`` leaves a rest open.

    Tones: ``accent``, ``ok``, ``wait``, ``stop``, ``note``, ``idle``.
    """
    whole = total if total is not None else sum(value for _, value, _ in parts)
    at = 0.0
    drawn = []
    for _, value, tone in parts:
        wide = 100 * value / whole if whole else 0.0
        drawn.append(
            Markup('<rect class="fill-{}" x="{:.3f}%" y="0" width="{:.3f}%" height="100%"/>').format(tone, at, wide)
        )
        at += wide
    words = "; ".join(f"{label} {form(value)}" for label, value, _ in parts)
    legend = Markup().join(
        Markup(
            '<li><svg class="swatch" viewBox="0 0 10 10" aria-hidden="true"><rect class="fill-{}" width="10"'
            ' height="10" rx="2"/></svg><span>{}</span> <b>{}</b></li>'
        ).format(tone, label, form(value))
        for label, value, tone in parts
    )
    return Markup(
        '<figure class="chart stack"><svg class="stack-bar" role="img" aria-label="{}" width="100%" height="14">'
        '<rect class="fill-rest" width="100%" height="100%"/>{}</svg><ul class="legend">{}</ul></figure>'
    ).format(f"{title}: {words}", Markup().join(drawn), legend)


def spark(values: Sequence[float], *, title: str, form: Form = plain) -> Markup:
    """Return a line of a word's height; its words name the first, least, greatest and last value."""
    if not values:
        return Markup()
    low, high = min(values), max(values)
    span = (high - low) or 1
    width = max(len(values) - 1, 1)
    points = [(100 * order / width, 100 - 100 * (value - low) / span) for order, value in enumerate(values)]
    words = f"{title}: {form(values[0])} → {form(values[-1])} ({form(low)} – {form(high)})"
    x, y = points[-1]
    return Markup(
        '<svg class="spark" role="img" aria-label="{}" width="96" height="24"><svg viewBox="0 0 100 100"'
        ' preserveAspectRatio="none" x="2" y="3" width="90" height="18" overflow="visible">'
        '<path class="chart-line line-0" vector-effect="non-scaling-stroke" d="{}"/></svg>'
        '<circle class="chart-dot" cx="{:.2f}" cy="{:.2f}" r="2.5"/></svg>'
    ).format(words, _path(points), 2 + 0.9 * x, 3 + 0.18 * y)


def progress_ring(done: float, total: float, *, title: str, form: Form = percent) -> Markup:
    """Return a ring filled by ``done`` of ``total`` with the share written inside."""
    fraction = min(max(done / total, 0.0), 1.0) if total else 0.0
    return Markup(
        '<svg class="ring" viewBox="0 0 64 64" width="64" height="64" role="img" aria-label="{0}: {1}">'
        '<circle class="ring-rest" cx="32" cy="32" r="27"/>'
        '<circle class="ring-done" cx="32" cy="32" r="27" pathLength="100" stroke-dasharray="{2:.2f} 100"'
        ' transform="rotate(-90 32 32)"/>'
        '<text x="32" y="37" text-anchor="middle">{1}</text></svg>'
    ).format(title, form(floor(100 * fraction) / 100), 100 * fraction)


def meter(done: float, total: float, *, title: str, tone: str = "accent") -> Markup:
    """Return a thin bar for a table's cell: ``done`` of ``total``."""
    fraction = min(max(done / total, 0.0), 1.0) if total else 0.0
    return Markup(
        '<svg class="meter" role="img" aria-label="{}" width="100%" height="6"><rect class="fill-rest" width="100%"'
        ' height="6" rx="3"/><rect class="fill-{}" width="{:.2f}%" height="6" rx="3"/></svg>'
    ).format(title, tone, 100 * fraction)


def _thinned(curve: Sequence[Sequence[float]]) -> list[tuple[float, float]]:
    """Return at most :data:`CURVE_POINTS` points of a curve in a box of 100 by 100, both ends kept."""
    last = len(curve) - 1
    count = min(last, CURVE_POINTS)
    chosen = [curve[round(order * last / count)] for order in range(count + 1)]
    return [(100 * x, 100 - 100 * y) for x, y in chosen]


def _at(curve: Sequence[Sequence[float]], fraction: float) -> float:
    """Return the curve's height at a fraction of its width, between two points along the straight line."""
    right = next((place for place, (x, _) in enumerate(curve) if x >= fraction), len(curve) - 1)
    (x, y), (before_x, before_y) = curve[right], curve[max(right - 1, 0)]
    return y if x == before_x else before_y + (y - before_y) * (fraction - before_x) / (x - before_x)


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.2f} {y:.2f}" for x, y in points)


def _curve(points: Sequence[tuple[float, float]], order: int) -> Markup:
    return Markup('<path class="chart-line line-{}" vector-effect="non-scaling-stroke" d="{}"/>').format(
        order, _path(points)
    )


def _area(points: Sequence[tuple[float, float]]) -> Markup:
    """Return the ground between the line of equal shares and the first curve: what is unequal."""
    return Markup('<path class="chart-area" d="{}Z"/>').format(_path(points))


def picture(
    title: str,
    description: str,
    drawn: Markup,
    *,
    y_ticks: Sequence[tuple[float, str]],
    x_labels: Sequence[tuple[float, str, bool]],
    extra: str = "",
) -> Markup:
    """Return the picture: grid, drawing, letters. A label that may be left out on narrow screens is minor."""
    grid = Markup().join(
        Markup('<line class="chart-grid" x1="0" x2="100%" y1="{0:.3f}%" y2="{0:.3f}%"/>').format(100 - 100 * at)
        for at, _ in y_ticks
    )
    y_words = Markup().join(
        Markup('<text x="0" dx="-8" y="{:.3f}%" dy="4" text-anchor="end">{}</text>').format(100 - 100 * at, words)
        for at, words in y_ticks
    )
    x_words = Markup().join(
        Markup('<text class="{}" x="{:.3f}%" y="100%" dy="19" text-anchor="middle">{}</text>').format(
            "minor" if minor else "major", at, words
        )
        for at, words, minor in x_labels
    )
    if any(len(words) > LONG_LETTERS for _, words in y_ticks):
        extra = f"{extra} long"
    return Markup(
        '<div class="plot {}"><svg role="img" aria-label="{}" width="100%" height="100%">'
        "<title>{}</title><desc>{}</desc>{}{}"
        '<line class="chart-base" x1="0" x2="100%" y1="100%" y2="100%"/>{}{}</svg></div>'
    ).format(extra, f"{title}. {description}", title, description, grid, drawn, y_words, x_words)


def framed(svg: Markup, *, legend: Sequence[tuple[str, str]], axes: tuple[str, str], table: Markup) -> Markup:
    """Return a picture with its legend (class of the line, words), the names of its axes and its table."""
    x_title, y_title = axes
    samples = Markup().join(
        Markup(
            '<li><svg class="sample" viewBox="0 0 28 10" aria-hidden="true"><path class="chart-line {}" d="M1 5H27"/>'
            "</svg><span>{}</span></li>"
        ).format(line, words)
        for line, words in legend
    )
    return Markup('<figure class="chart">{}{}{}{}{}</figure>').format(
        Markup('<ul class="legend">{}</ul>').format(samples) if samples else "",
        Markup('<p class="axis y-axis">{}</p>').format(y_title) if y_title else "",
        svg,
        Markup('<p class="axis x-axis">{}</p>').format(x_title) if x_title else "",
        table,
    )


def data_table(title: str, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> Markup:
    """Return a table under a chart, closed at first; all but the first column hold figures."""
    first, *rest = (escape(heading) for heading in headings)
    head = Markup('<th scope="col">{}</th>').format(first) + Markup().join(
        Markup('<th scope="col" class="figures-column">{}</th>').format(heading) for heading in rest
    )
    body = Markup().join(
        Markup('<tr><th scope="row">{}</th>{}</tr>').format(
            row[0],
            Markup().join(Markup('<td class="figures-column">{}</td>').format(value) for value in row[1:]),
        )
        for row in rows
    )
    return Markup(
        '<details class="chart-table"><summary>{}</summary><table><thead><tr>{}</tr></thead><tbody>{}</tbody></table>'
        "</details>"
    ).format(title, head, body)
