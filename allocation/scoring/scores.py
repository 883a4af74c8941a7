"""The scores: what is published, as columns, and the version that names all of it."""

import csv
import hashlib
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any, Final

import numpy as np

from allocation.scoring.components import Raw, Wide
from allocation.scoring.decisions import Decision
from allocation.scoring.guards import Guarded
from allocation.scoring.history import Flags
from allocation.scoring.peers import LEVELS, NOBODY, Standing
from allocation.scoring.policy import COMPONENTS, MILLI, ScorePolicy
from allocation.tables.columns import IntArray
from allocation.tables.decimals import plain_digits

COLUMNS: Final = (
    *("retailer", "market_type", "format", "score", "compared_with", "rank", "peers"),
    *("previous_tier", "earned_tier", "tier", "weight", "status"),
)
BREAKDOWN_COLUMNS: Final = (
    *("retailer", "component", "numerator", "denominator", "raw", "periods", "compared_with", "peers"),
    *("rank", "shrunk", "weight", "contribution"),
)
WEIGHT_COLUMNS: Final = ("retailer", "weight", "max_units")
STATUSES: Final = ("scored", "lowered", "suspended")


@dataclass(frozen=True, eq=False)
class Part:
    """One component of all scores.

    Parameters
    ----------
    raw
        The quotients that were compared.
    standing
        How each retailer stands in it.
    numerator, denominator
        The rank that counts, between 0 and 1.
    percent, whole
        The published weight of the component, and the sum of all that count: the weight used is their quotient.
    contribution_milli
        What it adds to the score, in thousandths of a point.
    """

    raw: Raw
    standing: Standing
    numerator: Wide
    denominator: Wide
    percent: int
    whole: int
    contribution_milli: IntArray


@dataclass(frozen=True, eq=False)
class Scores:
    """Scores of one day, one entry a retailer, in byte order of the names.

    Parameters
    ----------
    policy, as_of
        What they were computed by, and the day.
    retailer, market_type, format
        Who is scored.
    score_milli
        The score in thousandths of a point, 0…1,000,000: the sum of the contributions.
    standing
        How the scores stand among peers.
    previous_tier, earned_tier, tier
        The tier earned before (0: none), the one that the score earns now, and the one that holds after decisions.
    suspended
        To whom nothing is allocated.
    parts
        The components that count, in the published order; one that is absent is absent for all.
    decisions
        Those in effect.
    guarded
        The weights in the allocation, and what the guards changed.
    demand_column
        ``demand`` where it was given, ``sold`` where sales had to stand for it, None where neither was given.
    not_open
        Retailers that are not open on the day, and not scored.
    input_sha256
        The hash of the history.
    """

    policy: ScorePolicy
    as_of: date
    retailer: tuple[str, ...]
    market_type: tuple[str, ...]
    format: tuple[str, ...]
    score_milli: IntArray
    standing: Standing
    previous_tier: IntArray
    earned_tier: IntArray
    tier: IntArray
    suspended: Flags
    parts: Mapping[str, Part]
    decisions: tuple[Decision, ...]
    guarded: Guarded
    demand_column: str | None
    not_open: tuple[str, ...]
    input_sha256: str

    def __len__(self) -> int:
        """Return the number of retailers scored."""
        return len(self.retailer)

    @property
    def weight(self) -> IntArray:
        """The weight of each retailer in the allocation; 0 where it is suspended."""
        return self.guarded.weight

    @property
    def absent(self) -> tuple[str, ...]:
        """The components that count by the policy, and of which nothing is known about anybody."""
        return tuple(name for name in COMPONENTS if self.policy.weights[name] and name not in self.parts)

    @property
    def rank(self) -> IntArray:
        """The place among those that each is compared with, 1 being the best; equals share it."""
        stands = self.standing
        return stands.peers - stands.below - stands.equal + 1

    @property
    def status(self) -> list[str]:
        """One of :data:`STATUSES` for each."""
        kind = np.where(self.suspended, 2, np.where(self.tier > self.earned_tier, 1, 0))
        return [STATUSES[number] for number in kind.tolist()]

    @cached_property
    def scores_csv(self) -> bytes:
        """The bytes of ``scores.csv``."""
        columns: tuple[Iterable[Any], ...] = (
            self.retailer,
            self.market_type,
            self.format,
            map(points, self.score_milli.tolist()),
            _levels(self.standing),
            self.rank.tolist(),
            self.standing.peers.tolist(),
            _or_empty(self.previous_tier),
            self.earned_tier.tolist(),
            self.tier.tolist(),
            self.weight.tolist(),
            self.status,
        )
        return csv_bytes(COLUMNS, zip(*columns, strict=True))

    @property
    def version(self) -> str:
        """The score version: SHA-256 of the bytes of ``scores.csv``."""
        return hashlib.sha256(self.scores_csv).hexdigest()

    def breakdown_csv(self) -> bytes:
        """Return the bytes of ``breakdown.csv``: one row a retailer and component."""
        columns = [list(self._breakdown(component, part)) for component, part in self.parts.items()]
        return csv_bytes(BREAKDOWN_COLUMNS, (row for rows in zip(*columns, strict=True) for row in rows))

    def _breakdown(self, component: str, part: Part) -> Iterator[tuple[Any, ...]]:
        stands, weight = part.standing, plain_digits(part.percent, part.whole)
        rows = zip(
            self.retailer,
            part.raw.numerator.tolist(),
            part.raw.denominator.tolist(),
            part.raw.periods.tolist(),
            _levels(stands),
            *(column.tolist() for column in (stands.peers, stands.below, stands.equal)),
            part.numerator.tolist(),
            part.denominator.tolist(),
            part.contribution_milli.tolist(),
            strict=True,
        )
        for name, n, d, periods, level, peers, below, equal, above, under, milli in rows:
            known = (
                (n, d, plain_digits(n, d), periods, level, peers, plain_digits(2 * below + equal, 2 * peers))
                if periods
                else None
            )
            yield (
                name,
                component,
                *(known or ("", "", "", 0, "", "", "")),
                plain_digits(above, under),
                weight,
                points(milli),
            )

    def weights_csv(self) -> bytes:
        """Return the bytes of ``weights.csv``, which can stand as ``retailers.csv`` of an allocation.

        A suspended retailer has the limit of 0 units, and the weight 1 because there is none below.
        """
        rows = zip(self.retailer, self.weight.tolist(), self.suspended.tolist(), strict=True)
        return csv_bytes(WEIGHT_COLUMNS, ((name, weight or 1, 0 if out else "") for name, weight, out in rows))


def points(milli: int) -> str:
    """Print thousandths of a point as points with three decimals."""
    return f"{milli // MILLI}.{milli % MILLI:03d}"


def csv_bytes(heading: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """Write rows as CSV in UTF-8, lines ended by a line feed."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(heading)
    writer.writerows(rows)
    return text.getvalue().encode()


def _levels(stands: Standing) -> list[str]:
    return ["" if level == NOBODY else LEVELS[level] for level in stands.level.tolist()]


def _or_empty(tiers: IntArray) -> list[Any]:
    return [tier or "" for tier in tiers.tolist()]
