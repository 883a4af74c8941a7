"""``make bench``: figures against the targets, each a ratio of two things measured in one run on one machine.

Every figure is the median of its runs, which are taken in turns, so that a busy moment of the machine hits both sides.
A row is one small function of a module of this package; :mod:`loadtests.bench.__main__` lists them by group. Each group
can be measured by itself: what the others measured before stays in ``docs/benchmarks.json``.
"""
