"""Pure decisions about retailers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from server.kit.fields import Reason, Unfit
from server.kit.marking import N_

REASON_NEEDED = Reason(
    "reason_needed", N_("A shop is suspended for a reason, which it reads on its terminal. Write it.")
)
HALF_A_PLACE = Reason("half_a_place", N_("A place needs both latitude and longitude; leave both empty, or fill both."))


@dataclass(frozen=True)
class Audience:
    """Shops by region, route and tier: those that each part names, all of them where a part is empty."""

    regions: tuple[str, ...] = ()
    routes: tuple[str, ...] = ()
    tiers: tuple[int, ...] = ()

    @classmethod
    def typed(cls, regions: Iterable[str], routes: Iterable[str], tiers: Iterable[str]) -> "Audience":
        """Return the audience that was ticked in a form, each part in its order and once."""
        known = dict.fromkeys(int(tier) for tier in tiers if tier.isascii() and tier.isdigit())
        return cls(tuple(dict.fromkeys(regions)), tuple(dict.fromkeys(routes)), tuple(known))

    def takes_in(self, region: str, route: str, tier: int) -> bool:
        """Return whether a shop that stands there is meant."""
        return (
            (not self.regions or region in self.regions)
            and (not self.routes or route in self.routes)
            and (not self.tiers or tier in self.tiers)
        )


def fits_together(shop: Mapping[str, Any]) -> tuple[str, Unfit] | None:
    """Return what is wrong with a shop that is suspended without a reason, or has half a place."""
    if (shop["latitude"] is None) != (shop["longitude"] is None):
        return ("latitude" if shop["latitude"] is None else "longitude"), Unfit(HALF_A_PLACE)
    if shop["standing"] == "suspended" and not shop["standing_reason"]:
        return "standing_reason", Unfit(REASON_NEEDED)
    return None
