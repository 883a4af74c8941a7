"""Baskets too large for the exact sequence: claimants in bins, within every limit, and how far off it may be.

1. Claimants that use the same kinds of constraints and could get about as far by themselves form a bin, whose lines,
   limits and weights are those of its members together. The totals of the bins are exact; what is possible for the
   members is possible for the bins, so that no common level of the claimants can be higher than the bins'.
2. Each claimant wants its bin's level by its weight, or what it could get by itself, of SKUs as its bin's mixture has
   them, or nearer to the cheapest way where its credit asks for that. Lines that overdraw a constraint are cut down in
   proportion, and to whole packs.
3. Packs that still have room are granted by the key of the claimant's next pack.

The bound is proven by the weights of a stage of the bins, put on the claimants. The gap is what the claimant farthest
behind lacks of it, or of what it could get by itself, beyond the one pack that rounding may take.
"""

from collections import defaultdict
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from allocation.baskets.claimants import Claimant, Number, Programme, Row
from allocation.baskets.leximin import Stage, own_ends_of, own_rows_of, totals_of
from allocation.baskets.mixing import Draw, draw_without_seed, mixture_of
from allocation.baskets.rounding import grant_what_has_room

_LINES_OF_BINS: Final = 800
"""Lines of all bins together: the exact sequence takes some seconds for these."""


@dataclass(frozen=True)
class Bound:
    """A proof that not everybody can be above `level`, those left out who cannot get there even by themselves.

    `of_rows` and `of_claimants` weigh as in :class:`~allocation.baskets.leximin.Stage`, the latter not brought to a sum
    of 1; whoever ends by itself at or below the level counts as having all that it can.
    """

    level: Fraction
    of_rows: dict[int, Fraction]
    of_claimants: dict[int, Fraction]


@dataclass(frozen=True)
class Approximation:
    """Packs of each line, the bound, and how much the claimant farthest behind lacks of it."""

    packs: list[int]
    bound: Bound
    gap: Fraction


