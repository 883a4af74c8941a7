"""A made-up order book of national size: seeded, so that everybody measures the same.

Retailers have a weight (a tier of 1 to 30, most of them low) and a region. Each asks for different SKUs, the popular
ones more often and in larger quantities; two SKUs in five are scarce. SKUs come in packs of 1, 5 or 10. There is no
further limit, so that lines meet in nothing but the supplies.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from allocation.errors import InputError
from allocation.policy import Policy
from allocation.whole_folders import new_folder

REGIONS: Final = 31
TIERS: Final = 30
REQUEST_MAX_UNITS: Final = 500
_PACKS: Final = (1, 1, 1, 5, 10)
_RETAILERS_AT_A_TIME: Final = 50_000

Progress = Callable[[str, int, int], None]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Book:
    """How large the book is.

    Parameters
    ----------
    retailers, lines, skus
        Retailers, lines of each, and SKUs in all.
    seed
        The same number, the same book.

    Raises
    ------
    InputError
        For a book without lines, or with more lines of a retailer than SKUs.
    """

    retailers: int = 5_000_000
    lines: int = 20
    skus: int = 200
    seed: int = 1

    def __post_init__(self) -> None:
        """Check the numbers."""
        if min(self.retailers, self.lines) < 1 or self.seed < 0:
            raise InputError("sample", "retailers and lines are 1 or more, the seed 0 or more")
        if self.lines > self.skus:
            raise InputError("sample", f"a retailer cannot ask for {self.lines} different SKUs of {self.skus}")

    @property
    def policy(self) -> Policy:
        """The default rule, with a seed that follows from the book's."""
        return Policy(seed=hashlib.sha256(f"evenhand sample national {self.seed}".encode()).hexdigest())

    def retailer(self, numbers: Ints) -> list[str]:
        """Return names of retailers; in byte order they stand as their numbers do."""
        width = max(7, len(str(self.retailers)))
        return [f"R{number:0{width}d}" for number in (numbers + 1).tolist()]

    def sku(self) -> list[str]:
        """Return the names of the SKUs, in byte order."""
        width = max(3, len(str(self.skus)))
        return [f"S{number:0{width}d}" for number in range(1, self.skus + 1)]

    def packs(self) -> Ints:
        """Return the pack of each SKU, in units."""
        return np.array(_PACKS, dtype=np.int64)[np.arange(self.skus) % len(_PACKS)]


@dataclass(frozen=True, eq=False)
class Part:
    """Some retailers and all of their lines, sorted by retailer and SKU (numbers from 0)."""

    first: int
    weight: Ints
    region: Ints
    retailer: Ints
    sku: Ints
    requested: Ints


def parts(book: Book) -> Iterator[Part]:
    """Yield the retailers of a book part by part, in order."""
    popularity = _popularity(book)
    bounds = np.arange(book.lines + 1) * book.skus // book.lines
    for first in range(0, book.retailers, _RETAILERS_AT_A_TIME):
        count = min(_RETAILERS_AT_A_TIME, book.retailers - first)
        rng = np.random.default_rng((book.seed, first))
        weight = 1 + (TIERS * rng.random(count) ** 2.5).astype(np.int64)
        region = (REGIONS * rng.random(count) ** 1.5).astype(np.int64)
        # One SKU of each stratum of neighbours: different and in order without a search.
        sku = np.empty((count, book.lines), dtype=np.int64)
        for line, (low, high) in enumerate(zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True)):
            chances = np.cumsum(popularity[low:high]) / popularity[low:high].sum()
            sku[:, line] = low + np.minimum(np.searchsorted(chances, rng.random(count)), high - low - 1)
        size = weight[:, None] * popularity[sku] * 4.0
        requested = np.minimum(np.ceil(size * -np.log1p(-rng.random(sku.shape))), REQUEST_MAX_UNITS)
        retailer = np.repeat(np.arange(first, first + count, dtype=np.int64), book.lines)
        yield Part(first, weight, region, retailer, sku.ravel(), requested.astype(np.int64).ravel())


def _popularity(book: Book) -> npt.NDArray[np.float64]:
    """Return how popular each SKU is; neighbours differ, so that every stratum has its favourites."""
    rank = np.arange(book.skus) * 7919 % max(book.skus, 1) if book.skus % 7919 else np.arange(book.skus)
    popularity: npt.NDArray[np.float64] = (1.0 + rank) ** -0.6 * book.skus**0.6 / 2
    return popularity


def _supply(book: Book, demand: Ints) -> Ints:
    """Return what there is of each SKU: two in five are scarce, by more or less."""
    number = np.arange(book.skus)
    percent = np.where(number % 5 < 2, 30 + number * 37 % 65, 110)  # noqa: PLR2004  # two in five
    return demand * percent // 100


def write_national(
    book: Book,
    folder: Path,
    *,
    parquet: bool = True,
    progress: Progress = lambda _stage, _done, _all: None,
) -> None:
    """Write a book as a problem folder, all or nothing.

    Raises
    ------
    InputError
        Where something else stands at that place.
    OSError
        Where it cannot be written.
    """
    import pyarrow as pa  # noqa: PLC0415  # 0.2 s to import; the rest of this module does without

    from allocation.tables.writing import open_table  # noqa: PLC0415  # imports pyarrow

    ending = "parquet" if parquet else "csv"
    names, packs = book.sku(), book.packs()
    demand = np.zeros(book.skus, dtype=np.int64)
    with new_folder(folder) as fresh, ExitStack() as stack:
        requests = stack.enter_context(open_table(fresh / f"requests.{ending}", _REQUESTS))
        retailers = stack.enter_context(open_table(fresh / f"retailers.{ending}", _RETAILERS))
        skus = pa.array(names)
        regions = pa.array([f"{number:02d}" for number in range(1, REGIONS + 1)])
        for part in parts(book):
            who = pa.array(book.retailer(np.arange(part.first, part.first + len(part.weight))))
            region = pa.DictionaryArray.from_arrays(pa.array(part.region.astype(np.int32)), regions)
            retailers({"retailer": who, "weight": part.weight, "group:region": region})
            requests(
                {
                    "retailer": pa.DictionaryArray.from_arrays((part.retailer - part.first).astype(np.int32), who),
                    "sku": pa.DictionaryArray.from_arrays(part.sku.astype(np.int32), skus),
                    "requested": part.requested,
                }
            )
            demand += np.bincount(part.sku, part.requested, minlength=book.skus).astype(np.int64)
            progress("writing", part.first + len(part.weight), book.retailers)
        with open_table(fresh / f"supply.{ending}", _SUPPLY) as supply:
            supply({"sku": skus, "supply": _supply(book, demand), "pack": packs})
        (fresh / "policy.toml").write_text(book.policy.to_toml(), encoding="utf-8")


_REQUESTS: Final[dict[str, Any]] = {"retailer": str, "sku": str, "requested": int}
_RETAILERS: Final[dict[str, Any]] = {"retailer": str, "weight": int, "group:region": str}
_SUPPLY: Final[dict[str, Any]] = {"sku": str, "supply": int, "pack": int}
