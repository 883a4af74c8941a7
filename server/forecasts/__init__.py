"""What the shops sold and asked for by month, and what they are going to: suggested, their own, agreed.

Owns: demand history, forecast versions, own and agreed figures. Invariants: nothing is edited, a later figure is a
new version beside the old; a forecast knows nothing from its cut-off on; a figure of a month is given before it
begins; figures from a second look are two persons'. Events: none.
"""
