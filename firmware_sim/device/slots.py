"""The releases on a device, what its boot chooser starts, and the updater that brings another one.

The chooser (:mod:`terminal_client.core.booting`), the updater (:mod:`terminal_client.core.updating`) and the filling of
a slot (:mod:`terminal_client.core.staging`) are the real ones over flash that a power cut can tear. What a release does
when it starts is the play's: it is well, or it fails in one of the ways that a chooser must see.
"""

import hashlib
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from contract.update_words import ReturnReason
from firmware_sim.device.kernel import Kernel
from firmware_sim.device.storage import PowerCutError
from firmware_sim.flash import Flash, left
from firmware_sim.slots import RecordedSlots
from terminal_client.core import booting, staging, updating

#: How a release behaves on a device.
Health = Literal["well", "ends", "hangs", "no_screens", "no_store", "unhealthy"]
FAULTY: tuple[Health, ...] = ("ends", "hangs", "no_screens", "no_store", "unhealthy")
LOOK_MS = 5_000
PART_MS = (200, 4_000)
PARTS, PART_BYTES = 6, 2_048
OLD, NEW = "1.0.0", "2.0.0"


@dataclass
class Releases:
    """The two slots of one device, over flash that is cut together with the device's power.

    ``health`` is how the new release behaves here; ``run`` runs something on the device; ``restart`` starts the machine
    anew.
    """

    kernel: Kernel
    chance: random.Random
    restart: Callable[[], None]
    run: Callable[[Callable[[], None]], None]
    health: Health = "well"

    def __post_init__(self) -> None:
        self.slots = RecordedSlots(before=self._before)
        self.record = booting.Record()
        self.state = updating.begin(running=OLD, returned=None, on_trial=False)
        self.running: booting.Slot = "image"
        self.starts = 0
        self.cut = False
        self._cut_after: int | None = None
        self._run = 0

    @property
    def version(self) -> str:
        """The version that runs."""
        return OLD if self.running == "image" else booting.version_in(self.slots, self.running) or "none"

    @property
    def at_rest(self) -> bool:
        """Whether no update is under way any more."""
        return self.state.phase in ("idle", "confirmed", "returned")

    def start(self) -> Health:
        """Choose what starts, as the boot chooser does, and begin to watch it; return how it behaves."""
        self.cut = False
        self._run += 1
        self.starts += 1
        chosen = booting.choose(self.slots, booting.read(self.slots))
        booting.keep(self.slots, chosen.record)
        self.running, self.record = chosen.slot, chosen.record
        self.state = updating.begin(running=self.version, returned=chosen.record.returned, on_trial=chosen.trial)
        self.kernel.note("starts", slot=chosen.slot, version=self.version, trial=int(chosen.trial))
        if chosen.trial:
            self._soon(LOOK_MS, lambda: self._watch(self.kernel.now_ms))
        return self.health if self.version == NEW else "well"

    def lose_power(self) -> None:
        """Find the flash as the cut left it."""
        self._run += 1
        flash = Flash(names_by_sync=False)
        for operation in self.slots.tape:
            flash.take(operation)
        _, files = left(flash, self.chance)
        self.slots = RecordedSlots({name: data for name, data in sorted(files.items()) if name}, before=self._before)
        self._cut_after = None

    def cut_after(self, operations: int) -> None:
        """Let the power fail in the so-manieth operation on the slots."""
        self._cut_after = operations

    def spare(self) -> None:
        """Let the power not fail after all."""
        self._cut_after = None

    def ask(self) -> None:
        """Let the distributor ask for the new release, and somebody at the terminal not wait for the night."""
        self._step(updating.Asked(NEW, by="distributor"))

    def tick(self) -> None:
        """Let time go by for the updater; people who see a release waiting want it now."""
        self._step(updating.AtOnce() if self.state.phase == "waiting" else updating.Tick())

    def _before(self, _operation: str, _path: str) -> None:
        if self._cut_after is None:
            return
        self._cut_after -= 1
        if self._cut_after <= 0:
            self.cut, self._cut_after = True, None
            raise PowerCutError

    def _soon(self, delay_ms: int, act: Callable[[], None]) -> None:
        run = self._run

        def do() -> None:
            if self._run == run:
                self.run(act)

        self.kernel.after(delay_ms, do)

    def _step(self, event: updating.Event) -> None:
        at = updating.Situation(now_ms=self.kernel.now_ms, chance=self.chance.random())
        self.state, actions = updating.step(self.state, event, at)
        for action in actions:
            match action:
                case updating.Bring():
                    self._bring()
                case updating.Switch(version):
                    booting.keep(
                        self.slots,
                        booting.switched(self.slots, self.record, booting.free_slot(self.record), version),
                    )
                case updating.Restart():
                    self._soon(1, self.restart)
                case _:
                    pass

    def _bring(self) -> None:
        """Fetch the release part by part, each after its time on the way, and fill the free slot."""
        files = dict(_files())
        contents = {path: {"size": len(data), "sha256": _sha256(data)} for path, data in files.items()}
        raw = json.dumps({"format": staging.FORMAT, "version": NEW, "files": contents}).encode()
        filling = staging.stage(
            self.slots, booting.free_slot(self.record), staging.read_manifest(raw), iter(files.items())
        )
        self._soon(self.chance.randint(*PART_MS), lambda: self._fill(filling))

    def _fill(self, filling: Iterator[int]) -> None:
        done = next(filling, None)
        if done is None:
            self._step(updating.Brought(NEW))
            return
        self._step(updating.Progress(NEW, done, PARTS * PART_BYTES))
        self._soon(self.chance.randint(*PART_MS), lambda: self._fill(filling))

    def _watch(self, began_ms: int) -> None:
        """Look at a trial as the chooser does, until it is judged."""
        health = self.health if self.version == NEW else "well"
        seen = booting.Seen(
            elapsed_s=(self.kernel.now_ms - began_ms + LOOK_MS) / 1000,
            running=health != "ends",
            store=health != "no_store",
            screens=health not in ("no_screens", "hangs"),
            exchanged=True,
            reachable=True,
            refuses=health == "unhealthy",
        )
        verdict = booting.judge(seen)
        if verdict == "wait":
            self._soon(LOOK_MS, lambda: self._watch(began_ms))
        elif verdict == "confirm":
            self.record = booting.confirmed(self.record)
            booting.keep(self.slots, self.record)
            self._step(updating.Confirmed())
        else:
            self._return(verdict)

    def _return(self, reason: ReturnReason) -> None:
        booting.keep(self.slots, booting.failed(self.slots, self.record, reason))
        self.kernel.note("trial ends", reason=reason)
        self._soon(1, self.restart)


def _files() -> Iterator[tuple[str, bytes]]:
    for number in range(PARTS):
        yield f"site/part{number}.py", bytes([number]) * PART_BYTES


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
