"""``python killed_updates.py``: an update by the real updater and chooser, killed before each of its steps in turn.

For every step a process of its own is forked, which does the whole update (fetch over HTTP by The Update Framework,
staging, switching, the record of a first boot, the verdict) and is killed by SIGKILL before that step, or in the middle
of it where the step writes. What it left is judged by the chooser's own rule; then another process, not killed, ends
the update from there. One line of JSON a kill goes to standard output.
"""

import json
import os
import shutil
import signal
import sys
from dataclasses import replace
from pathlib import Path

from releases import boots

from terminal_client.adapters.slots import FolderSlots
from terminal_client.bring import Wish, bring
from terminal_client.core import booting
from terminal_client.core.offers import Machine
from terminal_client.core.store import Identity


class KilledSlots(FolderSlots):
    """Real files; the process is killed at step ``KilledSlots.at``, counted over all of them. 0 kills never."""

    at = 0
    halfway = False
    steps = 0
    named = ""

    def _step(self, name: str, path: str = "", data: bytes = b"") -> None:
        KilledSlots.steps += 1
        if KilledSlots.steps == KilledSlots.at:
            if KilledSlots.halfway and data:
                (self.root / path).parent.mkdir(parents=True, exist_ok=True)
                (self.root / path).write_bytes(data[: len(data) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        KilledSlots.named = name

    def write(self, path: str, data: bytes) -> None:
        self._step("write", path, data)
        super().write(path, data)

    def sync(self, path: str) -> None:
        self._step("sync")
        super().sync(path)

    def rename(self, path: str, to: str) -> None:
        self._step("rename")
        super().rename(path, to)

    def remove(self, path: str) -> None:
        self._step("remove")
        super().remove(path)

    def sync_names(self) -> None:
        self._step("sync_names")
        super().sync_names()


def update(wish: Wish) -> None:
    """Carry out what updater and chooser do, from whatever is found, to the end."""
    import terminal_client.bring  # noqa: PLC0415 - its slots are replaced for this process

    terminal_client.bring.FolderSlots = KilledSlots  # type: ignore[misc]
    slots = KilledSlots(wish.folder)
    record = booting.read(slots)
    if not record.on_trial and record.version != "2.0.0":
        bring(replace(wish, wanted="2.0.0"), lambda _said: None)
        booting.keep(slots, booting.switched(slots, record, booting.free_slot(record), "2.0.0"))
    start = booting.choose(slots, booting.read(slots))
    if start.record != booting.read(slots):
        booting.keep(slots, start.record)
    if start.trial:
        booting.keep(slots, booting.confirmed(booting.read(slots)))


def forked(wish: Wish, at: int, *, halfway: bool) -> tuple[bool, int]:
    """Do an update in a process of its own; return whether it was killed, and how many steps it took otherwise."""
    readable, writable = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            KilledSlots.at, KilledSlots.halfway, KilledSlots.steps = at, halfway, 0
            update(wish)
            os.write(writable, str(KilledSlots.steps).encode())
            code = 0
        finally:
            os._exit(code)
    os.close(writable)
    with os.fdopen(readable) as told:
        steps = told.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return True, 0
    assert os.WEXITSTATUS(status) == 0, f"the update failed at step {at}"
    return False, int(steps)


def main() -> None:
    """Kill at each step; ``told`` on standard input says where the server, the machine and its root are."""
    told = json.loads(sys.stdin.readline())
    installed, folder = Path(told["installed"]), Path(told["folder"])
    wish = Wish(
        server_url=told["server_url"],
        identity=Identity(**told["identity"]),
        data_dir=folder.parent,
        folder=folder,
        root=Path(told["root"]),
        wanted="2.0.0",
        again=False,
        machine=Machine("1.0.0", "reference terminal", "linux_x86_64", "3.11", 99),
        now_ms=told["now_ms"],
    )
    for halfway in (False, True):
        at = 0
        while True:
            at += 1
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(installed, folder)
            killed, _ = forked(wish, at, halfway=halfway)
            left = FolderSlots(folder)
            found = boots(left, booting.choose(left, booting.read(left)).record)
            mixed = [
                slot
                for slot in booting.SLOTS
                if booting.whole(left, slot) and boots(left, booting.Record(chosen=slot)) is None
            ]
            again = ""
            if killed and at % 5 == 0:
                forked(wish, 0, halfway=False)
                again = boots(left, booting.read(left)) or "nothing"
            said = {"at": at, "killed": killed, "boots": found, "mixed": mixed, "again": again}
            sys.stdout.write(json.dumps(said) + "\n")
            sys.stdout.flush()
            if not killed:
                break


if __name__ == "__main__":
    main()
