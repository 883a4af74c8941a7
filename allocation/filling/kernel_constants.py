"""Numbers that compiled kernels and the plain code around them share.

Kernels take what they need of constants from files named like this one, which the stamp of kept code covers; see
:func:`allocation.compiled.jit`.
"""

from typing import Final

HALF_STEPS: Final = 0
DEAN: Final = 1
HUNTINGTON_HILL: Final = 2
"""How packs follow each other; see :class:`allocation.filling.pack_keys.PackKeys`."""

CLOSE: Final = 1e-12
"""An estimate of packs may be wrong by so much of itself, and is wrong by far less."""
