"""Cycles: supply is released, windows open and close, the book is frozen, shared out, checked, released, published.

Owns: cycles and their steps, schedules, policies, supply, the draw's secret, the frozen book, runs, grants, carry.
Invariants: a commitment stands before any window; one frozen book a cycle; per SKU granted is at most supply, per
line at most eligible; two persons release; a publication never changes, a correction is another one. Only this
capability calls the allocation core. Events: ``GrantsPublished``.
"""
