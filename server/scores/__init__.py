"""What weight a retailer has in the allocation: scored, looked at by a second person, published in versions.

Owns: score policies, score runs and their rows, dated decisions, what deliveries tell of acceptance. Invariants:
nothing is edited, a correction is a new version; who asked for a run does not publish it; a run that was computed on
other scores than those in force is not published; nothing of what a retailer asks for is an input. Events: none.
"""
