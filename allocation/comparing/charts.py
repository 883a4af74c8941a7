"""Charts as SVG texts: drawn from plain figures, styled by classes, readable without colour.

The first policy is outlined or dashed, the second is solid. All are 400 wide and scale with their place.
"""

from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

from allocation.comparing.comparison import Bin, GroupRow
from allocation.comparing.texts import bin_label, percent

WIDTH: Final = 400
_LEFT: Final = 34
_RIGHT: Final = 390
_LABEL: Final = 104
_VALUE: Final = 52
_ROW: Final = 24
_LETTERS: Final = 13


def lorenz(a: Sequence[Sequence[float]], b: Sequence[Sequence[float]], *, title: str, axes: tuple[str, str]) -> str:
    """Draw two Lorenz curves: points (part of the retailers, part of the units) from (0, 0) to (1, 1)."""
    top, bottom = 18, 300
    across, up = _RIGHT - _LEFT, bottom - top

    def path(points: Iterable[Sequence[float]]) -> str:
        return "M" + "L".join(f"{_LEFT + across * x:.1f} {bottom - up * y:.1f}" for x, y in points)

    grid = "".join(
        f'<path class="grid" d="M{_LEFT} {bottom - up * part:.1f}H{_RIGHT}"/>'
        f'<text x="{_LEFT - 5}" y="{bottom - up * part + 4:.1f}" text-anchor="end">{100 * part:.0f}</text>'
        f'<text x="{_LEFT + across * part:.1f}" y="{bottom + 16}" text-anchor="middle">{100 * part:.0f}</text>'
        for part in (0, 0.25, 0.5, 0.75, 1)
    )
    body = (
        f"{grid}"
        f'<path class="even" d="M{_LEFT} {bottom}L{_RIGHT} {top}"/>'
        f'<path class="line-a" d="{path(a)}"/><path class="line-b" d="{path(b)}"/>'
        f'<text x="{_LEFT}" y="10">{escape(axes[1])}, %</text>'
        f'<text x="{_RIGHT}" y="{bottom + 33}" text-anchor="end">{escape(axes[0])}, %</text>'
    )
    return _svg(body, bottom + 38, title)


def fills(rows: Sequence[GroupRow], *, title: str) -> str:
    """Draw for each label of a group two bars: which part of what was eligible is granted by either policy."""
    body, room = [], WIDTH - _LABEL - _VALUE
    for number, row in enumerate(rows):
        y = number * (_ROW + 8)
        body.append(_label(row.value or "–", y + 15))
        for shift, kind, part in ((1, "bar-a", row.fill_a), (12, "bar-b", row.fill_b)):
            width = room * min(part, 1.0)
            body.append(f'<rect class="{kind}" x="{_LABEL}.5" y="{y + shift}.5" width="{width:.1f}" height="9"/>')
            body.append(f'<text class="value" x="{_LABEL + room + 6}" y="{y + shift + 9}">{percent(part)}</text>')
    return _svg("".join(body), len(rows) * (_ROW + 8), title)


def changes(bins: Sequence[Bin], *, title: str) -> str:
    """Draw how many change by how much: losses, those without a change, gains."""
    shown, room = shown_bins(bins), WIDTH - _LABEL - _VALUE
    most = max((some.count for some in shown), default=0) or 1
    body = []
    for number, some in enumerate(shown):
        y = number * _ROW
        kind = ("same", "gain", "loss")[some.sign]
        body.append(_label(bin_label(some), y + 15))
        body.append(
            f'<rect class="{kind}" x="{_LABEL}" y="{y + 4}" width="{room * some.count / most:.1f}" height="15"/>'
            f'<text class="value" x="{_LABEL + room * some.count / most + 6:.1f}" y="{y + 16}">{some.count:,}</text>'
        )
    return _svg("".join(body), len(shown) * _ROW, title)


def shown_bins(bins: Sequence[Bin]) -> list[Bin]:
    """Return the bins between the outermost that hold somebody; that of less than one unit only where it does."""
    held = [number for number, some in enumerate(bins) if some.count]
    inside = bins[held[0] : held[-1] + 1] if held else []
    return [some for some in inside if some.count or some.high != 1]


def _label(text: str, y: int) -> str:
    cut = text if len(text) <= _LETTERS else text[: _LETTERS - 1] + "…"
    return f'<text class="label" x="0" y="{y}">{escape(cut)}</text>'


def _svg(body: str, height: int, title: str) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}">{body}</svg>'
