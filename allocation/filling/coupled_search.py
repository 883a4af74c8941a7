"""The search of coupled filling, stage by stage: who advances when, on which threads, and what is drawn."""

from functools import cached_property
from typing import Final

import numpy as np

from allocation.filling import coupled_kernels as kernels
from allocation.filling import ramp_kernels, retailer_kernels
from allocation.filling.coupled_kernels import Search
from allocation.filling.coupled_stage import Shares
from allocation.filling.draw_kernels import draws
from allocation.filling.lottery import Drawing
from allocation.filling.ramp_kernels import BINS, REACH, Ramps
from allocation.filling.refusal_kernels import FEW
from allocation.filling.retailer_kernels import BLOCK, Share, Sweep
from allocation.filling.stage_kernels import NEVER, Places, Stage
from allocation.hashing.line_bytes import Pool
from allocation.problem import Problem
from allocation.tables.columns import IntArray

_LINES_A_BIN: Final = 4
"""A constraint has fewer bins than a fourth of its lines, so that all bins take no more memory than lines do."""
_FEWEST_BINS: Final = 64
_WAITING_PACKS: Final = 1 << 16
_WORTH_COMPILED_DRAWS: Final = 2000
"""Packs to draw for from which that is compiled."""


class Seeker:
    """Fills one stage."""

    def __init__(self, problem: Problem, draw: Drawing, stage: Stage, shares: Shares) -> None:
        self.problem, self.draw, self.stage, self.shares = problem, draw, stage, shares
        self.sweep, self.ramps = _new_sweep(problem, stage), _new_ramps(stage, shares)
        self.search = _new_search(len(stage.room), len(stage.how))
        longest = int(np.diff(self.sweep.start).max())
        self.share = [_new_share(number, len(stage.uses), longest) for number in range(shares.number)]

    def run(self) -> None:
        """Go from level to level at which something is refused, and settle what comes first there by the draw."""
        stage, sweep, ramps, search = self.stage, self.sweep, self.ramps, self.search
        self._look_ahead()
        kernels.begin(search)
        while what := kernels.advance(stage, sweep, ramps, search, self.share[0]):
            if what == kernels.RETAILERS_ARE_DUE:
                self._advance_retailers(float(search.at_level[0]))
            elif what == kernels.RETAILERS_WAIT:
                self._settle_waiting(self.share[0])
            else:
                while what == kernels.LENGTHEN:
                    search = self.search = _with_places(search, 2 * int(search.counts[2]))
                    what = kernels.DRAW if kernels.list_packs(stage, sweep, search, self.share[0]) else what
                self._settle()

    def _look_ahead(self) -> None:
        """Find all first refusals of shared constraints: about the same number of lines go to each thread."""
        stage = self.stage
        work = np.cumsum(np.where(stage.own[stage.slot], 0, stage.end - stage.begin))
        ends = np.searchsorted(work, np.linspace(0, work[-1], self.shares.number + 1)[1:-1]).tolist()
        cuts = [0, *ends, len(work)]

        def look(share: int, _begin: int, _end: int) -> None:
            kernels.look_ahead(stage, self.sweep, self.ramps, self.search, cuts[share], cuts[share + 1])

        self.shares.each(len(work), look)

    def _advance_retailers(self, until: float) -> None:
        """Let all retailers advance to a level, each thread those of its own share."""

        def advance(number: int, begin: int, end: int) -> None:
            share = self.share[number]
            while True:
                retailer_kernels.advance_retailers(self.stage, self.sweep, self.ramps, share, begin, end, until)
                if not share.counts[0]:
                    break
                self._settle_waiting(share)

        self.shares.each(len(self.sweep.next_of_block), advance)
        self.search.at_level[1] = until

    def _settle_waiting(self, share: Share) -> None:
        """Draw for the retailers that wait, and let them go on."""
        waiting = int(share.counts[0])
        counts = np.diff(share.waiting_from[: waiting + 1])
        packs = int(share.waiting_from[waiting])
        order = self._by_draw(np.repeat(np.arange(waiting), counts), share.unit_line[:packs], share.unit_pack[:packs])
        retailer_kernels.settle_waiting(self.stage, self.sweep, self.ramps, share, order)

    def _settle(self) -> None:
        search, packs = self.search, int(self.search.counts[2])
        drawn = search.unit_drawn[:packs]
        at_stake = np.flatnonzero(drawn)
        by_draw = self._by_draw(np.zeros_like(at_stake), search.unit_line[at_stake], search.unit_pack[at_stake])
        order = np.concatenate([np.flatnonzero(~drawn), at_stake[by_draw]])
        kernels.settle(self.stage, self.sweep, self.ramps, search, order)

    def _by_draw(self, group: IntArray, line: Places, n: IntArray) -> IntArray:
        """Return an order of packs by group, and in each by the draw."""
        words = np.empty((len(line), 8), dtype=np.uint32)
        position = self.stage.position[line]
        if len(line) < _WORTH_COMPILED_DRAWS:
            digests = [self.draw(*self.problem.names(i), k) for i, k in zip(position.tolist(), n.tolist(), strict=True)]
            words[:] = np.frombuffer(b"".join(digests), dtype=">u4").reshape(-1, 8)
        else:
            names, sku = self.names, self.problem.requests.sku[position]
            retailer = self.problem.requests.retailer[position].astype(np.int64)
            by_sku = np.argsort(sku, kind="stable")
            for here in np.split(by_sku, np.flatnonzero(np.diff(sku[by_sku])) + 1):
                name = self.problem.supply.sku[sku[here[0]]].encode()
                words[here] = draws(self.draw.seed, name, names.content, names.starts, retailer[here], n[here])
        first = words[:, 0].astype(np.uint64) << np.uint64(32) | words[:, 1]
        order: IntArray = np.lexsort((first, group))
        alike = (first[order][1:] == first[order][:-1]) & (group[order][1:] == group[order][:-1])
        return np.lexsort((*words.T[::-1], group)) if alike.any() else order

    @cached_property
    def names(self) -> Pool:
        """The names of all retailers, for compiled draws."""
        return Pool.of_texts(list(self.problem.retailers.retailer))


