"""Audiences: whom something is for, by where a shop stands, what it is, what it is licensed for, or one by one.

Owns: no table; announcements and surveys keep theirs as :data:`rules.ADDRESSED` writes it. Invariants: shops that every
part fits, all of them where a part is empty; what is in a part is decided by what holds on the day it is asked.
"""
