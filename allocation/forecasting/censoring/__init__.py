"""Demand under rationing: what would have been sold, estimated from what was sold, asked for and granted.

>>> estimates = unconstrained(
...     sold=[[10, 12, 6, 11]],
...     granted=[[20, 20, 6, 20]],
...     in_stock_fraction=[[1, 1, 0.5, 1]],
... )
>>> estimates.mean.round(1).tolist()
[[10.0, 12.0, 11.8, 11.0]]
>>> [Way(way).name for way in estimates.way[0]]
['SOLD', 'SOLD', 'TIME', 'SOLD']
"""

from allocation.forecasting.censoring.estimating import Estimates, Way, unconstrained

__all__ = ["Estimates", "Way", "unconstrained"]
