"""Which release starts: the boot record, the tries of a new one, the verdict of its trial.

Pure but for the port :class:`~terminal_client.core.ports.Slots`, and without any library: the boot chooser, which is
never updated itself, runs this before anything else. Releases lie in the slots ``a`` and ``b``; ``image`` is what the
machine was installed with, and starts where nothing else can.

Guarantee: whatever moment the power fails in, the record that is read afterwards is the one before or the one after
(:func:`keep` writes beside, syncs, renames, syncs the name), and :func:`choose` names a slot that is whole, or the
image. A slot is whole from the moment its manifest is in its place, which is what :mod:`terminal_client.core.staging`
does last.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from contract.update_words import ReturnReason
    from terminal_client.core.ports import Slots

Slot = Literal["image", "a", "b"]
SLOTS: tuple[Slot, ...] = ("a", "b")
RECORD = "boot.json"
MANIFEST = "RELEASE.json"
#: How often a new release may be started before it counts as one that does not.
TRIES = 3
#: What a trial may take until the screens answer and the store is open.
READY_WITHIN_S = 120
#: How long a healthy new release may look for the server before it is judged whether that is the network's fault.
EXCHANGE_WITHIN_S = 300
_SEALED = "sha256"


@dataclass(frozen=True)
class Returned:
    """A release that was not kept, and why."""

    version: str
    reason: "ReturnReason"
    tries: int


@dataclass(frozen=True)
class Record:
    """What the chooser knows. ``previous`` is where a trial returns to; ``returned`` the last one that was not kept."""

    chosen: Slot = "image"
    confirmed: bool = True
    tries_left: int = 0
    previous: Slot = "image"
    version: str = ""
    last_failure: "ReturnReason | None" = None
    returned: Returned | None = None

    @property
    def on_trial(self) -> bool:
        """Whether the chosen release has yet to prove itself."""
        return not self.confirmed


@dataclass(frozen=True)
class Start:
    """What to start, and the record to keep before it does."""

    slot: Slot
    trial: bool
    record: Record


@dataclass(frozen=True)
class Seen:
    """What was seen of a running trial. ``exchanged``: with the server, or none needed where it is not enrolled.

    ``reachable``: whether the server answers somebody else on this machine.
    """

    elapsed_s: float
    running: bool = True
    store: bool | None = None
    screens: bool = False
    exchanged: bool = False
    reachable: bool = False
    refuses: bool = False


Verdict = Literal["wait", "confirm"]


def read(slots: "Slots") -> Record:
    """Return the boot record; the image's where there is none or it cannot be read."""
    raw = slots.read(RECORD)
    if raw is None:
        return Record()
    try:
        told = json.loads(raw)
        sealed = told.pop(_SEALED)
        if sealed != _seal(told):
            return Record()
        returned = told.pop("returned")
        return Record(**told, returned=Returned(**returned) if returned else None)
    except (ValueError, TypeError, KeyError, AttributeError):
        return Record()


def keep(slots: "Slots", record: Record) -> None:
    """Put the record in the place of the earlier one; a cut in between leaves one of the two."""
    told = asdict(record)
    told[_SEALED] = _seal(told)
    beside = RECORD + ".new"
    slots.write(beside, json.dumps(told, indent=1, sort_keys=True).encode())
    slots.sync(beside)
    slots.rename(beside, RECORD)
    slots.sync_names()


def whole(slots: "Slots", slot: Slot) -> bool:
    """Return whether a slot holds a release that was written to its end; the image is always there."""
    return slot == "image" or version_in(slots, slot) is not None


def version_in(slots: "Slots", slot: Slot) -> str | None:
    """Return the version of the release in a slot, or none where there is no whole one."""
    raw = slots.read(f"{slot}/{MANIFEST}")
    if raw is None:
        return None
    try:
        return str(json.loads(raw)["version"])
    except (ValueError, TypeError, KeyError):
        return None


def choose(slots: "Slots", record: Record) -> Start:
    """Return what starts now. A trial costs one try before it begins, so that a start that hangs costs one too."""
    if record.confirmed:
        if whole(slots, record.chosen):
            return Start(record.chosen, trial=False, record=record)
        return _back(slots, record, "slot_damaged")
    if not whole(slots, record.chosen):
        return _back(slots, record, "slot_damaged")
    if record.tries_left <= 0:
        return _back(slots, record, record.last_failure or "interrupted")
    return Start(record.chosen, trial=True, record=replace(record, tries_left=record.tries_left - 1))


def switched(slots: "Slots", record: Record, slot: Slot, version: str) -> Record:
    """Return the record with which the next start tries ``slot``. What runs now must be confirmed.

    Raises ``ValueError`` where the slot does not hold this version whole, is the one that runs, or a trial is not over.
    """
    if record.on_trial or slot == record.chosen or version_in(slots, slot) != version:
        raise ValueError(f"slot {slot} cannot be tried: it runs, does not hold {version}, or a trial is not over")
    return Record(
        chosen=slot,
        confirmed=False,
        tries_left=TRIES,
        previous=record.chosen,
        version=version,
        returned=record.returned,
    )


def confirmed(record: Record) -> Record:
    """Return the record of a trial that was passed; the slot before stays as it is until the next release needs it."""
    returned = record.returned if record.returned and record.returned.version != record.version else None
    return replace(record, confirmed=True, tries_left=0, last_failure=None, returned=returned)


def failed(slots: "Slots", record: Record, reason: "ReturnReason") -> Record:
    """Return the record after a trial that came to nothing: another try where one is left, else the way back."""
    if record.tries_left > 0:
        return replace(record, last_failure=reason)
    return _back(slots, record, reason).record


def judge(
    seen: Seen, *, ready_within_s: float = READY_WITHIN_S, exchange_within_s: float = EXCHANGE_WITHIN_S
) -> "Verdict | ReturnReason":
    """Say what becomes of a trial: go on waiting, confirm it, or the reason to end it.

    A new release that is well and meets no server is kept where nobody else on the machine reaches it either: the
    network is down, and the release before would not work any better.
    """
    if not seen.running:
        return "ended"
    if seen.refuses:
        return "unhealthy"
    if not seen.screens or seen.store is None:
        late: ReturnReason = "not_ready" if seen.screens else "no_screens"
        return "wait" if seen.elapsed_s < ready_within_s else late
    if not seen.store:
        return "no_store"
    return _exchange_of(seen, exchange_within_s)


def _exchange_of(seen: Seen, within_s: float) -> "Verdict | ReturnReason":
    if seen.exchanged:
        return "confirm"
    if seen.elapsed_s < within_s:
        return "wait"
    return "no_exchange" if seen.reachable else "confirm"


def free_slot(record: Record) -> Slot:
    """Return the slot that a new release may be written to: neither what runs nor, on trial, what it returns to."""
    taken = {record.chosen, record.previous} if record.on_trial else {record.chosen}
    return next(slot for slot in SLOTS if slot not in taken)


def _back(slots: "Slots", record: Record, reason: "ReturnReason") -> Start:
    """Return to what ran before, or to whatever is whole; the image last."""
    candidates: list[Slot] = [record.previous, *SLOTS]
    slot = next((s for s in candidates if s not in (record.chosen, "image") and whole(slots, s)), None)
    if record.previous == "image" or slot is None:
        slot = "image"
    returned = Returned(record.version, reason, TRIES - max(record.tries_left, 0) if record.on_trial else 0)
    version = version_in(slots, slot) or ""
    return Start(slot, trial=False, record=Record(chosen=slot, previous="image", version=version, returned=returned))


def _seal(told: dict[str, object]) -> str:
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
