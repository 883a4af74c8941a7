"""Problems and results as folders: the stable file format."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import numpy as np

from allocation import adjustments
from allocation.certificate import sealed
from allocation.errors import InputError
from allocation.limits import NO_LIMIT
from allocation.policy import FirstCome, Policy, compared_policy
from allocation.problem import Problem
from allocation.problem_tables import ABSENT, GROUP_PREFIX
from allocation.reporting.page import report_page
from allocation.result import COLUMNS, REASONS, Result
from allocation.tables.columns import RawTable
from allocation.tables.files import decode, find_table, read_table
from allocation.tables.texts import Coded
from allocation.whole_folders import new_folder, write_file

RESULT_FILES: Final = ("allocation.csv", "certificate.json", "report.html", "report.json")
POLICY_FILE: Final = "policy.toml"
_OPTIONAL: Final = {
    *("floor", "cap", "weight", "carry", "minimum", "all_or_nothing", "exclusive"),
    *("pack", "price_minor", "reserve", "basket", "credit_minor", "max_units"),
}

Progress = Callable[[str, int, int], None]


def read_problem(
    folder: Path, progress: Progress = lambda _file, _done, _all: None, *, keep_arrival: bool = False
) -> Problem:
    """Read ``requests``, ``supply`` and, where present, ``retailers``, ``quotas`` and ``adjustments`` from a folder.

    Parameters
    ----------
    folder
        Holds the tables as ``.csv`` or ``.parquet``; other files are left alone.
    progress
        Told the file, the bytes read and its size.
    keep_arrival
        Whether the order of the rows is remembered as the order of arrival, for comparing with first_come.

    Raises
    ------
    InputError
        For the first fault, with file, row, column and value.
    """
    if not folder.is_dir():
        raise InputError(str(folder), "no such folder; give the folder that holds requests.csv and supply.csv")

    def table(name: str, *, needed: bool = False) -> RawTable | None:
        path = find_table(folder, name)
        if path is None:
            if needed:
                raise InputError(f"{name}.csv", f"missing from {folder}; a problem needs requests.csv and supply.csv")
            return None
        size = path.stat().st_size
        return read_table(path, lambda done: progress(path.name, done, size))

    requests, supply = table("requests", needed=True), table("supply", needed=True)
    assert requests is not None  # noqa: S101  # needed tables are there or refused; this tells the type checker
    assert supply is not None  # noqa: S101
    return Problem.from_tables(
        requests, supply, table("retailers"), table("quotas"), table("adjustments"), keep_arrival=keep_arrival
    )


def read_policy(path: Path, *, needed: bool = True) -> Policy:
    """Read a policy file; the defaults where it is absent and not needed."""
    if not path.is_file():
        if needed:
            raise InputError(path.name, "no such file; give a policy with one key a line")
        return Policy()
    return Policy.from_toml(decode(path.name, path.read_bytes()), path.name)


def read_compared_policy(path: Path) -> Policy | FirstCome:
    """Read a policy file for a comparison, where ``first_come`` is known too."""
    if not path.is_file():
        raise InputError(path.name, "no such file; give a policy with one key a line")
    return compared_policy(decode(path.name, path.read_bytes()), path.name)


def write_problem(problem: Problem, policy: Policy, folder: Path) -> None:
    """Write a problem and its policy as a new folder of CSV files, all or nothing."""
    requests, supply, retailers, quotas = problem.requests, problem.supply, problem.retailers, problem.quotas
    files = {
        "requests.csv": _csv_bytes(
            {
                "retailer": np.array(retailers.retailer, dtype=object)[requests.retailer].tolist(),
                "sku": np.array(supply.sku, dtype=object)[requests.sku].tolist(),
                "requested": requests.requested.tolist(),
                "floor": _cells(requests.floor, 0),
                "cap": _cells(requests.cap, NO_LIMIT),
                "weight": _cells(requests.weight, 0),
                "carry": _cells(requests.carry, 0),
                "minimum": _cells(requests.minimum, ABSENT),
                "all_or_nothing": _cells(requests.all_or_nothing.astype(np.int64), 0),
                "exclusive": Coded(requests.exclusive, (*requests.labels, "")).tolist(),
            },
        ),
        "supply.csv": _csv_bytes(
            {
                "sku": list(supply.sku),
                "supply": supply.supply.tolist(),
                "pack": _cells(supply.pack, 1),
                "price_minor": _cells(supply.price_minor, NO_LIMIT),
                "reserve": _cells(supply.reserve, 0),
                "minimum": _cells(supply.minimum, 0),
                "basket": list(supply.basket),
            },
        ),
        POLICY_FILE: policy.to_toml().encode(),
    }
    if retailers.listed:
        files["retailers.csv"] = _csv_bytes(
            {
                "retailer": list(retailers.retailer),
                "weight": _cells(retailers.weight, 1),
                "credit_minor": _cells(retailers.credit_minor, NO_LIMIT),
                "max_units": _cells(retailers.max_units, NO_LIMIT),
            }
            | {GROUP_PREFIX + group: list(labels) for group, labels in retailers.groups.items()},
        )
    if quotas.group:
        files["quotas.csv"] = _csv_bytes(
            {
                "group": list(quotas.group),
                "value": list(quotas.value),
                "sku": list(quotas.sku),
                "max_units": quotas.max_units.tolist(),
            },
        )
    if len(problem.adjustments):
        rows = problem.adjustments.rows(requests, retailers, supply)
        files[adjustments.FILE] = _csv_bytes(
            dict(zip(adjustments.COLUMNS, map(list, zip(*rows, strict=True)), strict=True))
        )
    with new_folder(folder) as fresh:
        for name, content in files.items():
            write_file(fresh / name, [content])


def write_result(result: Result, folder: Path, progress: Progress = lambda _stage, _done, _all: None) -> None:
    """Write a result as a folder, all or nothing.

    An earlier result at that place is replaced; a folder that holds anything else is left alone and refused.

    Parameters
    ----------
    progress
        Told ``writing``, the lines written and their number.

    Raises
    ------
    InputError
        Where something else stands at that place.
    OSError
        Where the disk is full or the place cannot be written to; nothing is left behind.
    """
    report = (json.dumps(result.report, ensure_ascii=False, indent=1) + "\n").encode()
    contents: dict[str, Iterable[bytes]] = {
        "allocation.csv": result.csv_chunks(lambda done: progress("writing", done, len(result))),
        "report.json": [report],
        "report.html": [report_page(result.report).encode()],
    }
    with new_folder(folder, replaceable=RESULT_FILES) as fresh:
        hashes = {name: write_file(fresh / name, chunks) for name, chunks in contents.items()}
        write_file(fresh / "certificate.json", [sealed(result.certificate, hashes)])


def read_result(folder: Path) -> Result:
    """Read a result folder, for explaining it; what it says is not checked here (see :mod:`allocation.verification`).

    Raises
    ------
    InputError
        Where it is no result folder.
    """
    for name in ("allocation.csv", "certificate.json", "report.json"):
        if not (folder / name).is_file():
            raise InputError(name, f"missing from {folder}; give a folder that evenhand allocate has written")
    table = read_table(folder / "allocation.csv")
    table.require(COLUMNS, COLUMNS.__contains__)
    certificate, report = (_read_json(folder / name) for name in ("certificate.json", "report.json"))
    text = {column: table.texts(column) for column in COLUMNS}
    for reason in text["reason"].texts:
        if reason not in REASONS:
            index = int(text["reason"].where(reason).argmax())
            table.refuse(index, "reason", f"unknown reason; known are {', '.join(REASONS)}")
    if certificate.get("policy", {}).get("rounding") == "none":
        granted = np.array([Fraction(units) for units in text["granted"]], dtype=object)
    else:
        granted = table.numbers("granted")
    return Result(
        text["retailer"],
        text["sku"],
        table.numbers("requested"),
        table.numbers("eligible"),
        granted,
        text["share"],
        text["reason"],
        text["bound_by"],
        certificate,
        report,
    )


def _csv_bytes(columns: Mapping[str, list[Any]]) -> bytes:
    """Write columns; optional ones only where a cell is not empty."""
    kept = {
        name: cells for name, cells in columns.items() if name not in _OPTIONAL or any(cell != "" for cell in cells)
    }
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(kept)
    writer.writerows(zip(*kept.values(), strict=True))
    return text.getvalue().encode()


def _cells(numbers: np.ndarray[Any, Any], absent: int) -> list[Any]:
    return ["" if number == absent else number for number in numbers.tolist()]


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except ValueError as error:
        raise InputError(path.name, f"not readable as JSON: {error}") from error
    if not isinstance(content, dict):
        raise InputError(path.name, "not a JSON object")
    return content
