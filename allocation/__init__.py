"""The allocation core: scarce supply shared by a stated rule, exactly, with a certificate that anyone can check.

A pure library: it knows no database, no web and nothing else of the project. Integers in, integers out; the same
input gives the same bytes on any machine and in any order of the rows.

>>> problem = Problem.from_columns(
...     requests={"retailer": ["a", "b", "c"], "sku": ["k"] * 3, "requested": [25, 35, 40], "weight": [10, 20, 50]},
...     supply={"sku": ["k"], "supply": [50]},
... )
>>> result = solve(problem, Policy(seed="00" * 32))
>>> result.granted.tolist()
[6, 13, 31]
"""

from allocation.explaining import explain
from allocation.policy import Policy
from allocation.problem import Problem
from allocation.result import Result
from allocation.solving import solve
from allocation.verification import verify

__all__ = ["Policy", "Problem", "Result", "explain", "solve", "verify"]
