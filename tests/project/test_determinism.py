"""What the simulator drives asks nobody but its ports for time and chance, and starts no thread: shown to bite."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
DRIVEN = ("terminal_client/core", "firmware_sim/device")
SERVER = ("ingest.py", "worker.py", "kit/inbox.py", "kit/outbox.py", "kit/broadcasts.py")
HANDLED = ("orders", "deliveries", "surveys", "feedback", "announcements", "inventory", "devices", "cycles")

CALLS = {
    "time.time": "the wall clock",
    "time.time_ns": "the wall clock",
    "time.monotonic": "the machine's clock",
    "time.monotonic_ns": "the machine's clock",
    "time.perf_counter": "the machine's clock",
    "time.sleep": "real waiting",
    "datetime.now": "the wall clock",
    "datetime.utcnow": "the wall clock",
    "datetime.today": "the wall clock",
    "date.today": "the wall clock",
    "uuid.uuid1": "an id of the machine's",
    "uuid.uuid4": "an id of the machine's",
    "uuid4": "an id of the machine's",
    "os.urandom": "the machine's chance",
    "threading.Thread": "a thread",
    "threading.Timer": "a thread",
    "ThreadPoolExecutor": "a thread",
}
MODULES = {"random": "global chance", "secrets": "the machine's chance"}
SEEDED = "random.Random"

#: What stands in driven code all the same, and why no play reaches it.
EXCEPT = {
    ("terminal_client/core/pins.py", "secrets"): "salts of PINs; no play sets one",
    ("terminal_client/core/unnamed.py", "secrets"): "a code that nobody may guess; no play speaks without a name",
    ("terminal_client/core/unnamed.py", "uuid4"): "an id that must not tell when it was made; as above",
    ("terminal_client/core/printing.py", "threading.Thread"): "the queue of a real printer; plays print by the port",
    ("firmware_sim/device/playing.py", "time.monotonic"): "`wall_seconds` alone, which says so",
}


def offences(source: str) -> Iterator[tuple[int, str, str]]:
    """Yield line, name and what is wrong with it of every use of the machine's time, chance or threads."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Attribute | ast.Name):
            continue
        name = ast.unparse(node)
        module = name.partition(".")[0]
        if name in CALLS:
            yield node.lineno, name, CALLS[name]
        elif isinstance(node, ast.Attribute) and module in MODULES and name != SEEDED and name.count(".") == 1:
            yield node.lineno, module, MODULES[module]


def _files() -> list[Path]:
    return [path for folder in DRIVEN for path in sorted((CHECKOUT / folder).rglob("*.py"))]


def test_driven_code_asks_only_its_ports() -> None:
    found = {
        (str(path.relative_to(CHECKOUT)), name): f"{path.relative_to(CHECKOUT)}:{line} takes {what}"
        for path in _files()
        for line, name, what in offences(path.read_text(encoding="utf-8"))
    }
    assert [said for key, said in found.items() if key not in EXCEPT] == []
    assert set(EXCEPT) <= set(found), "an exception that nothing needs any more"


def test_services_of_the_server_are_told_the_time() -> None:
    """By ``at=`` or the runtime's clock; ids come from a source that a play owns."""
    paths = [CHECKOUT / "server" / name for name in SERVER]
    paths += [path for room in HANDLED for path in (CHECKOUT / "server" / room).glob("*service.py")]
    wall = {"the wall clock"}
    found = [
        f"{path.relative_to(CHECKOUT)}:{line} takes {what}"
        for path in paths
        for line, _, what in offences(path.read_text(encoding="utf-8"))
        if what in wall
    ]
    assert found == []


@pytest.mark.parametrize(
    "planted",
    [
        "import time\nat = time.time()",
        "import time\ntime.sleep(1)",
        "from datetime import datetime, UTC\nat = datetime.now(UTC)",
        "from uuid import uuid4\nid = uuid4()",
        "import random\nluck = random.random()",
        "import secrets\nluck = secrets.randbits(8)",
        "import os\nluck = os.urandom(8)",
        "import threading\nthreading.Thread(target=print).start()",
        "import time\nclock = time.monotonic",  # handed on, not called
    ],
)
def test_each_of_them_is_noticed(planted: str) -> None:
    assert list(offences(planted))


def test_a_seeded_stream_is_allowed() -> None:
    assert list(offences("import random\nluck = random.Random(7).random()")) == []
