"""A version of all forecasts, computed class by class in the background; no transaction is held meanwhile.

What is stored of a version stays: a job that was killed goes on with the classes that are missing, from the history
as it stood when the version was asked for.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version as installed
from itertools import groupby
from typing import Any, Final
from uuid import UUID

import numpy as np
import structlog
from sqlalchemy import insert, update
from sqlalchemy.orm import Session

from allocation.errors import InputError
from allocation.forecasting import Frequency, forecast, history_of
from allocation.forecasting.backtesting import Backtest, backtest
from allocation.forecasting.censoring import Estimates, unconstrained
from server.forecasts import queries, rules, service, telling
from server.forecasts.models import ForecastVersion, SeriesRow
from server.kit import audit, computations
from server.kit.db import transaction
from server.kit.identity import SYSTEM
from server.kit.marking import N_
from server.kit.runtime import Runtime

log = structlog.get_logger(__name__)

BLOCK: Final = 2_000
"""Series of one class that are worked on together, one block a job: they lend each other level and season, they bound
the memory, and what else waits for the solver, such as a freeze, waits for one block and not for all."""

TOLD_AT_ONCE: Final = 500
READING, COMPUTING, TELLING, TOLD = N_("reading the history"), N_("computing"), N_("telling the shops"), N_("told")
STAGES: Final = (READING, COMPUTING, TELLING, TOLD)
VERSIONS_OF: Final = ("evenhand", "numpy", "statsforecast")


@dataclass(frozen=True)
class Block:
    """Some retailers of one class, in byte order."""

    product_class: str
    retailers: tuple[str, ...]


@dataclass(frozen=True)
class Demand:
    """What is known of a block's months, as arrays of (retailers, months); NaN where nothing is known."""

    retailers: tuple[str, ...]
    first: date
    sold: Any
    requested: Any
    granted: Any
    in_stock: Any


def run(runtime: Runtime, *, version: str) -> None:
    """Compute a block of a version, and see to the next one; after the last tell the shops.

    Called again after a crash it goes on; done and told, failed or stopped it does nothing.
    """
    with computations.until_stopped(f"forecast:{version}"):
        _run(runtime, UUID(version))


def _run(runtime: Runtime, chosen: UUID) -> None:
    with transaction(runtime.sessions) as session:
        row = session.get(ForecastVersion, chosen, with_for_update=True)
        if row is None or row.state in {"failed", "stopped"} or row.stage == TOLD:
            return
        found = queries.version_of(row)
        if found.state == "waiting":
            row.state, row.stage = "working", READING
    if found.state != "done":
        try:
            if not _compute(runtime, found):
                return
        except (InputError, rules.LeakError) as error:
            log.warning("forecast_failed", version=found.number, why=str(error))
            with transaction(runtime.sessions) as session:
                _end(session, found, runtime, state="failed", trouble=str(error))
            return
    _tell(runtime, found.number)


def _compute(runtime: Runtime, found: queries.Version) -> bool:
    """Compute the first block that is missing; return whether all are there. What is left goes on after other jobs.

    How many series are done is stored with a block's rows: together or not at all.
    """
    with transaction(runtime.sessions) as session:
        if found.input_sha256 is None:
            digest = _digest(queries.cells_until(session, found.cut_off, found.history_number))
            _note(session, found.id, input_sha256=digest)
        keys = queries.series_until(session, found.cut_off, found.history_number)
        _note(session, found.id, stage=COMPUTING, series=sum(map(len, keys.values())))
    blocks = list(_blocks(keys))
    done = 0
    for place, block in enumerate(blocks, start=1):
        done += len(block.retailers)
        if done <= found.series_done:
            continue
        with transaction(runtime.sessions) as session:
            demand = _demand(session, found, block)
        rows = series_rows(demand, found, block.product_class)
        with transaction(runtime.sessions) as session:
            if rows:
                session.execute(insert(SeriesRow), rows)
            _note(session, found.id, series_done=done)
            if place < len(blocks):
                service.go_on(session, found.id)
                return False
    with transaction(runtime.sessions) as session:
        _end(session, found, runtime, state="done", series_done=done, library_version=library_version())
    return True


