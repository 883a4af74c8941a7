"""The check of devices holds the reference terminal and the example to the contract, and finds each planted fault."""

import importlib.util
import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from firmware_sim.conformance import driving
from firmware_sim.conformance.bench import Patience, Site, bench_at, site
from firmware_sim.conformance.checking import Report, UnknownCaseError, chosen, go_through
from firmware_sim.line import HERE

EXAMPLE = Path(__file__).parents[2] / "docs/examples/foreign_device.py"
PATIENCE = Patience(answer_s=60.0, still_s=6.0, cut_s=4.0)
IMPATIENT = Patience(answer_s=15.0, still_s=6.0, cut_s=3.0)


def example() -> Any:
    """Load the example as a module of its own."""
    spec = importlib.util.spec_from_file_location("foreign_device", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


foreign = example()


class NewIdOnRepeat(foreign.Device):  # type: ignore[misc, name-defined] # loaded at run time
    """Makes a new message of each that it says again."""

    def _waiting(self) -> list[tuple[int, str, str]]:
        fresh = []
        for seq, kind, body in super()._waiting():
            message = json.loads(body)
            if seq in self._sent_at:
                message["id"] = foreign.uuid7()
            fresh.append((seq, kind, json.dumps(message)))
        return fresh


class SaysReceivedOnceSent(foreign.Device):  # type: ignore[misc, name-defined] # as above
    """Believes that what was sent was received."""

    def shows(self) -> str:
        shown = super().shows()
        return "received" if shown == "waiting" else str(shown)


class StumblesOverTheUnknown(foreign.Device):  # type: ignore[misc, name-defined] # as above
    """Reads no further where the feed holds what it does not know."""

    def _take(self, item: dict[str, Any]) -> None:
        if item["kind"] not in ("window", "receipt", "order", "reference", "announcement", "stock"):
            raise ValueError(item["kind"])
        super()._take(item)


class ForgetsWithoutPower(foreign.Device):  # type: ignore[misc, name-defined] # as above
    """Keeps what waits in memory."""

    def end(self) -> None:
        with self._lock, self._store:
            self._store.execute("DELETE FROM said WHERE outcome IS NULL")
        super().end()


class OrdersPacks(foreign.Device):  # type: ignore[misc, name-defined] # as above
    """Takes units for packs."""

    def order(self, window: str, sku: str, units: int) -> None:
        super().order(window, sku, units * 10)


class WritesWhatItLikes(foreign.Device):  # type: ignore[misc, name-defined] # as above
    """Adds a field of its own."""

    def say(self, kind: str, data: dict[str, Any]) -> str:
        return str(super().say(kind, data | {"vendor": "foreign"}))


class KnocksForEver(foreign.Device):  # type: ignore[misc, name-defined] # as above
    """Does not take a revocation for an answer."""

    def _heed(self, refused: Any) -> None:
        del refused
        self._woken.set()


class Local:
    """The example in this process."""

    def __init__(self, kind: Any, folder: Path, *, http_only: bool) -> None:
        self._kind, self._folder, self._http_only = kind, folder, http_only
        self.device = kind(folder, http_only=http_only)

    def do(self, step: str, facts: Mapping[str, Any]) -> Mapping[str, Any]:
        if step == "show":
            return {"done": True, "shows": self.device.shows()}
        if step == "restart":
            self.device.end()
            self.device = self._kind(self._folder, http_only=self._http_only)
        else:
            wanted = {"enrol": ("server", "code"), "order": ("window", "sku", "units"), "amend": ("sku", "units")}
            getattr(self.device, step)(*(facts[name] for name in wanted[step]))
        return {"done": True}


@contextmanager
def local(kind: Any, folder: Path, *, http_only: bool = False) -> Iterator[Local]:
    driver = Local(kind, folder, http_only=http_only)
    try:
        yield driver
    finally:
        driver.device.end()


FAULTS = {
    NewIdOnRepeat: "waits-for-the-receipt",
    SaysReceivedOnceSent: "waits-for-the-receipt",
    StumblesOverTheUnknown: "reads-over-the-unknown",
    ForgetsWithoutPower: "survives-a-power-cut",
    OrdersPacks: "orders-once",
    WritesWhatItLikes: "writes-strictly",
    KnocksForEver: "stops-when-revoked",
}

#: Seen only where something is said again, which takes its time.
PATIENT_FOR = {NewIdOnRepeat: PATIENCE}


@pytest.fixture(scope="module")
def where(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with site(tmp_path_factory.mktemp("conformance") / "data", shops=3 + len(FAULTS)) as made:
        yield made


def outcomes(report: Report) -> dict[str, str]:
    return {one.case: f"{one.outcome} {one.seen} {one.wanted}".strip() for one in report.verdicts}


@pytest.mark.system
@pytest.mark.slow
def test_the_reference_terminal_keeps_the_contract(where: Site, tmp_path: Path) -> None:
    words = [sys.executable, "-m", "firmware_sim.conformance.reference", str(tmp_path)]
    with (
        driving.program(words) as driver,
        bench_at(where, driver, address=HERE, patience=PATIENCE, shop=0) as bench,
    ):
        report = go_through(chosen([]), bench)
    assert set(outcomes(report).values()) == {"holds"}, outcomes(report)
    assert report.heard > len(report.verdicts)


@pytest.mark.system
@pytest.mark.slow
@pytest.mark.parametrize(("http_only", "shop"), [(False, 1), (True, 2)], ids=["mqtt", "http"])
def test_a_device_of_another_make_keeps_it(where: Site, tmp_path: Path, http_only: bool, shop: int) -> None:  # noqa: FBT001 - pytest's
    with (
        local(foreign.Device, tmp_path, http_only=http_only) as driver,
        bench_at(where, driver, address=HERE, patience=PATIENCE, shop=shop) as bench,
    ):
        report = go_through(chosen([]), bench)
    assert set(outcomes(report).values()) == {"holds"}, outcomes(report)
    assert ("mqtt" in report.ways) != http_only


@pytest.mark.system
@pytest.mark.slow
@pytest.mark.parametrize(("fault", "shop"), [(fault, 3 + place) for place, fault in enumerate(FAULTS)])
def test_each_planted_fault_is_found(where: Site, tmp_path: Path, fault: Any, shop: int) -> None:
    with (
        local(fault, tmp_path, http_only=fault is not SaysReceivedOnceSent) as driver,
        bench_at(where, driver, address=HERE, patience=PATIENT_FOR.get(fault, IMPATIENT), shop=shop) as bench,
    ):
        report = go_through(chosen([FAULTS[fault]]), bench)
    found = outcomes(report)
    assert found[FAULTS[fault]].startswith("broken"), found
    assert not report.holds
    assert [case for case, outcome in found.items() if outcome.startswith("broken")] == [FAULTS[fault]]


def test_an_unknown_case_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(UnknownCaseError, match=r"no case 'enroll'; there are: enrols, "):
        chosen(["enroll"])


def test_the_cases_that_others_need_are_always_among_the_chosen() -> None:
    assert [case.name for case in chosen(["takes-a-refusal"])] == ["enrols", "orders-once", "takes-a-refusal"]


@pytest.mark.parametrize(
    ("line", "error", "words"),
    [
        ("hello", driving.DriverError, "with 'hello'; one JSON object is wanted"),
        ('{"ok": true}', driving.DriverError, 'without "done"'),
        ('{"done": true, "shows": "ordered"}', driving.DriverError, "shows 'ordered'; one of waiting"),
        ('{"done": false, "why": "it has no battery"}', driving.CannotError, "it has no battery"),
    ],
)
def test_what_a_driver_says_wrongly_is_named(line: str, error: type[Exception], words: str) -> None:
    code = f"import sys\nfor _ in sys.stdin: print({line!r}, flush=True)"
    with driving.program([sys.executable, "-c", code]) as driver, pytest.raises(error, match=words):
        driver.do("show", {})


def test_a_driver_that_ends_or_is_missing_is_named(tmp_path: Path) -> None:
    with driving.program([sys.executable, "-c", "raise SystemExit(3)"]) as driver:
        for _ in range(2):
            with pytest.raises(driving.DriverError, match="ended with 3"):
                driver.do("show", {})
    with pytest.raises(driving.DriverError, match="cannot be started"), driving.program([str(tmp_path / "none")]):
        pass


def test_a_person_is_asked_in_words_and_answers_by_a_key() -> None:
    asked: list[str] = []

    def ask(text: str) -> str:
        asked.append(text)
        return {"show": "f", "rest": "n"}.get("show" if "show" in text else "rest", "")

    person = driving.Person(ask)
    assert person.do("show", {})["shows"] == "refused"
    with pytest.raises(driving.CannotError):
        person.do("restart", {})
    assert "power" in asked[1]
