"""What is touched where a shop, or its licence for a class, is suspended or cancelled; rooms lists who tells it.

Retailers and licences know nothing of orders, grants and deliveries, so each says itself what it holds of a shop.
"""

import hashlib
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session


@dataclass(frozen=True)
class Line:
    """One thing that is touched: how it is called (no word to be translated), where it stands, units of the goods."""

    name: str
    href: str | None
    units: int


@dataclass(frozen=True)
class Part:
    """What one capability holds. ``label``, and what becomes of it, are ``N_`` texts.

    That is ``consequence`` where a licence is suspended, ``of_shop`` where the whole shop is. ``read`` is given the
    session, the shop, the SKUs, and the time in the distributor's zone.
    """

    label: str
    consequence: str
    of_shop: str
    read: Callable[[Session, str, Collection[str], datetime], Sequence[Line]]


@dataclass(frozen=True)
class Touched:
    """A part with what it found."""

    part: Part
    lines: Sequence[Line]

    @property
    def units(self) -> int:
        """Units of the goods in all lines."""
        return sum(line.units for line in self.lines)


def read(session: Session, parts: Sequence[Part], retailer: str, skus: Collection[str], now: datetime) -> list[Touched]:
    """Return what is touched where a shop can be given some SKUs no more."""
    return [Touched(part, part.read(session, retailer, skus, now) if skus else ()) for part in parts]


def digest(touched: Sequence[Touched]) -> str:
    """Return a short digest of what was shown, by which a signature finds out that it is out of date."""
    told = [[one.part.label, [[line.name, line.units] for line in one.lines]] for one in touched]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]


def told(touched: Sequence[Touched]) -> Mapping[str, Any]:
    """Return what was shown as a step keeps it: names and units by part."""
    return {one.part.label: [{"name": line.name, "units": line.units} for line in one.lines] for one in touched}
