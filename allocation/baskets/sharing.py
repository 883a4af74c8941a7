"""Fill the lines that lie in baskets: totals, mixture, whole packs, and what the certificate says of them."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any

from allocation.baskets.bins import approximately
from allocation.baskets.blocks import Blocks
from allocation.baskets.claimants import Number, Programme, lines_in_baskets, programme_of
from allocation.baskets.leximin import Totals, totals_of
from allocation.baskets.mixing import Mixture, draw_without_seed, mixture_of
from allocation.baskets.rounding import round_mixture
from allocation.errors import WorkLimitError
from allocation.filling.lottery import drawing
from allocation.filling.outcome import Filling
from allocation.limits import BASKET_LINES
from allocation.policy import Policy
from allocation.problem import Lines, Problem


def fill_baskets(problem: Problem, lines: Lines, policy: Policy, filling: Filling) -> None:
    """Share out what lies in baskets, with what floors and all other lines leave of each constraint.

    Parameters
    ----------
    lines
        What each line may get at least and at most.
    filling
        Holds the grants of all other lines; written to for those in baskets.

    Raises
    ------
    WorkLimitError
        Where more lines hang together than can be shared in fractions.
    AnswerRefusedError
        Where a solver's answer does not hold in exact numbers.
    """
    programme = programme_of(problem, lines, policy, filling)
    exact = policy.rounding == "none"
    chosen = lines_in_baskets(problem, policy)
    filling.granted[chosen] = lines.eligible[chosen]
    filling.stopped_by[chosen] = -1
    if not programme.rows:
        filling.baskets = {"method": "nothing is scarce"}
        return
    skus = len(problem.supply.sku)
    by_blocks = len(programme.line) > BASKET_LINES and all(row.constraint < skus for row in programme.rows)
    if len(programme.line) > BASKET_LINES and not by_blocks:
        _fill_approximately(programme, policy, filling, skus)
        return
    draw = draw_without_seed if exact else drawing(policy.seed_bytes())
    if by_blocks:
        blocks = Blocks(programme, skus)
        proof, mixture = _proof_by_levels(blocks), blocks.mixture(draw)
    else:
        totals = totals_of(programme)
        proof = _proof_by_stages(programme, totals)
        mixture = mixture_of(programme, [totals.units[c] for c in range(len(programme.claimants))], draw, skus)
    raised: list[int] = []
    packs: Sequence[Number] = [amount / pack for amount, pack in zip(mixture.units, programme.pack, strict=True)]
    if not exact:
        rounded = round_mixture(programme, mixture.units, policy.rounding, draw, skus)
        packs, raised = rounded.packs, rounded.raised
    for line, amount in zip(programme.line, packs, strict=True):
        filling.granted[line] = amount
    _note_stops(programme, packs, filling, exact=exact)
    filling.baskets = proof | _mixture_stated(programme, mixture, packs, raised)


def _fill_approximately(programme: Programme, policy: Policy, filling: Filling, skus: int) -> None:
    if policy.rounding == "none":
        raise WorkLimitError(
            f"{len(programme.line)} lines in baskets are scarce together; at most {BASKET_LINES} can be shared in "
            "fractions, choose a rounding"
        )
    answer = approximately(programme, policy.rounding, drawing(policy.seed_bytes()), skus)
    for line, packs in zip(programme.line, answer.packs, strict=True):
        filling.granted[line] = packs
    _note_stops(programme, answer.packs, filling, exact=False)
    filling.baskets = {
        "method": "approximate",
        "gap": str(answer.gap),
        "bound": {
            "level": str(answer.bound.level),
            "constraints": _named(programme, answer.bound.of_rows),
            "claimants": _claimants(programme, answer.bound.of_claimants),
        },
    }


def _note_stops(programme: Programme, packs: Sequence[Number], filling: Filling, *, exact: bool) -> None:
    """Name what stops each short line: the first of its constraints without room for its next pack."""
    units = [amount * pack for amount, pack in zip(packs, programme.pack, strict=True)]
    for row in reversed(programme.rows):
        room = row.room - sum(size * units[i] for i, size in row.sizes.items())
        for i, size in row.sizes.items():
            if units[i] < programme.high[i] and (room == 0 if exact else room < size * programme.pack[i]):
                filling.stopped_by[programme.line[i]] = row.constraint


def _proof_by_stages(programme: Programme, totals: Totals) -> dict[str, Any]:
    """Return what proves the totals of a sequence of programmes; numbers as fractions in text."""
    return {
        "method": "exact",
        "stages": [
            {
                "level": str(stage.level),
                "constraints": _named(programme, stage.of_rows),
                "claimants": _claimants(programme, stage.of_claimants),
            }
            for stage in totals.stages
        ],
    }


def _proof_by_levels(blocks: Blocks) -> dict[str, Any]:
    """Return what proves the totals under supplies alone: the level of each."""
    levels = {int(row): str(block.level) for block in blocks.blocks for row in block.rows}
    return {
        "method": "blocks",
        "levels": {blocks.programme.rows[row].name: level for row, level in sorted(levels.items())},
    }


def _mixture_stated(
    programme: Programme, mixture: Mixture, packs: Iterable[Number], raised: Iterable[int]
) -> dict[str, Any]:
    """Return the mixture where it differs from the grants, what proves it, and the lines rounded up."""

    def line(i: int) -> list[str]:
        return [programme.retailer[i], programme.sku[i]]

    return {
        "mixture": {
            "constraints": _named(programme, mixture.of_rows),
            "units": [
                [*line(i), str(units)]
                for i, (units, held) in enumerate(zip(mixture.units, packs, strict=True))
                if units != held * programme.pack[i] or units.denominator > 1
            ],
        },
        "raised": [line(i) for i in sorted(raised)],
    }


def _claimants(programme: Programme, duals: dict[int, Fraction]) -> list[list[str]]:
    named = ((programme.claimants[c], dual) for c, dual in sorted(duals.items()))
    return [[claimant.basket, claimant.retailer, str(dual)] for claimant, dual in named]


def _named(programme: Programme, duals: dict[int, Fraction]) -> dict[str, str]:
    return {programme.rows[r].name: str(dual) for r, dual in sorted(duals.items())}
