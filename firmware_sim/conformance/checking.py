"""The whole check: every case in its order, and a verdict on each."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from firmware_sim.conformance.bench import Bench, Broken, Patience, bench_at, site
from firmware_sim.conformance.cases import CASES, Case
from firmware_sim.conformance.driving import CannotError, Driver
from firmware_sim.line import HERE

Outcome = Literal["holds", "broken", "not tried"]


class UnknownCaseError(ValueError):
    """There is no case of that name; the message lists those that there are."""


@dataclass(frozen=True)
class Verdict:
    """How a case ended. ``seen`` and ``wanted`` are empty where it holds; ``seen`` says why it was not tried."""

    case: str
    story: str
    chapter: str
    outcome: Outcome
    seen: str = ""
    wanted: str = ""


@dataclass(frozen=True)
class Report:
    """What the device was tried with and how it stood."""

    verdicts: Sequence[Verdict]
    heard: int
    ways: Sequence[str]

    @property
    def holds(self) -> bool:
        """Whether nothing is broken and something was tried."""
        return not any(one.outcome == "broken" for one in self.verdicts) and any(
            one.outcome == "holds" for one in self.verdicts
        )

    def as_json(self) -> dict[str, Any]:
        """Return the report as one object."""
        return {
            "holds": self.holds,
            "messages_heard": self.heard,
            "ways": list(self.ways),
            "cases": [asdict(one) for one in self.verdicts],
        }


def chosen(names: Sequence[str]) -> Sequence[Case]:
    """Return the cases of these names, with those that all others need; all where none is named.

    Raises
    ------
    UnknownCaseError
    """
    known = {case.name for case in CASES}
    for name in names:
        if name not in known:
            raise UnknownCaseError(f"there is no case {name!r}; there are: {', '.join(case.name for case in CASES)}")
    return [case for case in CASES if not names or case.name in names or case.needed]


def check(
    folder: Path,
    driver: Driver,
    *,
    only: Sequence[str] = (),
    address: str = HERE,
    patience: Patience | None = None,
    tell: Callable[[Verdict], None] = lambda _verdict: None,
) -> Report:
    """Try a device; ``tell`` is called with each verdict as it falls.

    After a needed case that does not hold the others are not tried.

    Raises
    ------
    DriverError, UnknownCaseError
    StageError, StartError, OSError
        The bench could not be set up.
    """
    cases = chosen(only)
    with (
        site(folder, address=address) as where,
        bench_at(where, driver, address=address, patience=patience or Patience()) as bench,
    ):
        return go_through(cases, bench, tell=tell)


def go_through(
    cases: Sequence[Case], bench: Bench, *, tell: Callable[[Verdict], None] = lambda _verdict: None
) -> Report:
    """Try a device with some cases, as :func:`check` does."""
    verdicts: list[Verdict] = []
    missing = ""
    for case in cases:
        verdict = _not_tried(case, missing) if missing else _verdict(case, bench)
        if case.needed and verdict.outcome != "holds" and not missing:
            missing = case.name
        verdicts.append(verdict)
        tell(verdict)
    said = bench.ear.said()
    return Report(verdicts, len(said), sorted({one.over for one in said}))


def _verdict(case: Case, bench: Bench) -> Verdict:
    try:
        case.play(bench)
    except Broken as broken:
        return Verdict(case.name, case.story, case.chapter, "broken", broken.seen, broken.wanted)
    except CannotError as error:
        return Verdict(case.name, case.story, case.chapter, "not tried", str(error))
    finally:
        bench.line.whole()
    return Verdict(case.name, case.story, case.chapter, "holds")


def _not_tried(case: Case, missing: str) -> Verdict:
    return Verdict(case.name, case.story, case.chapter, "not tried", f"it needs {missing}, which does not hold")
