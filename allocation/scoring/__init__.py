"""Capability scores: weights that a retailer can check and cannot game.

A pure library beside the allocation core: it knows no database, no web and no solver. Whole numbers and exact
quotients decide; the same input gives the same bytes in any order of its rows.

>>> history = History.from_columns(
...     {"retailer": ["a", "b"]},
...     {"history": {"retailer": ["a", "b"], "period": ["2027-01-04"] * 2, "sold": [10, 30]}},
... )
>>> scores = score(history, ScorePolicy(shrink_periods=0))
>>> scores.score_milli.tolist(), scores.tier.tolist()
([250000, 750000], [23, 8])
"""

from allocation.scoring.decisions import Decision
from allocation.scoring.history import History
from allocation.scoring.policy import Guards, ScorePolicy
from allocation.scoring.scores import Scores
from allocation.scoring.scoring import score
from allocation.scoring.what_if import Move, moved

__all__ = ["Decision", "Guards", "History", "Move", "ScorePolicy", "Scores", "moved", "score"]
