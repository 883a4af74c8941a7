"""Visits and call-backs: what is due by rules in words, plans by manager and day, what was kept of each contact.

Owns: versions of the rules, plans with their stops and moves, visits, promises. Invariants: a visit is kept once under
the id that its draft had, the same id with something else is refused; a stop that was done is never moved; the same
rows make the same plan; what is kept of a person is named on the page that keeps it. Events: none.
"""
