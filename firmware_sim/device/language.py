"""What a scenario is made of: who does what when, what goes wrong with which probability, and what is looked at.

Times are seconds from the beginning of the play. A :class:`Span` stands for a moment that each seed draws anew.
"""

from dataclasses import dataclass, field
from typing import Literal

from firmware_sim.device.radio import Air

FaultKind = Literal[
    "power_cut",
    "watchdog",
    "clock_jump",
    "clock_stopped",
    "link_down",
    "half_open",
    "bad_air",
    "no_paper",
    "disk_full",
    "cloned",
    "offered",
    "update_cut",
    "night",
    "web_down",
    "web_killed",
    "ingest_killed",
    "worker_killed",
    "broker_killed",
    "server_clock_back",
    "server_restored",
    "said_again",
    "said_differently",
]


@dataclass(frozen=True)
class Span:
    """From ``first_s`` to ``last_s``, both included."""

    first_s: float
    last_s: float


@dataclass(frozen=True)
class Does:
    """A share of the shops does something, each ``times`` times, each time at a moment of its own in ``at``."""

    what: Literal["order", "order_again", "amend", "cancel", "confirm", "complain", "print", "answer"]
    at: Span
    shops: float = 1.0
    times: int = 1


@dataclass(frozen=True)
class Happens:
    """A fault, at a moment in ``at``, for as long as ``lasts``; each of ``times`` times with ``chance``."""

    what: FaultKind
    at: Span
    chance: float = 1.0
    lasts: Span = Span(1.0, 20.0)
    times: int = 1


@dataclass(frozen=True)
class Scenario:
    """A play: the story for people, and what the seed fills in.

    ``opens_s`` and ``closes_s`` are the window's; ``shares_out``: after the close the cycle is frozen, solved, checked,
    released by a second person, published and dispatched. At ``quiet_s`` all faults end; ``looks`` names the checks
    beside the invariants, see :mod:`firmware_sim.device.judging`. ``outage`` is the link to a real one.
    """

    name: str
    story: str
    does: tuple[Does, ...]
    happens: tuple[Happens, ...]
    closes_s: int
    quiet_s: int
    opens_s: int = 20
    grace_s: int = 30
    air: Air = field(default_factory=Air)
    shares_out: bool = False
    looks: tuple[str, ...] = ()
    outage: str = ""
