"""Solve: from a problem and a policy to a result with its certificate."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from allocation.baskets.claimants import has_baskets, lines_to_fill_one_by_one
from allocation.baskets.sharing import fill_baskets
from allocation.certificate import make_certificate
from allocation.compiled import available
from allocation.errors import InputError
from allocation.exact_sums import Units
from allocation.filling.exact import fill_exactly
from allocation.filling.lottery import Drawing, drawing
from allocation.filling.minimums import choose
from allocation.filling.outcome import Filling
from allocation.filling.progressive import fill_progressively
from allocation.filling.rules import Order, order_of
from allocation.filling.saturation import note_levels
from allocation.filling.water import fill_supplies
from allocation.hashing.canonical import input_sha256
from allocation.hashing.digests import sha256_of
from allocation.limits import PACK_BY_PACK_END
from allocation.policy import Policy
from allocation.problem import Lines, Problem
from allocation.reasons import bound_by, reasons
from allocation.reporting.figures import report_figures
from allocation.result import Result
from allocation.seeding import SeedProof
from allocation.sharding import Places, fill_in_shards
from allocation.tables.texts import Coded, Quotients

Progress = Callable[[str, int, int], None]
"""Told a stage, how much of it is done and how much there is (0: unknown)."""


def silent(_stage: str, _done: int, _all: int) -> None:
    """Tell nobody."""


def solve(
    problem: Problem,
    policy: Policy,
    *,
    seed: str | None = None,
    seed_proof: SeedProof | None = None,
    progress: Progress = silent,
    places: Places | None = None,
) -> Result:
    """Share out the supply of a problem under a policy.

    The result depends on nothing but the arguments: the same bytes on any machine, in any order of the rows.

    Parameters
    ----------
    problem
        The frozen problem.
    policy
        The rule and the rounding.
    seed
        64 hexadecimal digits; used instead of the policy's.
    seed_proof
        How the seed came about; published in the certificate, and the seed follows from it.
    progress
        Told now and then how far it is.
    places
        Where shards of the lines are filled; here and in one piece where None. See :mod:`allocation.sharding`.

    Returns
    -------
    Result
        Feasible, and such that no short line has room for one more pack.

    Raises
    ------
    InputError
        Where policy and problem do not go together, or a seed is missing.
    WorkLimitError, AnswerRefusedError
        Where lines with a minimum could not be chosen from, or baskets not shared; see
        :mod:`allocation.filling.minimums` and :mod:`allocation.baskets`.
    """
    policy = policy.with_seed(seed_proof.seed.hex() if seed_proof else seed)
    if seed is not None and policy.seed != seed.lower():
        raise InputError("policy.toml", "the seed does not follow from its proof", column="seed", value=seed)
    order = order_of(problem, policy)
    lines = lines_to_fill_one_by_one(problem, policy)
    filling = fill(problem, lines, policy, order, progress, places)
    if problem.has_choices:
        filling = _with_choices(problem, lines, policy, order, filling, progress, places)
    if has_baskets(problem, policy):
        fill_baskets(problem, problem.lines_to_fill, policy, filling)
    return _result(problem, policy, order, filling, seed_proof, progress)


def _with_choices(
    problem: Problem,
    lines: Lines,
    policy: Policy,
    order: Order,
    first: Filling,
    progress: Progress,
    places: Places | None,
) -> Filling:
    """Choose who gets something where not all may, and fill again; see `minimums` and `bundles`."""
    if policy.rounding == "none":
        what = "a minimum needs" if problem.has_minimums else "lines that exclude each other need"
        raise InputError(
            "policy.toml", f"{what} whole packs; choose a rounding", column="rounding", value=policy.rounding
        )
    choice = choose(problem, order, policy.rounding, drawing(policy.seed_bytes()), first)
    filling = fill(problem, choice.lines_of(lines), policy, order, progress, places)
    choice.note_left_out(problem, filling)
    pack = problem.lines.pack
    filling.minimums["before"] = [
        [*reversed(problem.names(line)), int(first.granted[line] * pack[line])]
        for line in np.flatnonzero(first.granted != filling.granted).tolist()
    ]
    return filling


def fill(
    problem: Problem,
    lines: Lines,
    policy: Policy,
    order: Order,
    progress: Progress = silent,
    places: Places | None = None,
) -> Filling:
    """Fill once: SKUs that meet in nothing by their levels, all others pack by pack or by jumps."""
    filling = Filling.of_all_that_is_eligible(lines.eligible)
    coupled = coupled_skus(problem, lines)
    if places is not None:
        fill_in_shards(problem, lines, policy, order, coupled, places, fill, filling)
        if policy.rounding != "none":
            note_levels(problem, order, policy.rounding, filling)
        return filling
    if policy.rounding == "none":
        fill_exactly(problem, lines, order, coupled, filling)
        return filling
    draw = drawing(policy.seed_bytes())
    fill_supplies(problem, lines, order, policy.rounding, draw, ~coupled, filling)
    if coupled.any():
        _fill_coupled(problem, lines, order, policy.rounding, draw, coupled, filling, progress)
    note_levels(problem, order, policy.rounding, filling)
    return filling


def _fill_coupled(
    problem: Problem,
    lines: Lines,
    order: Order,
    rounding: str,
    draw: Drawing,
    coupled: npt.NDArray[np.bool_],
    filling: Filling,
    progress: Progress,
) -> None:
    """Fill by jumps where that is sooner done and numbers allow it, else pack by pack; the filling is the same."""
    packs = int(lines.eligible[coupled[problem.requests.sku]].sum(dtype=np.float64))
    task = (problem, lines, order, rounding, draw, coupled, filling, lambda done: progress("filling", done, packs))
    if packs > PACK_BY_PACK_END and available():
        from allocation.filling.coupled import fill_by_jumps  # noqa: PLC0415  # numba takes most of a second

        if fill_by_jumps(*task):
            return
    fill_progressively(*task)


def coupled_skus(problem: Problem, lines: Lines) -> npt.NDArray[np.bool_]:
    """Say which SKUs have a line in a constraint that reaches beyond its SKU's supply and may become full.

    A constraint that has room for everything eligible in it can never refuse anybody.
    """
    requests, constraints = problem.requests, problem.constraints
    coupled = np.zeros(len(problem.supply.sku), dtype=np.bool_)
    limits = np.array(constraints.limits, dtype=np.float64)
    for slot in constraints.slots[1:]:
        uses = (slot.constraint >= 0) & (lines.eligible > 0)
        unit = problem.supply.price_minor[requests.sku] if slot.in_money else 1
        demand = np.bincount(
            slot.constraint[uses],
            (lines.eligible.astype(np.float64) * lines.pack * unit)[uses],
            minlength=len(limits),
        )
        may_be_full = demand * (1 + 1e-6) > limits  # floating sums: rather too many than one too few
        coupled[requests.sku[uses & may_be_full[slot.constraint]]] = True
    return coupled


def _result(
    problem: Problem,
    policy: Policy,
    order: Order,
    filling: Filling,
    seed_proof: SeedProof | None,
    progress: Progress,
) -> Result:
    requests, lines = problem.requests, problem.lines
    everything = slice(None)
    granted = Units(filling.granted, lines.pack).of(everything)
    reason = reasons(problem, order, filling)
    result = Result(
        retailer=Coded(requests.retailer, problem.retailers.retailer),
        sku=Coded(requests.sku, problem.supply.sku),
        requested=requests.requested,
        eligible=Units(lines.eligible, lines.pack).of(everything),
        granted=granted,
        share=Quotients(granted, lines.weight),
        reason=reason,
        bound_by=bound_by(problem, filling),
    )
    hashes = _hashes(problem, result, lambda done: progress("hashing", done, len(problem)))
    certificate = make_certificate(problem, policy, filling, hashes, seed_proof)
    report = report_figures(problem, policy, filling, reason, hashes)
    return replace(result, certificate=certificate, report=report)


def _hashes(problem: Problem, result: Result, told: Callable[[int], None]) -> dict[str, str]:
    """Return the hashes of input and result, worked out side by side: hashing lets go of Python's lock."""
    with ThreadPoolExecutor(1) as beside:
        of_input = beside.submit(copy_context().run, input_sha256, problem)
        of_result = sha256_of(result.csv_chunks(told))
        return {"input_sha256": of_input.result(), "result_sha256": of_result}
