"""The published folder: ``problem/`` and ``result/`` as an outsider gets them, and the checker run on them."""

import csv
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

import allocation
from allocation import folders
from allocation.verification import verify_folders
from contract.errors import Rejected
from server.cycles import copying, crediting, problems, queries, result_queries

ANNOUNCED_POLICY = "policy-as-announced.toml"
CREDITS = "credits.csv"
_GRANTS = """
    SELECT retailer, sku, requested_units, eligible_units, granted_units, share, reason, bound_by
    FROM grants
    WHERE cycle = :cycle AND attempt = :attempt AND (CAST(:retailer AS text) IS NULL OR retailer = :retailer)
    ORDER BY retailer COLLATE "C", sku COLLATE "C"
"""
_KINDS = {
    "retailer": copying.NAME,
    "sku": copying.NAME,
    "requested": copying.WHOLE,
    "eligible": copying.WHOLE,
    "granted": copying.WHOLE,
    "share": copying.NAME,
    "reason": copying.NAME,
    "bound_by": copying.NAME,
}
CHECKS = ("feasible", "stops", "thresholds", "hashes")


@dataclass(frozen=True)
class Verdict:
    """What the checker said of the files. ``found`` counts the faults, ``faults`` are the first in its own words.

    ``checks``: the result is feasible, every short line was rightly stopped, the thresholds reproduce the
    quantities, hashes and seed agree.
    """

    holds: bool
    lines: int
    checks: tuple[str, ...]
    found: int
    faults: tuple[str, ...]

    def stored(self) -> dict[str, Any]:
        """Return the verdict as it is kept with the run."""
        return asdict(self)


def write(session: Session, cycle: UUID, folder: Path, attempt: int | None = None) -> None:
    """Write ``problem/`` and ``result/`` of an attempt, the cycle's last where none is named, into ``folder``.

    Beside them lies the policy as it was announced; the terminals were told the SHA-256 of that file. Where lines
    brought credits along, they are listed too: a part of the carry in ``problem/requests.csv``.

    Raises
    ------
    Rejected
        ``not_found``, where there is no such result.
    """
    run = result_queries.run(session, cycle, attempt)
    if run is None:
        raise Rejected("not_found", what="result", name=str(cycle))
    result = _result(session, cycle, run)
    basis = problems.Basis(cycle, run.supply_version, run.policy_text, run.attempt)
    problem = problems.problem(session, basis)
    policy = problems.policy(session, basis).with_seed(run.seed)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ANNOUNCED_POLICY).write_text(run.policy_text, encoding="utf-8")
    folders.write_problem(problem, policy, folder / "problem")
    folders.write_result(result, folder / "result")
    _write_credits(session, cycle, folder / CREDITS)


def _write_credits(session: Session, cycle: UUID, file: Path) -> None:
    """Write which part of the carry of which line makes good what; nothing where no line brought a credit along."""
    taken = crediting.taken_in(session, cycle)
    if not taken:
        return
    with file.open("w", encoding="utf-8", newline="") as opened:
        rows = csv.writer(opened, lineterminator="\n")
        rows.writerow(("retailer", "sku", "because", "number", "carry"))
        for retailer, sku in sorted(taken):
            for one in taken[retailer, sku]:
                rows.writerow((retailer, sku, one.because, one.number, one.carry_thousandths))


def find_cycle(session: Session, name: str) -> UUID:
    """Return the cycle that a person means by its id or its number; ``not_found`` where there is none."""
    for cycle in queries.cycles(session, limit=100_000):
        if name in {str(cycle.id), str(cycle.number)}:
            return cycle.id
    raise Rejected("not_found", what="cycle", name=name)


def check(folder: Path) -> Verdict:
    """Return what the checker says of ``problem/`` and ``result/`` in ``folder``; it reads nothing else."""
    found = verify_folders(folder / "problem", folder / "result")
    faults = tuple(str(violation) for violation in found.violations)
    return Verdict(found.holds, found.lines, CHECKS, found.found, faults)


def result_of(
    session: Session, cycle: UUID, retailer: str | None = None, *, attempt: int | None = None
) -> allocation.Result:
    """Return an attempt's result (the last one's) made of the stored rows; of one retailer's where it is named.

    Raises
    ------
    Rejected
        ``not_found``, where there is none yet.
    """
    run = result_queries.run(session, cycle, attempt)
    if run is None:
        raise Rejected("not_found", what="result", name=str(cycle))
    return _result(session, cycle, run, retailer)


def _result(session: Session, cycle: UUID, run: result_queries.Run, retailer: str | None = None) -> allocation.Result:
    if run.certificate is None or run.report is None:
        raise Rejected("not_found", what="result", name=str(cycle))
    grants = copying.read_columns(session, _GRANTS, _KINDS, cycle=cycle, attempt=run.attempt, retailer=retailer)
    numbers = {name: grants[name].to_numpy() for name in ("requested", "eligible", "granted")}
    texts: dict[str, Any] = {name: copying.coded(grants[name]) for name in _KINDS if name not in numbers}
    return allocation.Result(
        **texts,
        **numbers,
        certificate=json.loads(run.certificate),
        report=json.loads(run.report),
    )
