"""Pure decisions about retailers: whom an audience means."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Audience:
    """Shops by region, route and tier: those that each part names, all of them where a part is empty."""

    regions: tuple[str, ...] = ()
    routes: tuple[str, ...] = ()
    tiers: tuple[int, ...] = ()

    def takes_in(self, region: str, route: str, tier: int) -> bool:
        """Return whether a shop that stands there is meant."""
        return (
            (not self.regions or region in self.regions)
            and (not self.routes or route in self.routes)
            and (not self.tiers or tier in self.tiers)
        )
