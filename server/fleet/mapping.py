"""Places on a plane, and the operator's map tiles below them: Web Mercator, as tile servers number it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import asinh, atan, ceil, degrees, floor, log2, pi, radians, sinh, tan
from typing import Final
from urllib.parse import urlsplit

from markupsafe import Markup

PLOT_WIDE: Final = 100.0
MARGIN: Final = 6.0
ZOOM_MOST: Final = 18
TILES_ACROSS: Final = 4
LATITUDE_MOST: Final = degrees(atan(sinh(pi)))
"""Where the square world of Web Mercator ends."""


@dataclass(frozen=True)
class Cell:
    """Terminals that stand near each other: the middle of their shops, how many, and how many are offline."""

    latitude: float
    longitude: float
    count: int
    offline: int
    regions: str
    box: tuple[float, float, float, float]


@dataclass(frozen=True)
class Tiles:
    """Where tiles come from, ``{z}``, ``{x}`` and ``{y}`` in the address, and whom to name for them."""

    address: str
    attribution: str

    @property
    def origin(self) -> str:
        """Scheme and host that a page must be allowed to take pictures from."""
        parts = urlsplit(self.address)
        return f"{parts.scheme}://{parts.netloc}"

    def at(self, zoom: int, x: int, y: int) -> str:
        """Return the address of one tile."""
        return self.address.replace("{z}", str(zoom)).replace("{x}", str(x)).replace("{y}", str(y))


@dataclass(frozen=True)
class View:
    """What a plot shows: a corner and a scale of the world, which is 1 wide and 1 high from the north west."""

    left: float
    top: float
    wide: float
    high: float
    scale: float

    def place(self, latitude: float, longitude: float) -> tuple[float, float]:
        """Return a place in the plot's units, from its upper left corner."""
        x, y = world(latitude, longitude)
        return (x - self.left) * self.scale, (y - self.top) * self.scale

    def tiles(self) -> list[tuple[int, int, int]]:
        """Return (zoom, x, y) of the tiles that cover the view: as fine as some few across can be."""
        zoom = min(ZOOM_MOST, max(0, floor(log2(TILES_ACROSS / max(self.wide, self.high)))))
        across = 2**zoom

        def numbers(begin: float, length: float) -> range:
            return range(max(0, floor(begin * across)), min(across, ceil((begin + length) * across)))

        return [(zoom, x, y) for y in numbers(self.top, self.high) for x in numbers(self.left, self.wide)]


def world(latitude: float, longitude: float) -> tuple[float, float]:
    """Return a place in Web Mercator: the world is 1 wide and 1 high, its origin in the north west."""
    within = max(-LATITUDE_MOST, min(LATITUDE_MOST, latitude))
    return (longitude + 180) / 360, (1 - asinh(tan(radians(within))) / pi) / 2


def view_of(cells: Sequence[Cell]) -> View:
    """Return what shows all cells with a margin around them."""
    placed = [world(one.latitude, one.longitude) for one in cells]
    left, right = min(x for x, _ in placed), max(x for x, _ in placed)
    top, bottom = min(y for _, y in placed), max(y for _, y in placed)
    scale = PLOT_WIDE / max(right - left, bottom - top, 1e-7)
    margin = MARGIN / scale
    return View(left - margin, top - margin, right - left + 2 * margin, bottom - top + 2 * margin, scale)


def plot(
    cells: Sequence[Cell],
    *,
    title: str,
    link: Callable[[Cell], str],
    said: Callable[[Cell], str],
    tiles: Tiles | None = None,
) -> Markup:
    """Return places as a picture: a circle a cell, each a link, above tiles or above nothing.

    The area of a circle grows with its terminals; the part that is offline is drawn inside it.
    """
    view = view_of(cells)
    ground = [] if tiles is None else [_tile(view, tiles, *each) for each in view.tiles()]
    most = max(one.count for one in cells)
    drawn = []
    for one in sorted(cells, key=lambda cell: -cell.count):
        x, y = view.place(one.latitude, one.longitude)
        radius = 0.8 + 3.2 * (one.count / most) ** 0.5
        inner = radius * (one.offline / one.count) ** 0.5
        drawn.append(
            Markup(
                '<a href="{}" aria-label="{}"><circle class="map-all" cx="{:.2f}" cy="{:.2f}" r="{:.2f}"/>'
                '<circle class="map-off" cx="{:.2f}" cy="{:.2f}" r="{:.2f}"/><title>{}</title></a>'
            ).format(link(one), said(one), x, y, radius, x, y, inner, said(one))
        )
    return Markup('<svg class="map" viewBox="0 0 {:.2f} {:.2f}" role="group" aria-label="{}">{}{}</svg>').format(
        view.wide * view.scale, view.high * view.scale, title, Markup().join(ground), Markup().join(drawn)
    )


def _tile(view: View, tiles: Tiles, zoom: int, x: int, y: int) -> Markup:
    side = view.scale / 2**zoom
    across, down = x * side - view.left * view.scale, y * side - view.top * view.scale
    # A hair wider than it is: browsers leave seams between pictures that only touch.
    return Markup('<image href="{}" x="{:.3f}" y="{:.3f}" width="{:.3f}" height="{:.3f}"/>').format(
        tiles.at(zoom, x, y), across, down, side * 1.003, side * 1.003
    )
