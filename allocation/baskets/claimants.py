"""Who claims what in baskets, and what there is for it: the linear programme, in exact numbers."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Final

import numpy as np
import numpy.typing as npt

from allocation.errors import InputError
from allocation.filling.outcome import Filling
from allocation.policy import Policy
from allocation.problem import Lines, Problem

Number = int | Fraction

_RULES: Final = ("max_min",)


@dataclass(frozen=True)
class Claimant:
    """A retailer with its lines in one basket; `members` are positions in :class:`Programme`."""

    retailer: str
    basket: str
    weight: int
    carry: int
    members: tuple[int, ...]


@dataclass(frozen=True)
class Row:
    """A constraint: `room` in units or money, and what one unit of each member takes of it."""

    constraint: int
    name: str
    room: Number
    sizes: dict[int, int]


@dataclass(frozen=True)
class Programme:
    """What is shared in baskets.

    Parameters
    ----------
    line
        Positions of the lines in the problem.
    retailer, sku
        Their names.
    low, high, pack
        Units.
    claimants
        In byte order of basket and retailer; each line has one.
    rows
        The constraints that could become full, in naming order.
    """

    line: tuple[int, ...]
    retailer: tuple[str, ...]
    sku: tuple[str, ...]
    low: tuple[int, ...]
    high: tuple[int, ...]
    pack: tuple[int, ...]
    claimants: tuple[Claimant, ...]
    rows: tuple[Row, ...]

    @property
    def claimant_of(self) -> dict[int, int]:
        """The claimant of each line."""
        return {member: c for c, claimant in enumerate(self.claimants) for member in claimant.members}


def basket_of_skus(problem: Problem, policy: Policy) -> list[str | None]:
    """Return the label of each SKU's basket, None for SKUs that are shared line by line.

    With ``fairness = "basket"`` the SKUs without a label are a basket of their own.
    """
    if policy.fairness == "basket":
        return list(problem.supply.basket)
    return [label or None for label in problem.supply.basket]


def lines_in_baskets(problem: Problem, policy: Policy) -> npt.NDArray[np.bool_]:
    """Say which lines are shared in baskets."""
    in_basket = np.array([label is not None for label in basket_of_skus(problem, policy)], dtype=np.bool_)
    chosen: npt.NDArray[np.bool_] = in_basket[problem.requests.sku]
    return chosen


def has_baskets(problem: Problem, policy: Policy) -> bool:
    """Say whether anything is shared in baskets."""
    return policy.fairness == "basket" or any(problem.supply.basket)


def lines_to_fill_one_by_one(problem: Problem, policy: Policy) -> Lines:
    """Return what a filling may give to each line: to one in a basket its floor, since it is filled later.

    Raises
    ------
    InputError
        Where policy or problem ask of baskets what they cannot have.
    """
    lines = problem.lines_to_fill
    if not has_baskets(problem, policy):
        return lines
    chosen = lines_in_baskets(problem, policy)
    _refuse_what_baskets_cannot_have(problem, policy, chosen)
    return replace(lines, eligible=np.where(chosen, lines.floor, lines.eligible))


def _refuse_what_baskets_cannot_have(problem: Problem, policy: Policy, chosen: npt.NDArray[np.bool_]) -> None:
    """Refuse other rules, minimums, exclusive bundles, and weights that differ within one claimant.

    Raises
    ------
    InputError
        Naming the policy's key or the line.
    """
    if policy.rule not in _RULES:
        raise InputError("policy.toml", f"baskets need rule = {' or '.join(_RULES)}", column="rule", value=policy.rule)
    for line in np.flatnonzero(chosen & (problem.lines.minimum > 0)).tolist():
        sku, retailer = problem.names(line)
        raise InputError(
            "requests.csv",
            f"{retailer}, {sku} has a minimum and lies in a basket; take the minimum out, or the SKU out of the basket",
            column="minimum",
            value=str(problem.lines.minimum[line]),
        )
    requests = problem.requests
    for line in np.flatnonzero(chosen & (requests.exclusive >= 0)).tolist():
        sku, retailer = problem.names(line)
        raise InputError(
            "requests.csv",
            f"{retailer}, {sku} excludes other lines and lies in a basket; take the label or the basket out",
            column="exclusive",
            value=requests.labels[requests.exclusive[line]],
        )
    baskets = basket_of_skus(problem, policy)
    seen: dict[tuple[int, str | None], int] = {}
    for line in np.flatnonzero(chosen).tolist():
        weight = int(problem.lines.weight[line])
        claimant = int(problem.requests.retailer[line]), baskets[problem.requests.sku[line]]
        if seen.setdefault(claimant, weight) != weight:
            sku, retailer = problem.names(line)
            raise InputError(
                "requests.csv",
                f"{retailer}, {sku}: its basket has another line with weight {seen[claimant]}; "
                "a basket has one weight, give it in retailers.csv",
                column="weight",
                value=str(weight),
            )


def programme_of(problem: Problem, lines: Lines, policy: Policy, filling: Filling) -> Programme:
    """Set up what is shared in baskets, with the room that floors and all other lines leave.

    Parameters
    ----------
    lines
        What each line may get at least and at most.
    filling
        Holds what the lines outside of baskets are granted.
    """
    chosen = lines_in_baskets(problem, policy)
    here = np.flatnonzero(chosen & (lines.eligible > 0)).tolist()
    baskets, requests = basket_of_skus(problem, policy), problem.requests
    pack = lines.pack.tolist()
    rows = _rows(problem, lines, chosen, here, filling)
    members: defaultdict[tuple[str, int], list[int]] = defaultdict(list)
    for i, line in enumerate(here):
        members[baskets[requests.sku[line]] or "", int(requests.retailer[line])].append(i)
    claimants = tuple(
        Claimant(
            problem.retailers.retailer[retailer],
            basket,
            int(lines.weight[here[mine[0]]]),
            sum(int(requests.carry[here[i]]) for i in mine),
            tuple(mine),
        )
        for (basket, retailer), mine in sorted(members.items())
    )
    names = [problem.names(line) for line in here]
    return Programme(
        line=tuple(here),
        retailer=tuple(retailer for _, retailer in names),
        sku=tuple(sku for sku, _ in names),
        low=tuple(int(lines.floor[line]) * pack[line] for line in here),
        high=tuple(int(lines.eligible[line]) * pack[line] for line in here),
        pack=tuple(pack[line] for line in here),
        claimants=claimants,
        rows=tuple(row for row in rows if _could_be_full(row, here, lines)),
    )


def _rows(
    problem: Problem, lines: Lines, chosen: npt.NDArray[np.bool_], here: Sequence[int], filling: Filling
) -> list[Row]:
    constraints, sku = problem.constraints, problem.requests.sku
    room: list[Number] = list(constraints.limits)
    price = problem.supply.price_minor[sku].tolist()
    sizes: defaultdict[int, dict[int, int]] = defaultdict(dict)
    for slot in constraints.slots:
        position = slot.constraint.tolist()
        for i, line in enumerate(here):
            size = price[line] if slot.in_money else 1
            if position[line] >= 0 and size:
                sizes[position[line]][i] = size
        ours = np.unique(slot.constraint[here])
        for line in np.flatnonzero(~chosen & np.isin(slot.constraint, ours[ours >= 0])).tolist():
            packs = filling.granted[line] if isinstance(filling.granted[line], Fraction) else int(filling.granted[line])
            room[position[line]] -= packs * int(lines.pack[line]) * (price[line] if slot.in_money else 1)
    return [Row(c, constraints.names[c], room[c], sizes[c]) for c in sorted(sizes)]


def _could_be_full(row: Row, here: Sequence[int], lines: Lines) -> bool:
    demand = sum(size * int(lines.eligible[here[i]]) * int(lines.pack[here[i]]) for i, size in row.sizes.items())
    return demand > row.room
