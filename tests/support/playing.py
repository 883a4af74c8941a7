"""A market in which one shop plays: orders, grants by the real core, sales, scores, weights, and round again."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from allocation_problems import SEED
from scored_networks import MONDAY, week

from allocation import Policy, Problem, solve
from allocation.scoring import Guards, History, ScorePolicy, score
from allocation.scoring.estimating import with_estimated_demand

SCORING = ScorePolicy(
    weights={"demand": 40, "trend": 15, "turnover": 15, "payment": 15, "acceptance": 15},
    trend_days=14,
    shrink_periods=1,
    peers_min=2,
    tiers=10,
    tier_moves_max=3,
    guards=Guards(1000, 0, 0),
)
"""What is fought for: a steep policy in which every place counts."""

Order = tuple[int, int]
"""Units asked for by one shop in all of its orders together, and units of the grant that it then refuses to take."""


@dataclass
class Market:
    """What customers want of each shop week by week, what there is, and whether goods keep until the next week."""

    wanted: Sequence[Sequence[int]]
    supply: Sequence[int]
    rounding: str
    keeps: bool

    def scores_when(self, plays: Callable[[int, int], Order], *, estimated: bool = True) -> dict[str, int]:
        """Run all weeks; shop 0 plays, all others order what their customers want. Return the last scores.

        With `estimated`, demand is estimated from what was sold and when it ran out; else sales stand for it.
        """
        names = [f"s{n}" for n in range(len(self.wanted))]
        rows: dict[str, list[tuple[Any, ...]]] = {"history": [], "payments": [], "deliveries": []}
        stock, weights, tiers = [0] * len(names), [1] * len(names), dict[str, int]()
        scores = None
        for number, supply in enumerate(self.supply):
            orders = [(wanted[number], 0) for wanted in self.wanted]
            orders[0] = plays(number, self.wanted[0][number])
            problem = Problem.from_columns(
                {"retailer": names, "sku": ["K"] * len(names), "requested": [o[0] for o in orders], "weight": weights},
                {"sku": ["K"], "supply": [supply]},
            )
            granted = solve(problem, Policy(rounding=self.rounding, seed=SEED)).granted.tolist()
            for shop, name in enumerate(names):
                wants, refused = self.wanted[shop][number], min(orders[shop][1], granted[shop])
                offered = stock[shop] + granted[shop]
                sells = min(wants, offered - refused)
                stock[shop] = offered - refused - sells if self.keeps else 0
                rows["history"].append((name, week(number), sells, offered, _in_stock(sells, wants, refused)))
                taken = granted[shop] - refused
                rows["payments"].append((name, week(number), 100 * taken, 100 * taken))
                rows["deliveries"].append((name, week(number), 1, int(not refused)))
            history = self._history(names, rows)
            known = with_estimated_demand(history) if estimated else history
            scores = score(known, SCORING, previous=tiers, as_of=_day_after(number))
            tiers = dict(zip(names, scores.earned_tier.tolist(), strict=True))
            weights = scores.weight.tolist()
        assert scores is not None
        return dict(zip(names, scores.score_milli.tolist(), strict=True))

    @staticmethod
    def _history(names: list[str], rows: dict[str, list[tuple[Any, ...]]]) -> History:
        columns = {
            "history": ("sold", "stock", "in_stock"),
            "payments": ("due_minor", "paid_minor"),
            "deliveries": ("deliveries", "accepted"),
        }
        tables = {
            table: dict(zip(("retailer", "period", *columns[table]), map(list, zip(*some, strict=True)), strict=True))
            for table, some in rows.items()
            if some
        }
        return History.from_columns({"retailer": names}, tables)


def _in_stock(sells: int, wants: int, refused: int) -> str:
    """Return the part of the week in which there was anything to sell, customers coming evenly.

    Who refused goods was not out of them.
    """
    if sells == wants or refused:
        return "1"
    return f"0.{1000 * sells // wants:03d}"


def _day_after(number: int) -> Any:
    return MONDAY.fromisoformat(week(number + 1))
