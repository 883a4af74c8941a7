"""Whom something may be for, and how that is told apart."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pydantic import TypeAdapter

from server.kit.fields import Reason
from server.kit.marking import N_
from server.licences.rules import Holding
from server.retailers.rules import Audience

CODES_MOST: Final = 2_000
NOBODY = Reason("not_addressed", N_("No retailer is in this audience."))
UNKNOWN_CODES = Reason("unknown_codes", N_("No retailer has the code {codes}. Correct the list."))
TOO_MANY_CODES = Reason(
    "too_many_codes", N_("The list names {count} retailers; it may name {most}. Choose regions or routes instead.")
)
REASONS = (NOBODY, UNKNOWN_CODES, TOO_MANY_CODES)

HOLDINGS: Mapping[Holding, str] = {
    "held": N_("held today"),
    "expiring": N_("running out soon"),
    "expired": N_("run out and not renewed"),
    "suspended": N_("suspended"),
    "cancelled": N_("cancelled"),
}


@dataclass(frozen=True)
class Addressed(Audience):
    """Shops that every part fits, all of them where a part is empty.

    ``market_types`` are the classes of shops. ``licence_classes`` and ``licence`` ask for a licence of one of these
    classes, of any where none is named, that stands so; classes alone ask for one that is held. ``codes`` is a list.
    """

    market_types: tuple[str, ...] = ()
    licence_classes: tuple[str, ...] = ()
    licence: Holding | None = None
    codes: tuple[str, ...] = ()


EVERYONE: Final = Addressed()
ADDRESSED: Final[TypeAdapter[Addressed]] = TypeAdapter(Addressed)
"""How an audience is kept; what an older one does not name counts as empty."""
