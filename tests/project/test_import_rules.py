"""Every import contract bites: planted into a copy of the tree, one violation of each is found and named."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

CHECKOUT = Path(__file__).parents[2]
CONFIGURATION = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
LINT = "from importlinter.cli import lint_imports_command; lint_imports_command()"

# Contract, module that breaks it, the line it breaks it with.
VIOLATIONS = [
    ("parts", "contract.ids", "import allocation"),
    ("parts", "allocation.names", "import contract.ids"),
    ("parts", "terminal_client.core.outbox", "import server.kit.clock"),
    ("parts", "server.orders.service", "import terminal_client.core.outbox"),
    ("parts", "firmware_sim.fleet", "import loadtests"),
    ("parts", "loadtests", "import evenhand.cli"),
    ("capabilities", "server.catalogue.queries", "import server.orders.queries"),
    ("capabilities", "server.surveys.service", "import server.announcements.queries"),
    ("capabilities", "server.kit.clock", "import server.operators.queries"),
    ("capabilities", "server.planted", "import server.kit.clock"),  # a capability without a place in the order
    ("allocation-rooms", "allocation.filling.water", "import allocation.solving"),
    ("allocation-rooms", "allocation.tables.columns", "import allocation.problem"),
    ("allocation-rooms", "allocation.planted", "import allocation.errors"),  # a room without a place in the order
    ("allocation-callers", "server.orders.service", "import allocation"),
    ("allocation-callers", "firmware_sim.fleet", "import allocation.names"),
    ("light-processes", "server.cycles.rules", "import allocation.carrying"),
    ("light-processes", "server.worker", "import server.solver"),
    ("terminal-without-allocation", "terminal_client.core.outbox", "import allocation"),
    ("models", "server.surveys.service", "import server.retailers.models"),
    ("models", "server.app", "import server.orders.models"),
    ("models", "firmware_sim.fleet", "import server.orders.models"),
    ("pure-rules", "server.orders.rules", "import sqlalchemy"),
    ("pure-rules", "server.orders.rules", "import server.kit.db"),  # reaches SQLAlchemy by a detour
    ("pure-rules", "server.surveys.rules", "import fastapi"),
    ("pure-rules", "server.surveys.rules", "import starlette"),
    ("pure-rules", "server.surveys.rules", "import jinja2"),
    ("pure-rules", "server.planted.rules", "import psycopg"),  # a new capability's rules are held too
    ("terminal-core", "terminal_client.core.outbox", "import terminal_client.adapters.mqtt"),
    ("terminal-core", "terminal_client.core.outbox", "import terminal_client.ui"),
    ("terminal-core", "terminal_client.core.outbox", "import paho.mqtt.client"),
    ("terminal-core", "terminal_client.core.outbox", "import waitress"),
    ("plain-ground", "allocation.names", "import sqlalchemy"),
    ("plain-ground", "contract.topics", "import paho.mqtt.client"),
    ("checker", "allocation.verification.stops", "import allocation.filling.progressive"),
    ("checker", "allocation.verification.rows", "import ortools.math_opt"),
    ("checker", "allocation.verification.checking", "import allocation.proving"),
    ("checker", "allocation.problem", "import allocation.solving"),  # reaches the solvers by a detour
    ("scores-without-solvers", "allocation.scoring.components", "import allocation.problem"),
    ("scores-without-solvers", "allocation.scoring.page", "import ortools.math_opt"),
    ("signals-change-nothing", "server.scores.service", "from server.signals import queries"),
    ("signals-change-nothing", "allocation.problem", "from server.signals import rules"),
    ("score-checker", "allocation.scoring.checking", "import allocation.scoring.tiers"),
    ("score-checker", "allocation.scoring.recounting", "import allocation.scoring.components"),
]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages of this checkout with their configuration, in a folder of their own."""
    folder = tmp_path_factory.mktemp("copy")
    shutil.copy(CHECKOUT / "pyproject.toml", folder)
    for package in CONFIGURATION["root_packages"]:
        for source in (CHECKOUT / package).rglob("*.py"):
            target = folder / source.relative_to(CHECKOUT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
    return folder


def lint_imports(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", LINT, "--no-logo", *options],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder), "COLUMNS": "500"},
        capture_output=True,
        text=True,
        check=False,
    )


def file_of(folder: Path, module: str) -> Path:
    path = folder.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def test_the_tree_keeps_every_contract(copy: Path):
    answer = lint_imports(copy)

    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert f"{len(CONFIGURATION['contracts'])} kept, 0 broken" in answer.stdout


def test_no_contract_goes_unshown():
    assert {contract["id"] for contract in CONFIGURATION["contracts"]} == {contract for contract, _, _ in VIOLATIONS}


@pytest.mark.parametrize(("contract", "module", "line"), VIOLATIONS)
def test_a_planted_violation_is_found_and_named(copy: Path, contract: str, module: str, line: str):
    planted = file_of(copy, module)
    before = planted.read_text(encoding="utf-8") if planted.exists() else None
    new_folder = None if planted.parent.exists() else planted.parent
    if new_folder is not None:
        new_folder.mkdir()
        (new_folder / "__init__.py").touch()
    try:
        planted.write_text(f"{before or ''}\n{line}\n", encoding="utf-8")
        answer = lint_imports(copy, "--contract", contract)
    finally:
        if before is None:
            planted.unlink()
        else:
            planted.write_text(before, encoding="utf-8")
        if new_folder is not None:
            shutil.rmtree(new_folder)

    assert answer.returncode == 1, answer.stdout + answer.stderr
    assert "0 kept, 1 broken" in answer.stdout
    assert module in answer.stdout.partition("Broken contracts")[2]
