"""The core's problem, made of stored rows alone: frozen book, a version of the supply, policy, manual decisions."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy.orm import Session

import allocation
from allocation.tables.texts import Coded
from server.cycles import copying, queries, result_queries, supply_queries, terms

_LINES = """
    SELECT retailer, sku, requested_units, greatest(floor_units, coalesce(gone.units, 0)), cap_units, weight,
        carry_thousandths
    FROM book_lines LEFT JOIN (
        SELECT retailer, sku, CAST(sum(shipped_units) AS bigint) AS units
        FROM shipped_lines WHERE cycle = :cycle AND attempt < :attempt GROUP BY retailer, sku
    ) AS gone USING (retailer, sku)
    WHERE cycle = :cycle
"""
_SHOPS = """
    SELECT retailer, weight, credit_minor, region, route, CAST(tier AS text), market_type
    FROM book_retailers WHERE cycle = :cycle
"""
_PRICES = "SELECT sku, price_minor FROM book_skus WHERE cycle = :cycle"


@dataclass(frozen=True)
class Basis:
    """What a problem is made of: a frozen book, a version of its supply, the text of a policy, and an attempt.

    The attempt says which manual decisions count, and which goods had left before it: a floor of their lines.
    """

    cycle: UUID
    supply_version: int
    policy_text: str
    attempt: int


@dataclass(frozen=True)
class Weighed:
    """Tier and weight that a retailer would have; one that is suspended would be granted nothing."""

    tier: int
    weight: int
    suspended: bool


def problem(
    session: Session,
    basis: Basis,
    *,
    arrived: Sequence[tuple[str, str]] | None = None,
    weighed: Mapping[str, Weighed] | None = None,
) -> allocation.Problem:
    """Return the problem; for a what-if with its lines in their order of arrival, or with other tiers and weights.

    Who is not among the ``weighed`` keeps what the book says.

    Raises
    ------
    InputError
        Where the core refuses it.
    """
    said = terms.read(basis.policy_text)
    lines = copying.read_columns(
        session,
        _LINES,
        {
            "retailer": copying.NAME,
            "sku": copying.NAME,
            "requested": copying.WHOLE,
            "floor": copying.WHOLE,
            "cap": copying.WHOLE,
            "weight": copying.WHOLE,
            "carry": copying.WHOLE,
        },
        cycle=basis.cycle,
        attempt=basis.attempt,
    )
    if arrived is not None:
        lines = _as_arrived(lines, arrived)
    if weighed is not None:
        lines = _reweighed(lines, weighed)
    requests = {name: copying.coded(lines[name]) for name in lines.column_names}
    if said.all_or_nothing:
        requests["all_or_nothing"] = _all_or_nothing(said, requests["retailer"], requests["sku"])
    if said.bundles:
        requests["exclusive"] = _bundles(said, requests["sku"])
    supply = supply_queries.supply(session, basis.cycle, basis.supply_version).values()
    skus = [line.sku for line in supply]
    prices = dict(zip(*(column.to_pylist() for column in _prices(session, basis.cycle).columns), strict=True))
    quotas = [quota for quota in said.quotas if quota.sku == terms.ALL or quota.sku in set(skus)]
    baskets = {one.sku: one.basket for one in said.baskets}
    decided = result_queries.counted_adjustments(session, basis.cycle, basis.attempt)
    return allocation.Problem.from_columns(
        requests=requests,
        supply={
            "sku": skus,
            "supply": [line.supply_units for line in supply],
            "pack": [line.pack_units for line in supply],
            "price_minor": [prices.get(sku) for sku in skus],
            "reserve": [line.reserve_units for line in supply],
            "minimum": [line.minimum_units for line in supply],
            "basket": [baskets.get(sku, "") for sku in skus],
        },
        retailers=_retailers(session, basis.cycle, said, weighed or {}),
        quotas={
            "group": [quota.group for quota in quotas],
            "value": [quota.value for quota in quotas],
            "sku": [quota.sku for quota in quotas],
            "max_units": [quota.max_units for quota in quotas],
        }
        if quotas
        else None,
        adjustments={
            "retailer": [one.retailer for one in decided],
            "sku": [one.sku for one in decided],
            "granted": [one.granted_units for one in decided],
            "reason": [one.reason for one in decided],
            "author": [one.author for one in decided],
            "approver": [one.decided_by for one in decided],
        }
        if decided
        else None,
        keep_arrival=arrived is not None,
    )


def policy(session: Session, basis: Basis) -> allocation.Policy:
    """Return the policy without its seed, naming the scores and the forecast that the book's weights come from."""
    cycle = queries.cycle(session, basis.cycle)
    assert cycle is not None  # noqa: S101 - it has a book
    return replace(
        terms.read(basis.policy_text).policy,
        score_version=cycle.score_version,
        forecast_version=cycle.forecast_version,
    )


