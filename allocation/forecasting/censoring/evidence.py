"""What is known of each week of each line: checked, and sorted by what it says about demand."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from allocation.errors import InputError

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

TABLE: Final = "history"
"""What messages call the arrays."""

IN_STOCK_LEAST: Final = 1 / 7
"""Goods in stock for a shorter part of a week (a day): what was sold says no more than that demand was no less."""

UNITS_END: Final = 2.0**52
"""Quantities stay below this, so that their sums stay near enough to exact in 64-bit floats."""


@dataclass(frozen=True)
class Evidence:
    """Weeks of the lines of one class, all arrays of shape (retailers, weeks).

    Parameters
    ----------
    sold
        Units, 0 where not known.
    known
        Whether it is known what was sold.
    sold_out
        Whether demand may have been more: the goods ran out, or everything that was on offer was sold.
    in_stock
        Fraction of the week before the goods ran out, where that is known and says something; nan elsewhere.
    wanted
        Units asked for, and those in stock already; nan where not known.
    cut
        Whether the line got less than it asked for, or, where its request is not known, sold out.
    """

    sold: Floats
    known: Bools
    sold_out: Bools
    in_stock: Floats
    wanted: Floats
    cut: Bools

    @property
    def timed(self) -> Bools:
        """Weeks that sold out at a known time."""
        return self.sold_out & ~np.isnan(self.in_stock)

    @property
    def most(self) -> Floats:
        """The fastest that each line sold in any week, in units a week; shape (retailers,)."""
        fastest: Floats = (self.sold / np.where(self.timed, self.in_stock, 1.0)).max(axis=1)
        return fastest

    @property
    def blind(self) -> Bools:
        """Weeks that sold out at an unknown time."""
        return self.sold_out & np.isnan(self.in_stock)


def gather(sold: Floats, requested: Floats, granted: Floats, in_stock_fraction: Floats, opening: Floats) -> Evidence:
    """Sort the weeks of one class by what they say; see :func:`allocation.forecasting.censoring.unconstrained`."""
    known = ~np.isnan(sold)
    timed = ~np.isnan(in_stock_fraction)
    on_offer = granted + opening
    ran_out = np.where(timed, in_stock_fraction < 1, sold >= on_offer)
    sold_out = known & ran_out
    asked = ~np.isnan(requested) & ~np.isnan(granted)
    return Evidence(
        sold=np.where(known, sold, 0.0),
        known=known,
        sold_out=sold_out,
        in_stock=np.where(in_stock_fraction >= IN_STOCK_LEAST, in_stock_fraction, np.nan),
        wanted=requested + opening,
        cut=np.where(asked, granted < requested, sold_out),
    )


def checked(name: str, values: npt.ArrayLike | None, shape: tuple[int, ...], absent: float) -> Floats:
    """Return an array of the history as floats.

    Raises
    ------
    InputError
        For another shape, a negative or infinite number, a fraction above 1; with the array's name and the cell.
    """
    if values is None:
        return np.full(shape, absent)
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(TABLE, "numbers are needed; nan where one is not known", column=name) from error
    if array.shape != shape:
        told = f"shape {array.shape}, where sold has {shape}; give all arrays the same shape"
        raise InputError(TABLE, told, column=name)
    end, what = (1.0, "a fraction of 0 to 1") if name == "in_stock_fraction" else (UNITS_END, "units of 0 or more")
    with np.errstate(invalid="ignore"):
        wrong = (array < 0) | (array > end)
    if wrong.any():
        cell = tuple(int(at[0]) for at in np.nonzero(wrong))
        told = f"{what} are needed at {cell}, nan where not known"
        raise InputError(TABLE, told, column=name, value=f"{array[cell]:g}")
    return array
