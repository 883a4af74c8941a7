"""The check of baskets: what there is for them, whether it is rightly shared, and what their lines must say."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from hashlib import sha256
from hmac import digest
from typing import Any

import numpy as np

from allocation.limits import BASKET_LINES
from allocation.verification.basket_gap import check_gap
from allocation.verification.basket_packs import packs_of
from allocation.verification.basket_shares import (
    Claimant,
    Constraint,
    Number,
    Shared,
    check_levels,
    check_mixture,
    check_totals,
)
from allocation.verification.entitlement import Claims, Mask, claims_of
from allocation.verification.exact_shares import cut, exact_units
from allocation.verification.findings import Findings
from allocation.verification.given import NONE, Adjustments, Given, Ints
from allocation.verification.published import GRANTED, Published
from allocation.verification.rows import ADJUSTMENT, REASONS, Rows

Draw = Callable[[str, str, int], bytes]


@dataclass(frozen=True, eq=False)
class Apart:
    """A problem taken apart: the lines in baskets, and what is left without them.

    Parameters
    ----------
    claims
        Of all lines.
    inside
        Per line, whether it lies in a basket.
    labels
        By SKU; None outside of baskets.
    beside
        The problem without the lines in baskets; what their floors take is taken out of its limits.
    """

    claims: Claims
    inside: Mask
    labels: Sequence[str | None]
    beside: Given


def has_baskets(given: Given, policy: Mapping[str, Any]) -> bool:
    """Say whether anything is shared in baskets."""
    return policy.get("fairness") == "basket" or any(given.skus.basket)


def taken_apart(given: Given, claims: Claims, policy: Mapping[str, Any]) -> Apart:
    """Take the lines in baskets out of a problem."""
    everything = policy.get("fairness") == "basket"
    labels = [label if everything or label else None for label in given.skus.basket]
    inside = np.array([label is not None for label in labels], dtype=np.bool_)[given.sku]
    return Apart(claims, inside, labels, _without(given, claims, inside))


def _without(given: Given, claims: Claims, inside: Mask) -> Given:
    credit, most, quotas = given.retailers.credit_minor.copy(), given.retailers.max_units.copy(), dict(given.quotas)
    for line in np.flatnonzero(inside & (claims.base > 0)).tolist():
        retailer, sku = int(given.retailer[line]), int(given.sku[line])
        units = int(claims.base[line] * claims.pack[line])
        if credit[retailer] != NONE:
            credit[retailer] -= units * int(given.skus.price_minor[sku])
        if most[retailer] != NONE:
            most[retailer] -= units
        for group, labels in given.retailers.groups.items():
            for scope in (given.skus.names[sku], "*"):
                if (group, labels[retailer], scope) in quotas:
                    quotas[group, labels[retailer], scope] -= units
    others = np.flatnonzero(~inside)
    decided = ~inside[given.adjustments.line]
    return replace(
        given,
        retailer=given.retailer[others],
        sku=given.sku[others],
        requested=given.requested[others],
        floor=given.floor[others],
        cap=given.cap[others],
        weight=given.weight[others],
        carry=given.carry[others],
        minimum=given.minimum[others],
        all_or_nothing=given.all_or_nothing[others],
        exclusive=given.exclusive[others],
        retailers=replace(given.retailers, credit_minor=credit, max_units=most),
        quotas=quotas,
        adjustments=Adjustments(
            np.searchsorted(others, given.adjustments.line[decided]),
            given.adjustments.granted[decided],
            [texts for texts, is_outside in zip(given.adjustments.texts, decided.tolist(), strict=True) if is_outside],
        ),
    )


def rows_with_baskets(
    apart: Apart, rows: Rows, units: Ints | None, published: Published, findings: Findings
) -> Rows | None:
    """Check the lines in baskets, and return all rows.

    Parameters
    ----------
    rows
        Of the lines outside of baskets.
    units
        What each line is granted; None where nothing is rounded.
    """
    certificate = published.certificate
    stated = certificate.get("baskets")
    if certificate["policy"].get("rule") != "max_min" or not isinstance(stated, Mapping):
        findings.add("certificate.json", "baskets need rule = max_min, and a proof of their totals")
        return None
    try:
        shared, granted = shared_by(apart, units, published)
        held = _held(shared, granted, certificate, stated, findings)
    except (LookupError, ValueError, TypeError, ZeroDivisionError) as error:
        findings.add("certificate.json", "baskets cannot be read: {error}", error=repr(error))
        return None
    return None if held is None else _all_rows(apart, shared, held, rows, findings, exact=units is None)


def shared_by(apart: Apart, units: Ints | None, published: Published) -> tuple[Shared, dict[int, Number]]:
    """Return what is shared in baskets beside what all other lines hold, and what each line in them is granted."""
    granted = _granted(apart, units, published)
    return _shared(apart, _taken_beside(apart, units, published.certificate)), granted


def mixture_stated(shared: Shared, granted: Mapping[int, Number], stated: Mapping[str, Any]) -> dict[int, Number]:
    """Return the units of each line before rounding: the grants, but for the lines that the certificate names."""
    by_name = {shared.given.names(line): line for line in shared.pack}
    held = {line: granted[line] for line in shared.pack}
    for retailer, sku, units in stated["mixture"]["units"]:
        held[by_name[retailer, sku]] = Fraction(units)
    return held


def _granted(apart: Apart, units: Ints | None, published: Published) -> dict[int, Number]:
    lines = np.flatnonzero(apart.inside).tolist()
    if units is not None:
        return dict(zip(lines, units[lines].tolist(), strict=True))
    texts = [row[GRANTED] for row in published.cells()]
    return {line: Fraction(texts[line]) for line in lines}


def _taken_beside(apart: Apart, units: Ints | None, certificate: Mapping[str, Any]) -> Mapping[int, Number]:
    """Return what the lines outside of baskets take of each constraint, by its number."""
    claims = apart.claims
    if units is not None:
        packs = np.where(apart.inside, 0, units // claims.pack)
        return dict(enumerate(map(int, claims.amounts(packs))))
    taken: defaultdict[int, Number] = defaultdict(int)
    others = np.flatnonzero(~apart.inside).tolist()
    exact = exact_units(claims_of(apart.beside, tiered=False), "max_min", certificate)
    for line, amount in zip(others, exact, strict=True):
        for use in claims.uses(line):
            taken[use.number] += Fraction(amount) * use.size / int(claims.pack[line])
    return taken


def _shared(apart: Apart, taken: Mapping[int, Number]) -> Shared:
    claims, given = apart.claims, apart.claims.given
    lines = np.flatnonzero(apart.inside & (claims.top > 0)).tolist()
    pack = {line: int(claims.pack[line]) for line in lines}
    high = {line: int(claims.top[line]) * pack[line] for line in lines}
    sizes: defaultdict[int, dict[int, int]] = defaultdict(dict)
    uses = {}
    for line in lines:
        for use in claims.uses(line):
            if use.size:
                uses[use.number] = use
                sizes[use.number][line] = use.size // pack[line]
    tight = {}
    for number in sorted(uses):
        room = uses[number].limit - taken.get(number, 0)
        if sum(size * high[line] for line, size in sizes[number].items()) > room:
            tight[uses[number].name] = Constraint(room, sizes[number], uses[number].reason)
    claimants: defaultdict[Claimant, list[int]] = defaultdict(list)
    for line in lines:
        claimants[apart.labels[given.sku[line]] or "", given.names(line)[0]].append(line)
    low = {line: int(claims.base[line]) * pack[line] for line in lines}
    weight = {line: int(claims.weight[line]) for line in lines}
    return Shared(given, low, high, pack, weight, dict(sorted(claimants.items())), tight)


def _held(
    shared: Shared,
    granted: Mapping[int, Number],
    certificate: Mapping[str, Any],
    stated: Mapping[str, Any],
    findings: Findings,
) -> dict[int, Number] | None:
    """Return the units that follow from the proof, None where there is no knowing."""
    if not shared.tight:
        if stated != {"method": "nothing is scarce"}:
            findings.add("certificate.json", "it proves baskets although nothing in them is scarce")
        return dict(shared.high)
    for claimant, lines in shared.claimants.items():
        if len({shared.weight[line] for line in lines}) > 1:
            findings.add(", ".join(claimant), "one basket with several weights")
            return None
    if stated["method"] == "approximate":
        return _held_approximately(shared, granted, certificate["policy"]["rounding"], stated, findings)
    return _held_by_proof(shared, granted, certificate, stated, findings)


def _held_approximately(
    shared: Shared, granted: Mapping[int, Number], rounding: str, stated: Mapping[str, Any], findings: Findings
) -> dict[int, Number] | None:
    held = {line: granted[line] for line in shared.pack}
    only_supplies = all(constraint.reason == "supply" for constraint in shared.tight.values())
    if len(held) <= BASKET_LINES or only_supplies or rounding == "none":
        findings.add("certificate.json", "called approximate where an exact answer is due")
        return None
    if not _is_feasible(shared, held, findings):
        return None
    check_gap(shared, held, stated, findings)
    return held


def _held_by_proof(
    shared: Shared,
    granted: Mapping[int, Number],
    certificate: Mapping[str, Any],
    stated: Mapping[str, Any],
    findings: Findings,
) -> dict[int, Number] | None:
    rounding = certificate["policy"]["rounding"]
    drawn = _draw(None if rounding == "none" else bytes.fromhex(certificate["seed"]))

    def draw(line: int, n: int) -> bytes:
        retailer, sku = shared.given.names(line)
        return drawn(sku, retailer, n)

    held = mixture_stated(shared, granted, stated)
    if not _is_feasible(shared, held, findings):
        return None
    totals = {claimant: sum(held[line] for line in lines) for claimant, lines in shared.claimants.items()}
    if stated["method"] == "blocks":
        check_levels(shared, totals, held, stated["levels"], findings)
    else:
        findings.expect("certificate.json", "the method of the baskets", stated["method"], "exact")
        check_totals(shared, totals, stated["stages"], findings)
    check_mixture(shared, totals, held, stated["mixture"]["constraints"], draw, findings)
    if rounding == "none":
        return held
    by_name = {shared.given.names(line): line for line in shared.pack}
    raised = [by_name[retailer, sku] for retailer, sku in stated["raised"]]
    return packs_of(shared, held, raised, rounding, draw, {c: drawn(*c, 0) for c in shared.claimants}, findings)


def _draw(seed: bytes | None) -> Draw:
    def drawn(first: str, second: str, n: int) -> bytes:
        message = "\x1f".join((first, second, str(n))).encode()
        return sha256(message).digest() if seed is None else digest(seed, message, "sha256")

    return drawn


def _is_feasible(shared: Shared, held: Mapping[int, Number], findings: Findings) -> bool:
    before = findings.found
    for line, units in held.items():
        low, high = shared.low[line], shared.high[line]
        if not low <= units <= high:
            findings.add(
                shared.given.place(line),
                "its part of the basket, {units}, is outside of {low} to {high}",
                units=units,
                low=low,
                high=high,
            )
    for name, constraint in shared.tight.items():
        amount = sum(size * held[line] for line, size in constraint.sizes.items())
        if amount > constraint.room:
            findings.add(name, "the baskets take {amount} of {room}", amount=amount, room=constraint.room)
    return findings.found == before


def _all_rows(
    apart: Apart, shared: Shared, held: Mapping[int, Number], rows: Rows, findings: Findings, *, exact: bool
) -> Rows:
    """Put the rows of the lines in baskets between the others."""
    claims, given = apart.claims, apart.claims.given
    bound = _bound(apart, shared, held, exact=exact)
    names = [*rows.bound_names, *sorted(set(bound.values()) - set(rows.bound_names))]
    position = {name: i for i, name in enumerate(names)}
    lines, others = np.flatnonzero(apart.inside).tolist(), ~apart.inside
    reason, bounds = np.zeros(len(given), dtype=np.int8), np.full(len(given), NONE, dtype=np.int32)
    reason[others], bounds[others] = rows.reason, rows.bound
    units: list[Any] = [None] * len(given)
    share: list[Any] = [None] * len(given)
    beside = iter(range(len(rows.given)))
    for line in range(len(given)):
        if apart.inside[line]:
            continue
        other = next(beside)
        units[line] = rows.granted[other]
        share[line] = None if rows.share is None else rows.share[other]
    for line in lines:
        amount = held.get(line, 0)
        if line in held and amount < shared.high[line] and line not in bound:
            findings.add(given.place(line), "stopped although its next pack had room")
        reason[line] = REASONS.index(_reason(claims, shared, line, amount, bound.get(line)))
        bounds[line] = position.get(bound.get(line, ""), NONE)
        units[line] = cut(Fraction(amount)) if exact else amount
        share[line] = cut(Fraction(amount) / int(claims.weight[line])) if exact else None
    return Rows(
        given,
        claims.eligible * claims.pack,
        units if exact else np.array(units, dtype=np.int64),
        share if exact else None,
        claims.weight,
        reason,
        bounds,
        names,
    )


def _bound(apart: Apart, shared: Shared, held: Mapping[int, Number], *, exact: bool) -> dict[int, str]:
    """Return what stops each short line: the first of its constraints without room for its next pack."""
    claims = apart.claims
    left = {
        name: constraint.room - sum(size * held[line] for line, size in constraint.sizes.items())
        for name, constraint in shared.tight.items()
    }
    bound = dict.fromkeys(np.flatnonzero(apart.inside & claims.adjusted).tolist(), ADJUSTMENT)
    for line in shared.pack:
        if line not in bound and held[line] < shared.high[line]:
            for use in claims.uses(line):
                if use.size and use.name in left and (not left[use.name] if exact else left[use.name] < use.size):
                    bound[line] = use.name
                    break
    return bound


def _reason(claims: Claims, shared: Shared, line: int, units: Number, stopped_by: str | None) -> str:
    if stopped_by == ADJUSTMENT:
        return "adjusted"
    if stopped_by is None:
        if not claims.eligible[line] and claims.given.requested[line]:
            return "ineligible"
        return "capped" if claims.capped[line] else "filled"
    return "floor" if units and units == shared.low[line] else shared.tight[stopped_by].reason
