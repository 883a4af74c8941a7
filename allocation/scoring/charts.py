"""Charts of scores as SVG texts: drawn from plain figures, styled by classes, readable without colour."""

from collections.abc import Sequence
from html import escape
from typing import Final

_WIDTH: Final = 400
_LEFT: Final = 34
_TOP: Final = 8
_BOTTOM: Final = 180
_LABELS_MOST: Final = 12
_LABEL: Final = 130
_VALUE: Final = 44


def columns(labels: Sequence[str], now: Sequence[int], before: Sequence[int] | None, *, title: str) -> str:
    """Draw a column for each label: solid for now, and beside it outlined for before, where that is given."""
    most = max((*now, *(before or ())), default=0) or 1
    step = (_WIDTH - _LEFT) / max(len(labels), 1)
    width = step * (0.4 if before else 0.8)
    body = [
        (
            f'<path class="frame" d="M{_LEFT} {_TOP}V{_BOTTOM}H{_WIDTH}"/>'
            f'<text x="{_LEFT - 4}" y="{_TOP + 10}" text-anchor="end">{most:,}</text>'
            f'<text x="{_LEFT - 4}" y="{_BOTTOM}" text-anchor="end">0</text>'
        )
    ]
    every = -(-len(labels) // _LABELS_MOST)
    for number, label in enumerate(labels):
        left = _LEFT + step * number + step * 0.1
        pair = (
            (("was", before[number], left), ("now", now[number], left + width))
            if before
            else (("now", now[number], left),)
        )
        body += [_column(kind, x, width, count / most) for kind, count, x in pair]
        if number % every == 0:
            middle = left + step * 0.4
            body.append(f'<text x="{middle:.1f}" y="{_BOTTOM + 15}" text-anchor="middle">{escape(label)}</text>')
    return svg("".join(body), _BOTTOM + 22, title)


def bars(rows: Sequence[tuple[tuple[str, str], int]], whole: int, *, title: str) -> str:
    """Draw a bar for each label, given in English and Chinese: which part of the whole it is, in percent."""
    room, body = _WIDTH - _LABEL - _VALUE, []
    for number, (label, part) in enumerate(rows):
        y = number * 24
        length = room * part / whole
        body.append(
            f'<text class="label" lang="en" x="0" y="{y + 15}">{escape(label[0])}</text>'
            f'<text class="label" lang="zh-Hans" x="0" y="{y + 15}">{escape(label[1])}</text>'
            f'<rect class="now" x="{_LABEL}" y="{y + 4}" width="{length:.1f}" height="15"/>'
            f'<text x="{_LABEL + 6 + length:.1f}" y="{y + 16}">{100 * part / whole:.1f}</text>'
        )
    return svg("".join(body), 24 * len(rows), title)


def svg(body: str, height: int, title: str) -> str:
    """Return a drawing with its name; it scales with its place."""
    return f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(title)}">{body}</svg>'


def _column(kind: str, x: float, width: float, part: float) -> str:
    height = (_BOTTOM - _TOP) * part
    return f'<rect class="{kind}" x="{x:.1f}" y="{_BOTTOM - height:.1f}" width="{width:.1f}" height="{height:.1f}"/>'
