"""What a terminal must know that changes seldom: its catalogue with limits, its standing, its credit.

Owns no table: the document is derived. Invariants: a terminal gets only its own retailer's document; the
version is the hash of what it says. Events: none; reacts to changes below by telling terminals to look.
"""
