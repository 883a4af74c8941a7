"""Whole packs of a mixture: what is whole stays, the parts of packs are rounded jointly, and nothing is left lying.

1. Every line keeps the whole packs of its mixture. That is feasible.
2. Of the lines with part of a pack some get one more: as many as a flow from claimants to supplies allows, each
   claimant at most its parts together, rounded up, and within unit quotas where they nest; of all such choices the
   cheapest (OR-Tools min-cost flow). The order of the claimants' next packs and of the lines' parts makes the cost.
3. Where a constraint that is no flow (credit, packs of several sizes) is overdrawn, the dearest of these packs go back.
4. Packs that still have room everywhere are granted one after the other, by the key of the claimant's next pack.
"""

import heapq
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from allocation.baskets.claimants import Claimant, Number, Programme
from allocation.errors import AnswerRefusedError
from allocation.filling.signposts import CARRY_SCALE, Level, Root

Draw = Callable[[str, str, int], bytes]
Node = tuple[Any, ...]

SOURCE: Final[Node] = ("source",)
SINK: Final[Node] = ("sink",)

_DIGEST_BITS: Final = 8
_LINE_BITS: Final = 20
_CLAIMANT_BITS: Final = 12
_LINE_COST_BITS: Final = _LINE_BITS + _DIGEST_BITS


@dataclass(frozen=True)
class Arc:
    """Up to `capacity` packs from one node to another; `line` where the arc is a line's part of a pack."""

    tail: Node
    head: Node
    capacity: int
    cost: int
    line: int | None = None


@dataclass(frozen=True)
class Rounded:
    """Packs of each line, and the lines that the flow gave one more."""

    packs: list[int]
    raised: list[int]


def basket_key(rounding: str, held: int, pack: int, claimant: Claimant) -> Level:
    """Return the level at which a claimant that holds `held` units is due a pack more.

    The signposts of single lines, written for units: Adams u, Dean 2u(u+p)/(2u+p), Huntington–Hill √(u(u+p)),
    Webster u+p/2, Jefferson u+p, less the carry of the claimant's lines, all by its weight.
    """
    weight, owed = claimant.weight, Fraction(claimant.carry * pack, CARRY_SCALE * claimant.weight)
    if rounding == "huntington_hill":
        return Root(Fraction(held * (held + pack), weight * weight), owed)
    signpost = {
        "adams": Fraction(held),
        "dean": Fraction(2 * held * (held + pack), 2 * held + pack),
        "webster": Fraction(2 * held + pack, 2),
        "jefferson": Fraction(held + pack),
    }[rounding]
    return signpost / weight - owed


