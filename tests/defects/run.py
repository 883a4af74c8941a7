"""Plant defects one by one into a copy of the tree; each must be caught by the tests named for it.

``make test-the-tests``, or ``.venv/bin/python tests/defects/run.py [--list] [--fit] [--part K/N] [NAME ...]``. First
every edit must fit the source, and the named tests must pass on the untouched copy, or catching would mean nothing.
Exit 1 where a defect survives, 2 where the harness itself cannot tell: an edit does not fit the source any more,
tests fail without a defect, or do not run at all.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from seeded import DEFECTS, Defect

CHECKOUT = Path(__file__).resolve().parents[2]
VENDORED = (
    "server/kit/console/static/vendor",
    "terminal_client/ui/static/vendor",
    "terminal_client/core/words",
)
PASSED, FAILED = 0, 1  # of pytest


class CannotTellError(Exception):
    """The harness cannot say whether a defect is caught; the message says why."""


@dataclass(frozen=True)
class Run:
    """What one run of tests came to."""

    status: int
    failures: tuple[str, ...]
    output: str
    seconds: float


def copy_tree(to: Path) -> None:
    """Copy what git knows or would add, and the vendored files that tests need."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=CHECKOUT,
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        source = CHECKOUT / name
        if source.is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, to / name)
    for name in VENDORED:
        if (CHECKOUT / name).is_dir():
            shutil.copytree(CHECKOUT / name, to / name)


def plant(defect: Defect, tree: Path) -> dict[Path, str]:
    """Write the defect into the tree; return the files as they were.

    Raises
    ------
    CannotTellError
        Where an edit does not fit its file exactly once; nothing is changed then.
    """
    before, after = edited(defect, tree)
    write(after)
    return before


def edited(defect: Defect, tree: Path) -> tuple[dict[Path, str], dict[Path, str]]:
    """Return the files of a defect as they are and as it would leave them. Raises as :func:`plant`."""
    before: dict[Path, str] = {}
    after: dict[Path, str] = {}
    for edit in defect.edits:
        path = tree / edit.file
        if not path.is_file():
            raise CannotTellError(f"{defect.name}: there is no {edit.file}")
        text = after.get(path) or path.read_text(encoding="utf-8")
        if (found := text.count(edit.old)) != 1:
            raise CannotTellError(f"{defect.name}: the text to replace stands {found} times in {edit.file}, not once")
        before.setdefault(path, text)
        after[path] = text.replace(edit.old, edit.new)
    return before, after


def misfits(chosen: Iterable[Defect], tree: Path) -> list[str]:
    """Return what of the defects does not fit a tree: edits of what moved on, tests that are there no more."""
    found = []
    for defect in chosen:
        try:
            edited(defect, tree)
        except CannotTellError as trouble:
            found.append(str(trouble))
        for test in defect.caught_by:
            file, _, name = test.partition("::")
            text = (tree / file).read_text(encoding="utf-8") if (tree / file).is_file() else ""
            if not text or (name and f"def {name.partition('[')[0]}(" not in text):
                found.append(f"{defect.name}: there is no test {test}")
    return found


def write(files: dict[Path, str]) -> None:
    """Write files, and forget what was compiled of them."""
    for path, text in files.items():
        path.write_text(text, encoding="utf-8")
        for compiled in (path.parent / "__pycache__").glob(f"{path.stem}.*.pyc"):
            compiled.unlink()


def run_tests(tree: Path, tests: Iterable[str]) -> Run:
    """Run tests of a tree until the first one fails, without those that start real processes."""
    started = time.monotonic()
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-x",
            "-q",
            "-rfE",
            "--tb=line",
            "-m",
            "not system",
            "-p",
            "no:cacheprovider",
            *tests,
        ],
        cwd=tree,
        env=os.environ | {"PYTHONPATH": str(tree), "COLUMNS": "300"},
        capture_output=True,
        text=True,
        check=False,
    )
    failures = tuple(re.findall(r"^FAILED (\S+)", done.stdout, re.MULTILINE))
    return Run(done.returncode, failures, done.stdout + done.stderr, time.monotonic() - started)


