"""The tablet in a browser keeps the contract of devices: the same check that any other make is held against."""

from pathlib import Path

import pytest
from tablets import tablet_driver

from firmware_sim.conformance.bench import Patience, bench_at, site
from firmware_sim.conformance.checking import chosen, go_through
from firmware_sim.line import HERE

#: Long enough without a line for a page that looks each ten seconds to have seen the window before.
PATIENCE = Patience(answer_s=90.0, still_s=6.0, cut_s=13.0)


@pytest.mark.system
@pytest.mark.slow
def test_a_tablet_in_a_browser_keeps_the_contract(tmp_path: Path) -> None:
    with (
        site(tmp_path / "data") as where,
        tablet_driver(tmp_path / "browser") as driver,
        bench_at(where, driver, address=HERE, patience=PATIENCE) as bench,
    ):
        report = go_through(chosen([]), bench)
    outcomes = {one.case: f"{one.outcome} {one.seen} {one.wanted}".strip() for one in report.verdicts}
    cannot = outcomes.pop("takes-a-refusal")
    assert cannot.startswith("not tried packs of"), "it counts whole packs alone"
    assert set(outcomes.values()) == {"holds"}, outcomes
    assert list(report.ways) == ["http"]
