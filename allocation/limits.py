"""Every limit of the library, each with its reason.

Inside these limits an answer is exact; outside them the input is refused, never cut or wrapped.
"""

from typing import Final

QUANTITY_END: Final = 2**62
"""Quantities, prices and credits are below 2**62: a sum of two of them still fits a signed 64-bit integer."""

NO_LIMIT: Final = QUANTITY_END
"""Stands in arrays where a cap, a price or a credit is absent; no stated number can reach it."""

WEIGHT_MAX: Final = 10**9
"""Weights are at most a thousand million: finer steps of fairness than that are noise."""

CARRY_MAX_THOUSANDTHS: Final = 1000
"""Carry is at most one pack in either direction, so that an old grievance cannot eat a whole cycle."""

TIER_DIGITS: Final = 9
"""A tier's number has at most this many digits: it is a place in an order, never a quantity."""

SHARE_DECIMALS: Final = 12
"""Exact rationals are printed with this many decimals and cut, never rounded."""

WORD_END: Final = 2**62
"""Intermediate products of the fast path stay below this; where they would not, Python's integers are used."""

LEVEL_REFINEMENT_BITS: Final = 12
"""The fast path looks for a level on a grid this much finer than the weights ask for, where 64 bits allow it."""

MINIMUM_LINES_PER_GROUP: Final = 20_000
"""Lines short of their minimum that hang together (by SKU, credit or quota) and are chosen from in one model."""

MINIMUM_WORK: Final = 60.0
"""Deterministic work (CP-SAT's own unit, near a second of one core) that one such model may use.

Counted work and no clock: a busy machine gives the same answer as an idle one.
"""

BASKET_LINES: Final = 3_000
"""Lines in baskets that are scarce together and are solved exactly, by a sequence of linear programmes."""

SOLVER_COEFFICIENT_END: Final = 2**31
"""Coefficients handed to an integer solver stay below this: beyond 32 bits a wrong optimum has been certified."""

PROVABLE_CHOICES: Final = 16
"""`verify` tries every choice among this many lines with a minimum; above it, the choice is tested by exchange."""

EXACT_FLOAT_END: Final = 2.0**52
"""Whole numbers below this, and their sums and products below it, are exact in float64."""

EXACT_QUOTIENT_END: Final = 2.0**51
"""Where all numerators times all denominators stay below this, quotients in float64 keep their order and equality."""

PACK_BY_PACK_END: Final = 100_000
"""Up to so many packs, filling pack by pack is done before a faster method would be loaded."""
