"""How far shops are from each other: the great circle, on a sphere of the Earth's mean radius."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import asin, cos, hypot, radians, sin, sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

EARTH_M: Final = 6_371_008.8
"""The mean radius (IUGG). Streets are longer than the great circle: a plan's sums are for comparing plans."""


@dataclass(frozen=True)
class Spot:
    """A place in degrees."""

    latitude: float
    longitude: float


def between_m(one: Spot, other: Spot) -> int:
    """Return the metres between two places (haversine; Sinnott 1984)."""
    north, east = radians(other.latitude - one.latitude), radians(other.longitude - one.longitude)
    bent = cos(radians(one.latitude)) * cos(radians(other.latitude))
    half = sin(north / 2) ** 2 + bent * sin(east / 2) ** 2
    return round(2 * EARTH_M * asin(min(1.0, sqrt(half))))


def matrix_m(rows: Sequence[Spot], columns: Sequence[Spot]) -> NDArray[np.int64]:
    """Return the metres from each of ``rows`` to each of ``columns``, as :func:`between_m` has them."""
    a = np.radians([(one.latitude, one.longitude) for one in rows]).reshape(-1, 2)
    b = np.radians([(one.latitude, one.longitude) for one in columns]).reshape(-1, 2)
    north = np.sin((b[None, :, 0] - a[:, None, 0]) / 2) ** 2
    east = np.sin((b[None, :, 1] - a[:, None, 1]) / 2) ** 2
    half = north + np.cos(a[:, None, 0]) * np.cos(b[None, :, 0]) * east
    metres: NDArray[np.int64] = np.rint(2 * EARTH_M * np.arcsin(np.minimum(1.0, np.sqrt(half)))).astype(np.int64)
    return metres


def middle(spots: Sequence[Spot]) -> Spot:
    """Return the middle of some places that lie near each other, on the sphere."""
    vectors = [
        (cos(lat) * cos(lon), cos(lat) * sin(lon), sin(lat))
        for lat, lon in ((radians(one.latitude), radians(one.longitude)) for one in spots)
    ]
    x, y, z = (sum(axis) for axis in zip(*vectors, strict=True))
    flat = hypot(x, y)
    return Spot(float(np.degrees(np.arctan2(z, flat))), float(np.degrees(np.arctan2(y, x))))


def length_m(way: Sequence[Spot]) -> int:
    """Return the metres of a way through places in this order."""
    return sum(between_m(one, other) for one, other in pairwise(way))
