"""Two policies on one frozen problem: who gains, who loses, and how evenly either of them shares out.

:func:`compare` returns a plain frozen :class:`Comparison`; :mod:`allocation.comparing.page` shows it on a page that
prints, and :meth:`Comparison.as_dict` is ready for JSON.
"""

from allocation.comparing.comparison import Bin, Change, Comparison, GroupRow, Movement, Side, SkuRow
from allocation.comparing.measuring import compare, compare_results

__all__ = ["Bin", "Change", "Comparison", "GroupRow", "Movement", "Side", "SkuRow", "compare", "compare_results"]
