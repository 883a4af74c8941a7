"""Become another program that ends with its parent; `server.kit.processes` runs this file, nothing imports it.

Arguments: the parent's process id, the signal to receive at its death, user id, group id ("-" for both: stay
who we are), then the command. The kernel sends the signal on Linux, also after `kill -9` of the parent.
Elsewhere nobody does: there the child outlives a killed parent until the next start finds and ends it.
"""

import ctypes
import os
import resource
import sys

PR_SET_PDEATHSIG = 1


def launch(parent: int, death_signal: int, user: str, group: str, command: list[str]) -> None:
    """Drop privileges, tie our life to `parent`, replace this process by `command`."""
    _, most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, most_files))  # a connection is a file
    libc = ctypes.CDLL(None)  # while we may still read the interpreter's folder
    if user != "-":
        os.setgroups([])
        os.setgid(int(group))
        os.setuid(int(user))
    os.umask(0o077)
    if sys.platform == "linux":
        libc.prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)  # after setuid, which clears it; exec keeps it
    if os.getppid() != parent:
        sys.exit("the parent ended first")
    os.execv(command[0], command)  # noqa: S606 - a shell is what we avoid


if __name__ == "__main__":
    launch(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4], sys.argv[5:])
