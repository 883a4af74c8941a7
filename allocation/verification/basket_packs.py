"""Whole packs of baskets, worked out once more from the mixture, and the joint rounding shown to be the cheapest.

The certificate names the lines whose part of a pack was rounded up. In the network of these parts no more packs could
flow, and no cycle of exchanges would make them cheaper (Bellman–Ford on what is left of each arc). What follows, giving
back and granting what still has room, is repeated here step by step.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from allocation.verification.basket_shares import Claimant, Number, Shared
from allocation.verification.findings import Findings
from allocation.verification.turns import Level, Surd

Node = tuple[Any, ...]
LineDraw = Callable[[int, int], bytes]


def packs_of(
    shared: Shared,
    mixture: Mapping[int, Number],
    raised: Sequence[int],
    rounding: str,
    draw: LineDraw,
    of_claimant: Mapping[Claimant, bytes],
    findings: Findings,
) -> dict[int, Number]:
    """Return the units in whole packs that follow from a mixture.

    Parameters
    ----------
    raised
        The lines whose part of a pack was rounded up, as stated.
    of_claimant
        The draw of each claimant.
    """
    held = {line: int(units // shared.pack[line]) * shared.pack[line] for line, units in mixture.items()}
    rest = {line: (mixture[line] - units) / Fraction(shared.pack[line]) for line, units in held.items()}
    if len(set(raised)) < len(raised) or not all(rest[line] for line in raised):
        findings.add("certificate.json", "a line of the baskets was raised twice, or has no part of a pack")
        return dict(held)
    costs = _line_costs(shared, held, rest, draw)
    _check_flow(_network(shared, held, rest, set(raised), costs, rounding, of_claimant), findings)
    kept = _after_giving_back(shared, held, sorted(raised, key=lambda line: (costs[line], line)))
    for line in kept:
        held[line] += shared.pack[line]
    _grant_the_rest(shared, held, rounding, draw)
    return dict(held)


def _left(shared: Shared, held: Mapping[int, Number]) -> dict[str, Number]:
    return {
        name: constraint.room - sum(size * held[line] for line, size in constraint.sizes.items())
        for name, constraint in shared.tight.items()
    }


def _key(shared: Shared, claimant: Claimant, units: int, pack: int, rounding: str) -> Level:
    """Return the level at which a claimant with so many units is due one more pack."""
    weight = shared.weight[shared.claimants[claimant][0]]
    owed = Fraction(shared.carry(claimant) * pack, 1000)
    if rounding == "huntington_hill":
        return Surd(Fraction(units * (units + pack), weight**2), owed / weight)
    both = units + units + pack
    due = {
        "adams": Fraction(units),
        "dean": Fraction(2 * units * (units + pack), both),
        "webster": Fraction(both, 2),
        "jefferson": Fraction(units + pack),
    }[rounding]
    return (due - owed) / weight


def _line_costs(shared: Shared, held: Mapping[int, int], rest: Mapping[int, Number], draw: LineDraw) -> dict[int, int]:
    parts = {line: draw(line, held[line] // shared.pack[line] + 1) for line, part in rest.items() if part}
    order = sorted(parts, key=lambda line: (-rest[line], parts[line]))
    return {line: ((place * 2**20) // len(order)) * 256 + parts[line][0] for place, line in enumerate(order)}


def _network(
    shared: Shared,
    held: Mapping[int, int],
    rest: Mapping[int, Number],
    raised: set[int],
    costs: Mapping[int, int],
    rounding: str,
    of_claimant: Mapping[Claimant, bytes],
) -> list[tuple[Node, Node, int, int, int]]:
    """Return the arcs: tail, head, capacity, cost and the stated flow."""
    supply, quota = _nodes(shared)
    arcs: list[tuple[Node, Node, int, int, int]] = []
    last: list[tuple[Level, bytes, Node, int]] = []
    through: defaultdict[Node, int] = defaultdict(int)
    after: dict[Node, Node] = {}
    for claimant, lines in shared.claimants.items():
        parts = [line for line in lines if rest[line]]
        total, flow = sum(rest[line] for line in parts), sum(line in raised for line in parts)
        here: Node = ("claimant", *claimant)
        whole = int(total)
        first = flow if total == whole else min(whole, flow)
        arcs.append((("source",), here, whole, 0, first))
        if total > whole:
            pack = min(shared.pack[line] for line in parts)
            units = sum(held[line] for line in lines) + whole * pack
            key = _key(shared, claimant, units, pack, rounding)
            last.append((key, of_claimant[claimant], here, flow - first))
        for line in parts:
            end: Node = ("supply", supply[line]) if line in supply else ("sink",)
            head: Node = ("quota", quota[line], end) if line in quota else end
            after[head] = end if line in quota else ("sink",)
            arcs.append((here, head, 1, costs[line], int(line in raised)))
            for node in {head, end}:
                through[node] += line in raised
    arcs += [
        (("source",), here, 1, (4096 + place * 4096 // len(last)) * 2**28, flow)
        for place, (_, _, here, flow) in enumerate(sorted(last))
    ]
    left = _left(shared, held)
    for node in through.keys() - {("sink",)}:
        smallest = min(shared.pack[line] for line in shared.tight[node[1]].sizes)
        arcs.append((node, after.get(node, ("sink",)), int(left[node[1]] // smallest), 0, through[node]))
    return arcs


def _nodes(shared: Shared) -> tuple[dict[int, str], dict[int, str]]:
    """Return the supply of each line, and its first quota of one SKU, where they are tight."""
    supply: dict[int, str] = {}
    quota: dict[int, str] = {}
    for name, constraint in shared.tight.items():
        if constraint.reason == "supply":
            supply |= dict.fromkeys(constraint.sizes, name)
        elif name.startswith("quota:") and not name.endswith(":*"):
            quota |= {line: name for line in constraint.sizes if line not in quota}
    return supply, quota


def _check_flow(arcs: Sequence[tuple[Node, Node, int, int, int]], findings: Findings) -> None:
    """Check that the stated flow is feasible, the largest, and of those the cheapest."""
    if any(not 0 <= flow <= capacity for _, _, capacity, _, flow in arcs):
        findings.add("certificate.json", "more packs of the baskets were raised than their network lets through")
        return
    # One arc back from the sink, worth more than all costs together: a larger flow would be a cheaper circulation.
    most = 1 + sum(cost for *_, cost, _ in arcs)
    residual = [(("sink",), ("source",), -most)]
    for tail, head, capacity, cost, flow in arcs:
        residual += [(tail, head, cost)] if flow < capacity else []
        residual += [(head, tail, -cost)] if flow else []
    nodes = {node for tail, head, _ in residual for node in (tail, head)}
    distance = dict.fromkeys(nodes, 0)
    for _ in range(len(nodes) + 1):
        changed = False
        for tail, head, cost in residual:
            if distance[tail] + cost < distance[head]:
                distance[head] = distance[tail] + cost
                changed = True
        if not changed:
            return
    findings.add("certificate.json", "the packs of the baskets could be rounded to more of them, or to better ones")


def _after_giving_back(shared: Shared, held: Mapping[int, int], raised: Sequence[int]) -> list[int]:
    """Give back the dearest raised packs of every constraint that they overdraw, in naming order."""
    kept, left = list(raised), _left(shared, held)
    for name, constraint in shared.tight.items():
        need = {line: constraint.sizes[line] * shared.pack[line] for line in kept if line in constraint.sizes}
        for line in reversed(list(need)):
            if sum(need.values()) > left[name]:
                del need[line]
                kept.remove(line)
    return kept


def _grant_the_rest(shared: Shared, held: dict[int, int], rounding: str, draw: LineDraw) -> None:
    """Grant packs that have room everywhere, one after the other, the earliest key first."""
    left = _left(shared, held)
    uses: defaultdict[int, dict[str, int]] = defaultdict(dict)
    for name, constraint in shared.tight.items():
        for line, size in constraint.sizes.items():
            uses[line][name] = size * shared.pack[line]
    claimant_of = {line: claimant for claimant, lines in shared.claimants.items() for line in lines}

    def fits(line: int) -> bool:
        return held[line] < shared.high[line] and all(left[name] >= size for name, size in uses[line].items())

    def turn(line: int) -> tuple[Level, bytes]:
        claimant, pack = claimant_of[line], shared.pack[line]
        units = sum(held[other] for other in shared.claimants[claimant])
        return _key(shared, claimant, units, pack, rounding), draw(line, held[line] // pack + 1)

    while waiting := [line for line in held if fits(line)]:
        line = min(waiting, key=turn)
        held[line] += shared.pack[line]
        for name, size in uses[line].items():
            left[name] -= size
