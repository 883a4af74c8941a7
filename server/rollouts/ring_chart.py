"""Rings of a rollout as one picture: the canary in the middle, each ring divided by how its terminals stand."""

from collections.abc import Sequence
from math import cos, pi, sin

from markupsafe import Markup

INNER = 18.0
OUTER = 98.0
GAP = 3.0
NEARLY_WHOLE = 0.999_999
"""An arc of more of a turn has ends that meet, and would not be drawn."""
HALF_A_TURN = 0.5


def rings(parts: Sequence[Sequence[tuple[str, int]]], *, title: str, current: int) -> Markup:
    """Return the picture; ``parts`` holds (tone, terminals) of each ring from the inside out.

    Tones are those of :func:`server.kit.console.charts.stacked_bar`, and ``rest``. The words stand in ``title`` and in
    the table beside it.
    """
    wide = (OUTER - INNER) / max(len(parts), 1)
    drawn = []
    for order, ring in enumerate(parts):
        low, high = INNER + order * wide, INNER + (order + 1) * wide - GAP
        total = sum(value for _, value in ring)
        at = 0.0
        for tone, value in ring:
            until = at + (value / total if total else 0.0)
            if until > at:
                drawn.append(_sector(low, high, at, until, tone))
            at = until
        if not total:
            drawn.append(_sector(low, high, 0.0, 1.0, "rest"))
    middle = Markup('<text x="0" y="5" text-anchor="middle">{}</text>').format(current + 1)
    return Markup(
        '<svg role="img" aria-label="{}" viewBox="-100 -100 200 200" width="220" height="220">{}{}</svg>'
    ).format(title, Markup().join(drawn), middle)


def _sector(low: float, high: float, start: float, end: float, tone: str) -> Markup:
    """Return a piece of a ring between two fractions of a turn, from the top clockwise; a whole turn is two halves."""
    if end - start > NEARLY_WHOLE:
        half = (start + end) / 2
        return _sector(low, high, start, half, tone) + _sector(low, high, half, end, tone)
    large = int(end - start > HALF_A_TURN)
    (ax, ay), (bx, by) = _on(high, start), _on(high, end)
    (cx, cy), (dx, dy) = _on(low, end), _on(low, start)
    path = (
        f"M{ax:.2f} {ay:.2f}A{high:.2f} {high:.2f} 0 {large} 1 {bx:.2f} {by:.2f}"
        f"L{cx:.2f} {cy:.2f}A{low:.2f} {low:.2f} 0 {large} 0 {dx:.2f} {dy:.2f}Z"
    )
    return Markup('<path class="fill-{}" d="{}"/>').format(tone, path)


def _on(radius: float, turn: float) -> tuple[float, float]:
    return radius * sin(2 * pi * turn), -radius * cos(2 * pi * turn)
