"""From history and policy to scores: who is compared with whom, what follows for tiers and weights, and why."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

import numpy as np

from allocation.errors import InputError
from allocation.scoring.components import Raw, Wide, demand_column, raw_components
from allocation.scoring.dates import ABSENT_DAY
from allocation.scoring.decisions import LOWERED, SUSPENDED, Decision, in_effect
from allocation.scoring.guards import guarded
from allocation.scoring.history import Flags, History
from allocation.scoring.peers import Groups, Standing, order_of, shrunk, standing
from allocation.scoring.policy import MILLI, POINTS, ScorePolicy
from allocation.scoring.scores import Part, Scores
from allocation.scoring.tiers import NONE, earned_tiers
from allocation.tables.columns import IntArray

_PERCENT: Final = 100


def score(
    history: History,
    policy: ScorePolicy | None = None,
    decisions: Sequence[Decision] = (),
    previous: Mapping[str, int] | None = None,
    as_of: date | None = None,
) -> Scores:
    """Score all retailers that are open on a day.

    Parameters
    ----------
    history
        Who they are, and their figures.
    policy
        What counts and how much; the defaults where None.
    decisions
        Decisions of persons; those in effect on the day are applied, others are left aside.
    previous
        The tier that each retailer had earned before; where None, what the history says. A retailer without one is new.
    as_of
        The day. Only figures of periods that begin before it are used. Where None, the day after the last one begins.

    Returns
    -------
    Scores
        The same for the same arguments, whatever the order of their rows.

    Raises
    ------
    InputError
        Where no retailer is open, nothing is known of any, a previous tier is none of this policy, or the guards
        contradict each other.
    """
    policy = policy or ScorePolicy()
    day = _day(history, as_of)
    is_open = (history.opened <= day) & ((history.closed == ABSENT_DAY) | (history.closed > day))
    if not is_open.any():
        raise InputError("retailers.csv", f"no retailer is open on {date.fromordinal(day)}; nobody can be scored")
    raws = _known(raw_components(history, policy, day), is_open)
    counted = {component: percent for component, percent in policy.weights.items() if component in raws and percent}
    if not counted:
        raise InputError(
            "history.csv",
            f"no figures of any component that counts from {date.fromordinal(day - policy.window_days)} to "
            f"{date.fromordinal(day - 1)}; give history.csv, or another day by --as-of",
        )
    groups = Groups.of(history.market_type, history.format).taken(is_open)
    parts = {component: _part(raws[component], groups, counted, component, policy) for component in counted}
    milli: IntArray = np.add.reduce([part.contribution_milli for part in parts.values()])
    names = _taken(history.retailer, is_open)
    position = {name: index for index, name in enumerate(names)}
    before = _previous(history, previous, policy)[is_open]
    earned = earned_tiers(milli, before, policy)
    holding = tuple(made for made in in_effect(decisions, date.fromordinal(day)) if made.retailer in position)
    lowest, suspended = _decided(position, holding, policy)
    tier = np.maximum(earned, lowest)
    done = guarded(
        names,
        np.array(policy.tier_weights, dtype=np.int64)[tier - 1],
        _small(raws.get("demand"), groups, policy),
        lowered=tier > earned,
        suspended=suspended,
        guards=policy.guards,
    )
    return Scores(
        policy=policy,
        as_of=date.fromordinal(day),
        retailer=names,
        market_type=_taken(history.market_type, is_open),
        format=_taken(history.format, is_open),
        score_milli=milli,
        standing=standing(milli, np.ones(len(names), dtype=np.bool_), groups, policy.peers_min),
        previous_tier=before,
        earned_tier=earned,
        tier=tier,
        suspended=suspended,
        parts=parts,
        decisions=holding,
        guarded=done,
        demand_column=demand_column(history),
        not_open=_taken(history.retailer, ~is_open),
        input_sha256=history.sha256(),
    )


def _day(history: History, as_of: date | None) -> int:
    day = as_of or history.next_day
    if day is None:
        raise InputError("history.csv", "no row in any table of figures, so no day to score; give the day by --as-of")
    return day.toordinal()


def _taken(labels: Sequence[str], rows: Flags) -> tuple[str, ...]:
    return tuple(labels[index] for index in np.flatnonzero(rows).tolist())


def _known(raws: Mapping[str, Raw], rows: Flags) -> dict[str, Raw]:
    """Return the components of some retailers, those of which nothing is known about any left out."""
    some = {name: Raw(raw.numerator[rows], raw.denominator[rows], raw.periods[rows]) for name, raw in raws.items()}
    return {name: raw for name, raw in some.items() if raw.known.any()}


def _part(raw: Raw, groups: Groups, counted: Mapping[str, int], component: str, policy: ScorePolicy) -> Part:
    """Return one component compared, shrunk and weighed."""
    stands = standing(order_of(raw), raw.known, groups, policy.peers_min)
    numerator, denominator = shrunk(stands, raw.periods, policy.shrink_periods)
    whole = sum(counted.values())
    points = _rounded(POINTS * MILLI * counted[component] * numerator, whole * denominator)
    return Part(raw, stands, numerator, denominator, counted[component], whole, points)


def _rounded(numerator: Wide, denominator: Wide) -> IntArray:
    """Return quotients as the nearest whole numbers, halves up."""
    return np.asarray((2 * numerator + denominator) // (2 * denominator), dtype=np.int64)


def _previous(history: History, previous: Mapping[str, int] | None, policy: ScorePolicy) -> IntArray:
    tiers = history.previous_tier
    if previous is not None:
        tiers = np.array([previous.get(name, NONE) for name in history.retailer], dtype=np.int64)
    beyond = (tiers < NONE) | (tiers > policy.tiers)
    if beyond.any():
        index = int(beyond.argmax())
        raise InputError(
            "previous tiers",
            f"tier of {history.retailer[index]}: the policy has tiers 1 to {policy.tiers}; "
            "where their number changes, score without previous tiers",
            column="tier",
            value=str(tiers[index]),
        )
    return tiers


def _decided(position: Mapping[str, int], decisions: Sequence[Decision], policy: ScorePolicy) -> tuple[IntArray, Flags]:
    """Return the best tier that each retailer may have, and who is suspended."""
    lowest, suspended = np.ones(len(position), dtype=np.int64), np.zeros(len(position), dtype=np.bool_)
    for made in decisions:
        index = position[made.retailer]
        if made.decision == SUSPENDED:
            suspended[index] = True
        elif made.decision == LOWERED and made.tier is not None:
            if made.tier > policy.tiers:
                raise InputError(
                    "decisions.csv",
                    f"{made.retailer} is lowered to a tier that the policy does not have; it has 1 to {policy.tiers}",
                    column="tier",
                    value=str(made.tier),
                )
            lowest[index] = max(lowest[index], made.tier)
    return lowest, suspended


def _small(demand: Raw | None, groups: Groups, policy: ScorePolicy) -> Flags:
    """Return who is small: by mid-rank of demand among all; nobody where nobody's demand is known."""
    everybody = groups.of_level[-1]
    if demand is None or not policy.guards.small_part_percent:
        return np.zeros(len(everybody), dtype=np.bool_)
    stands: Standing = standing(order_of(demand), demand.known, Groups((everybody,) * 3), 1)
    low = _PERCENT * (2 * stands.below + stands.equal) <= policy.guards.small_part_percent * 2 * stands.peers
    return low | ~demand.known
