"""A made-up network to score: seeded, so that everybody sees the same.

Outlets of two market types and three formats; some opened lately, some closed; demand with a season; goods were short
in some weeks, so that sales lie below demand, and in a few more came back than was sold. One outlet is suspended, one
is lowered.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from allocation.errors import InputError
from allocation.scoring.decisions import COLUMNS as DECISION_COLUMNS
from allocation.scoring.history import RETAILERS, TABLES
from allocation.scoring.policy import ScorePolicy
from allocation.scoring.scores import csv_bytes
from allocation.whole_folders import new_folder, write_file

POLICY_FILE: Final = "score.toml"
FIRST_WEEK: Final = date(2025, 1, 6)
_MARKETS: Final = ("rural", "urban")
_FORMATS: Final = ("convenience", "supermarket", "tobacconist")
_WEEKS_OF_A_SEASON: Final = 52
_OFFERED: Final = 40
_NEW_EVERY, _CLOSED_EVERY = 20, 33
_INSPECTED_WEEKS, _VISITED_WEEKS = 13, 4

Ints = npt.NDArray[np.int64]
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Network:
    """How large the network is.

    Parameters
    ----------
    retailers, weeks
        Outlets, and weeks of figures.
    seed
        The same number, the same network.

    Raises
    ------
    InputError
        For a network without outlets or weeks.
    """

    retailers: int = 200
    weeks: int = 104
    seed: int = 1

    def __post_init__(self) -> None:
        """Check the numbers."""
        if min(self.retailers, self.weeks) < 1 or self.seed < 0:
            raise InputError("sample", "retailers and weeks are 1 or more, the seed 0 or more")

    @property
    def days(self) -> list[str]:
        """The first day of each week."""
        return [(FIRST_WEEK + timedelta(7 * week)).isoformat() for week in range(self.weeks)]

    @property
    def names(self) -> list[str]:
        """The names of the outlets; in byte order they stand as their numbers do."""
        width = max(4, len(str(self.retailers)))
        return [f"R{number:0{width}d}" for number in range(1, self.retailers + 1)]


def write_network(network: Network, folder: Path, progress: Progress = lambda _stage, _done, _all: None) -> None:
    """Write a network as a folder to score, with a policy, all or nothing.

    Raises
    ------
    InputError
        Where something else stands at that place.
    OSError
        Where it cannot be written.
    """
    tables = _tables(network)
    with new_folder(folder) as fresh:
        write_file(fresh / POLICY_FILE, [ScorePolicy(version="sample").to_toml().encode()])
        for number, (name, heading, rows) in enumerate(tables):
            write_file(fresh / f"{name}.csv", [csv_bytes(heading, rows)])
            progress("writing", number + 1, len(tables))


def _tables(network: Network) -> Sequence[tuple[str, Sequence[str], Iterator[Sequence[Any]]]]:
    rng, count, weeks = np.random.default_rng(network.seed), network.retailers, network.weeks
    number = np.arange(count)
    new, closed = number % _NEW_EVERY == _NEW_EVERY - 1, number % _CLOSED_EVERY == _CLOSED_EVERY - 1
    first = np.where(new, np.maximum(weeks - 1 - number % 7, 0), 0)
    last = np.where(closed & ~new, np.maximum(weeks - 5, 1), weeks)
    is_open = (np.arange(weeks) >= first[:, None]) & (np.arange(weeks) < last[:, None])
    skill = rng.random(count)
    demand = _demand(network, rng, skill)
    sold = np.where(rng.random(demand.shape) < 0.2, demand * 7 // 10, demand)  # noqa: PLR2004  # a week in five is short
    sold = np.where(rng.random(demand.shape) < 0.005, -(demand // 10), sold)  # noqa: PLR2004  # now and then more comes back
    stock = 1 + (np.abs(sold) * (3 - 2 * skill)[:, None]).astype(np.int64)
    due = 1000 * np.maximum(sold, 0)
    drawn = {
        name: rng.random(demand.shape) for name in ("assortment", "payments", "deliveries", "inspections", "service")
    }
    part = {name: np.minimum(0.4 + 0.5 * skill[:, None] + 0.3 * some, 1.0) for name, some in drawn.items()}
    week = np.arange(weeks)
    inspected, visited = (
        is_open & ((week + number[:, None]) % every == 0) for every in (_INSPECTED_WEEKS, _VISITED_WEEKS)
    )
    columns: dict[str, tuple[npt.NDArray[np.bool_], Sequence[Ints]]] = {
        "history": (is_open, (demand, sold, stock)),
        "assortment": (is_open, _of(np.full_like(demand, _OFFERED), part["assortment"])),
        "payments": (is_open & (due > 0), _of(due, part["payments"])),
        "deliveries": (is_open, _of(np.full_like(demand, 2), part["deliveries"])),
        "inspections": (inspected, _of(np.full_like(demand, 5), part["inspections"])),
        "service": (visited, _of(np.full_like(demand, 10), part["service"])),
    }
    return (
        ("retailers", RETAILERS[:5], _retailers(network, first, last, rng)),
        *(
            (name, ("retailer", "period", *TABLES[name][: len(cells)]), _rows(network, where, cells))
            for name, (where, cells) in columns.items()
        ),
        ("decisions", DECISION_COLUMNS, iter(_decisions(network))),
    )


def _demand(network: Network, rng: np.random.Generator, skill: npt.NDArray[np.float64]) -> Ints:
    """Return units a week: skewed sizes, a season that everybody shares, and noise."""
    size = 20 * np.exp(rng.normal(0.0, 0.7, network.retailers)) * (0.7 + 0.6 * skill)
    season = 1 + 0.3 * np.sin(2 * np.pi * np.arange(network.weeks) / _WEEKS_OF_A_SEASON)
    trend = 1 + (rng.random(network.retailers) - 0.4)[:, None] * np.linspace(0, 0.5, network.weeks)
    units: Ints = rng.poisson(size[:, None] * season * trend).astype(np.int64)
    return units


def _of(whole: Ints, part: npt.NDArray[np.float64]) -> tuple[Ints, Ints]:
    return whole, np.floor(whole * part).astype(np.int64)


def _retailers(network: Network, first: Ints, last: Ints, rng: np.random.Generator) -> Iterator[Sequence[Any]]:
    markets = rng.integers(len(_MARKETS), size=network.retailers).tolist()
    formats = rng.choice(len(_FORMATS), p=(0.6, 0.1, 0.3), size=network.retailers).tolist()
    days = [*network.days, (FIRST_WEEK + timedelta(7 * network.weeks)).isoformat()]
    bounds = zip(first.tolist(), last.tolist(), strict=True)
    for name, market, kind, (start, end) in zip(network.names, markets, formats, bounds, strict=True):
        opened, closed = days[start] if start else "", days[end] if end < network.weeks else ""
        yield name, _MARKETS[market], _FORMATS[kind], opened, closed


def _rows(network: Network, where: npt.NDArray[np.bool_], columns: Sequence[Ints]) -> Iterator[Sequence[Any]]:
    names, days = network.names, network.days
    who, week = np.nonzero(where)
    cells = (column[where].tolist() for column in columns)
    for retailer, number, *numbers in zip(who.tolist(), week.tolist(), *cells, strict=True):
        yield names[retailer], days[number], *numbers


def _decisions(network: Network) -> Iterator[Sequence[Any]]:
    """Yield a suspension, a lowered tier, and one that has ended."""
    names, end = network.names, FIRST_WEEK + timedelta(7 * network.weeks)
    spans = (
        (end - timedelta(20), end + timedelta(40)),
        (end - timedelta(6), end + timedelta(84)),
        (end - timedelta(200), end - timedelta(100)),
    )
    kinds = (
        ("suspended", "", "licence under review"),
        ("lowered", 25, "sold to minors, second notice"),
        ("suspended", "", "moved"),
    )
    for name, (kind, tier, why), (since, until) in zip(names[1:4], kinds, spans, strict=False):
        yield name, kind, tier, since.isoformat(), until.isoformat(), why, "inspector", "manager"
