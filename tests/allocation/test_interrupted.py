"""A result folder is whole or absent: a full disk, a stop, or a kill at any time."""

import hashlib
import json
import os
import resource
import signal
import subprocess
import sys
import time

import pytest

COMMAND = "import sys; from evenhand.cli import main; sys.argv[0] = 'evenhand'; main()"
FOREVER = """
import sys; from pathlib import Path
from allocation import Policy, Problem, solve
from allocation.folders import write_result
names = [f"r{i:04d}" for i in range(2000)]
results = [
    solve(Problem.from_columns({"retailer": names, "sku": ["K"] * 2000, "requested": [9] * 2000},
          {"sku": ["K"], "supply": [supply]}), Policy(seed="2a" * 32))
    for supply in (3000, 5000)
]
number = 0
while True:
    write_result(results[number % 2], Path(sys.argv[1]))
    number += 1
    print(number, flush=True)
"""


@pytest.fixture
def problem(tmp_path):
    folder = tmp_path / "problem"
    folder.mkdir()
    lines = "".join(f"r{i:05d},K,9\n" for i in range(3_000))
    (folder / "requests.csv").write_text("retailer,sku,requested\n" + lines)
    (folder / "supply.csv").write_text("sku,supply\nK,5000\n")
    (folder / "policy.toml").write_text(f'seed = "{"2a" * 32}"\n')
    return folder


def assert_whole(folder):
    """Every file is the one that the certificate names."""
    certificate = json.loads((folder / "certificate.json").read_bytes())
    named = certificate["files"]
    assert sorted(path.name for path in folder.iterdir()) == sorted([*named, "certificate.json"])
    for name, sha256 in named.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == sha256


def test_a_disk_that_is_full_is_said_in_one_line_and_nothing_stays(problem, tmp_path):
    def little_room():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    words = ["allocate", problem, "--out", tmp_path / "result"]
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, *words], capture_output=True, text=True, preexec_fn=little_room, check=False
    )

    assert done.returncode == 1
    assert done.stderr == "evenhand: allocation.csv: File too large; nothing was written\n"
    assert [path.name for path in tmp_path.iterdir()] == ["problem"]


@pytest.mark.slow
@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGINT])
def test_a_kill_at_any_time_leaves_the_folder_whole_or_absent(tmp_path, sign):
    seen_whole = 0
    for number in range(12):
        out = tmp_path / f"result{number}"
        with subprocess.Popen(
            [sys.executable, "-c", FOREVER, out], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as writer:
            for _ in range(1 + number % 3):
                writer.stdout.readline()
            # Somewhere within the next writing, later in it each time.
            until = time.perf_counter() + number * 0.001
            while time.perf_counter() < until:
                os.getpid()
            writer.send_signal(sign)
        if out.exists():
            assert_whole(out)
            seen_whole += 1

    assert seen_whole > 0
