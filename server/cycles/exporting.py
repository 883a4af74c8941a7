"""The published folder: ``problem/`` and ``result/`` as an outsider gets them, and the checker run on them."""

import csv
import json
import tempfile
import zipfile
from collections.abc import Iterator
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
PIECE_BYTES = 256 * 1024
"""So much of a file is read and packed at a time."""
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


@dataclass(frozen=True)
class _Solved:
    """An attempt that has a result, and what the result says of itself."""

    run: result_queries.Run
    certificate: dict[str, Any]
    report: dict[str, Any]


def write(session: Session, cycle: UUID, folder: Path, attempt: int | None = None) -> None:
    """Write ``problem/`` and ``result/`` of an attempt, the cycle's last where none is named, into ``folder``.

    Beside them lies the policy as it was announced; the terminals were told the SHA-256 of that file. Where lines
    brought credits along, they are listed too: a part of the carry in ``problem/requests.csv``.

    Raises
    ------
    Rejected
        ``not_found``, where there is no such result.
    """
    for _ in _written(session, cycle, folder, _solved(session, cycle, attempt)):
        pass


def archive(session: Session, cycle: UUID, attempt: int | None = None) -> Iterator[bytes]:
    """Return the files of :func:`write` as a ZIP archive, piece by piece: each file goes out as soon as it is written.

    ``session`` is read from to the last piece; no more than a piece of the archive is held.

    Raises
    ------
    Rejected
        ``not_found``, where there is no such result; at once, not with the first piece.
    """
    return _packed(session, cycle, _solved(session, cycle, attempt))


def _packed(session: Session, cycle: UUID, solved: _Solved) -> Iterator[bytes]:
    out = _Pieces()
    with tempfile.TemporaryDirectory(prefix="evenhand-export-") as place, zipfile.ZipFile(out, "w") as packed:
        folder = Path(place)
        for path in _written(session, cycle, folder, solved):
            member = zipfile.ZipInfo.from_file(path, str(path.relative_to(folder)))
            member.compress_type = zipfile.ZIP_DEFLATED
            with path.open("rb") as file, packed.open(member, "w") as into:
                while piece := file.read(PIECE_BYTES):
                    into.write(piece)
                    yield out.taken()
            yield out.taken()
            path.unlink()
    yield out.taken()


class _Pieces:
    """What an archive is written into: it keeps what was written since it was last asked."""

    def __init__(self) -> None:
        self._written: list[bytes] = []

    def write(self, content: bytes) -> int:
        """Keep."""
        self._written.append(content)
        return len(content)

    def flush(self) -> None:
        """Do nothing: whoever asks is given all there is."""

    def close(self) -> None:
        """Do nothing: what was written stays to be taken."""

    def taken(self) -> bytes:
        """Return what was written since the last time."""
        content = b"".join(self._written)
        self._written.clear()
        return content


def _written(session: Session, cycle: UUID, folder: Path, solved: _Solved) -> Iterator[Path]:
    """Write the files into ``folder``; yield each when it is whole."""
    run, announced, credited = solved.run, folder / ANNOUNCED_POLICY, folder / CREDITS
    folder.mkdir(parents=True, exist_ok=True)
    announced.write_text(run.policy_text, encoding="utf-8")
    yield announced
    _write_credits(session, cycle, credited)
    if credited.exists():
        yield credited
    basis = problems.Basis(cycle, run.supply_version, run.policy_text, run.attempt)
    problem = problems.problem(session, basis)
    policy = problems.policy(session, basis).with_seed(run.seed)
    folders.write_problem(problem, policy, folder / "problem")
    yield from sorted((folder / "problem").iterdir())
    folders.write_result(_result(session, cycle, solved), folder / "result")
    yield from sorted((folder / "result").iterdir())


def _solved(session: Session, cycle: UUID, attempt: int | None) -> _Solved:
    run = result_queries.run(session, cycle, attempt)
    if run is None or run.certificate is None or run.report is None:
        raise Rejected("not_found", what="result", name=str(cycle))
    return _Solved(run, json.loads(run.certificate), json.loads(run.report))


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
    return _result(session, cycle, _solved(session, cycle, attempt), retailer)


def _result(session: Session, cycle: UUID, solved: _Solved, retailer: str | None = None) -> allocation.Result:
    attempt = solved.run.attempt
    grants = copying.read_columns(session, _GRANTS, _KINDS, cycle=cycle, attempt=attempt, retailer=retailer)
    numbers = {name: grants[name].to_numpy() for name in ("requested", "eligible", "granted")}
    texts: dict[str, Any] = {name: copying.coded(grants[name]) for name in _KINDS if name not in numbers}
    return allocation.Result(**texts, **numbers, certificate=solved.certificate, report=solved.report)
