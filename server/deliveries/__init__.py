"""Goods on their way: shipment notices from published grants, confirmation line by line, claims.

Owns: deliveries, their lines, claims. Invariants: one grant is shipped once; every shipped line is confirmed
exactly once and its counts add up; no quantity is ever negative; each difference has one claim with an owner.
Events: ``DeliveryConfirmed``.
"""
