"""Everything that stands in one play: the scheduler, the server, the broker, the devices, and what was done to them."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

from firmware_sim.device.backend import Backend
from firmware_sim.device.broker import Broker
from firmware_sim.device.kernel import Kernel
from firmware_sim.device.machine import Device


@dataclass
class Stand:
    """One play's world.

    ``copied`` makes a device of another's flash as it is now; ``clones`` are such devices, which no shop knows of.
    ``taken_by_close`` are the order messages that stood when the window's deadline had come; none where it has not.
    """

    kernel: Kernel
    backend: Backend
    broker: Broker
    devices: list[Device]
    copied: Callable[[Device], Device]
    cycle: UUID
    opens_ms: int
    closes_ms: int
    grace_s: int
    clones: list[Device] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    reused: int = 0
    taken_by_close: frozenset[UUID] | None = None
    shared_out: bool = False

    @property
    def everything(self) -> list[Device]:
        """All devices that run, the clones after the others."""
        return [*self.devices, *self.clones]

    @property
    def deadline_ms(self) -> int:
        """The published close and the published grace, in true time."""
        return self.closes_ms + self.grace_s * 1000
