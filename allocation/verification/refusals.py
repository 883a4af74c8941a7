"""When each constraint first refused a pack: recomputed from the quantities and from what stopped whom."""

from typing import Any

import numpy as np

from allocation.verification.entitlement import Claims
from allocation.verification.given import NONE, Ints
from allocation.verification.stops import Stops
from allocation.verification.turns import Turns


def first_refusals(turns: Turns, claims: Claims, held: Ints, stops: Stops) -> dict[str, dict[str, Any]]:
    """Return what ``levels`` of a certificate must be: of the lines that a constraint stopped, the earliest next pack.

    Nothing where supplies alone stopped lines.
    """
    known = stops.constraint != NONE
    line, constraint = stops.short[known], stops.constraint[known]
    if not (constraint >= len(claims.supply)).any():
        return {}
    n = held[line] + 1
    stage = turns.stages(line, n)
    first = np.full(len(claims.limits), np.iinfo(np.int64).max, dtype=np.int64)
    np.minimum.at(first, constraint, stage)
    early = np.flatnonzero(stage == first[constraint])
    low, high = turns.estimate(line[early], n[early], stage[early])
    surely = np.full(len(first), np.inf)
    np.minimum.at(surely, constraint[early], high)
    early = early[low <= surely[constraint[early]]]
    order = np.lexsort((turns.ranks(line[early], n[early]), constraint[early]))
    number, position = np.unique(constraint[early][order], return_index=True)
    refusals = {}
    for i, at in zip(number.tolist(), early[order[position]].tolist(), strict=True):
        tier, phase, level = turns.before_draw(int(line[at]), int(n[at]))
        refusals[claims.constraint_name(i)] = {"tier": tier, "phase": phase, "level": str(level)}
    return refusals
