"""The licensed shops: who they are, where they stand on routes and in tiers, what they may owe.

Owns: retailers, their own limits per SKU. Invariants: a retailer's code is text and never changes; weights
are positive; a suspended standing has a reason. Events: ``RetailersChanged``, ``StandingChanged``.
"""
