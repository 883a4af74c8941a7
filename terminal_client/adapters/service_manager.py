"""What systemd is told: ready, still alive, ending. Nothing is said where another program started the terminal.

The protocol is ``sd_notify(3)``: a datagram of lines to the socket that ``NOTIFY_SOCKET`` names.
"""

import os
import socket
from collections.abc import Mapping


def notify(words: str, environment: Mapping[str, str] = os.environ) -> bool:
    """Say ``words``, such as ``READY=1``; return whether somebody listens. Never raises, never waits."""
    path = environment.get("NOTIFY_SOCKET", "")
    if not path.startswith(("/", "@")):
        return False
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as speaker:
            speaker.sendto(words.encode(), "\0" + path[1:] if path[0] == "@" else path)
    except OSError:
        return False
    return True


def watchdog_s(environment: Mapping[str, str] = os.environ) -> float | None:
    """Return within how many seconds a sign of life is wanted again; none where nobody waits for one."""
    wanted_us, pid = environment.get("WATCHDOG_USEC", ""), environment.get("WATCHDOG_PID", "")
    if not wanted_us.isdecimal() or not int(wanted_us) or (pid and pid != str(os.getpid())):
        return None
    return int(wanted_us) / 1_000_000
