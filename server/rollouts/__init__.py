"""Rollouts: what many terminals are asked to do, ring by ring, at a rate, stopped by itself where too many fail.

Owns: rollouts and their terminals. Invariants: no terminal is begun outside of the rate, after a stop, or once the
share of failures has reached its threshold; an update is released by a second person; every terminal ends in one state
with its reason, at the latest when its own time limit and the rollout's deadline are over. Events: none.
"""
