"""`evenhand import`: a list from the disk, the report in lines or as JSON, exit codes that a script can use."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from sqlalchemy.orm import Session, sessionmaker
from typer.testing import CliRunner

from evenhand.server_commands import app
from server.catalogue import queries
from server.kit import embedded
from server.kit.db import transaction

Command = Callable[..., Result]


@pytest.fixture
def command(database: embedded.Cluster, tmp_path: Path) -> Command:
    env = {"EVENHAND_DATABASE_URL": database.app_url, "EVENHAND_DATA_DIR": str(tmp_path / "data")}
    return lambda *arguments: CliRunner().invoke(app, ["import", *map(str, arguments)], env=env)


@pytest.fixture
def prices(tmp_path: Path) -> Path:
    (tmp_path / "prices.csv").write_bytes("Nr;Name;Preis\n007;甲;10,50\n008;乙;x\n".encode("gbk"))
    (tmp_path / "map.toml").write_text(
        '[fields]\nsku="Nr"\nname_zh="Name"\nname_en="Name"\nprice_minor={column="Preis",multiply=100,point=","}\n'
    )
    return tmp_path


def test_a_list_is_brought_in_and_the_refused_rows_are_named(
    command: Command, prices: Path, sessions: sessionmaker[Session]
) -> None:
    tried = command("skus", prices / "prices.csv", "--mapping", prices / "map.toml", "--dry-run")
    assert (tried.exit_code, "1 would be taken (1 new" in tried.output) == (3, True)
    done = command("skus", prices / "prices.csv", "--mapping", prices / "map.toml")
    assert done.exit_code == 3
    assert done.output.splitlines() == [
        "prices.csv: 2 rows read, 1 taken (1 new, 0 changed, 0 unchanged), 1 refused",
        "  row 3, Preis 'x': “x” is not a number. Write it like 1234.50.",
    ]
    with transaction(sessions) as session:
        assert queries.skus(session)["007"].price_minor == 1050
    again = json.loads(command("skus", prices / "prices.csv", "--mapping", prices / "map.toml", "--json").output)
    assert (again["rows_read"], again["rows_unchanged"], again["rows_refused"]) == (2, 1, 1)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("ships", "prices.csv"), "known are skus, retailers"),
        (("skus", "none.csv"), "It cannot be opened: No such file"),
        (("skus", "prices.csv"), "No column is mapped to the field sku"),
        (("skus", "prices.csv", "--mapping", "prices.csv"), "The mapping is not UTF-8"),
    ],
)
def test_a_list_of_which_nothing_can_be_taken_is_one_line(
    command: Command, prices: Path, arguments: tuple[str, ...], said: str
) -> None:
    placed = [str(prices / one) if one.endswith(".csv") else one for one in arguments]
    done = command(*placed)
    assert (done.exit_code, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert said in done.stderr