def _new_sweep(problem: Problem, stage: Stage) -> Sweep:
    retailer = problem.requests.retailer[stage.position]
    start = np.concatenate([[0], np.flatnonzero(retailer[1:] != retailer[:-1]) + 1, [len(retailer)]]).astype(np.int64)
    retailers = len(start) - 1
    whose = np.full(len(stage.room), -1, dtype=np.int32)
    for slot in np.flatnonzero(stage.own).tolist():
        constraint = stage.uses[slot, start[:-1]]
        whose[constraint[constraint >= 0]] = np.flatnonzero(constraint >= 0)
    return Sweep(
        start=start,
        retailer=whose,
        next=np.full(retailers, -NEVER),
        stale=np.zeros(retailers, dtype=np.bool_),
        next_of_block=np.full(-(-retailers // BLOCK), -NEVER),
        stale_shared=np.zeros(len(stage.room), dtype=np.bool_),
    )


def _new_ramps(stage: Stage, shares: Shares) -> Ramps:
    count = len(stage.how)
    ends = shares.each(count, lambda _, begin, end: ramp_kernels.extremes(stage, begin, end))
    lowest, highest = min(low for low, _ in ends), max(high for _, high in ends)
    lines = np.where(stage.own[stage.slot], 0, stage.end - stage.begin)
    coarse = np.zeros(len(lines), dtype=np.int64)
    while (more := (BINS >> coarse) * _LINES_A_BIN > np.maximum(lines, _FEWEST_BINS * _LINES_A_BIN)).any():
        coarse[more] += 1
    bins = np.where(lines >= _FEWEST_BINS * _LINES_A_BIN, BINS >> coarse, 0)
    first = np.where(bins > 0, np.cumsum(bins) - bins, -1)
    typical = np.ones(len(lines))
    for c in np.flatnonzero(bins).tolist():
        some = stage.members[stage.begin[c] : stage.end[c]][:: max(1, lines[c] // 1000)]
        typical[c] = max(float(stage.size[stage.slot[c], stage.sku[some]].mean()), 1e-300)
    ramps = Ramps(
        origin=float(lowest),
        scale=float(REACH / max(highest - lowest, 1e-300)) / 2,
        first=first.astype(np.int64),
        coarse=coarse,
        typical=typical,
        ends=np.zeros((shares.number, int(bins.sum()), 2)),
    )
    shares.each(count, lambda share, begin, end: ramp_kernels.add_ramps(stage, ramps, share, begin, end))
    return ramps


def _new_share(number: int, slots: int, longest: int) -> Share:
    packs = max(_WAITING_PACKS, longest)
    return Share(
        number=number,
        unit_line=np.empty(packs, dtype=np.int32),
        unit_pack=np.empty(packs, dtype=np.int64),
        waiting=np.empty(packs, dtype=np.int32),
        waiting_from=np.zeros(packs + 1, dtype=np.int64),
        counts=np.zeros(1, dtype=np.int64),
        held=np.empty(max(longest, FEW)),
        keys=np.empty(max(longest, FEW)),
        left=np.empty(slots),
        left_at_first=np.empty(slots),
        critical=np.empty(slots, dtype=np.bool_),
    )


def _new_search(constraints: int, lines: int) -> Search:
    search = Search(
        first=np.full(constraints, NEVER),
        vague=np.zeros(constraints, dtype=np.bool_),
        heap=np.empty(constraints, dtype=np.int32),
        critical=np.empty(constraints, dtype=np.int32),
        left=np.empty(constraints),
        left_at_first=np.empty(constraints),
        seen_constraint=np.zeros(constraints, dtype=np.int32),
        seen_line=np.zeros(lines, dtype=np.int32),
        crowd=np.zeros(constraints, dtype=np.int32),
        counts=np.zeros(4, dtype=np.int64),
        at_level=np.full(2, -NEVER),
        unit_line=np.empty(0, dtype=np.int32),
        unit_pack=np.empty(0, dtype=np.int64),
        unit_drawn=np.empty(0, dtype=np.bool_),
    )
    return _with_places(search, 1024)


def _with_places(search: Search, packs: int) -> Search:
    return search._replace(
        unit_line=np.empty(packs, dtype=np.int32),
        unit_pack=np.empty(packs, dtype=np.int64),
        unit_drawn=np.empty(packs, dtype=np.bool_),
    )