def approximately(programme: Programme, rounding: str, draw: Draw, skus: int) -> Approximation:
    """Share a large programme within all its limits."""
    ends = [stage.level for stage in own_ends_of(programme)]
    bins = _bins(programme, ends, skus)
    binned, line_of = _binned(programme, bins, skus)
    totals = totals_of(binned)
    mixture = mixture_of(binned, [totals.units[b] for b in range(len(bins))], draw_without_seed, skus)
    part = [
        (units - low) / (high - low) if high > low else Fraction(0)
        for units, low, high in zip(mixture.units, binned.low, binned.high, strict=True)
    ]
    level = {c: totals.units[b] / binned.claimants[b].weight for b, members in enumerate(bins) for c in members}
    units = [
        max(
            min(ends[c], level[c]) * claimant.weight,
            Fraction(sum(programme.low[i] for i in claimant.members)),
        )
        for c, claimant in enumerate(programme.claimants)
    ]
    packs = [0] * len(programme.line)
    for c, own in enumerate(own_rows_of(programme)):
        parts = {i: part[line_of[i]] for i in programme.claimants[c].members}
        for i, amount in _affordable(programme, c, units[c], parts, own).items():
            packs[i] = int(amount // programme.pack[i])
    ended = {i for c, one in enumerate(programme.claimants) if ends[c] <= level[c] for i in one.members}
    room = _cut_down(programme, packs, ended)
    grant_what_has_room(programme, packs, room, rounding, draw)
    bound = _best_bound(programme, bins, ends, totals.stages, list(_sources(programme, bins, skus).values()))
    return Approximation(packs, bound, _gap(programme, ends, packs, bound.level))


def _bins(programme: Programme, ends: Sequence[Fraction], skus: int) -> list[list[int]]:
    """Return the claimants of each bin: alike in the constraints that they share with others, and in their own ends.

    Alike in the SKUs that they want, too, where that does not make too many bins.
    """
    uses: defaultdict[int, set[tuple[str, str]]] = defaultdict(set)
    for row in programme.rows:
        of_one_kind = row.name if row.name.startswith("quota:") else row.name.split(":", 1)[0]
        for i in row.sizes if row.constraint >= skus else ():
            uses[i].add((programme.sku[i] if of_one_kind == row.name else "", of_one_kind))
    wanted = max(1, _LINES_OF_BINS // max(1, len(set(programme.sku))))
    for by_skus in (True, False):
        alike: defaultdict[tuple[object, ...], list[int]] = defaultdict(list)
        for c, claimant in enumerate(programme.claimants):
            kinds = {use for i in claimant.members for use in uses[i]}
            skus_wanted = {programme.sku[i] for i in claimant.members} if by_skus else set()
            alike[claimant.basket, tuple(sorted(kinds)), tuple(sorted(skus_wanted))].append(c)
        if len(alike) <= wanted:
            break
    size = -(-len(programme.claimants) // wanted)
    bins = []
    for members in alike.values():
        members.sort(key=lambda c: (ends[c], c))
        bins += [members[start : start + size] for start in range(0, len(members), size)]
    return bins


def _sources(programme: Programme, bins: Sequence[Sequence[int]], skus: int) -> dict[tuple[str, int], list[int]]:
    """Return the rows that each row of the bins stands for: itself, or all credits or units of a bin's members.

    A credit that a retailer's two baskets share has none.
    """
    bin_of = {c: b for b, members in enumerate(bins) for c in members}
    claimant_of = programme.claimant_of
    sources: defaultdict[tuple[str, int], list[int]] = defaultdict(list)
    for r, row in enumerate(programme.rows):
        if row.constraint < skus or row.name.startswith("quota:"):
            sources[row.name, -1].append(r)
        elif len(claimants := {claimant_of[i] for i in row.sizes}) == 1:
            sources[row.name.split(":", 1)[0], bin_of[claimants.pop()]].append(r)
    return dict(sources)


def _binned(programme: Programme, bins: Sequence[Sequence[int]], skus: int) -> tuple[Programme, dict[int, int]]:
    """Return the programme of the bins, and which of its lines each line belongs to."""
    line_of: dict[tuple[int, str], int] = {}
    of_line: dict[int, int] = {}
    low: list[int] = []
    high: list[int] = []
    for b, members in enumerate(bins):
        for c in members:
            for i in programme.claimants[c].members:
                line = of_line[i] = line_of.setdefault((b, programme.sku[i]), len(line_of))
                if line == len(low):
                    low.append(0)
                    high.append(0)
                low[line] += programme.low[i]
                high[line] += programme.high[i]
    rows = []
    for (name, _), sources in _sources(programme, bins, skus).items():
        sizes = {of_line[i]: size for r in sources for i, size in programme.rows[r].sizes.items()}
        room: Number = sum(programme.rows[r].room for r in sources)
        # Members without this row, since all that they may have fits into it, take their most of it at most.
        inside = {i for r in sources for i in programme.rows[r].sizes}
        beside = [i for i, line in of_line.items() if line in sizes and i not in inside]
        room += sum(sizes[of_line[i]] * programme.high[i] for i in beside)
        rows.append(Row(programme.rows[sources[0]].constraint, name, room, sizes))
    claimants = tuple(
        Claimant(
            programme.claimants[members[0]].retailer,
            programme.claimants[members[0]].basket,
            sum(programme.claimants[c].weight for c in members),
            0,
            tuple(sorted({of_line[i] for c in members for i in programme.claimants[c].members})),
        )
        for members in bins
    )
    names = [sku for _, sku in line_of]
    ones = (1,) * len(names)
    lines, bin_names = tuple(range(len(names))), tuple(str(b) for b, _ in line_of)
    binned = Programme(lines, bin_names, tuple(names), tuple(low), tuple(high), ones, claimants, tuple(rows))
    return binned, of_line


def _affordable(
    programme: Programme, c: int, units: Fraction, parts: dict[int, Fraction], own: Sequence[int]
) -> dict[int, Fraction]:
    """Return a way to make up a total that its own rows allow: as its bin's mixture, or nearer to the cheapest way.

    `parts` says how much of each line, between floor and most, the bin's mixture takes.
    """
    members = programme.claimants[c].members
    low = sum(programme.low[i] for i in members)
    above = {i: parts[i] * (programme.high[i] - programme.low[i]) for i in members}
    total = sum(above.values())
    scale = (units - low) / total if total else Fraction(0)
    even = {i: min(Fraction(programme.high[i]), programme.low[i] + scale * above[i]) for i in members}
    for r in own:
        sizes, room = programme.rows[r].sizes, programme.rows[r].room
        cheapest, left = {}, units - low
        for i in sorted(members, key=lambda i: (sizes.get(i, 0), i)):
            more = min(left, Fraction(programme.high[i] - programme.low[i]))
            cheapest[i], left = programme.low[i] + more, left - more
        dear, cheap = (sum(size * way[i] for i, size in sizes.items()) for way in (even, cheapest))
        if dear > room and dear > cheap:
            share = min(Fraction(1), Fraction(dear - room) / Fraction(dear - cheap))
            even = {i: amount + share * (cheapest[i] - amount) for i, amount in even.items()}
    return even


def _cut_down(programme: Programme, packs: list[int], ended: AbstractSet[int]) -> list[Number]:
    """Cut lines down towards their floors where a row is overdrawn; return what is left of each row.

    Lines of claimants that have `ended`, being able to get no farther by themselves, are cut last: they have no other
    way.
    """
    for row in programme.rows:
        left = row.room - sum(size * programme.low[i] for i, size in row.sizes.items())
        for last in (True, False):
            mine = [i for i in row.sizes if (i in ended) is last]
            spare = {i: packs[i] - programme.low[i] // programme.pack[i] for i in mine}
            above = sum(row.sizes[i] * programme.pack[i] * more for i, more in spare.items())
            if above > left:
                for i, more in spare.items():
                    packs[i] -= more - int(more * left // above)
            left = max(0, left - above)
    return [
        row.room - sum(size * packs[i] * programme.pack[i] for i, size in row.sizes.items()) for row in programme.rows
    ]


def _best_bound(
    programme: Programme,
    bins: Sequence[Sequence[int]],
    ends: Sequence[Fraction],
    stages: Sequence[Stage],
    sources: Sequence[Sequence[int]],
) -> Bound:
    """Return the lowest bound that the weights of a stage of the bins prove."""
    bounds = [Bound(max(ends), {}, {})]
    for stage in stages:
        of_rows = {r: dual for b, dual in stage.of_rows.items() for r in sources[b]}
        of_claimants = {c: dual for b, dual in stage.of_claimants.items() for c in bins[b]}
        bounds.append(_bound(programme, ends, stage.level, of_rows, of_claimants))
    return min(bounds, key=lambda bound: bound.level)


def _bound(
    programme: Programme,
    ends: Sequence[Fraction],
    level: Fraction,
    of_rows: dict[int, Fraction],
    of_claimants: dict[int, Fraction],
) -> Bound:
    """Return the lowest level from `level` on that the weights prove to be a bound."""
    while True:
        of_open = {c: dual for c, dual in of_claimants.items() if ends[c] > level and dual > 0}
        weight = sum(dual * programme.claimants[c].weight for c, dual in of_open.items())
        if not weight:
            return Bound(max(ends), {}, {})
        of_ended = {c: dual for c, dual in of_claimants.items() if ends[c] <= level}
        most = _most(programme, ends, of_rows, of_open, of_ended) / weight
        if most <= level:
            return Bound(level, of_rows, of_open | of_ended)
        level = most


def _most(
    programme: Programme,
    ends: Sequence[Fraction],
    of_rows: dict[int, Fraction],
    of_open: dict[int, Fraction],
    of_ended: dict[int, Fraction],
) -> Fraction:
    """Return the most that Σ weight·total of the open claimants can be while the others have all that they can."""
    gain: defaultdict[int, Fraction] = defaultdict(Fraction)
    most = -sum((dual * ends[c] * programme.claimants[c].weight for c, dual in of_ended.items()), Fraction(0))
    for c, dual in (of_open | of_ended).items():
        for i in programme.claimants[c].members:
            gain[i] += dual
    for r, dual in of_rows.items():
        most += dual * programme.rows[r].room
        for i, size in programme.rows[r].sizes.items():
            gain[i] -= dual * size
    return most + sum(more * (programme.high[i] if more > 0 else programme.low[i]) for i, more in gain.items())


def _gap(programme: Programme, ends: Sequence[Fraction], packs: Sequence[int], level: Fraction) -> Fraction:
    """Return the largest part that a claimant lacks, beyond one pack, of the bound or of its own end."""
    gap = Fraction(0)
    for c, claimant in enumerate(programme.claimants):
        most = min(ends[c], level) * claimant.weight
        held = sum(packs[i] * programme.pack[i] for i in claimant.members)
        pack = max(programme.pack[i] for i in claimant.members)
        if held + pack < most:
            gap = max(gap, 1 - (held + pack) / most)
    return gap
