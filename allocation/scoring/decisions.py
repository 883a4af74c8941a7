"""Dated decisions of persons: suspensions and lowered tiers, each with its reason, its author and its approver.

A decision holds from its first day to the day before its end, and never changes a score: it stands beside it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Final

from allocation.scoring.dates import read_dates
from allocation.scoring.policy import TIERS_MAX
from allocation.tables.columns import RawTable
from allocation.tables.persons import PERSONS, read_persons

FILE: Final = "decisions.csv"
COLUMNS: Final = ("retailer", "decision", "tier", "from", "until", *PERSONS)
SUSPENDED: Final = "suspended"
LOWERED: Final = "lowered"


@dataclass(frozen=True)
class Decision:
    """What two persons decided about a retailer.

    Parameters
    ----------
    retailer
        Its name.
    decision
        ``suspended``: nothing is allocated to it; ``lowered``: its tier is not better than `tier`.
    tier
        The best tier that it may have; None where it is suspended.
    since, until
        The first day on which the decision holds, and the first on which it no longer does.
    reason, author, approver
        Why, who decided it, and the second person who approved it.
    """

    retailer: str
    decision: str
    tier: int | None
    since: date
    until: date
    reason: str
    author: str
    approver: str

    def holds(self, day: date) -> bool:
        """Say whether the decision is in effect on a day."""
        return self.since <= day < self.until

    def as_dict(self) -> dict[str, Any]:
        """Return it with the names of the file's columns."""
        stated = asdict(self) | {"from": self.since.isoformat(), "until": self.until.isoformat()}
        return {column: stated[column] for column in COLUMNS}


def read_decisions(raw: RawTable, known: Iterable[str]) -> tuple[Decision, ...]:
    """Check ``decisions.csv`` against the retailers; sorted, whatever the order of the rows.

    Raises
    ------
    InputError
        For an unknown retailer or decision, a tier that is missing or too much, dates that do not follow each other,
        an empty text, one person alone, or the same row twice.
    """
    raw.require(COLUMNS, COLUMNS.__contains__)
    names, texts = raw.names("retailer").tolist(), read_persons(raw)
    kinds, retailers = raw.texts("decision").tolist(), set(known)
    tiers = raw.numbers("tier", absent=0, low=1, high=TIERS_MAX, outside=f"a tier is 1 to {TIERS_MAX}").tolist()
    since, until = ([date.fromordinal(day) for day in read_dates(raw, column).tolist()] for column in ("from", "until"))
    found: dict[Decision, int] = {}
    for index, name in enumerate(names):
        if name not in retailers:
            raw.refuse(index, "retailer", "unknown retailer: not in retailers.csv; correct it or add it there")
        _check_kind(raw, index, kinds[index], tiers[index])
        if until[index] <= since[index]:
            raw.refuse(index, "until", "not after the first day; a decision ends on the day named here")
        said = (texts[column][index] for column in PERSONS)
        made = Decision(name, kinds[index], tiers[index] or None, since[index], until[index], *said)
        if made in found:
            raw.refuse(index, "retailer", "the same decision a second time; keep one row")
        found[made] = index
    return tuple(
        sorted(
            found, key=lambda made: (made.retailer, made.since, made.until, made.decision, made.tier or 0, made.reason)
        )
    )


def _check_kind(raw: RawTable, index: int, kind: str, tier: int) -> None:
    if kind not in (SUSPENDED, LOWERED):
        raw.refuse(index, "decision", f"unknown decision; use {SUSPENDED} or {LOWERED}")
    if (kind == LOWERED) != bool(tier):
        what = (
            "name the best tier that it may have"
            if kind == LOWERED
            else "leave it empty: a suspended retailer has none"
        )
        raw.refuse(index, "tier", what)


def in_effect(decisions: Sequence[Decision], day: date) -> tuple[Decision, ...]:
    """Return the decisions that hold on a day."""
    return tuple(made for made in decisions if made.holds(day))