def series_rows(demand: Demand, found: queries.Version, product_class: str) -> list[dict[str, Any]]:
    """Return the rows of a block: unconstrained demand, forecast and tested error of each retailer that has any.

    A retailer of whose months nothing is known but that it was out of stock is left out.
    """
    estimates = unconstrained(demand.sold, demand.requested, demand.granted, demand.in_stock)
    known = ~np.isnan(estimates.mean)
    rows = np.flatnonzero(known.any(axis=1))
    if not len(rows):
        return []
    starts = known.argmax(axis=1)
    number = rules.between(date(1970, 1, 1), demand.first)
    history = history_of(
        Frequency.MONTHLY,
        [(demand.retailers[at], number + int(starts[at]), estimates.mean[at, starts[at] :]) for at in rows],
    )
    figures = forecast(history, found.horizon)
    tested = backtest(history, found.horizon)
    place = {name: at for at, name in enumerate(figures.names)}
    return [
        {
            "version": found.id,
            "product_class": product_class,
            "retailer": demand.retailers[at],
            "first_period": rules.later(demand.first, int(starts[at])),
            "mean": figures.mean[place[demand.retailers[at]]].tolist(),
            "lo80": figures.lo80[place[demand.retailers[at]]].tolist(),
            "hi80": figures.hi80[place[demand.retailers[at]]].tolist(),
            **_past_of(estimates, int(at), int(starts[at])),
            **_tested(tested, place[demand.retailers[at]]),
        }
        for at in rows
    ]


def library_version() -> str:
    """Return which versions of the libraries computed a forecast."""
    return ", ".join(f"{name} {installed(name)}" for name in VERSIONS_OF)


def _past_of(estimates: Estimates, at: int, start: int) -> dict[str, Any]:
    return {"demand": estimates.mean[at, start:].tolist(), "way": estimates.way[at, start:].tolist()}


def _tested(tested: Backtest, place: int) -> dict[str, Any]:
    def told(value: float) -> float | None:
        return None if np.isnan(value) else float(value)

    return {
        "tested_periods": int(tested.periods[place]),
        "error": told(tested.error[place]),
        "naive_error": told(tested.seasonal_naive_error[place]),
    }


def _digest(cells: Iterable[queries.Cell]) -> str:
    """Return the SHA-256 of all cells in byte order."""
    digest = hashlib.sha256()
    for cell in cells:
        figures = (cell.sold_units, cell.requested_units, cell.granted_units, cell.out_days)
        line = [cell.product_class, cell.retailer, cell.period.isoformat(), *figures]
        digest.update(json.dumps(line, ensure_ascii=False).encode() + b"\n")
    return digest.hexdigest()


def _blocks(keys: dict[str, list[str]]) -> Iterator[Block]:
    for product_class, retailers in keys.items():
        for start in range(0, len(retailers), BLOCK):
            yield Block(product_class, tuple(retailers[start : start + BLOCK]))


def _demand(session: Session, found: queries.Version, block: Block) -> Demand:
    cells = list(
        queries.cells_until(session, found.cut_off, found.history_number, block.product_class, block.retailers)
    )
    return demand_of(cells, found.cut_off)


def demand_of(cells: Sequence[queries.Cell], cut_off: date) -> Demand:
    """Lay the months of one class out as arrays, from the first one known to the last one before the cut-off.

    Raises
    ------
    LeakError
        Where a month is not before the cut-off.
    """
    late = next((cell for cell in cells if cell.period >= cut_off), None)
    if late is not None:
        raise rules.LeakError(f"{late.retailer} {late.product_class} {late.period} is not before the cut-off {cut_off}")
    first = min(cell.period for cell in cells)
    retailers = tuple(retailer for retailer, _ in groupby(cells, key=lambda cell: cell.retailer))
    shape = (len(retailers), rules.between(first, cut_off))
    sold, requested, granted, in_stock = (np.full(shape, np.nan) for _ in range(4))
    place = {retailer: row for row, retailer in enumerate(retailers)}
    for cell in cells:
        at = place[cell.retailer], rules.between(first, cell.period)
        for array, value in (
            (sold, cell.came_units),
            (requested, cell.requested_units),
            (granted, cell.granted_units),
            (in_stock, cell.in_stock),
        ):
            if value is not None:
                array[at] = value
    return Demand(retailers, first, sold, requested, granted, in_stock)


def _tell(runtime: Runtime, number: int) -> None:
    """Tell the shops of a version, unless a newer one counts by now; told twice, they see the same."""
    with transaction(runtime.sessions) as session:
        found = queries.version(session, state="done")
        assert found is not None  # noqa: S101 - this one is done
        codes = queries.retailers_of(session, found.id) if found.number == number else []
    for start in range(0, len(codes), TOLD_AT_ONCE):
        with transaction(runtime.sessions) as session:
            telling.tell(session, codes[start : start + TOLD_AT_ONCE], found, at=runtime.clock())
    with transaction(runtime.sessions) as session:
        session.execute(update(ForecastVersion).where(ForecastVersion.number == number).values(stage=TOLD))


def _note(session: Session, version: UUID, **values: Any) -> None:
    computations.note(session, ForecastVersion, version, **values)


def _end(session: Session, found: queries.Version, runtime: Runtime, **values: Any) -> None:
    at = runtime.clock()
    _note(session, found.id, stage=TELLING, done_at=at, **values)
    audit.record(
        session,
        actor=SYSTEM,
        action=f"forecast.{values['state']}",
        subject=f"forecast:{found.number}",
        at=at,
        alert=values["state"] == "failed",
    )