def round_mixture(programme: Programme, units: Sequence[Number], rounding: str, draw: Draw, skus: int) -> Rounded:
    """Turn a mixture into whole packs.

    Parameters
    ----------
    units
        The mixture, in units of each line.
    skus
        Rows whose constraint is below this are supplies.
    """
    packs = [int(amount // pack) for amount, pack in zip(units, programme.pack, strict=True)]
    rest = [amount / Fraction(pack) - whole for amount, pack, whole in zip(units, programme.pack, packs, strict=True)]
    room = [
        row.room - sum(size * packs[i] * programme.pack[i] for i, size in row.sizes.items()) for row in programme.rows
    ]
    arcs = arcs_of(programme, packs, rest, room, rounding, draw, skus)
    raised = _cheapest_flow(arcs)
    order = {arc.line: arc.cost for arc in arcs if arc.line is not None}
    taken = _without_overdraft(programme, room, sorted(raised, key=lambda i: (order[i], i)))
    for i in taken:
        packs[i] += 1
    room = [
        row.room - sum(size * packs[i] * programme.pack[i] for i, size in row.sizes.items()) for row in programme.rows
    ]
    grant_what_has_room(programme, packs, room, rounding, draw)
    return Rounded(packs, raised)


def arcs_of(
    programme: Programme,
    packs: Sequence[int],
    rest: Sequence[Fraction],
    room: Sequence[Number],
    rounding: str,
    draw: Draw,
    skus: int,
) -> list[Arc]:
    """Return the network of the parts: source, claimants, lines, quotas of one SKU, supplies, sink."""
    parts = [i for i, part in enumerate(rest) if part]
    digest = {i: draw(programme.sku[i], programme.retailer[i], packs[i] + 1) for i in parts}
    by_rest = sorted(parts, key=lambda i: (-rest[i], digest[i]))
    line_cost = {
        i: ((rank << _LINE_BITS) // len(parts) << _DIGEST_BITS) + digest[i][0] for rank, i in enumerate(by_rest)
    }
    supply_of = {i: r for r, row in enumerate(programme.rows) if row.constraint < skus for i in row.sizes}
    quota_of = {
        i: r
        for r, row in reversed(list(enumerate(programme.rows)))
        if row.name.startswith("quota:") and not row.name.endswith(":*")
        for i in row.sizes
    }
    arcs, last = [], []
    for c, claimant in enumerate(programme.claimants):
        mine = [i for i in claimant.members if rest[i]]
        if not mine:
            continue
        node = ("claimant", c)
        total = sum(rest[i] for i in mine)
        whole, pack = int(total), min(programme.pack[i] for i in mine)
        arcs.append(Arc(SOURCE, node, whole, 0))
        if total > whole:
            held = sum(packs[i] * programme.pack[i] for i in claimant.members) + whole * pack
            last.append((basket_key(rounding, held, pack, claimant), draw(claimant.basket, claimant.retailer, 0), node))
        for i in mine:
            end = ("supply", supply_of[i]) if i in supply_of else SINK
            arcs.append(Arc(node, ("quota", quota_of[i], *end) if i in quota_of else end, 1, line_cost[i], i))
    arcs += [
        Arc(SOURCE, node, 1, ((1 << _CLAIMANT_BITS) + (rank << _CLAIMANT_BITS) // len(last)) << _LINE_COST_BITS)
        for rank, (_, _, node) in enumerate(sorted(last))
    ]
    smallest = [min(programme.pack[i] for i in row.sizes) for row in programme.rows]
    for kind, next_node in (("quota", 2), ("supply", 4)):
        for node in dict.fromkeys(arc.head for arc in arcs if arc.head[0] == kind):
            arcs.append(Arc(node, node[next_node:] or SINK, int(room[node[1]] // smallest[node[1]]), 0))
    return arcs


def _cheapest_flow(arcs: Sequence[Arc]) -> list[int]:
    """Return the lines with a flow, of the largest flow that is cheapest."""
    if not arcs:
        return []
    from ortools.graph.python import min_cost_flow  # noqa: PLC0415  # only baskets need it

    number = {node: n for n, node in enumerate(dict.fromkeys(node for arc in arcs for node in (arc.tail, arc.head)))}
    solver = min_cost_flow.SimpleMinCostFlow()
    for arc in arcs:
        solver.add_arc_with_capacity_and_unit_cost(
            number[arc.tail], number[arc.head], min(arc.capacity, len(arcs)), arc.cost
        )
    solver.set_node_supply(number[SOURCE], len(arcs))
    solver.set_node_supply(number[SINK], -len(arcs))
    if solver.solve_max_flow_with_min_cost() != solver.OPTIMAL:
        raise AnswerRefusedError("the parts of packs could not be rounded jointly; nothing is published")
    return [arc.line for a, arc in enumerate(arcs) if arc.line is not None and solver.flow(a)]


def _without_overdraft(programme: Programme, room: Sequence[Number], raised: Sequence[int]) -> list[int]:
    """Give back the dearest of the raised lines wherever a row is overdrawn; `raised` comes cheapest first."""
    kept = list(raised)
    for row, left in zip(programme.rows, room, strict=True):
        over = sum(row.sizes.get(i, 0) * programme.pack[i] for i in kept) - left
        for i in reversed(kept.copy()):
            if over > 0 and i in row.sizes:
                kept.remove(i)
                over -= row.sizes[i] * programme.pack[i]
    return kept


def grant_what_has_room(programme: Programme, packs: list[int], room: list[Number], rounding: str, draw: Draw) -> None:
    """Grant packs that have room everywhere, by the key of the claimant's next pack; a line stops when it has none."""
    uses: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    for r, row in enumerate(programme.rows):
        for i, size in row.sizes.items():
            uses[i].append((r, size * programme.pack[i]))
    claimant_of = programme.claimant_of
    held = [sum(packs[i] * programme.pack[i] for i in claimant.members) for claimant in programme.claimants]

    def has_room(i: int) -> bool:
        return packs[i] * programme.pack[i] < programme.high[i] and all(room[r] >= size for r, size in uses[i])

    def turn(i: int) -> tuple[Level, bytes, int, int]:
        c = claimant_of[i]
        key = basket_key(rounding, held[c], programme.pack[i], programme.claimants[c])
        return key, draw(programme.sku[i], programme.retailer[i], packs[i] + 1), i, held[c]

    queue = [turn(i) for i in range(len(packs)) if has_room(i)]
    heapq.heapify(queue)
    while queue:
        _, _, i, held_then = heapq.heappop(queue)
        if not has_room(i):
            continue
        c = claimant_of[i]
        if held_then == held[c]:
            packs[i] += 1
            held[c] += programme.pack[i]
            for r, size in uses[i]:
                room[r] -= size
        if has_room(i):
            heapq.heappush(queue, turn(i))
