"""A process that is asked to end many times at once ends."""

import signal
import subprocess
import sys
import time

WAITING = """
import signal
from server.kit.processes import Ending
ending = Ending()
for name in (signal.SIGTERM, signal.SIGINT):
    signal.signal(name, lambda *_: ending.set())
print("ready", flush=True)
while not ending.is_set():
    ending.wait(0.001)
"""


def test_a_storm_of_signals_ends_a_process_and_never_hangs_it():
    with subprocess.Popen([sys.executable, "-c", WAITING], stdout=subprocess.PIPE, text=True) as waiting:
        assert waiting.stdout is not None
        assert waiting.stdout.readline() == "ready\n"
        until = time.monotonic() + 10
        while waiting.poll() is None and time.monotonic() < until:
            waiting.send_signal(signal.SIGINT)
            waiting.send_signal(signal.SIGTERM)
        ended = waiting.poll() is not None
        waiting.kill()
    assert ended