def _as_arrived(lines: pa.Table, arrived: Sequence[tuple[str, str]]) -> pa.Table:
    place = {line: number for number, line in enumerate(arrived)}
    names = zip(copying.coded(lines["retailer"]), copying.coded(lines["sku"]), strict=True)
    order = np.argsort(np.array([place[line] for line in names], dtype=np.int64))
    return lines.unify_dictionaries().take(pa.array(order))


def _reweighed(lines: pa.Table, weighed: Mapping[str, Weighed]) -> pa.Table:
    """Return the lines with other weights; those of who would be suspended are capped at nothing."""
    who = copying.coded(lines["retailer"])
    weights = np.array([weighed[name].weight if name in weighed else 0 for name in who.texts], np.int64)[who.codes]
    out = np.array([name in weighed and weighed[name].suspended for name in who.texts], np.bool_)[who.codes]
    changed = {
        "weight": pa.array(np.where(weights > 0, weights, lines["weight"].to_numpy())),
        "cap": pc.if_else(pa.array(out), 0, lines["cap"]),
    }
    for name, column in changed.items():
        lines = lines.set_column(lines.column_names.index(name), name, column)
    return lines


def _retailers(session: Session, cycle: UUID, said: terms.Terms, weighed: Mapping[str, Weighed]) -> dict[str, Any]:
    columns = ("retailer", "weight", "credit_minor", *(f"group:{group}" for group in terms.GROUPS))
    kinds = {name: copying.WHOLE if name in {"weight", "credit_minor"} else pa.string() for name in columns}
    found = copying.read_columns(session, _SHOPS, kinds, cycle=cycle)
    shops = {name: found[name].to_pylist() for name in columns if name != "credit_minor" or said.credit}
    for place, name in enumerate(shops["retailer"]):
        if (one := weighed.get(name)) is not None:
            shops["weight"][place], shops["group:tier"][place] = max(one.weight, 1), str(one.tier)
    if said.retailer_units is not None:
        shops["max_units"] = [said.retailer_units] * found.num_rows
    return shops


def _prices(session: Session, cycle: UUID) -> pa.Table:
    return copying.read_columns(session, _PRICES, {"sku": pa.string(), "price_minor": copying.WHOLE}, cycle=cycle)


def _bundles(said: terms.Terms, skus: Coded[str]) -> Coded[str]:
    """Return the label of each line's bundle, empty where it stands in none."""
    labels = {one.sku: one.bundle for one in said.bundles}
    of_sku = Coded.of(labels.get(sku, "") for sku in skus.texts)
    return Coded(of_sku.codes[skus.codes], of_sku.texts)


def _all_or_nothing(said: terms.Terms, retailers: Iterable[str], skus: Iterable[str]) -> list[int]:
    chosen = {(line.retailer, line.sku) for line in said.all_or_nothing}
    return [
        int((retailer, sku) in chosen or (terms.ALL, sku) in chosen)
        for retailer, sku in zip(retailers, skus, strict=True)
    ]
