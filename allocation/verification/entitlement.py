"""What each line may get at least and at most, and what it uses: worked out from the given columns alone."""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from allocation.verification.given import NONE, Given, Ints


@dataclass(frozen=True)
class Use:
    """One constraint of a line: its name as in ``bound_by``, what one pack takes of it, the reason that it gives."""

    name: str
    size: int
    reason: str


@dataclass(frozen=True, eq=False)
class Claims:
    """Per line, in packs unless said otherwise.

    `supplies` and `supply` are by SKU. `further` holds the constraints besides the supply, only for lines that have
    one which could become full.
    """

    sku: Ints
    pack: Ints
    eligible: Ints
    floor: Ints
    minimum: Ints
    weight: Ints
    carry: Ints
    tier: Ints
    capped: npt.NDArray[np.bool_]
    sku_names: list[str]
    supplies: list[Use]
    supply: Ints
    further: dict[int, list[Use]]
    limits: dict[str, int]

    def uses(self, line: int) -> list[Use]:
        """Return all constraints of a line in the order in which a full one is named."""
        return [self.supplies[self.sku[line]], *self.further.get(line, ())]

    def limit(self, name: str) -> int:
        """Return the limit of a constraint, in units or minor money."""
        return self.limits[name]


def claims_of(given: Given, *, tiered: bool) -> Claims:
    """Work out the claims; raises KeyError or ValueError where tiers are asked for and missing."""
    names = sorted(given.skus)
    position = {name: i for i, name in enumerate(names)}
    sku = np.array([position[name] for name in given.sku], dtype=np.int64)
    rows = [given.skus[name] for name in names]
    packs = np.array([row.pack for row in rows], dtype=np.int64)
    pack = packs[sku]
    allowed = np.where(given.cap == NONE, given.requested, np.minimum(given.requested, given.cap))
    allowed_packs = (allowed - allowed % pack) // pack
    stated = np.array([row.minimum for row in rows], dtype=np.int64)[sku]
    least_units = np.where(given.minimum == NONE, stated, given.minimum)
    least = np.where(given.all_or_nothing == 1, allowed_packs, _packs_to_cover(least_units, pack))
    eligible = allowed_packs * (least <= allowed_packs)
    promised = np.minimum(_packs_to_cover(given.floor, pack), eligible)
    floor = np.where(promised > 0, np.minimum(np.maximum(promised, least), eligible), 0)
    minimum = np.where((eligible > 0) & (least > np.maximum(floor, 1)), least, 0)
    weight = given.weights()
    offered = np.array([row.supply - row.reserve for row in rows], dtype=np.int64)
    supply = (offered - offered % packs) // packs
    limits = {f"supply:{name}": int(supply[i] * packs[i]) for i, name in enumerate(names)}
    supplies = [Use(f"supply:{name}", row.pack, "supply") for name, row in zip(names, rows, strict=True)]
    further = _further(given, eligible, pack, limits)
    tier = np.zeros_like(sku)
    if tiered:
        listed = given.retailers or {}
        tiers = {name: int(listed[name].groups["tier"]) for name in set(given.retailer)}
        tier = np.array([tiers[name] for name in given.retailer], dtype=np.int64)
    capped = allowed_packs < given.requested // pack
    return Claims(
        sku, pack, eligible, floor, minimum, weight, given.carry, tier, capped, names, supplies, supply, further, limits
    )


def _packs_to_cover(units: Ints, pack: Ints) -> Ints:
    return units // pack + (units % pack > 0)


def _further(given: Given, eligible: Ints, pack: Ints, limits: dict[str, int]) -> dict[int, list[Use]]:
    """Return the constraints besides supply, for the lines that have one which could become full; note the limits.

    A constraint that has room for everything eligible in it cannot stop anybody.
    """
    if given.retailers is None:
        return {}
    uses: dict[int, list[Use]] = {}
    demand: defaultdict[str, int] = defaultdict(int)
    groups = sorted({group for group, _, _ in given.quotas})
    for line, (name, sku) in enumerate(zip(given.retailer, given.sku, strict=True)):
        retailer, size = given.retailers[name], int(pack[line])
        mine = []
        if retailer.credit_minor != NONE:
            limits[f"credit:{name}"] = retailer.credit_minor
            mine.append(Use(f"credit:{name}", size * given.skus[sku].price_minor, "credit"))
        if retailer.max_units != NONE:
            limits[f"units:{name}"] = retailer.max_units
            mine.append(Use(f"units:{name}", size, "quota"))
        for scope in (sku, "*"):
            for group in groups:
                key = (group, retailer.groups.get(group, ""), scope)
                if key in given.quotas:
                    quota = f"quota:{key[0]}={key[1]}:{key[2]}"
                    limits[quota] = given.quotas[key]
                    mine.append(Use(quota, size, "quota"))
        uses[line] = mine
        for use in mine:
            demand[use.name] += use.size * int(eligible[line])
    tight = {name for name, total in demand.items() if total > limits[name]}
    return {line: mine for line, mine in uses.items() if any(use.name in tight for use in mine)}
