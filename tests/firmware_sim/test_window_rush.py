"""A rush follows from its seed, and its ledger balances only where nothing is lost or doubled."""

import json
import random
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from typer.testing import CliRunner

from contract.feed import Receipt
from contract.ids import uuid7
from evenhand.cli import app
from firmware_sim import window_rush
from firmware_sim.fleet import Ledger
from firmware_sim.window_rush import Books, balance, plan


def _receipt(key: UUID, code: str | None = None) -> Receipt:
    outcome = "rejected" if code else "accepted"
    return Receipt.model_validate(
        {"message": key, "kind": "order.place", "outcome": outcome, "at": datetime.now(UTC), "code": code}
    )


def _two_accepted_one_refused() -> tuple[Ledger, Books, list[UUID]]:
    rng = random.Random(1)  # noqa: S311 - a play, not a secret
    keys = [uuid7(random_bits=rng.getrandbits) for _ in range(3)]
    ledger = Ledger(sent=set(keys), published=5)
    ledger.receipts = {key: _receipt(key) for key in keys[:2]} | {keys[2]: _receipt(keys[2], "window_closed")}
    return ledger, Books(tuple((f"{n:05}", key) for n, key in enumerate(keys)), tuple(keys[:2])), keys


def test_a_ledger_with_one_row_and_one_receipt_a_key_balances() -> None:
    ledger, books, _ = _two_accepted_one_refused()
    assert balance(ledger, books) == {
        "sent": 3,
        "rows": 3,
        "receipts": 3,
        "accepted": 2,
        "refused": {"window_closed": 1},
        "orders": 2,
        "doubled": 0,
        "missing": 0,
        "balanced": True,
    }


def test_a_key_without_a_receipt_is_missing() -> None:
    ledger, books, keys = _two_accepted_one_refused()
    del ledger.receipts[keys[2]]
    found = balance(ledger, books)
    assert (found["missing"], found["balanced"]) == (1, False)


def test_an_accepted_key_without_an_order_is_missing() -> None:
    ledger, books, keys = _two_accepted_one_refused()
    found = balance(ledger, Books(books.taken, (keys[0],)))
    assert (found["missing"], found["balanced"]) == (1, False)


def test_a_key_that_was_taken_twice_is_doubled() -> None:
    ledger, books, keys = _two_accepted_one_refused()
    found = balance(ledger, Books((*books.taken, ("99999", keys[0])), books.orders))
    assert (found["doubled"], found["balanced"]) == (1, False)


def test_an_order_of_a_refused_key_is_doubled() -> None:
    ledger, books, keys = _two_accepted_one_refused()
    found = balance(ledger, Books(books.taken, tuple(keys)))
    assert (found["doubled"], found["balanced"]) == (1, False)


def test_the_same_seed_makes_the_same_plan_and_another_seed_another() -> None:
    assert plan(40, 7) == plan(40, 7)
    assert plan(40, 7).sha256 == plan(40, 7).sha256
    assert plan(40, 7).sha256 != plan(40, 8).sha256


def test_a_plan_has_shops_that_repeat_drop_out_ask_wrongly_and_come_too_late() -> None:
    made = plan(400, 7)
    acts = made.behaviours.values()
    packs = {good.sku: good.pack_units for good in made.town.skus}
    assert any(one.repeats for one in acts)
    assert any(one.drops_after_sending for one in acts)
    assert any(line.quantity_units % packs[line.sku] for one in acts for line in one.lines)
    assert any((one.before_close_s or 0) < -made.grace_s for one in acts)


def test_an_unknown_scenario_is_refused_with_the_names_of_those_that_exist() -> None:
    done = CliRunner().invoke(app, ["sim", "run", "nothing-like-it"])
    assert done.exit_code == 2
    assert "window-rush" in done.stderr


@pytest.mark.system
@pytest.mark.slow
def test_thirty_devices_rush_and_the_ledger_balances(tmp_path: Path) -> None:
    folder = tmp_path / "sim"
    words = [
        "sim",
        "run",
        "window-rush",
        "--fidelity",
        "fleet",
        "--devices",
        "30",
        "--seed",
        "9",
        "--data-dir",
        str(folder),
        "--json",
    ]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["balanced"]
    assert found["sent"] == found["rows"] == found["receipts"] == 30
    assert found["plan_sha256"] == window_rush.plan(30, 9).sha256
    assert not folder.exists()
