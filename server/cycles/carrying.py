"""What a line takes into the next cycle. Pure.

A module of its own, since it needs the allocation core, which processes that never calculate do not load.
"""

from allocation.carrying import next_carry

PACK_THOUSANDTHS = 1000


def carried(before_thousandths: int, entitled_thousandths: int, granted_packs: int) -> int:
    """Return what goes into the next cycle, in thousandths of a pack.

    That is what is kept of what was carried before, plus what the rule entitled to (under rounding ``none``) less
    what was granted; at most one pack in either direction. What was asked for plays no part.
    """
    return next_carry(before_thousandths, entitled_thousandths, granted_packs * PACK_THOUSANDTHS, PACK_THOUSANDTHS)
