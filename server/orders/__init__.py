"""Orders, and the windows in which they are taken: the pattern that other capabilities follow.

Owns: windows, orders, order lines. Invariants: (retailer, the client's id) names one order for ever; an
order is placed, amended or cancelled only while its window is open by the server's clock; every line is
whole packs of a SKU the retailer is licensed for, within its limits and credit. Events: ``OrderPlaced``.
"""