def catch(defect: Defect, tree: Path) -> str:
    """Return the test that noticed the defect; empty where none did.

    Raises
    ------
    CannotTellError
        Where the tests did not come to an answer.
    """
    before = plant(defect, tree)
    try:
        run = run_tests(tree, defect.caught_by)
    finally:
        write(before)
    if run.status == PASSED:
        return ""
    if run.status != FAILED or not run.failures:
        raise CannotTellError(f"{defect.name}: the tests broke instead of failing\n{run.output[-3000:]}")
    return run.failures[0]


def check_untouched(tree: Path, chosen: Iterable[Defect]) -> None:
    """Refuse to go on where the named tests fail, or are not of the copy, without any defect."""
    where = subprocess.run(
        [sys.executable, "-c", "import server; print(server.__file__)"],
        cwd=tree,
        env=os.environ | {"PYTHONPATH": str(tree)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    if not Path(where).is_relative_to(tree):
        raise CannotTellError(f"the copy's tests would import {where}")
    tests = dict.fromkeys(test for defect in chosen for test in defect.caught_by)
    run = run_tests(tree, tests)
    if run.status != PASSED:
        raise CannotTellError(f"the tests fail without any defect\n{run.output[-3000:]}")


def report(defect: Defect, test: str, seconds: float) -> None:
    """Print a defect's line of the table."""
    caught = f"caught in {seconds:4.1f} s" if test else "SURVIVES       "
    sys.stdout.write(f"{defect.name:<36} {caught}  {test or defect.harm}\n")
    sys.stdout.flush()


def chosen_defects(names: list[str]) -> list[Defect]:
    """Return the defects named, or all.

    Raises
    ------
    CannotTellError
        Where there is no defect of a name.
    """
    known = {defect.name: defect for defect in DEFECTS}
    if unknown := [name for name in names if name not in known]:
        raise CannotTellError(f"there is no defect {', '.join(unknown)}; --list shows all")
    return [known[name] for name in names] or list(DEFECTS)


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", nargs="*", help="plant these alone")
    parser.add_argument("--list", action="store_true", help="list the defects and what they would do")
    parser.add_argument("--fit", action="store_true", help="only see whether every edit fits the source")
    parser.add_argument("--part", type=part, default=(1, 1), metavar="K/N", help="plant every N-th, from the K-th on")
    given = parser.parse_args()
    try:
        chosen = chosen_defects(given.name)[given.part[0] - 1 :: given.part[1]]
        if given.list:
            sys.stdout.write("".join(f"{defect.name:<36} {defect.harm}\n" for defect in chosen))
            return 0
        if given.fit:
            check_fit(chosen, CHECKOUT)
            return 0
        survivors, unclear = plant_each(chosen)
    except CannotTellError as trouble:
        sys.stderr.write(f"{trouble}\n")
        return 2
    sys.stdout.write(f"{len(chosen) - survivors - len(unclear)} of {len(chosen)} caught\n")
    sys.stderr.write("".join(f"{trouble}\n" for trouble in unclear))
    return 2 if unclear else 1 if survivors else 0


def check_fit(chosen: Iterable[Defect], tree: Path) -> None:
    """Refuse to go on where a defect does not fit the source."""
    if found := misfits(chosen, tree):
        raise CannotTellError("\n".join(found))


def plant_each(chosen: list[Defect]) -> tuple[int, list[str]]:
    """Plant one after the other into one copy; return how many survive, and why of some nobody can tell."""
    survivors, unclear = 0, []
    with tempfile.TemporaryDirectory(prefix="evenhand-defects-") as folder:
        tree = Path(folder).resolve()
        copy_tree(tree)
        check_fit(chosen, tree)
        check_untouched(tree, chosen)
        for defect in chosen:
            started = time.monotonic()
            try:
                test = catch(defect, tree)
            except CannotTellError as trouble:
                unclear.append(str(trouble))
                continue
            report(defect, test, time.monotonic() - started)
            survivors += not test
    return survivors, unclear


def part(given: str) -> tuple[int, int]:
    """Read ``K/N``."""
    number, _, of = given.partition("/")
    if not (number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of)):
        raise argparse.ArgumentTypeError(f"{given} is no part; write 2/8 for the second of eight")
    return int(number), int(of)


if __name__ == "__main__":
    raise SystemExit(main())
