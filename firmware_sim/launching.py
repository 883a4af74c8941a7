"""Starting a server as a process of its own: light to import, so that it starts while the rest is still loading."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from server.kit import launch

LOG = "serve.log"


def launch_words() -> list[str]:
    """Return the command line that starts a program which ends with this process, however this ends."""
    return [sys.executable, launch.__file__, str(os.getpid()), str(int(signal.SIGTERM)), "-", "-"]


def start_server(data_dir: Path, **environment: str) -> subprocess.Popen[str]:
    """Start a server in ``data_dir`` on free ports; what it says goes to ``serve.log`` there."""
    data_dir.mkdir(parents=True, exist_ok=True)
    # The people of a stage have no telephones.
    own = {
        "EVENHAND_DATA_DIR": str(data_dir.resolve()),
        "EVENHAND_WEB_PORT": "0",
        "EVENHAND_SECOND_FACTOR_REQUIRED": "false",
        **environment,
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith("EVENHAND_")}
    with (data_dir / LOG).open("w", encoding="utf-8") as out:
        return subprocess.Popen(
            [*launch_words(), sys.executable, "-m", "evenhand", "serve"],
            env=kept | own,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )


def end_server(process: subprocess.Popen[str]) -> None:
    """End a server, politely; one that has ended is left alone."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
