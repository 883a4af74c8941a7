"""Scores as folders: the tables that are read, and the files that are published."""

import csv
import hashlib
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

from allocation.errors import InputError
from allocation.scoring.decisions import FILE as DECISIONS_FILE
from allocation.scoring.decisions import Decision, read_decisions
from allocation.scoring.guards import facts
from allocation.scoring.history import TABLES, History
from allocation.scoring.page import score_page
from allocation.scoring.policy import ScorePolicy
from allocation.scoring.scores import COLUMNS, Scores
from allocation.tables.columns import RawTable
from allocation.tables.files import decode, read_table
from allocation.whole_folders import new_folder, write_file

SCORE_FILES: Final = (
    *("breakdown.csv", "certificate.json", "guards.json", "policy.toml"),
    *("report.html", "scores.csv", "weights.csv"),
)
FORMAT: Final = "evenhand-scores-1"

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Given:
    """What a folder holds."""

    history: History
    decisions: tuple[Decision, ...]


@dataclass(frozen=True)
class Previous:
    """What an earlier run found: its day, its version, and the tier that each retailer earned."""

    as_of: date
    version: str
    tiers: Mapping[str, int]


def read_given(folder: Path, progress: Progress = lambda _file, _done, _all: None) -> Given:
    """Read ``retailers.csv`` and, where present, the tables of figures and ``decisions.csv``.

    Raises
    ------
    InputError
        For the first fault, with file, row, column and value.
    """
    if not folder.is_dir():
        raise InputError(str(folder), "no such folder; give the folder that holds retailers.csv and history.csv")

    def table(name: str) -> RawTable | None:
        path = folder / name
        if not path.is_file():
            return None
        size = path.stat().st_size
        return read_table(path, lambda done: progress(path.name, done, size))

    retailers = table("retailers.csv")
    if retailers is None:
        raise InputError("retailers.csv", f"missing from {folder}; it names the retailers that are scored")
    figures = {name: raw for name in TABLES if (raw := table(f"{name}.csv")) is not None}
    history = History.from_tables(retailers, figures)
    decided = table(DECISIONS_FILE)
    return Given(history, read_decisions(decided, history.retailer) if decided is not None else ())


def read_score_policy(path: Path) -> ScorePolicy:
    """Read a score policy.

    Raises
    ------
    InputError
        Where it is missing or none.
    """
    if not path.is_file():
        raise InputError(path.name, "no such file; give a score policy with one key a line")
    return ScorePolicy.from_toml(decode(path.name, path.read_bytes()), path.name)


def read_previous(folder: Path) -> Previous:
    """Read the scores of an earlier run, whole as they were published.

    Raises
    ------
    InputError
        Where it is no such folder, or its scores were changed since.
    """
    for name in ("scores.csv", "certificate.json"):
        if not (folder / name).is_file():
            raise InputError(name, f"missing from {folder}; give a folder that evenhand score has written")
    content = (folder / "scores.csv").read_bytes()
    try:
        certificate = json.loads((folder / "certificate.json").read_bytes())
        as_of, version = date.fromisoformat(certificate["as_of"]), certificate["score_version"]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError("certificate.json", f"not that of scores: {error!r}") from error
    if hashlib.sha256(content).hexdigest() != version:
        raise InputError("scores.csv", f"changed since it was published as version {version}; take the published one")
    rows = list(csv.reader(io.StringIO(content.decode())))
    table = RawTable("scores.csv", dict(zip(rows[0], map(list, zip(*rows[1:], strict=True)), strict=True)))
    table.require(COLUMNS, COLUMNS.__contains__)
    tiers = table.numbers("earned_tier", low=1).tolist()
    return Previous(as_of, version, dict(zip(table.names("retailer").tolist(), tiers, strict=True)))


def certificate_of(scores: Scores, files: Mapping[str, str], previous: Previous | None) -> dict[str, Any]:
    """Return what a stranger needs to check scores."""
    return {
        "format": FORMAT,
        "score_version": scores.version,
        "as_of": scores.as_of.isoformat(),
        "policy": scores.policy.as_dict(),
        "input_sha256": scores.input_sha256,
        "previous": {"as_of": previous.as_of.isoformat(), "score_version": previous.version} if previous else None,
        "retailers": len(scores),
        "not_open": list(scores.not_open),
        "components": {name: {"percent": part.percent, "of": part.whole} for name, part in scores.parts.items()},
        "absent": list(scores.absent),
        "demand_from": scores.demand_column,
        "decisions": [made.as_dict() for made in scores.decisions],
        "files": dict(sorted(files.items())),
    }


def score_files(scores: Scores, previous: Previous | None = None) -> dict[str, bytes]:
    """Return the bytes of every file that is published, by its name; the certificate names the hashes of the others."""
    files = {
        "scores.csv": scores.scores_csv,
        "breakdown.csv": scores.breakdown_csv(),
        "weights.csv": scores.weights_csv(),
        "guards.json": _json(facts(scores.guarded, scores.policy.guards)),
        "policy.toml": scores.policy.to_toml().encode(),
        "report.html": score_page(scores).encode(),
    }
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    return files | {"certificate.json": _json(certificate_of(scores, hashes, previous))}


def write_scores(scores: Scores, folder: Path, previous: Previous | None = None) -> None:
    """Write scores as a folder, all or nothing; earlier scores at that place are replaced.

    Raises
    ------
    InputError
        Where something else stands at that place.
    OSError
        Where the disk is full or the place cannot be written to; nothing is left behind.
    """
    with new_folder(folder, replaceable=SCORE_FILES) as fresh:
        for name, content in score_files(scores, previous).items():
            write_file(fresh / name, [content])


def _json(content: Mapping[str, Any]) -> bytes:
    return (json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()
