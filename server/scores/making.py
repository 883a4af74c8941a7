"""A run of all scores, computed in the background; no transaction is held meanwhile.

The rows of a run are stored together or not at all: a job that was killed begins again.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import structlog
from sqlalchemy import insert
from sqlalchemy.orm import Session

from allocation.errors import InputError
from allocation.scoring import Decision, History, ScorePolicy, Scores, score
from allocation.scoring.estimating import with_estimated_demand
from allocation.scoring.explaining import Published
from allocation.scoring.folders import Previous, certificate_of, score_files
from allocation.scoring.given import given_files
from allocation.scoring.guards import facts
from allocation.scoring.history import TABLES, THOUSANDTHS
from server.forecasts import queries as forecasts
from server.forecasts.rules import LeakError, days_in
from server.kit import audit, computations
from server.kit.db import transaction
from server.kit.identity import SYSTEM
from server.kit.runtime import Runtime
from server.retailers import queries as retailers
from server.scores import decision_queries, exporting, fact_queries, policies, queries
from server.scores.models import ScoreRow, ScoreRun

log = structlog.get_logger(__name__)

ROWS_AT_ONCE: Final = 2_000
NUMBERS: Final = ("rank", "peers", "earned_tier", "tier", "weight")
TEXTS: Final = ("market_type", "compared_with", "status")

Columns = dict[str, list[Any]]


@dataclass(frozen=True)
class Basis:
    """All that a run is computed from."""

    history: History
    policy: ScorePolicy
    decisions: tuple[Decision, ...]
    previous: Previous | None
    as_of: date


@dataclass(frozen=True)
class Question:
    """What a scoring is asked for: policy, day, the newest figure and fact that it may use, the run before it."""

    policy: ScorePolicy
    as_of: date
    history_number: int
    facts_number: int
    previous: int | None


def run(runtime: Runtime, *, run: str) -> None:
    """Compute a run. Called again after a crash it begins anew; where it is over it does nothing."""
    with computations.until_stopped(f"score:{run}"):
        _run(runtime, UUID(run))


def _run(runtime: Runtime, chosen: UUID) -> None:
    with transaction(runtime.sessions) as session:
        row = computations.begin(session, ScoreRun, chosen)
        if row is None:
            return
        found = queries.run_of(row)
    try:
        with transaction(runtime.sessions) as session:
            basis = basis_of(session, found)
            before = None if found.previous is None else exporting.archive(session, found.previous)
        scored = scores_of(basis)
    except (InputError, LeakError) as error:
        log.warning("score_failed", run=found.number, why=str(error))
        with transaction(runtime.sessions) as session:
            _end(session, found, runtime, state="failed", trouble=str(error))
        return
    rows = _rows(found.id, scored)
    files = exporting.packed(files_of(basis), score_files(scored, basis.previous), before)
    with transaction(runtime.sessions) as session:
        for start in range(0, len(rows), ROWS_AT_ONCE):
            session.execute(insert(ScoreRow), rows[start : start + ROWS_AT_ONCE])
        _end(
            session,
            found,
            runtime,
            state="draft",
            retailers=len(scored),
            score_version=scored.version,
            certificate=certificate_of(scored, {}, basis.previous),
            guards=facts(scored.guarded, scored.policy.guards),
            files=files,
        )


def basis_of(session: Session, found: queries.Run) -> Basis:
    """Read what a run is computed from; see :func:`basis`."""
    policy = policies.read(session, found.policy_version)
    return basis(session, Question(policy, found.as_of, found.history_number, found.facts_number, found.previous))


def basis(session: Session, found: Question) -> Basis:
    """Read what scores are computed from: no month from their day on, and nothing that anybody asked for.

    Where the policy has another number of tiers than that of the scores before, all are placed anew.

    Raises
    ------
    InputError
        Where the scoring library refuses it.
    """
    before = None if found.previous is None else queries.run(session, found.previous)
    own = before is None
    if before is not None and (before.certificate or {})["policy"]["tiers"] != found.policy.tiers:
        before = None
    tiers = {} if before is None else queries.earned_tiers(session, before.number)
    shops = retailers.retailers(session)
    history = History.from_columns(
        {
            "retailer": list(shops),
            "market_type": [shop.market_type for shop in shops.values()],
            "closed": [_closed(shop, found.as_of) for shop in shops.values()],
            "tier": [str(shop.tier) if own else str(tiers.get(code, "")) for code, shop in shops.items()],
        },
        _figures(session, found),
    )
    if "history" in history.figures:
        history = with_estimated_demand(history, before=found.as_of)
    decided = [
        Decision(
            d.retailer,
            d.decision,
            None if d.tier is None else min(d.tier, found.policy.tiers),  # where there are fewer by now, the last one
            d.since,
            d.holds_until,
            d.reason,
            d.author,
            d.approver or "",
        )
        for d in decision_queries.decisions(session, approved=True)
        if d.since < d.holds_until
    ]
    return Basis(
        history,
        found.policy,
        tuple(sorted(decided, key=lambda made: (made.retailer, made.since, made.until, made.decision, made.reason))),
        None if before is None else Previous(before.as_of, before.score_version or "", tiers),
        found.as_of,
    )


def scores_of(basis: Basis) -> Scores:
    """Score all retailers; the same for the same basis."""
    return score(basis.history, basis.policy, basis.decisions, None, basis.as_of)


def files_of(basis: Basis) -> dict[str, bytes]:
    """Return what a run is computed from as the files of a folder, the policy among them."""
    return given_files(basis.history, basis.decisions) | {exporting.POLICY: basis.policy.to_toml().encode()}


def _figures(session: Session, found: Question) -> dict[str, Mapping[str, Sequence[Any]]]:
    """Return the tables of figures that are known: sales by month over all classes, and what was told of months."""
    tables: dict[str, Columns] = {}
    sold: dict[tuple[str, date], int] = defaultdict(int)
    out_days: dict[tuple[str, date], list[int | None]] = defaultdict(list)
    for cell in forecasts.cells_until(session, found.as_of, found.history_number):
        if cell.sold_units is not None:
            sold[cell.retailer, cell.period] += cell.sold_units
            out_days[cell.retailer, cell.period].append(cell.out_days)
    if sold:
        keys = sorted(sold)
        tables["history"] = {
            "retailer": [retailer for retailer, _ in keys],
            "period": [period.isoformat() for _, period in keys],
            "sold": [str(sold[key]) for key in keys],
            "in_stock": [_part_in_stock(out_days[key], key[1]) for key in keys],
        }
    for fact in fact_queries.facts_until(session, found.as_of, found.facts_number):
        cells = (fact.retailer, fact.period.isoformat(), str(fact.whole), str(fact.part))
        table = tables.setdefault(fact.facts, {name: [] for name in ("retailer", "period", *TABLES[fact.facts])})
        for column, value in zip(table.values(), cells, strict=True):
            column.append(value)
    _check_before(tables, found.as_of)
    return dict(tables)


def _check_before(tables: Mapping[str, Columns], day: date) -> None:
    """Refuse to compute from a month that was not over before the day of the score."""
    for name, columns in tables.items():
        late = max(columns["period"])
        if late >= day.isoformat():
            raise LeakError(f"{name}: {late} is not before the day of the score, {day}")


def _closed(shop: retailers.Retailer, day: date) -> str:
    """Return the closing day where the shop is closed on ``day``; what comes later does not count yet."""
    return shop.closed_on.isoformat() if shop.closed_on is not None and shop.closed(day) else ""


def _part_in_stock(out_days: Sequence[int | None], period: date) -> str:
    """Return the mean part of a month in which the classes were in stock; empty where it is not known of one."""
    known = [days for days in out_days if days is not None]
    if len(known) < len(out_days):
        return ""
    whole = days_in(period) * len(known)
    return f"{(whole - sum(known)) * THOUSANDTHS // whole / THOUSANDTHS:.3f}"


def _rows(run_id: UUID, scored: Scores) -> list[dict[str, Any]]:
    """Return the published rows as the table keeps them."""
    published = Published.of(scored)
    return [
        {
            "run": run_id,
            "retailer": retailer,
            "score_milli": int(Decimal(row["score"]) * 1000),
            "previous_tier": int(row["previous_tier"]) if row["previous_tier"] else None,
            **{name: int(row[name]) for name in NUMBERS},
            **{name: row[name] for name in TEXTS},
            "parts": [
                {name: cell for name, cell in part.items() if name != "retailer"}
                for part in published.breakdown[retailer]
            ],
        }
        for retailer, row in published.scores.items()
    ]


def _end(session: Session, found: queries.Run, runtime: Runtime, **values: Any) -> None:
    at = runtime.clock()
    computations.note(session, ScoreRun, found.id, done_at=at, **values)
    audit.record(
        session,
        actor=SYSTEM,
        action=f"score.{values['state']}",
        subject=f"score:{found.number}",
        at=at,
        alert=values["state"] == "failed",
    )
